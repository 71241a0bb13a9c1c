"""What /proc says of processes at awkward moments."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.core.spec import WorkerId
from supervisor.system.proc import processes, reading
from tests.support.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator

# Workers of a fleet that look for theirs among the same orphans.
WORKERS = 3


def test_a_process_that_execs_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An orphan is known by a variable. While it becomes another program, /proc shows it without any for 0.1 ms.

    That instant cannot be held: the first answers are those that the kernel gives then.
    """
    real, bare = reading.read, [b"", b"", b""]
    monkeypatch.setattr(reading, "read", lambda path, limit: bare.pop() if bare else real(path, limit))
    assert f"PATH={os.environ['PATH']}".encode() in processes.environment(os.getpid())
    assert bare == []


def test_an_empty_environment_is_empty() -> None:
    with subprocess.Popen(["sleep", "60"], env={}) as child:
        assert processes.environment(child.pid) == []
        child.kill()
    assert processes.environment(child.pid) == []


class Orphans:
    """Children of ours that stand for orphans, and what it costs to find out whose they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self._stack = stack
        self._read, self._sleep = reading.read, time.sleep
        self.pauses = 0
        self.reads: list[int] = []
        self.answers: dict[int, list[bytes]] = {}
        monkeypatch.setattr(reading, "read", self._counted)
        monkeypatch.setattr(time, "sleep", self._paused)
        self.census = processes.Census(subreaper=True)

    def _counted(self, path: str, limit: int = 65536, *, sure: bool = False) -> bytes | None:
        if not path.endswith("/environ"):
            return self._read(path, limit, sure=sure)
        pid = int(path.split("/")[2])
        self.reads.append(pid)
        answers = self.answers.get(pid)
        return answers.pop(0) if answers else self._read(path, limit, sure=sure)

    def _paused(self, _seconds: float) -> None:
        self.pauses += 1

    def add(self, **env: str) -> int:
        # Each in a session of its own, as daemons are.
        child = self._stack.enter_context(
            subprocess.Popen(["/bin/sleep", "600"], env=env, start_new_session=True, stdin=subprocess.DEVNULL)
        )
        self._stack.callback(child.kill)
        while env and not self._read(f"/proc/{child.pid}/environ"):
            self._sleep(0.001)  # Popen comes back in the middle of the exec
        return child.pid

    def survey(self) -> list[set[int]]:
        """Whom each of the workers finds in one turn, and the costs of that turn alone."""
        self.pauses, self.reads = 0, []
        self.census.refresh()
        return [
            {one.pid for one in self.census.members(1, 1, (), processes.mark(WorkerId(worker)), dead=True)}
            for worker in range(WORKERS)
        ]


@pytest.fixture
def orphans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Orphans]:
    with ExitStack() as stack:
        yield Orphans(monkeypatch, stack)


def test_an_environment_is_read_once_for_all_workers(orphans: Orphans) -> None:
    pids = [orphans.add(**{processes.MARK: processes.mark(WorkerId(worker))}) for worker in range(WORKERS)]
    stranger = orphans.add(PATH="/bin")
    assert orphans.survey() == [{pid} for pid in pids]
    assert sorted(orphans.reads) == sorted([*pids, stranger])
    assert orphans.pauses == 0
    assert orphans.survey() == [{pid} for pid in pids]
    assert len(orphans.reads) == len(pids) + 1, "once a turn: an exec may change it"


def test_empty_environments_are_waited_for_together_and_once(orphans: Orphans) -> None:
    """Each cost 5 ms in every look of every worker: with 40 of them, SIGKILL came seconds late."""
    bare = [orphans.add() for _ in range(5)]
    ours = orphans.add(**{processes.MARK: processes.mark(WorkerId(1))})
    assert orphans.survey() == [set(), {ours}, set()]
    assert orphans.pauses == processes.EXEC_LOOKS - 1
    assert len(orphans.reads) == len(bare) * processes.EXEC_LOOKS + 1
    assert orphans.survey() == [set(), {ours}, set()]
    assert orphans.pauses == 0
    assert len(orphans.reads) == len(bare) + 1
    late = orphans.add()
    orphans.survey()
    assert orphans.pauses == processes.EXEC_LOOKS - 1, "only for the new one"
    assert len(orphans.reads) == len(bare) + 1 + processes.EXEC_LOOKS
    assert orphans.reads.count(late) == processes.EXEC_LOOKS


def test_an_orphan_in_the_middle_of_its_exec_is_waited_for(orphans: Orphans) -> None:
    """In that instant it has no environment, and would be nobody's in this look."""
    ours = orphans.add(**{processes.MARK: processes.mark(WorkerId(2))})
    orphans.answers[ours] = [b"", b"", b""]
    assert orphans.survey() == [set(), set(), {ours}]
    assert orphans.pauses == 3


