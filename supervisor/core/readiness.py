"""How a worker is known to be ready, or alive: one grammar for `--ready`, the config's `ready` and `liveness`. Pure.

``started`` · ``after=2s`` · ``log=TEXT`` or ``log=/REGEX/`` · ``notify`` · ``fd=3`` or ``fd=NAME`` ·
``tcp=127.0.0.1:8000`` · ``unix=/run/app.sock`` · ``http=http://127.0.0.1:8000/ready`` · ``command=CMD ARG…``
"""

from __future__ import annotations

from supervisor.core import redact
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Kind: TypeAlias = Literal["started", "after", "log", "notify", "fd", "tcp", "unix", "http", "command"]
    OnTimeout: TypeAlias = Literal["fail", "continue"]
    Owner: TypeAlias = Literal["own", "any"]

KINDS: tuple[Kind, ...] = ("started", "after", "log", "notify", "fd", "tcp", "unix", "http", "command")
# Kinds whose answer has to be asked for again and again; the others are told once, by the worker or by time.
ASKED: tuple[Kind, ...] = ("tcp", "unix", "http", "command")
LIVENESS: tuple[Kind, ...] = (*ASKED, "notify")
# Seconds between two tries: soon at first, since most workers are ready within a second, then ever more rarely, so
# that a slow start is not disturbed.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
# Statuses that mean yes. A redirect says that the answer is somewhere else, and it is not followed.
OK_STATUS = (200, 299)
LOCALHOST = "localhost"
_LAST_PORT = 65535


class CheckError(ValueError):
    """The text of a check is malformed; says what was expected."""


class Check(Frozen):
    """One question to a worker. Which of the fields count follows from ``kind``.

    ``host`` is a literal address or ``localhost``; ``path`` that of a Unix socket, or of the HTTP request;
    ``text`` what a line must hold, ``regex`` instead a pattern that is searched in its first 1024 characters.
    ``fd`` is a descriptor's number, or the name of a variable that holds the number.
    """

    kind: Kind = "started"
    seconds: float = 0.0
    text: str = ""
    regex: str | None = None
    fd: int | str = 3
    host: str = ""
    port: int = 0
    path: str = ""
    status: tuple[int, int] = OK_STATUS
    headers: tuple[tuple[str, str], ...] = ()
    argv: tuple[str, ...] = ()
    listener: Owner = "own"

    @property
    def shown(self) -> str:
        """Return the check in one word or two, as in ``http 127.0.0.1:8000/ready``."""
        match self.kind:
            case "started" | "notify":
                return self.kind
            case "after":
                return f"after {self.seconds:g} s"
            case "log":
                return f"log {self.text!r}" if self.regex is None else f"log /{self.regex}/"
            case "fd":
                return f"fd {self.fd}"
            case "tcp":
                return f"tcp {_place(self.host, self.port)}"
            case "unix":
                return f"unix {self.path}"
            case "http":
                return f"http {_place(self.host, self.port)}{redact.path(self.path)}"
            case "command":
                return f"command {self.argv[0]}"


class ReadySpec(Frozen):
    """When a worker counts as ready. ``timeout`` and ``try_timeout`` are seconds."""

    check: Check = Check()
    timeout: float = 60.0
    try_timeout: float = 1.0
    on_timeout: OnTimeout = "fail"


class LivenessSpec(Frozen):
    """Whether a worker that is ready still answers; all times in seconds (the defaults are Kubernetes').

    ``start_after`` counts from ready. With ``notify`` nobody asks: WATCHDOG=1 has to come within each ``interval``.
    """

    check: Check
    interval: float = 10.0
    try_timeout: float = 1.0
    failures: int = 3
    start_after: float = 0.0

    @property
    def told(self) -> bool:
        """Return whether nobody asks: the worker itself has to send WATCHDOG=1 in time."""
        return self.check.kind == "notify"


def pause(tries: int) -> float:
    """Return the seconds from the end of one try to the next, after so many tries that failed (1, 2, …)."""
    return float(min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE))


def address(text: str) -> tuple[str, int]:
    """Parse ``127.0.0.1:8000``, ``[::1]:8000`` or ``localhost:8000`` into host and port. Raises CheckError.

    A name would have to be resolved, which blocks: only literal addresses and localhost are accepted.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise CheckError(f"{text!r} is not HOST:PORT")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) <= _LAST_PORT):
        raise CheckError(f"{port!r} is not a port from 1 to {_LAST_PORT}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise CheckError(f"[{host}] is not an IPv6 address")
    elif ":" in host:
        raise CheckError(f"an IPv6 address is written in brackets, as in [{host}]:{port}")
    elif host != LOCALHOST and not _is_ipv4(host):
        raise CheckError(f"{host!r} is neither a literal address nor {LOCALHOST}")
    return host, int(port)


def url(text: str) -> tuple[str, int, str]:
    """Parse ``http://127.0.0.1:8000/ready?x=1`` into host, port and path. Raises CheckError."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "http":
        raise CheckError(
            f"{text!r} is not an http:// address" + ("; https is not offered" if scheme == "https" else "")
        )
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise CheckError("a user and password in an address are not offered; set a header instead")
    if any(ord(letter) <= 32 or ord(letter) >= 127 for letter in path):
        raise CheckError("the path of an address holds only printable ASCII; escape the rest as in %20")
    last = authority.rpartition(":")[2]
    host, port = address(authority if authority.endswith("]") is False and last.isdecimal() else f"{authority}:80")
    return host, port, slash + path.partition("#")[0] or "/"


def problem_of_regex(pattern: str) -> str | None:
    """Return why a pattern is refused, None for a good one.

    `re` holds the GIL and cannot be interrupted: a repeat inside a repeat, more than two repeats without a bound and
    references to groups may take exponential or cubic time on a line that somebody else writes.
    """
    import re
    from re import _parser  # type: ignore[attr-defined]  # the parser is private, and the only one that agrees with re

    try:
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a valid regular expression: {error}"
    unbounded = 0
    stack = [(tree, False)]
    while stack:
        node, repeated = stack.pop()
        for kind, argument in node:
            name = str(kind)
            if name in ("GROUPREF", "GROUPREF_EXISTS"):
                return "refers back to a group, which can take exponential time"
            inner = repeated
            if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
                if repeated and argument[1] > 1:
                    return "repeats inside a repeat, which can take exponential time"
                inner = repeated or argument[1] > 1
                unbounded += argument[1] >= _MANY
            stack += [(part, inner) for part in _parts(argument) if isinstance(part, _parser.SubPattern)]
    return "has more than two repeats without a bound" if unbounded > 2 else None


# A bound as high as this is none: cubic time on 1024 characters takes seconds from here on.
_MANY = 100


def _parts(argument: object) -> list[object]:
    """Return everything nested in an argument of a parsed node, flat."""
    if isinstance(argument, tuple | list):
        return [inner for part in argument for inner in _parts(part)]
    return [argument]


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return (
        len(parts) == 4
        and all(part.isascii() and part.isdecimal() and len(part) <= 3 for part in parts)
        and all(int(part) <= 255 for part in parts)
    )


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
