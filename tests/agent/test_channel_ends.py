"""Who connected is held by the kernel's word, also after its end: signals to it alone, and how it ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from supervisor.core.spec import FIRST
from supervisor.system.agent.agents import Agents
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.finalizing import FINALIZE_LOOKS
from supervisor.system.agent.meeting import Meeting
from supervisor.system.poller import Poller
from supervisor.system.process import pidfd
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from supervisor.agent.wire import AgentMessage

CONNECT = """
import json, os, socket, sys, time
def hello():
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.connect(sys.argv[1])
    made.send(json.dumps({"v": 1, "ev": "hello", "t": time.monotonic_ns(), "pid": os.getpid(), "seq": 1,
                          "probe": True}).encode())
    return made
"""


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel(Meeting(env={"TMPDIR": "/tmp"}))
    yield made
    made.close()


def start(channel: Channel, code: str) -> subprocess.Popen[str]:
    program = CONNECT + textwrap.dedent(code)
    command = [sys.executable, "-c", program, channel.meeting.path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def heard(channel: Channel, event: str) -> AgentMessage:
    """The first message of a kind; what comes before it is dropped."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        select.select([channel], [], [], 0.5)
        for message in channel.read(time.monotonic()):
            if message.event == event:
                return message
    raise AssertionError(f"no {event}")


def quiet(channel: Channel) -> list[str]:
    """What comes without waiting for it."""
    return [message.event for message in channel.read(time.monotonic())]


@pytest.mark.parametrize(
    ("end", "fields"),
    [("os._exit(7)", {"code": 7, "signal": None}), ("os.kill(os.getpid(), 9)", {"code": None, "signal": 9})],
)
def test_how_a_grandchild_ended(end: str, fields: dict[str, int | None], channel: Channel) -> None:
    """The kernel tells it once the parent has waited, which may be long after the channel's end."""
    code = f"""
        if os.fork() == 0:
            kept = hello()
            {end}
        sys.stdin.readline()
        os.wait()
        sys.stdin.readline()
    """
    with start(channel, code) as parent:
        gone = heard(channel, "eof")
        assert "ended" not in quiet(channel), "its parent has not waited for it yet"
        assert parent.stdin is not None
        parent.stdin.write("\n")
        parent.stdin.flush()
        if not _tells_ends():
            pytest.skip("the kernel tells no exit status of others' children (Linux 6.15+)")
        told = heard(channel, "ended")
        assert told.pid == gone.pid != parent.pid and told.fields == fields
        parent.stdin.close()


def _tells_ends() -> bool:
    """Whether this kernel knows PIDFD_GET_INFO's exit status: asked of a child of ours after it was reaped."""
    with subprocess.Popen(["true"]) as child:
        held = os.pidfd_open(child.pid)
    try:
        return pidfd.exit_status(held) is not None
    finally:
        os.close(held)


def test_a_descriptor_is_held_only_until_the_parent_has_waited(channel: Channel) -> None:
    code = """
        for _ in range(20):
            if os.fork() == 0:
                kept = hello()
                os._exit(0)
            os.wait()
        print("done", flush=True)
        sys.stdin.readline()
    """
    before = len(os.listdir("/proc/self/fd"))
    with start(channel, code) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        parent.stdout.readline()
        events: list[str] = []
        end = time.monotonic() + PATIENCE
        while events.count("eof") < 20 and time.monotonic() < end:
            events += quiet(channel)
        events += quiet(channel)
        assert events.count("ended") in (0, 20)
        parent.stdin.close()
        parent.stdout.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("knows_peers", [True, False])
