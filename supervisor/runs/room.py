"""Descriptors and processes: whether there is room for a run is asked before anything is started."""

from __future__ import annotations

import errno
import os

from supervisor.errors import SpawnError


def check_room(room: int) -> None:
    """Refuse before anything runs what would fail after it: we need so many descriptors to watch it and report."""
    held: list[int] = []
    try:
        while len(held) < room:
            held += os.pipe()
    except OSError as error:
        raise cannot_fork(error) from None
    finally:
        for fd in held:
            os.close(fd)


def cannot_fork(error: OSError) -> SpawnError:
    if error.errno == errno.EAGAIN:
        hint = "the limit of processes is reached: raise it (ulimit -u, pids.max, TasksMax=)"
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "the limit of open files is reached: raise it (ulimit -n, LimitNOFILE=)"
    else:
        hint = "try again, or see what the kernel says: dmesg"
    return SpawnError(f"cannot start a process: {error.strerror}", hint, 125)
