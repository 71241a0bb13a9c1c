"""The C library calls that Python does not offer: prctl, signalfd, capset, and setns before Python 3.12.

Made of what `ctypes` is made of, its C part: importing `ctypes` itself costs 1.2 ms of a start that takes 20.
"""

from __future__ import annotations

import _ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    _SimpleInt: TypeAlias = _ctypes._SimpleCData[int]
else:
    _SimpleInt = _ctypes._SimpleCData

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SFD_CLOEXEC = 0o2000000
SFD_NONBLOCK = 0o4000
SIGSET_BYTES = 128  # sizeof(sigset_t) in glibc and musl on Linux
RTLD_NOW = 2


class _Int(_SimpleInt):
    """``int``, as `ctypes.c_int` is defined."""

    _type_ = "i"


class _UnsignedLong(_SimpleInt):
    """``unsigned long``, which prctl(2) reads from its variable arguments."""

    _type_ = "L"


class _Call(_ctypes.CFuncPtr):
    """A function that returns int; its errno is kept apart for get_errno(), before Python's own calls change it."""

    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Int


_handle = _ctypes.dlopen(None, RTLD_NOW)  # type: ignore[arg-type]  # None is the program itself, as in ctypes.CDLL
_prctl = _Call(_ctypes.dlsym(_handle, "prctl"))
_signalfd = _Call(_ctypes.dlsym(_handle, "signalfd"))
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h: two words of each set


def prctl(option: int, value: int, second: int = 0) -> None:
    """Call prctl(2) with one or two arguments. Raises OSError."""
    none = _UnsignedLong(0)
    _checked(_prctl(option, _UnsignedLong(value), _UnsignedLong(second), none, none))


def capset(permitted: int, inheritable: int) -> None:
    """Set the capabilities of this thread, bit n for capability n; the effective ones are the permitted. Raises
    OSError."""
    words = (
        [permitted >> shift & 0xFFFFFFFF for shift in (0, 32)],
        [inheritable >> shift & 0xFFFFFFFF for shift in (0, 32)],
    )
    head = _CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + bytes(4)
    data = b"".join(
        word.to_bytes(4, sys.byteorder) for now, kept in zip(*words, strict=True) for word in (now, now, kept)
    )
    _checked(_Call(_ctypes.dlsym(_handle, "capset"))(head, data))


def setns(fd: int, kinds: int) -> None:
    """Move this thread into namespaces of the process that a pidfd holds (setns(2), Linux 5.8). Raises OSError."""
    _checked(_Call(_ctypes.dlsym(_handle, "setns"))(fd, kinds))


def signalfd(signals: frozenset[int]) -> int:
    """Return a non-blocking, close-on-exec descriptor from which the blocked ``signals`` are read. Raises OSError."""
    mask = sum(1 << (signal - 1) for signal in signals).to_bytes(SIGSET_BYTES, "little")
    return _checked(_signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK))


def _checked(result: Any) -> int:
    if result < 0:
        number = _ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
