"""A listening Unix socket: who calls is known by the kernel's word, and callers are served when descriptors run out.

Nobody gets one of the last descriptors (system/descriptors.py). The cure for that, and for EMFILE and ENFILE
(accept(2)): some descriptors are held in reserve and given up for the next callers. After that a caller that cannot
be accepted would wait in the queue and wake us for ever, so nobody is listened to until one of the connections
closes; there is at least one, which has the reserve's descriptor.

`_socket` instead of `socket`: the latter loads enum and selectors (3 ms and 1 MB, benchmarks/imports.py).
"""

from __future__ import annotations

import _socket
import errno
import os

from supervisor.core.frozen import Frozen
from supervisor.system import descriptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Peer(Frozen):
    """A process at the other end of a connection, as the kernel saw it when it connected (SO_PEERCRED, unix(7))."""

    socket: _socket.socket
    pid: int
    uid: int


class Listener:
    """``watch(on)`` is called when there is no use in listening (False) and when there is again (True)."""

    def __init__(self, socket: _socket.socket, watch: Callable[[bool], None], reserve: int = 1) -> None:
        """Begin to accept; ``socket`` is bound and listens; ``reserve`` descriptors are held, at least one.

        Raises OSError.
        """
        self.socket = socket
        socket.setblocking(False)
        self._watch = watch
        self._most = reserve
        self._reserve = [_any_descriptor() for _ in range(reserve)]
        self.listening = True

    def accept(self) -> Peer | None:
        """Return the next caller; None when none calls or no descriptor is left. :meth:`released` follows its end."""
        try:
            fd = self._accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._listen(False)
            return None
        socket = _socket.socket(fileno=fd)
        socket.setblocking(False)
        pid, uid = credentials(socket)
        return Peer(socket, pid, uid)

    def released(self) -> None:
        """Take note that a connection was closed: its descriptor is free again, for the reserve first.

        More than that one only where the last ones of the process stay free.
        """
        try:
            if len(self._reserve) < self._most:
                self._reserve.append(_any_descriptor())
            while len(self._reserve) < self._most and descriptors.enough():
                self._reserve.append(_any_descriptor())
        except OSError:
            pass  # somebody else was quicker; the next one that closes
        self._listen(True)

    def lend(self) -> None:
        """Give the reserve up, for something else that needs a descriptor now; :meth:`released` takes it again."""
        while self._reserve:
            os.close(self._reserve.pop())

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()
        self.lend()

    def _accept(self) -> int:
        """Return the descriptor of the next connection, close-on-exec (PEP 446). Raises OSError."""
        given_up = False
        while True:
            try:
                if not given_up and not descriptors.enough():
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                # What socket.accept() is made of (CPython socket.py).
                fd: int = self.socket._accept()[0]  # type: ignore[attr-defined]  # typeshed has the public part only
                return fd
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._reserve:
                    raise
                os.close(self._reserve.pop())
                given_up = True

    def _listen(self, on: bool) -> None:
        if on != self.listening:
            self.listening = on
            self._watch(on)


def credentials(socket: _socket.socket) -> tuple[int, int]:
    """Return (pid, uid) of the process that connected or listens at the other end."""
    found = socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(found[:4], "little"), int.from_bytes(found[4:8], "little")


def _any_descriptor() -> int:
    return os.open("/", os.O_PATH | os.O_CLOEXEC)
