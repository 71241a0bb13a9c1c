"""Reads files of /proc whole, however short the kernel's answers are; None where there is nothing to read.

Who asks for ``sure`` has to know whether somebody is there: being out of descriptors or memory is an error then, and
not "nothing to read".
"""

from __future__ import annotations

import errno
import os

MOST_FDS = 4096  # descriptors of a process that are looked at: each costs a readlink(2)
MOST_CHILDREN_BYTES = 1 << 20  # bytes of a list of children: some hundred thousand of them
# What keeps us from looking, and says nothing of what we look for.
OUT_OF_MEANS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def read(path: str, limit: int = 65536, *, sure: bool = False) -> bytes | None:
    """Return up to ``limit`` bytes of a file in /proc, None when it cannot be read. Raises OSError if ``sure``."""
    fd = _opened(path, sure)
    if fd is None:
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


def read_record(path: str, room: int, *, sure: bool = False) -> bytes:
    """Return a file of one record (the kernel's single_open()): one read brings it whole if there is ``room``
    for it. Raises OSError if ``sure``.
    """
    fd = _opened(path, sure)
    if fd is None:
        return b""
    try:
        return os.read(fd, room)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _opened(path: str, sure: bool) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if sure and error.errno in OUT_OF_MEANS:
            raise
        return None


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


def children(pid: int, *, sure: bool = False) -> list[int]:
    """Return the direct children of a process, zombies included (proc(5), /proc/pid/task/tid/children).

    Raises OSError if ``sure``.
    """
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError as error:
        if sure and error.errno in OUT_OF_MEANS:
            raise
        return found
    for task in tasks:
        found += _numbers(read(f"/proc/{pid}/task/{task}/children", MOST_CHILDREN_BYTES, sure=sure))
    return found


def own_children() -> list[int]:
    """Return our own children, zombies and adopted orphans included: this process has one thread.

    Raises OSError where that cannot be known: we exist, so there is something to read.
    """
    try:
        fd = os.open("/proc/thread-self/children", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return _by_parent(os.getpid())
    try:
        data = b""
        while chunk := os.read(fd, 65536):
            data += chunk
        return _numbers(data)
    finally:
        os.close(fd)


def _by_parent(parent: int) -> list[int]:
    """Return whose parent it is, by a look at every process. Raises OSError."""
    found: list[int] = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
        data = read_record(f"/proc/{pid}/stat", 2048, sure=True)
        # Behind the name, which may hold spaces and parentheses: the state and the parent (proc(5)).
        if data and int(data[data.rindex(b")") + 2 :].split()[1]) == parent:
            found.append(pid)
    return found


def _numbers(data: bytes | None) -> list[int]:
    return [int(pid) for pid in (data or b"").split()]
