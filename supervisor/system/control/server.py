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
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol, TypeAlias

    from supervisor.system.poller import Poller

    # Instant, worker (None: the supervisor's own), its title, the stream, whole lines.
    Lines: TypeAlias = tuple[float, int | None, str, str, bytes]

    class Desk(Protocol):
        """Describes the fleet and answers requests.

        Besides what stands here it has a function for each request but `watch`, named as its verb, which takes the
        request and a :class:`Caller`, to be answered now or later.
        """

        def state(self) -> dict[str, Any]:
            """Return the whole state: ``fleet`` and ``workers``."""

        def changes(self) -> dict[str, Any] | None:
            """Return the state of what changed since the last call, None when nothing did."""

        @property
        def behind(self) -> bool:
            """Return whether the last call had to leave something for the next one."""


WATCHING = 0.75  # the share of the connections that may watch; the others are for requests
LOG_ROOM = 1 << 18  # bytes a client may be behind and still get log lines
LOG_LINES = 200  # the newest lines of one update
LONGEST_LINE = 4096  # bytes of a line in an update
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
        """Answer that the request is done; ``fields`` are the answer's own."""
        self._send({"ok": True} | fields)

    def refuse(self, error: str, hint: str = "") -> None:
        """Answer that the request cannot be done: why, and what to do."""
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

    def __init__(
        self, poller: Poller, listening: _socket.socket, desk: Desk, recent: Callable[[], Iterable[Lines]]
    ) -> None:
        """Begin to serve; ``listening`` is the bound socket, which becomes ours; ``recent`` gives earlier lines, the
        newest first.

        Raises OSError when descriptors are out.
        """
        self._desk = desk
        self._recent = recent
        self._logged = False
        self._watchers: dict[int, _Watcher] = {}
        self._log: list[dict[str, Any]] = []
        self._dropped = 0
        self._dirty_at: float | None = None
        self._last = 0.0
        self._connections = Connections(poller, listening, self._heard, self._gone)

    # -------------------------------------------------------------- publishing

    @property
    def watched(self) -> bool:
        """Return whether a client watches the stream."""
        return bool(self._watchers)

    def changed(self, at: float) -> None:
        """Note that something of the state may have changed."""
        if self._dirty_at is None and self._watchers:
            self._dirty_at = at

    def log(self, at: float, index: int | None, title: str, stream: str, block: bytes) -> None:
        """Send lines to those who watch the log; only the newest of a flood are kept."""
        if self._logged:
            self._log, over = _newest(self._log, (at, index, title, stream, block))
            self._dropped += over
            self.changed(at)

    @property
    def deadline(self) -> float | None:
        """Return when the next update is due."""
        return None if self._dirty_at is None else max(self._dirty_at, self._last + EVERY)

    def tick(self, at: float) -> None:
        """Send the update."""
        self._dirty_at, self._last = None, at
        self._publish()
        if self._desk.behind:
            self.changed(at)

    def over(self, code: int) -> None:
        """Send the last update and the last message; then no client is served any more. Never waits."""
        self._publish()
        for watcher in list(self._watchers.values()):
            self._connections.send(watcher.connection, _line({"over": True, "code": code}))
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._connections.close()

    def _publish(self) -> None:
        changes = self._desk.changes()
        if changes is not None:
            update = _line(changes)
            for watcher in list(self._watchers.values()):
                self._connections.send(watcher.connection, update)
        self._publish_log()

    def _publish_log(self) -> None:
        lines, dropped = self._log, self._dropped
        self._log, self._dropped = [], 0
        if not lines and not dropped:
            return
        for watcher in [watcher for watcher in self._watchers.values() if watcher.log]:
            if len(watcher.connection.waiting) > LOG_ROOM:
                watcher.dropped += len(lines) + dropped
                continue
            self._connections.send(watcher.connection, _line({"log": lines, "dropped": dropped + watcher.dropped}))
            watcher.dropped = 0

    # -------------------------------------------------------------- requests

    def _heard(self, connection: Connection, line: bytes, at: float) -> None:
        try:
            _import_json()
        except OSError:
            self._connections.with_reserve(_import_json)
        import json

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
        except OSError as error:
            caller.refuse(f"the supervisor could not: {error.strerror}", "see its limits: ulimit -n, LimitNOFILE=")
        except Exception as error:
            # A bug of ours in an answer must not end the fleet that it is about.
            caller.refuse(f"a bug in the supervisor: {error!r}", "please report it, with the request")

    def _serve(self, request: requests.Request, caller: Caller, connection: Connection, at: float) -> None:
        if not isinstance(request, requests.Watch):
            getattr(self._desk, requests.verb_of(request).name)(request, caller)
        elif connection.fd not in self._watchers and len(self._watchers) >= self._connections.most * WATCHING:
            caller.refuse(f"{len(self._watchers)} clients watch already", "close one of them")
        else:
            # The stream is its answer, and never all of it.
            if request.log:
                self._publish_log()  # what others wait for: the new one has it among the recent lines
            self._watchers[connection.fd] = _Watcher(connection, request.log)
            self._connections.send(connection, _line(self._desk.state()))
            if request.log:
                self._send_recent(connection)
            self._count()
            self.changed(at)

    def _send_recent(self, connection: Connection) -> None:
        """Send the lines that were shown before the client watched."""
        blocks: list[Lines] = []
        count = 0
        for block in self._recent():
            blocks.append(block)
            count += block[-1].count(b"\n")
            if count >= LOG_LINES:
                break
        lines: list[dict[str, Any]] = []
        for block in reversed(blocks):
            lines, _ = _newest(lines, block)
        if lines:
            self._connections.send(connection, _line({"log": lines, "dropped": 0}))

    def _gone(self, connection: Connection) -> None:
        if self._watchers.pop(connection.fd, None) is not None:
            self._count()

    def _count(self) -> None:
        self._logged = any(watcher.log for watcher in self._watchers.values())
        if not self._logged:
            self._log, self._dropped = [], 0


def _newest(log: list[dict[str, Any]], lines: Lines) -> tuple[list[dict[str, Any]], int]:
    """Return the log with further lines, cut to the newest LOG_LINES; and how many were left out."""
    at, index, title, stream, block = lines
    found = block[:-1].split(b"\n")
    log = log + [
        {
            "at": at,
            "index": index,
            "title": title,
            "stream": stream,
            "line": line[:LONGEST_LINE].decode(errors="replace"),
        }
        for line in found[-LOG_LINES:]
    ]
    over = max(len(log) - LOG_LINES, 0)
    return log[over:], over + max(len(found) - LOG_LINES, 0)


def _import_json() -> None:
    """Import json, which a fleet that is asked nothing goes without: 1 MB. Raises OSError for want of a descriptor.

    Raises OSError for want of a descriptor.
    """
    import json  # noqa: F401 - from here on it is loaded


def _line(message: dict[str, Any]) -> bytes:
    import json

    return json.dumps(message, separators=(",", ":")).encode()
