"""What is kept of what the agents of a worker said, and who is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from supervisor.agent.wire import AgentMessage
from supervisor.core.spec import FIRST
from supervisor.system.agent.agents import MOST_ASKED, Agents, passers
from supervisor.system.poller import Poller
from tests.support.processes import until


def test_processes_that_only_came_and_went() -> None:
    """Short Python programs that a worker runs all day; not those that live, nor those that saw a shutdown."""
    said = {7: "hello phase", 8: "hello phase eof", 9: "hello signal-received phase eof", 10: "hello snapshot eof"}
    messages = [AgentMessage(event, 1.0, pid) for pid, events in said.items() for event in events.split()]
    assert passers(messages) == {8}


def test_of_many_processes_some_are_asked_and_the_main_one_among_them() -> None:
    """All of them would be busy with their answers for seconds, and the stop signal would wait."""
    program = "import os, time\nfor _ in range(40):\n    if os.fork() == 0: break\ntime.sleep(60)"
    poller = Poller()
    agents = Agents(poller)
    answered: list[float] = []
    agents.listen(lambda *_: None, lambda _, at: answered.append(at), lambda *_: None)
    env = {**os.environ, **agents.prepare(FIRST, os.environ, None)}
    try:
        with subprocess.Popen([sys.executable, "-c", program], env=env, start_new_session=True) as process:
            agents.main(FIRST, process.pid)

            def there() -> bool:
                for fd, events in poller.wait(0.01):
                    poller.call(fd, time.monotonic(), events)
                return sum(message.event == "hello" for message in agents.messages(FIRST)) == 41

            until(there, "41 agents")
            assert agents.probe(FIRST) == MOST_ASKED
            until(lambda: there() and answered, "their answers")
            ready = {message.pid for message in agents.messages(FIRST) if message.event == "ready"}
            assert process.pid in ready and len(ready) == MOST_ASKED
            os.killpg(process.pid, signal.SIGKILL)
    finally:
        agents.close()
