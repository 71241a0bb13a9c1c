"""One try of a readiness or liveness check over the network: non-blocking sockets on the loop's poller.

Decides nothing: when to try, how often and what an answer means for the worker is core's. A try ends with one
:class:`Answer`, at the latest when its time is over.
"""

from __future__ import annotations

import _socket
import errno
import os

from supervisor.core.frozen import Frozen
from supervisor.core.readiness import LOCALHOST
from supervisor.system.poller import READ, WRITE
from supervisor.system.proc import listeners, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from supervisor.core.readiness import Check
    from supervisor.core.spec import WorkerId
    from supervisor.system.poller import Poller

    Done: TypeAlias = Callable[["Answer", float], None]
    Pids: TypeAlias = Callable[[], Iterable[int]]

# Bytes of an HTTP answer that are read: its status line, and the headers of a redirect. A body is never read.
MOST_HEAD = 8192
# We are out of descriptors, of memory or of processes: no answer of the worker's.
OUT_OF_MEANS = reading.OUT_OF_MEANS | {errno.ENOBUFS}


class Answer(Frozen):
    """What one try found. ``seen`` says it in words, as in ``connection refused`` or ``HTTP 503``.

    ``note`` is worth telling once although the answer counts: whose listener it is could not be looked up.
    ``unknown``: nobody could be asked, for want of descriptors or processes.
    """

    ok: bool
    seen: str
    note: str | None = None
    unknown: bool = False


