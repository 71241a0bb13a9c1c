"""Signals to processes of ours, each identified by a pidfd, a kept zombie or its start time: never by a pid alone."""

from __future__ import annotations

import os

from supervisor.core import signum
from supervisor.core.record import Member
from supervisor.system.proc import processes
from supervisor.system.signals import pidfd_send_signal


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

    try:
        pidfd = os.pidfd_open(member.pid)
    except OSError:
        return False
    try:
        # The descriptor holds the process; only now is the start time compared, so no other one can be hit.
        found = processes.stat(member.pid)
        if found is None or found.born != member.born:
            return False
        delivered = send_main(pidfd, signal)
        if wake and delivered and found.state == "T":
            send_main(pidfd, signum.CONT)
        return delivered
    finally:
        os.close(pidfd)
