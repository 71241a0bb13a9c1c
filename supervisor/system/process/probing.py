"""One try of a check by a command: a child in a session of its own, killed with all it leaves when time is over."""

from __future__ import annotations

import os
import select

from supervisor.core import signum
from supervisor.system.proc import processes
from supervisor.system.proc.reading import own_children
from supervisor.system.process import send, spawn, wait
from supervisor.system.readiness import Answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.spec import ExecSpec
    from supervisor.system.poller import Poller
    from supervisor.system.readiness import Done
    from supervisor.system.signals import Inherited


# Seconds until a process is dead that got SIGKILL; one that hangs in the kernel is not waited for.
DYING = 0.25


class CommandTry:
    """A command that is running. ``deadline`` is when its time is over (monotonic seconds); ``over_and_gone``: it was
    reaped."""

    def __init__(
        self,
        poller: Poller,
        spec: ExecSpec,
        inherited: Inherited,
        kept: set[int],
        mark: str,
        timeout: float,
        done: Done,
        at: float,
    ) -> None:
        """Start it. ``kept`` gets its pid as long as it is ours to wait for; ``mark`` tells whose the processes are
        that it leaves. Raises OSError when there can be no process, identity.Unknown for its user.
        """
        self.deadline = at + timeout
        self._poller = poller
        self._kept = kept
        self._mark = mark
        self._timeout = timeout
        self._done: Done | None = done
        self._name = spec.argv[0]
        self.over_and_gone = False
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            launch = spawn.Launch(
                spec, inherited, identity=_whom(spec), stdio=(null, null, null), additions={processes.MARK: mark}
            )
            launch.fork()
            self._child = launch.child()
        finally:
            os.close(null)
        kept.add(self._child.pid)
        poller.watch(self._child.pidfd, self._ended)

    def over(self, at: float) -> None:
        """Answer that the time is over, and kill it."""
        done, self._done = self._done, None
        self.close()
        if done is not None:
            done(Answer(False, f"{self._name} did not end within {self._timeout:g} s"), at)

    def close(self) -> None:
        """Give it up without an answer: it is killed, and reaped as soon as it is dead."""
        self._done = None
        send.send_group(self._child.pid, self._child.pidfd, signum.KILL)

    def finish(self) -> None:
        """Wait until a command that was killed is dead, for a moment at most, and end what it has left."""
        if not self.over_and_gone:
            poll = select.poll()
            poll.register(self._child.pidfd, select.POLLIN)
            poll.poll(int(DYING * 1000))
            self._ended(0.0, 0)

    def _ended(self, at: float, _events: int) -> None:
        child, done = self._child, self._done
        found = wait.peek_exit(child.pidfd)
        if found is None:
            return
        self.over_and_gone = True
        failure = spawn.read_status(child.status_fd)
        send.send_group(child.pid, child.pidfd, signum.KILL)
        self._kept.discard(child.pid)
        self._poller.unwatch(child.pidfd)
        wait.reap(child.pid)
        os.close(child.pidfd)
        os.close(child.status_fd)
        _kill_marked(self._mark, lambda pid: pid in self._kept)
        if done is None:
            return
        self._done = None
        if failure is not None:
            done(Answer(False, f"{self._name} cannot be run: {os.strerror(failure[1])}"), at)
        elif found.code is None:
            done(Answer(False, f"{self._name} died of {signum.name(found.signal or 0)}"), at)
        else:
            done(Answer(found.code == 0, f"{self._name} exited with {found.code}"), at)


def _kill_marked(mark: str, ours: Callable[[int], bool]) -> None:
    """Kill whom the command has left outside its session: they have become children of ours (subreaper)."""
    entry = f"{processes.MARK}={mark}".encode()
    for pid in own_children():
        if not ours(pid) and entry in processes.environment(pid):
            try:
                os.kill(pid, signum.KILL)
            except OSError:  # it has become another user's
                continue


def _whom(spec: ExecSpec) -> spawn.Identity | None:
    if spec.user is None and spec.group is None:
        return None
    from supervisor.system.process import identity

    return identity.of(spec)
