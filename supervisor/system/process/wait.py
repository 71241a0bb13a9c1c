"""Ends, stops and zombies of child processes (waitid(2), wait4(2)).

A main process that died is kept as a zombie (WNOWAIT) until its group is gone, so that its pid and its group's
number cannot be used again while we may signal them.
"""

from __future__ import annotations

import os

from supervisor.core.frozen import Frozen
from supervisor.core.record import Rusage
from supervisor.system.proc.reading import own_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Exit(Frozen):
    """How a process ended: exactly one of ``code`` and ``signal`` is set."""

    code: int | None
    signal: int | None


def peek_exit(pidfd: int) -> Exit | None:
    """Return how the process ended, leaving the zombie; None while it lives (waitid(2), WNOWAIT)."""
    found = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    if found.si_code == os.CLD_EXITED:
        return Exit(found.si_status, None)
    return Exit(None, found.si_status)


def next_job() -> tuple[int, str, int] | None:
    """Return (pid, "stopped" or "continued", signal) of a child that job control has touched, once; None for no
    more.
    """
    try:
        found = os.waitid(os.P_ALL, 0, os.WSTOPPED | os.WCONTINUED | os.WNOHANG)
    except ChildProcessError:
        return None
    if found is None:
        return None
    return found.si_pid, ("stopped" if found.si_code == os.CLD_STOPPED else "continued"), found.si_status


def reap(pid: int) -> Rusage | None:
    """Let a zombie go and return its resource use (wait4(2)); None when it is no zombie, or the use is not known."""
    try:
        # os.wait4() imports it too, for its result; without a descriptor it would raise after the zombie has gone.
        import resource
    except (ImportError, OSError):
        _let_go(pid)
        return None
    try:
        found, _, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    if found == 0:
        return None
    # Between fork and exec the process was a copy of us, and getrusage(2) does not forget that peak.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = usage.ru_maxrss * 1024 if usage.ru_maxrss > ours else None
    return Rusage(usage.ru_utime, usage.ru_stime, peak)


def _let_go(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def reap_orphans(claimed: Callable[[int], bool]) -> list[int]:
    """Reap every dead child whose pid is not ``claimed`` by somebody. Which ones there were."""
    reaped: list[int] = []
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return reaped
        if found is None:
            return reaped
        if claimed(found.si_pid):
            # A kept zombie hides the others from P_ALL: go through the children one by one.
            return reaped + _reap_listed(claimed)
        os.waitid(os.P_PID, found.si_pid, os.WEXITED | os.WNOHANG)
        reaped.append(found.si_pid)


def _reap_listed(claimed: Callable[[int], bool]) -> list[int]:
    reaped: list[int] = []
    try:
        children = own_children()
    except OSError:
        return reaped  # they stay zombies until the next end
    for pid in children:
        if claimed(pid):
            continue
        try:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None:
                reaped.append(pid)
        except ChildProcessError:
            continue
    return reaped
