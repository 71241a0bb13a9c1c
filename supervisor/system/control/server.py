"""The server end of the control socket (docs/control.md): lines of JSON in and out, bounded in everything.

Decides nothing: what to answer comes from a Desk. A client that reads too slowly loses log lines, then the
connection, and never delays the loop.
"""

from __future__ import annotations

import _socket
import errno
import os

from supervisor.system.poller import HANG_UP, READ, WRITE, Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Desk(Protocol):
        """Answers requests and describes the fleet."""

        def status(self) -> dict[str, Any]:
            """The whole state: ``fleet`` and ``workers``."""

        def changes(self) -> dict[str, Any] | None:
            """The state of what changed since the last call, None when nothing did."""

        @property
        def behind(self) -> bool:
            """Whether the last call had to leave something for the next one."""

        def stop(self, workers: list[str] | None, now: bool, pid: int) -> dict[str, Any]:
            """Ask to stop; the answer's fields. Raises SupervisorError for a name that is none."""

        def explain(self, pid: int, since: float | None) -> dict[str, Any]:
            """What is known of the worker to which the process ``pid`` belongs."""


VERSION = 1
MOST_CLIENTS = 64
LONGEST_REQUEST = 1 << 16
MOST_WAITING = 1 << 22  # bytes a client may be behind before it is let go
LOG_ROOM = 1 << 18  # bytes a client may be behind and still get log lines
LOG_LINES = 200  # the newest lines of one update
EVERY = 0.25  # seconds between two updates of a stream


