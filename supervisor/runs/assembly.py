"""What every run stands on: our signals taken over, orphans adopted, and enough room to watch and to report.

A process does this once, before its first run; several runs may follow one another on the same ground.
"""

from __future__ import annotations

import errno
import os

from supervisor.core.frozen import Frozen
from supervisor.errors import SpawnError
from supervisor.system import descriptors, signals, stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Ground(Frozen):
    """``inherited``: the signal state for every worker. ``subreaper``: orphans of the workers come to us."""

    inherited: signals.Inherited
    subreaper: bool


def prepare(room: int, *, subreaper: bool, init: bool = False) -> Ground:
    """Block all signals, become the subreaper if wanted, and make sure that ``room`` descriptors can be opened.

    ``init``: we are PID 1, to which orphans come anyway. Raises SpawnError when there is no room.
    """
    stdio.reserve()
    check_room(room)
    inherited = signals.take_over()
    if subreaper and not init:
        from supervisor.system import libc

        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    return Ground(inherited, subreaper or init)


# Seconds after the start: the worker's own start is over by then, and a stop seldom comes before.
QUIET = 0.05


class Quiet:
    """A source of the loop that is due once, in the first quiet moment."""

    def __init__(self, at: float, act: Callable[[float], None]) -> None:
        self._act = act
        self.deadline: float | None = at + QUIET

    def tick(self, at: float) -> None:
        """Do the work that was put off to a quiet moment."""
        self.deadline = None
        self._act(at)


def keep_sockets(environ: Mapping[str, str]) -> None:
    """Let no worker inherit the sockets that systemd has passed to us: none of many is the one that they are for."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return
    count = environ.get("LISTEN_FDS", "")
    for fd in range(3, 3 + (min(int(count), 1024) if count.isascii() and count.isdecimal() else 0)):
        try:
            os.set_inheritable(fd, False)
        except OSError:
            pass  # not as many as were promised


def check_room(room: int) -> None:
    """Refuse before anything runs what would fail after it: we need so many descriptors to watch it and report."""
    if not descriptors.enough(room):
        raise cannot_fork(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))


def cannot_fork(error: OSError) -> SpawnError:
    """Return what to tell of a fork, a pipe or a pidfd that could not be had."""
    if error.errno == errno.EAGAIN:
        hint = "the limit of processes is reached: raise it (ulimit -u, pids.max, TasksMax=)"
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "the limit of open files is reached: raise it (ulimit -n, LimitNOFILE=)"
    else:
        hint = "try again, or see what the kernel says: dmesg"
    return SpawnError(f"cannot start a process: {error.strerror}", hint, 125)
