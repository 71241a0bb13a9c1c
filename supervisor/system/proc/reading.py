"""Reads files of /proc whole, however short the kernel's answers are; None where there is nothing to read."""

from __future__ import annotations

import os

MOST_FDS = 4096


def read(path: str, limit: int = 65536) -> bytes | None:
    """Return up to ``limit`` bytes of a file in /proc, None when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = b""
        while len(data) < limit and (chunk := os.read(fd, limit - len(data))):
            data += chunk
        return data
    except OSError:
        return None
    finally:
        os.close(fd)


def read_record(path: str, room: int) -> bytes:
    """Return a file of one record (the kernel's single_open()): one read brings it whole if there is ``room``
    for it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, room)
    except OSError:
        return b""
    finally:
        os.close(fd)


class Kept:
    """A file of one record that is kept open, so that reading it again costs no walk through /proc."""

    def __init__(self, path: str) -> None:
        """Open the file; nothing is read from a file that cannot be opened."""
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def read(self, room: int) -> bytes:
        """Return the record as it is now, at most ``room`` bytes; nothing when it cannot be read."""
        try:
            return os.pread(self._fd, room, 0)
        except OSError:
            return b""

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def descriptors(pid: int) -> dict[int, str] | None:
    """Return what each descriptor's link in /proc/pid/fd says, at most MOST_FDS of them; None when unreadable."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")[:MOST_FDS]
    except OSError:
        return None
    found: dict[int, str] = {}
    for name in names:
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:  # closed meanwhile, or not to be read
            continue
    return found if found or not names else None


def children(pid: int) -> list[int]:
    """Return the direct children of a process, zombies included (proc(5), /proc/pid/task/tid/children)."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        found += _listed(f"/proc/{pid}/task/{task}/children")
    return found


def own_children() -> list[int]:
    """Return our own children, zombies and adopted orphans included: this process has one thread."""
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
