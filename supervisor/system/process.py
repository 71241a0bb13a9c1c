"""Processes of ours: signals to them, their stops and ends, and the zombies. Decides nothing.

A main process that died is kept as a zombie (WNOWAIT) until its group is gone, so that its pid and its group's
number cannot be used again while we may signal them.
"""

from __future__ import annotations

import os

from supervisor.core import signals
from supervisor.core.frozen import Frozen
from supervisor.core.record import Member, Rusage
from supervisor.system.signals import pidfd_send_signal


class Exit(Frozen):
    """How a process ended: exactly one of ``code`` and ``signal`` is set."""

    code: int | None
    signal: int | None


def peek_exit(pidfd: int) -> Exit | None:
    """How the process ended, leaving the zombie; None while it lives (waitid(2), WNOWAIT)."""
    found = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    if found.si_code == os.CLD_EXITED:
        return Exit(found.si_status, None)
    return Exit(None, found.si_status)


def peek_job(pid: int) -> tuple[str, int] | None:
    """("stopped", signal) or ("continued", SIGCONT) since the last call; None when nothing changed."""
    try:
        found = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WCONTINUED | os.WNOHANG)
    except ChildProcessError:
        return None
    if found is None:
        return None
    return ("stopped" if found.si_code == os.CLD_STOPPED else "continued"), found.si_status


def reap(pid: int) -> Rusage | None:
    """Let a zombie go; its resource use (wait4(2)). None when it is no zombie."""
    try:
        found, _, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    if found == 0:
        return None
    import resource

    # Between fork and exec the process was a copy of us, and getrusage(2) does not forget that peak.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = usage.ru_maxrss * 1024 if usage.ru_maxrss > ours else None
    return Rusage(usage.ru_utime, usage.ru_stime, peak)


def reap_orphans(keep: set[int]) -> list[int]:
    """Reap every dead child but the main processes ``keep``. Which ones there were."""
    reaped: list[int] = []
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return reaped
        if found is None:
            return reaped
        if found.si_pid in keep:
            # A kept zombie hides the others from P_ALL: go through the children one by one.
            return reaped + _reap_listed(keep)
        os.waitid(os.P_PID, found.si_pid, os.WEXITED | os.WNOHANG)
        reaped.append(found.si_pid)


def _reap_listed(keep: set[int]) -> list[int]:
    reaped: list[int] = []
    for pid in own_children():
        if pid in keep:
            continue
        try:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None:
                reaped.append(pid)
        except ChildProcessError:
            continue
    return reaped


def children(pid: int) -> list[int]:
    """The direct children of a process, zombies included (proc(5), /proc/pid/task/tid/children)."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        found += _listed(f"/proc/{pid}/task/{task}/children")
    return found


def own_children() -> list[int]:
    """Our own, zombies and adopted orphans included: this process has one thread."""
    return _listed("/proc/thread-self/children")


def _listed(path: str) -> list[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        data = b""
        while chunk := os.read(fd, 65536):
            data += chunk
        return [int(pid) for pid in data.split()]
    except OSError:
        return []
    finally:
        os.close(fd)


def send_main(pidfd: int, signal: int) -> bool:
    """Signal the one process. Whether it was there and we may: not when it has become another user (kill(2))."""
    try:
        pidfd_send_signal(pidfd, signal)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def send_group(group: int, pidfd: int, signal: int) -> bool:
    """Signal a whole process group whose leader is ours (alive or a kept zombie). Whether somebody got it.

    Right after the fork the process may not have made its group yet (setsid(2)); then it alone is signalled, and
    takes it when it unblocks its signals just before exec.
    """
    try:
        os.killpg(group, signal)
    except ProcessLookupError:
        return send_main(pidfd, signal)
    except PermissionError:
        return False
    return True


def send_checked(member: Member, signal: int, wake: bool) -> bool:
    """Signal a process that is no child of ours, if its pid is still its own."""
    from supervisor.system import procfs

    try:
        pidfd = os.pidfd_open(member.pid)
    except OSError:
        return False
    try:
        # The descriptor holds the process; only now is the start time compared, so no other one can be hit.
        found = procfs.stat(member.pid)
        if found is None or found.born != member.born:
            return False
        delivered = send_main(pidfd, signal)
        if wake and delivered and found.state == "T":
            send_main(pidfd, signals.CONT)
        return delivered
    finally:
        os.close(pidfd)
