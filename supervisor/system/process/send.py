"""Signals to processes of ours, each identified by a pidfd, a kept zombie or its start time: never by a pid alone.

What became of a signal is one of four (core/record.py, ``Reach``): that we may not, or cannot look, is not "nobody".
"""

from __future__ import annotations

import os

from supervisor.core import signum
from supervisor.core.record import Member
from supervisor.system.proc import processes
from supervisor.system.signals import pidfd_send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from supervisor.core.record import Reach


def send_main(pidfd: int, signal: int) -> Reach:
    """Signal the one process. Not permitted when it has become another user (kill(2))."""
    try:
        pidfd_send_signal(pidfd, signal)
    except ProcessLookupError:
        return "nobody"
    except PermissionError:
        return "not permitted"
    return "delivered"


def send_group(group: int, pidfd: int, signal: int) -> Reach:
    """Signal a whole process group whose leader is ours (alive or a kept zombie): delivered to one of them or more.

    Right after the fork the process may not have made its group yet (setsid(2)); then it alone is signalled, and
    takes it when it unblocks its signals just before exec.
    """
    try:
        os.killpg(group, signal)
    except ProcessLookupError:
        return send_main(pidfd, signal)
    except PermissionError:
        return "not permitted"
    return "delivered"


def send_checked(member: Member, signal: int, wake: bool) -> Reach:
    """Signal a process that is no child of ours, if its pid is still its own. ``wake``: SIGCONT follows if it is
    stopped."""
    try:
        pidfd = os.pidfd_open(member.pid)
    except ProcessLookupError:
        return "nobody"
    except OSError:
        return "could not look"
    try:
        # The descriptor holds the process; only now is the start time compared, so no other one can be hit.
        found = processes.stat(member.pid)
        if found is None:
            return "nobody" if send_main(pidfd, 0) == "nobody" else "could not look"
        if found.born != member.born:
            return "nobody"
        result = send_main(pidfd, signal)
        if wake and result == "delivered" and found.state == "T":
            send_main(pidfd, signum.CONT)
        return result
    finally:
        os.close(pidfd)


def altogether(results: Collection[Reach]) -> Reach:
    """Return what became of a signal to several: the best that became of it for any of them."""
    order: tuple[Reach, ...] = ("delivered", "not permitted", "could not look")
    return next((each for each in order if each in results), "nobody")