class Tries:
    """The tries under way, at most one for each worker and purpose. A source of the loop (Poller's Source)."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._tries: dict[tuple[WorkerId, str], _Try] = {}

    def begin(
        self, worker: WorkerId, purpose: str, check: Check, pids: Pids, timeout: float, done: Done, at: float
    ) -> None:
        """Try once; ``done(answer, at)`` is called later, never from within. An earlier try is given up.

        ``pids()`` are the worker's processes at the moment of the answer, one of which must hold the listening socket
        unless the check says ``listener = "any"``. ``timeout`` is seconds, ``at`` monotonic seconds.
        """
        self.cancel(worker, purpose)
        key = (worker, purpose)

        def ended(answer: Answer, at: float) -> None:
            if self._tries.pop(key, None) is not None:
                done(answer, at)

        self._tries[key] = _Try(self._poller, check, pids, at + timeout, timeout, ended)

    def cancel(self, worker: WorkerId, purpose: str) -> None:
        """Give a try up without an answer; harmless when there is none."""
        found = self._tries.pop((worker, purpose), None)
        if found is not None:
            found.close()

    @property
    def deadline(self) -> float | None:
        """Return when the first try has no more time (monotonic seconds); None when none is under way."""
        return min((one.deadline for one in self._tries.values()), default=None)

    def tick(self, at: float) -> None:
        """End the tries whose time is over."""
        for one in [one for one in self._tries.values() if one.deadline <= at]:
            one.over(at)


class _Try:
    """One connection: to each address in turn until one accepts, then the question, then its answer."""

    def __init__(self, poller: Poller, check: Check, pids: Pids, deadline: float, timeout: float, done: Done) -> None:
        self.deadline = deadline
        self._poller = poller
        self._check = check
        self._pids = pids
        self._timeout = timeout
        self._done = done
        self._targets = _targets(check)
        self._socket: _socket.socket | None = None
        self._connected = False
        self._head = b""
        self._note: str | None = None
        self._failed: Answer | None = None
        self._next()

    def over(self, at: float) -> None:
        """Give up the try, whose time is over."""
        what = "connected, but no answer" if self._connected else "no connection"
        self._end(self._failed or Answer(False, f"{what} within {self._timeout:g} s"), at)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._poller.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _end(self, answer: Answer, at: float) -> None:
        self.close()
        self._done(answer, at)

    def _next(self) -> None:
        """Begin to connect to the next address. When the kernel refuses at once, the loop's next turn hears of it."""
        family, where = self._targets.pop(0)
        try:
            made = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        except OSError as error:
            self._refused(error.errno or 0)
            return
        self._socket = made
        failed = made.connect_ex(where)
        if failed in (0, errno.EINPROGRESS):
            self._poller.watch(made.fileno(), self._connectable, WRITE)
        else:
            self._refused(failed)

    def _refused(self, number: int) -> None:
        """Go on with the next address; after the last one the try ends at the next tick."""
        self.close()
        if self._targets:
            self._next()
            return
        self._failed = Answer(False, _words(number), unknown=number in OUT_OF_MEANS)
        self.deadline = 0.0

    def _connectable(self, at: float, _events: int) -> None:
        assert self._socket is not None
        failed = self._socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if failed:
            self._refused(failed)
            return
        self._connected = True
        if self._check.listener == "own":
            whose = listeners.whose(self._socket, self._pids())
            if whose.stranger is not None:
                self._end(Answer(False, whose.stranger), at)
                return
            self._note = whose.unknown
        if self._check.kind != "http":
            self._end(Answer(True, "accepts connections", self._note), at)
            return
        self._ask(at)

    def _ask(self, at: float) -> None:
        assert self._socket is not None
        try:
            # One send: a new connection's buffer takes it whole (tcp(7), tcp_wmem's default is 16 KiB and more).
            self._socket.send(_request(self._check), _socket.MSG_NOSIGNAL)
        except OSError as error:
            self._end(Answer(False, _words(error.errno or 0)), at)
            return
        self._poller.unwatch(self._socket.fileno())
        self._poller.watch(self._socket.fileno(), self._readable, READ)

    def _readable(self, at: float, _events: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(MOST_HEAD - len(self._head))
        except BlockingIOError:
            return
        except OSError as error:
            self._end(Answer(False, _words(error.errno or 0)), at)
            return
        self._head += data
        answer = _judge(self._head, self._check.status, ended=not data or len(self._head) >= MOST_HEAD)
        if answer is not None:
            self._end(answer.with_(note=self._note) if answer.ok else answer, at)


def _targets(check: Check) -> list[tuple[int, str | tuple[str, int]]]:
    if check.kind == "unix":
        path = check.path
        return [(_socket.AF_UNIX, "\0" + path[1:] if path.startswith("@") else path)]
    if check.host == LOCALHOST:
        return [(_socket.AF_INET, ("127.0.0.1", check.port)), (_socket.AF_INET6, ("::1", check.port))]
    return [(_socket.AF_INET6 if ":" in check.host else _socket.AF_INET, (check.host, check.port))]


def _words(number: int) -> str:
    match number:
        case errno.ECONNREFUSED:
            return "connection refused"
        case errno.ENOENT:
            return "no such socket"
        case errno.EAGAIN:
            return "its queue of connections is full"
        case errno.ECONNRESET | errno.EPIPE:
            return "connection reset"
        case errno.EMFILE | errno.ENFILE:
            return "could not look: too many open files"
    return os.strerror(number)


def _request(check: Check) -> bytes:
    host = f"[{check.host}]" if ":" in check.host else check.host
    head = {"Host": f"{host}:{check.port}", "User-Agent": "supervisor", "Accept": "*/*", "Connection": "close"}
    head |= dict(check.headers)
    lines = [f"GET {check.path} HTTP/1.1", *[f"{name}: {value}" for name, value in head.items()], "", ""]
    return "\r\n".join(lines).encode("latin-1", errors="replace")


def _judge(head: bytes, good: tuple[int, int], *, ended: bool) -> Answer | None:
    """Return the answer that the beginning of an HTTP response stands for (RFC 9112, section 4); None: too little of
    it.
    """
    line, newline, rest = head.partition(b"\n")
    if not newline:
        if head and not b"HTTP/1.".startswith(head[:7]):
            return Answer(False, f"the answer is not HTTP/1: it begins with {_shown(head)}")
        if not ended:
            return None
        return Answer(False, "the connection was closed without an answer" if not head else "the answer was cut off")
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():
        return Answer(False, f"the answer is not HTTP/1: it begins with {_shown(line)}")
    status = int(words[1])
    if good[0] <= status <= good[1]:
        return Answer(True, f"HTTP {status}")
    if 300 <= status <= 399:
        if not ended and b"\r\n\r\n" not in head and b"\n\n" not in head:
            return None
        place = next((part[9:].strip() for part in rest.split(b"\n") if part[:9].lower() == b"location:"), b"")
        return Answer(False, f"HTTP {status} to {_shown(place)}; redirects are not followed")
    return Answer(False, f"HTTP {status}")


def _shown(data: bytes) -> str:
    """Return some of what the other side sent, printable; views/ make it safe for a terminal."""
    return repr(data[:60].strip().decode(errors="replace"))
