"""The three C library calls that Python does not offer: prctl, signalfd, and the set-up for them."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SFD_CLOEXEC = 0o2000000
SFD_NONBLOCK = 0o4000
SIGSET_BYTES = 128  # sizeof(sigset_t) in glibc and musl on Linux

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument. Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def signalfd(signals: frozenset[int]) -> int:
    """A non-blocking, close-on-exec descriptor from which the blocked ``signals`` are read. Raises OSError."""
    mask = sum(1 << (signal - 1) for signal in signals).to_bytes(SIGSET_BYTES, "little")
    found: int = _libc.signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK)
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found