class Control:
    """Listens, serves, publishes. A source of the loop: ticks only while a client watches and something changed."""

    def __init__(self, poller: Poller, path: str, desk: Desk) -> None:
        """Raises OSError when the socket cannot be made."""
        self._poller = poller
        self._desk = desk
        self._clients: dict[int, _Client] = {}
        self._log: list[dict[str, Any]] = []
        self._dropped = 0
        self._dirty_at: float | None = None
        self._last = 0.0
        self._deaf = False
        self._listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        self._listener.setblocking(False)
        before = os.umask(0o177)
        try:
            self._listener.bind(path)
        finally:
            os.umask(before)
        self._listener.listen(MOST_CLIENTS)
        poller.watch(self._listener.fileno(), self._accept)

    # -------------------------------------------------------------- publishing

    @property
    def watched(self) -> bool:
        """Whether anybody watches the stream."""
        return any(client.watching for client in self._clients.values())

    def changed(self, at: float) -> None:
        """Something of the state may have changed."""
        if self._deaf:
            self._deaf = False
            self._poller.watch(self._listener.fileno(), self._accept)
        if self._dirty_at is None and self._clients and self.watched:
            self._dirty_at = at

    def log(self, at: float, index: int | None, title: str, stream: str, block: bytes) -> None:
        """Lines for those who watch the log; only the newest of a flood are kept."""
        lines = block[:-1].split(b"\n")
        self._dropped += max(len(lines) - LOG_LINES, 0)
        for line in lines[-LOG_LINES:]:
            text = line[:4096].decode(errors="replace")
            self._log.append({"at": at, "index": index, "title": title, "stream": stream, "line": text})
        over = len(self._log) - LOG_LINES
        if over > 0:
            del self._log[:over]
            self._dropped += over
        self.changed(at)

    @property
    def deadline(self) -> float | None:
        """When the next update is due."""
        return None if self._dirty_at is None else max(self._dirty_at, self._last + EVERY)

    def tick(self, at: float) -> None:
        """Send the update."""
        self._dirty_at, self._last = None, at
        self._publish()
        if self._desk.behind:
            self.changed(at)

    def over(self, code: int) -> None:
        """The last update and the last message; then nobody is served any more. Never waits."""
        self._publish()
        for client in list(self._clients.values()):
            if client.watching:
                self._send(client, {"over": True, "code": code})
            self._drop(client)
        self.close()

    def close(self) -> None:
        """Stop listening."""
        for client in list(self._clients.values()):
            self._drop(client)
        if self._listener.fileno() >= 0:
            self._poller.unwatch(self._listener.fileno())
            self._listener.close()

    def _publish(self) -> None:
        changes = self._desk.changes()
        lines, dropped = self._log, self._dropped
        self._log, self._dropped = [], 0
        for client in [client for client in self._clients.values() if client.watching]:
            if changes is not None:
                self._send(client, changes)
            if not client.wants_log or not (lines or dropped):
                continue
            if len(client.waiting) > LOG_ROOM:
                client.dropped += len(lines) + dropped
                continue
            self._send(client, {"log": lines, "dropped": dropped + client.dropped})
            client.dropped = 0

    # -------------------------------------------------------------- clients

    def _accept(self, _at: float, _events: int) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept() is made of
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # The caller would stay in the queue and wake us for ever. It waits until something happens.
                self._poller.unwatch(self._listener.fileno())
                self._deaf = True
            return
        peer = _socket.socket(fileno=fd)
        peer.setblocking(False)
        os.set_inheritable(fd, False)
        credentials = peer.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        pid, uid = (int.from_bytes(credentials[start : start + 4], "little") for start in (0, 4))
        if uid not in (0, os.geteuid()):
            peer.close()
            return
        client = _Client(peer, pid)
        self._clients[fd] = client
        self._poller.watch(fd, lambda at, events: self._ready(client, at, events))
        if len(self._clients) > MOST_CLIENTS:
            self._send(client, _no(f"{MOST_CLIENTS} connections are open already", "close one of them"))
            self._drop(client)

    def _ready(self, client: _Client, at: float, events: int) -> None:
        if events & WRITE:
            self._flush(client)
        if events & ~WRITE and client.fd in self._clients:
            if client.ended:
                self._drop(client)  # only a hang-up or an error is reported now
            else:
                self._receive(client, at, gone=bool(events & HANG_UP))

    def _receive(self, client: _Client, at: float, gone: bool) -> None:
        try:
            data = client.peer.recv(LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data, gone = b"", True
        client.received += data
        *lines, client.received = client.received.split(b"\n")
        for line in lines:
            if len(line) <= LONGEST_REQUEST and line.strip() and client.fd in self._clients and not client.ended:
                self._request(client, line, at)
        too_long = any(len(line) > LONGEST_REQUEST for line in (*lines, client.received))
        if client.fd not in self._clients:
            return
        if too_long or (gone and not data):
            self._drop(client)
        elif not data:
            self._ends(client)

    def _ends(self, client: _Client) -> None:
        """It asks nothing more (`nc -N`, shutdown(2)), or we listen no more: it still gets what it has asked for."""
        client.ended = True
        client.received = b""
        self._flush(client)

    def _request(self, client: _Client, line: bytes, at: float) -> None:
        import json

        from supervisor.errors import SupervisorError

        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            client.watching = False
            self._send(client, _no("this is no JSON object", "see docs/control.md"))
            if client.fd in self._clients:
                self._ends(client)
            return
        if asked.get("v") != VERSION:
            self._send(
                client, _no(f"this supervisor speaks version {VERSION}", "use the supervisor command that runs it")
            )
            return
        try:
            self._answer(client, asked, at)
        except SupervisorError as error:
            self._send(client, _no(error.message, error.hint))
        except Exception as error:
            # A bug of ours in an answer must not end the fleet that it is about.
            self._send(client, _no(f"a bug in the supervisor: {error!r}", "please report it, with the request"))

    def _answer(self, client: _Client, asked: dict[str, Any], at: float) -> None:
        yes = {"v": VERSION, "ok": True}
        match asked.get("do"):
            case "status":
                self._send(client, yes | self._desk.status())
            case "stop":
                workers = asked.get("workers")
                if workers is not None and not (
                    isinstance(workers, list) and all(isinstance(w, str) for w in workers)
                ):
                    self._send(client, _no("workers must be a list of names", ""))
                    return
                self._send(client, yes | self._desk.stop(workers, asked.get("now") is True, client.pid))
            case "explain":
                pid, since = asked.get("pid"), asked.get("since")
                if type(pid) is not int or not 0 < pid < 1 << 31 or type(since) not in (int, float, type(None)):
                    self._send(client, _no("pid must be a process id, since an instant or null", ""))
                    return
                self._send(client, yes | self._desk.explain(pid, since))
            case "watch":
                client.watching, client.wants_log = True, asked.get("log") is True
                self._send(client, self._desk.status())
                self.changed(at)
            case other:
                self._send(
                    client, _no(f"there is no request {str(other)[:40]!r}", "known: status, stop, explain, watch")
                )

    def _send(self, client: _Client, message: dict[str, Any]) -> None:
        import json

        client.waiting += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        self._flush(client)
        if client.fd in self._clients and len(client.waiting) > MOST_WAITING:
            self._drop(client)

    def _flush(self, client: _Client) -> None:
        try:
            while client.waiting:
                del client.waiting[: client.peer.send(client.waiting, _socket.MSG_NOSIGNAL)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if client.ended and not client.waiting and not client.watching:
            self._drop(client)
        elif client.fd in self._clients:
            # At the end of what it sends, it would be readable for ever.
            self._poller.change(client.fd, (0 if client.ended else READ) | (WRITE if client.waiting else 0))

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.fd, None) is not None:
            self._poller.unwatch(client.fd)
            client.peer.close()


class _Client:
    def __init__(self, peer: _socket.socket, pid: int) -> None:
        self.peer = peer
        self.fd = peer.fileno()
        self.pid = pid
        self.received = b""
        self.waiting = bytearray()
        self.watching = self.wants_log = self.ended = False
        self.dropped = 0


def _no(error: str, hint: str) -> dict[str, Any]:
    return {"v": VERSION, "ok": False, "error": error, "hint": hint}
