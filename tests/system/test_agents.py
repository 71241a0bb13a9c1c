"""What is kept of what the agents of a worker said."""

from __future__ import annotations

from supervisor.agent.wire import AgentMessage
from supervisor.system.agent.agents import passers


def test_processes_that_only_came_and_went() -> None:
    """Short Python programs that a worker runs all day; not those that live, nor those that saw a shutdown."""
    said = {7: "hello phase", 8: "hello phase eof", 9: "hello signal-received phase eof", 10: "hello snapshot eof"}
    messages = [AgentMessage(event, 1.0, pid) for pid, events in said.items() for event in events.split()]
    assert passers(messages) == {8}