def test_zombies_are_not_asked_for_their_environment(orphans: Orphans) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {processes.MARK: processes.mark(WorkerId(0))})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert orphans.survey() == [set()] * WORKERS
    assert orphans.reads == []
    os.waitpid(pid, 0)


def test_without_orphans() -> None:
    """Nobody has to be looked for where all our children are known, the dead themselves among them."""
    census = processes.Census(subreaper=True)
    with subprocess.Popen(["/bin/true"]) as main, subprocess.Popen(["/bin/sleep", "600"]) as other:
        os.waitid(os.P_PID, main.pid, os.WEXITED | os.WNOWAIT)
        known = {main.pid, other.pid}
        assert census.without_orphans(known.__contains__, [main.pid])
        assert not census.without_orphans({main.pid}.__contains__, [main.pid]), "the other one may be an orphan"
        assert not census.without_orphans(known.__contains__, [main.pid, 1]), "our children could not be read"
        assert not processes.Census(subreaper=False).without_orphans(known.__contains__, [main.pid])
        other.kill()


@pytest.mark.parametrize("number", sorted(reading.OUT_OF_MEANS))
@pytest.mark.parametrize("subreaper", [False, True])
def test_a_census_that_cannot_look_says_so(number: int, subreaper: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is that cannot be opened: an empty answer would be "nobody is there"."""

    def fails(path: str, *_: object, **__: object) -> int:
        raise OSError(number, "the fault", path)

    with subprocess.Popen(
        ["sh", "-c", "echo; sleep 60; exit"], start_new_session=True, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None and child.stdout.readline()
            census = processes.Census(subreaper)
            until(lambda: census.members(child.pid, child.pid, (), None), "its sleep is there")
            census.refresh()
            monkeypatch.setattr(os, "open", fails)
            with pytest.raises(OSError, match="the fault"):
                census.members(child.pid, child.pid, (), None)
            assert not census.without_orphans(lambda _: True, [])
            assert processes.stat(child.pid) is None, "who only explains meets no error"
        finally:
            monkeypatch.undo()
            os.killpg(child.pid, signal.SIGKILL)


def test_children_are_found_without_the_file_that_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """CONFIG_PROC_CHILDREN may be off, as in some sandboxes."""
    opened = os.open

    def without(path: str, *more: int, **how: Any) -> int:
        if path.endswith("/children"):
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return opened(path, *more, **how)

    with subprocess.Popen(["sleep", "60"]) as child:
        monkeypatch.setattr(os, "open", without)
        found = reading.own_children()
        monkeypatch.undo()
        child.kill()
    assert child.pid in found


def test_a_signal_is_pending_until_a_thread_takes_it() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        process.send_signal(signal.SIGUSR1)
        assert processes.pending(process.pid, signal.SIGUSR1)
        assert not processes.pending(process.pid, signal.SIGURG)
        process.kill()
    assert not processes.pending(process.pid, signal.SIGUSR1), "it has ended"