def test_no_signal_to_who_inherited_the_connection(
    knows_peers: bool, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper that connected hands its socket down and ends: its pid may be somebody else's by now."""
    if not knows_peers:
        monkeypatch.setattr(pidfd, "of_peer", lambda _: None)  # as before Linux 6.5
    code = """
        import signal
        if os.fork() == 0:
            kept = hello()
            os.set_inheritable(kept.fileno(), True)
            if os.fork() == 0:
                signal.signal(signal.SIGURG, lambda *_: print("hit", flush=True))
                print(os.getpid(), flush=True)
                sys.stdin.readline()
                os._exit(0)
            sys.stdin.readline()
            os._exit(0)
        os.wait()
        print("waited", flush=True)
        sys.stdin.readline()
    """
    with start(channel, code) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        who = heard(channel, "hello").pid
        heir = int(parent.stdout.readline())
        assert channel.live(who) and channel.signal(who, signal.SIGURG), "the process itself is still there"
        os.kill(who, signal.SIGKILL)
        assert parent.stdout.readline() == "waited\n"
        assert channel.live(who), "the connection is still open: the heir holds it"
        assert not channel.signal(who, signal.SIGURG)
        os.kill(heir, signal.SIGKILL)
        parent.stdin.close()
        assert parent.stdout.read() == ""


class Watched:
    """One worker with our agent, and what it says."""

    def __init__(self, code: str) -> None:
        self.poller = Poller()
        self.agents = Agents(self.poller)
        variables = self.agents.prepare(FIRST, os.environ, None)
        command = [sys.executable, "-c", textwrap.dedent(code)]
        self.process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.agents.main(FIRST, self.process.pid)

    def until(self, enough: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not enough():
            assert time.monotonic() < end, [message.event for message in self.agents.messages(FIRST)]
            due = self.agents.deadline
            for fd, what in self.poller.wait(0.2 if due is None else min(max(due - time.monotonic(), 0.0), 0.2)):
                self.poller.call(fd, time.monotonic(), what)
            if due is not None and due <= time.monotonic():
                self.agents.tick(time.monotonic())

    def of(self, event: str) -> list[AgentMessage]:
        return [message for message in self.agents.messages(FIRST) if message.event == event]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.agents.close()


HANGS = """
    import time
    class Client:
        def __del__(self, sleep=time.sleep):
            sleep(600)
    client = Client()
    print("ready", flush=True)
"""


def test_stacks_of_an_interpreter_that_hangs_in_its_own_end() -> None:
    worker = Watched(HANGS)
    worker.until(lambda: bool(worker.of("dump")))
    assert "line 5 in __del__" in worker.of("dump")[0].fields["text"]
    assert worker.process.poll() is None, "looking did not end it"
    worker.until(lambda: len(worker.of("dump")) == 2)
    told = [message.fields["text"].count("line 5 in __del__") for message in worker.of("dump")]
    # One a look, unless the machine was too busy to write it before the file was read: then the next has both.
    assert min(told) >= 1 and sum(told) <= len(FINALIZE_LOOKS), "each tells what was written since the one before"
    worker.close()
    assert worker.agents.deadline is None or not worker.agents.messages(FIRST)


def test_who_gave_the_signal_back_to_the_kernel_is_not_signalled() -> None:
    """CPython does so late in its end, and then the signal kills: here the program itself does, and sleeps on."""
    code = HANGS.replace("sleep(600)", "import signal; [signal.signal(n, 0) for n in range(34, 65)]; sleep(600)")
    worker = Watched(code.replace("import time\n", "import time, signal\n", 1).replace("import signal; ", ""))
    worker.until(lambda: worker.agents.deadline is not None)
    worker.until(lambda: worker.agents.deadline is None)
    assert worker.process.poll() is None and worker.of("dump") == []
    worker.close()


def test_who_does_not_answer_is_asked_again() -> None:
    """The first signal may come right before a system call and wake nobody: here the first is thrown away."""
    worker = Watched(
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGURG])
        print("ready", flush=True)
        signal.sigwait([signal.SIGURG])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGURG])
        signal.sigtimedwait([], 600)
        """
    )
    worker.until(lambda: bool(worker.of("hello")))
    assert worker.process.stdout is not None and worker.process.stdout.readline() == "ready\n"
    assert worker.agents.probe(FIRST) == 1
    worker.until(lambda: bool(worker.of("ready")))
    assert worker.agents.deadline is None
    worker.close()


ANSWERS = """
    import sys, time
    print("ready", flush=True)
    while not getattr(sys.modules.get("_sigdrain_agent_arming"), "armed", False):
        time.sleep(0.01)
    sampler = sys.modules["_sigdrain_agent_sampler"]
    while sampler._ready:
        time.sleep(0.01)
    time.sleep(0.2)
    print("answered", flush=True)
    time.sleep(600)
"""


def test_who_has_answered_is_not_asked_again_however_late_we_come_to_it() -> None:
    """With a second question pending the kernel gives the stop signal to another thread, and nobody wakes the main
    one: `Agents.tick`."""
    worker = Watched(ANSWERS)
    answered: list[object] = []
    worker.agents.listen(lambda *_: None, lambda who, _: answered.append(who), lambda *_: None)
    assert worker.process.stdout is not None and worker.process.stdout.readline() == "ready\n"
    worker.until(lambda: bool(worker.of("hello")))
    assert worker.agents.probe(FIRST) == 1
    assert worker.process.stdout.readline() == "answered\n"
    worker.agents.tick(time.monotonic() + 1.0)
    assert answered == [FIRST]
    worker.close()


def test_an_answer_is_whole_when_the_process_can_take_a_signal_again() -> None:
    """What it says comes first, while its main thread still holds signals back."""
    worker = Watched('import threading\nprint("ready", flush=True)\nthreading.Event().wait(600)')
    ready: list[int] = []
    worker.agents.listen(lambda *_: None, lambda *_: ready.append(len(worker.of("ready"))), lambda *_: None)
    assert worker.process.stdout is not None and worker.process.stdout.readline() == "ready\n"
    worker.until(lambda: bool(worker.of("hello")))
    assert worker.agents.probe(FIRST) == 1
    worker.until(lambda: len(ready) == 1)
    assert worker.agents.probe(FIRST) == 1
    worker.until(lambda: len(ready) == 2)
    assert ready[0] >= 1
    assert ready[1] > ready[0], "the second snapshot alone was taken for the answer"
    worker.close()


def test_who_is_held_has_the_number_of_the_connection(channel: Channel) -> None:
    """Higher ones are left for what a stop needs: whether they are free is asked by the lowest that is."""
    connect = "one = hello(); print(flush=True); input(); one.close(); print(flush=True); input()"
    with start(channel, connect) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdout.readline()
        heard(channel, "hello")
        before = links()
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        heard(channel, "eof")
        held = [fd for fd, link in links().items() if "pidfd" in link]
        child.communicate("\n", PATIENCE)
    if not held:
        pytest.skip("the kernel holds no process by a connection here (before Linux 6.5)")
    assert [before[fd].partition(":")[0] for fd in held] == ["socket"]


def links() -> dict[str, str]:
    """What each of our descriptors is, by number."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # that of the listing itself
            continue
    return found
