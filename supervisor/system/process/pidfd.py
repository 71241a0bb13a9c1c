"""Processes that are no children of ours, held by a pidfd: who is at the other end of a socket, and how one ended."""

from __future__ import annotations

import fcntl
import os

from supervisor.system.process.wait import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

SO_PEERPIDFD = 77  # asm-generic/socket.h, since Linux 6.5
_SOL_SOCKET = 1
# _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info), linux/pidfd.h: the 64 bytes of its first version (Linux 6.13).
_GET_INFO = (3 << 30) | (64 << 16) | (0xFF << 8) | 11
_INFO_EXIT = 1 << 3  # since Linux 6.15
_EXIT_CODE = slice(60, 64)


def of_peer(socket: _socket.socket) -> int | None:
    """Return a pidfd of the process that connected this Unix socket, also of one that has ended meanwhile.

    None before Linux 6.5; of a reaped process None before Linux 6.16.
    """
    try:
        return socket.getsockopt(_SOL_SOCKET, SO_PEERPIDFD)
    except OSError:
        return None


def exit_status(pidfd: int) -> Exit | None:
    """Return how the process ended, whoever's child it was; None while it lives or nobody has waited for it.

    Linux keeps the status for whoever had a pidfd, or a socket with its credentials, before the end (PIDFD_GET_INFO
    with PIDFD_INFO_EXIT, Linux 6.15). None on an older one.
    """
    info = bytearray(_INFO_EXIT.to_bytes(8, "little") + bytes(56))
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info)
    except OSError:
        return None
    if not int.from_bytes(info[:8], "little") & _INFO_EXIT:
        return None
    status = int.from_bytes(info[_EXIT_CODE], "little")
    return Exit(None, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else Exit(os.WEXITSTATUS(status), None)
