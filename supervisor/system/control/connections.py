"""The connections of the control socket: lines in, lines out, bounded in everything. Knows no meaning of a line.

A client that reads too slowly is let go and never delays the loop. When there are as many connections as there may
be, the one that has been silent longest makes room for the next: whoever has something to say is heard.
"""

from __future__ import annotations

import _socket
import os

from supervisor.system import descriptors
from supervisor.system.peer import Listener
from supervisor.system.poller import HANG_UP, READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.system.peer import Peer
    from supervisor.system.poller import Poller

MOST = 64  # connections at once, or an eighth of RLIMIT_NOFILE where that is less: each costs a descriptor
LEAST = 8  # also where descriptors are few
RESERVE = 4  # descriptors for clients when the process has no more of them
LONGEST = 1 << 16  # bytes of a line
MOST_WAITING = 1 << 22  # bytes a client may be behind before it is let go


class Connection:
    """One client. ``owed``: the answers that it still waits for, a stream among them."""

    def __init__(self, peer: Peer) -> None:
        self.socket = peer.socket
        self.fd = peer.socket.fileno()
        self.pid = peer.pid
        self.received = b""
        self.waiting = bytearray()
        self.ended = False
        self.owed: set[object] = set()
        self.heard_at = 0.0


class Connections:
    """All clients of one listening socket, which is closed with them."""

    def __init__(
        self,
        poller: Poller,
        listening: _socket.socket,
        heard: Callable[[Connection, bytes, float], None],
        gone: Callable[[Connection], None],
    ) -> None:
        """Begin to serve; ``heard(connection, line, at)`` is called with each line, ``gone(connection)`` once for
        each client.
        """
        self._poller = poller
        self._heard = heard
        self._gone = gone
        self._open: dict[int, Connection] = {}
        self.most = min(MOST, max(LEAST, descriptors.most() // 8))
        self._fd = listening.fileno()
        self._listener = Listener(listening, self._watch, RESERVE)
        self._watch(True)

    def send(self, to: Connection, line: bytes) -> None:
        """Send a line, given without its end; a client that has gone gets nothing."""
        if not self._knows(to):
            return
        to.waiting += line + b"\n"
        self._flush(to)
        if len(to.waiting) > MOST_WAITING:
            self.drop(to)

    def end(self, one: Connection) -> None:
        """Stop listening to a client, which still gets what it is owed."""
        if self._knows(one):
            one.ended = True
            one.received = b""
            self._flush(one)

    def drop(self, one: Connection) -> None:
        """Close a client's connection, whatever the client is owed."""
        if self._knows(one):
            del self._open[one.fd]
            self._poller.unwatch(one.fd)
            one.socket.close()
            self._listener.released()
            self._gone(one)

    def with_reserve(self, act: Callable[[], None]) -> None:
        """Do something that needs descriptors when none is left: those reserved for clients are free meanwhile."""
        self._listener.lend()
        try:
            act()
        finally:
            self._listener.released()

    def close(self) -> None:
        """Close all connections and stop listening."""
        for one in list(self._open.values()):
            self.drop(one)
        self._watch(False)
        self._listener.close()

    def _knows(self, one: Connection) -> bool:
        return self._open.get(one.fd) is one

    def _watch(self, on: bool) -> None:
        if on:
            self._poller.watch(self._fd, self._accept)
        else:
            self._poller.unwatch(self._fd)

    def _accept(self, at: float, _events: int) -> None:
        if len(self._open) >= self.most:
            self._make_room()
        peer = self._listener.accept()
        if peer is None:
            if not self._listener.listening:
                self._make_room()
            return
        if peer.uid not in (0, os.geteuid()):
            peer.socket.close()
            self._listener.released()
            return
        one = Connection(peer)
        one.heard_at = at
        self._open[one.fd] = one
        self._poller.watch(one.fd, lambda at, events: self._ready(one, at, events))

    def _make_room(self) -> None:
        """Let the longest silent client go that is owed nothing; where all are owed something, nobody."""
        idle = [one for one in self._open.values() if not one.owed and not one.waiting]
        if idle:
            self.drop(min(idle, key=lambda one: one.heard_at))

    def _ready(self, one: Connection, at: float, events: int) -> None:
        if events & WRITE:
            self._flush(one)
        if events & ~WRITE and self._knows(one):
            if one.ended:
                self.drop(one)  # only a hang-up or an error is reported now
            else:
                self._receive(one, at, gone=bool(events & HANG_UP))

    def _receive(self, one: Connection, at: float, gone: bool) -> None:
        try:
            data = one.socket.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data, gone = b"", True
        one.heard_at = at
        # The last request may come without the end of its line: `printf … | nc -N`.
        *lines, one.received = (one.received + (data or b"\n")).split(b"\n")
        for line in lines:
            if len(line) <= LONGEST and line.strip() and self._knows(one) and not one.ended:
                self._heard(one, line, at)
        if any(len(line) > LONGEST for line in (*lines, one.received)) or (gone and not data):
            self.drop(one)
        elif not data:
            self.end(one)

    def _flush(self, one: Connection) -> None:
        try:
            while one.waiting:
                del one.waiting[: one.socket.send(one.waiting, _socket.MSG_NOSIGNAL)]
        except BlockingIOError:
            pass
        except OSError:
            self.drop(one)
            return
        if one.ended and not one.waiting and not one.owed:
            self.drop(one)
        else:
            # At the end of what it sends, it would be readable for ever.
            self._poller.change(one.fd, (0 if one.ended else READ) | (WRITE if one.waiting else 0))
