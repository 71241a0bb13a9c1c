"""The server end of the control socket (docs/control.md): requests in, answers and the stream of changes out.

Decides nothing: what to answer comes from a Desk, which has a function for each request of core/contract/requests.py.
"""

from __future__ import annotations

import _socket

from supervisor.core.contract import requests
from supervisor.errors import SupervisorError
from supervisor.system.control.connections import Connection, Connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from supervisor.system.poller import Poller

    class Desk(Protocol):
        """Describes the fleet and answers requests.

        Besides what stands here it has a function for each request but `watch`, named as its verb, which takes the
        request and a :class:`Caller`, to be answered now or later.
        """

        def state(self) -> dict[str, Any]:
            """The whole state: ``fleet`` and ``workers``."""

        def changes(self) -> dict[str, Any] | None:
            """The state of what changed since the last call, None when nothing did."""

        @property
        def behind(self) -> bool:
            """Whether the last call had to leave something for the next one."""


MOST_WATCHING = 48  # clients; the other connections are for requests
LOG_ROOM = 1 << 18  # bytes a client may be behind and still get log lines
LOG_LINES = 200  # the newest lines of one update
EVERY = 0.25  # seconds between two updates of a stream


class Caller:
    """Who waits for the answer to one request. Answered once, at any time; nothing happens when nobody waits."""

    def __init__(self, connections: Connections, connection: Connection, id: requests.Id) -> None:
        self.pid = connection.pid
        self._connections = connections
        self._connection: Connection | None = connection
        self._id = {} if id is None else {"id": id}
        connection.owed.add(self)

    def answer(self, fields: dict[str, Any]) -> None:
        """It is done; ``fields`` are the answer's own."""
        self._send({"ok": True} | fields)

    def refuse(self, error: str, hint: str = "") -> None:
        """It cannot be done: why, and what to do."""
        self._send({"ok": False, "error": error, "hint": hint})

    def _send(self, answer: dict[str, Any]) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.owed.discard(self)
            self._connections.send(connection, _line({"v": requests.VERSION} | self._id | answer))


class _Watcher:
    def __init__(self, connection: Connection, log: bool) -> None:
        self.connection = connection
        self.log = log
        self.dropped = 0


class Control:
    """Serves and publishes. A source of the loop: ticks only while a client watches and something changed."""

    def __init__(self, poller: Poller, listening: _socket.socket, desk: Desk) -> None:
        """``listening`` is the bound socket; it is ours from now on. Raises OSError when descriptors are out."""
        self._desk = desk
        self._watchers: dict[int, _Watcher] = {}
        self._log: list[dict[str, Any]] = []
        self._dropped = 0
        self._dirty_at: float | None = None
        self._last = 0.0
        self._connections = Connections(poller, listening, self._heard, self._gone)

    # -------------------------------------------------------------- publishing

    @property
    def watched(self) -> bool:
        """Whether anybody watches the stream."""
        return bool(self._watchers)

    def changed(self, at: float) -> None:
        """Something of the state may have changed."""
        if self._dirty_at is None and self._watchers:
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
        for watcher in list(self._watchers.values()):
            self._connections.send(watcher.connection, _line({"over": True, "code": code}))
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._connections.close()

    def _publish(self) -> None:
        changes = self._desk.changes()
        lines, dropped = self._log, self._dropped
        self._log, self._dropped = [], 0
        update = None if changes is None else _line(changes)
        for watcher in list(self._watchers.values()):
            if update is not None:
                self._connections.send(watcher.connection, update)
            if not watcher.log or not (lines or dropped):
                continue
            if len(watcher.connection.waiting) > LOG_ROOM:
                watcher.dropped += len(lines) + dropped
                continue
            self._connections.send(watcher.connection, _line({"log": lines, "dropped": dropped + watcher.dropped}))
            watcher.dropped = 0

    # -------------------------------------------------------------- requests

    def _heard(self, connection: Connection, line: bytes, at: float) -> None:
        import json  # a fleet that nobody asks goes without it: 1 MB

        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            self._gone(connection)
            connection.owed.clear()
            Caller(self._connections, connection, None).refuse("this is no JSON object", "see docs/control.md")
            self._connections.end(connection)
            return
        caller = Caller(self._connections, connection, requests.identity(asked))
        try:
            self._serve(requests.parse(asked).request, caller, connection, at)
        except SupervisorError as error:
            caller.refuse(error.message, error.hint)
        except Exception as error:
            # A bug of ours in an answer must not end the fleet that it is about.
            caller.refuse(f"a bug in the supervisor: {error!r}", "please report it, with the request")

    def _serve(self, request: requests.Request, caller: Caller, connection: Connection, at: float) -> None:
        if not isinstance(request, requests.Watch):
            getattr(self._desk, requests.verb_of(request).name)(request, caller)
        elif connection.fd not in self._watchers and len(self._watchers) >= MOST_WATCHING:
            caller.refuse(f"{MOST_WATCHING} clients watch already", "close one of them")
        else:
            # The stream is its answer, and never all of it.
            self._watchers[connection.fd] = _Watcher(connection, request.log)
            self._connections.send(connection, _line(self._desk.state()))
            self.changed(at)

    def _gone(self, connection: Connection) -> None:
        self._watchers.pop(connection.fd, None)


def _line(message: dict[str, Any]) -> bytes:
    import json

    return json.dumps(message, separators=(",", ":")).encode()
