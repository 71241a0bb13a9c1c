"""What can be asked of a running fleet: a record and a row of the table for each request. Pure.

The server, the client and the table in docs/control.md come from here. A new request is a record and a row, a
function of its name at the desk that answers (runs/desk.py), and a command that asks (cli/control.py).
"""

from __future__ import annotations

from supervisor.core.contract.codec import FLAG, NUMBER, TEXTS, Kind, Malformed, optional, record
from supervisor.core.frozen import Frozen
from supervisor.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Id: TypeAlias = "int | str | None"

VERSION = 1
LONGEST_ID = 100  # characters of a request's id; it is sent back as it came


class Request(Frozen):
    """The base of all requests. A field with a default may be left out or null."""


class Status(Request):
    """Asks for the whole state, once."""


class Stop(Request):
    """Asks workers to stop, by name (all its instances) or title; None: the whole fleet, which ends then.

    ``now``: those that are being stopped already take the next step of their ladder.
    """

    workers: tuple[str, ...] | None = None
    now: bool = False


class Explain(Request):
    """Asks what is known of the worker to which the process ``pid`` belongs.

    ``since``: the ``at`` of an earlier answer; then the answer tells which agents have spoken after it.
    """

    pid: int
    since: float | None = None


class Watch(Request):
    """Asks for the state and its changes until either side closes; ``log``: lines of output, too."""

    log: bool = False


class Call(Frozen):
    """A request as it came: ``id`` goes back with its answer, so that answers may come in another order."""

    request: Request
    id: Id = None


class Verb(Frozen):
    """One row of the table: the word after ``do``, how the request is written, and what docs/control.md says.

    ``example`` is shown there as the request; ``answer`` is Markdown.
    """

    name: str
    shape: Kind
    help: str
    example: Request
    answer: str


def _pid(data: Any, place: str) -> int:
    if type(data) is not int or not 0 < data < 1 << 31:
        raise Malformed(f"{place} must be a process id")
    return data


VERBS = (
    Verb(
        "status",
        record(Status),
        "Tell the whole state.",
        Status(),
        '`{"v": 1, "ok": true, "fleet": {…}, "workers": […]}`',
    ),
    Verb(
        "stop",
        record(Stop, workers=optional(TEXTS), now=FLAG),
        "Stop these workers; without `workers` all of them, and the fleet ends.",
        Stop(("api", "mail.2")),
        '`{"v": 1, "ok": true, "stopping": ["api"], "already": ["mail.2"]}`. Asking again changes nothing, but with '
        '`"now": true` those that are being stopped `already` take the next step of their ladder',
    ),
    Verb(
        "explain",
        record(Explain, pid=Kind(int, _pid), since=optional(NUMBER)),
        "Tell what is known of the worker to which a process belongs.",
        Explain(4250),
        '`{"v": 1, "ok": true, "at": s, "fleet": "shop", "worker": {…}, "agent": true, "probed": 2, "answered": [], '
        '"waits": null, "waits_at": null, "chain": [], "said": []}`; `worker` is null when no worker has this '
        "process",
    ),
    Verb(
        "watch",
        record(Watch, log=FLAG),
        "Follow the fleet.",
        Watch(log=True),
        "a stream, until either side closes",
    ),
)
_BY_NAME = {verb.name: verb for verb in VERBS}
_BY_RECORD = {type(verb.example): verb for verb in VERBS}


def verb_of(request: Request) -> Verb:
    """Return the row of the table that a request belongs to."""
    return _BY_RECORD[type(request)]


def encode(request: Request, id: Id = None) -> dict[str, Any]:
    """Return the request as JSON-ready data; a field at its default is left out."""
    verb = verb_of(request)
    written: dict[str, Any] = verb.shape.encode(request)
    head: dict[str, Any] = {"v": VERSION, "do": verb.name} | ({} if id is None else {"id": id})
    defaults = request.__defaults__
    return head | {
        field: value
        for field, value in written.items()
        if field not in defaults or getattr(request, field) != defaults[field]
    }


def identity(data: dict[str, Any]) -> Id:
    """Return the request's id, None when it has none or one that is too long to be sent back."""
    found = data.get("id")
    if type(found) is int and abs(found) < 1 << 63:
        return found
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else None


def parse(data: dict[str, Any]) -> Call:
    """Return what was asked. Raises UsageError, with what to do, for data that is no request."""
    if data.get("v") != VERSION:
        raise UsageError(
            f"this supervisor speaks version {VERSION}", "use the supervisor command that runs the fleet"
        )
    name = data.get("do")
    verb = _BY_NAME.get(name) if isinstance(name, str) else None
    if verb is None:
        raise UsageError(f"there is no request {str(name)[:40]!r}", f"known: {', '.join(_BY_NAME)}")
    try:
        given = {key: value for key, value in data.items() if value is not None}
        return Call(verb.shape.decode(given, ""), identity(data))
    except Malformed as error:
        raise UsageError(f"{verb.name}: {error}", "see docs/control.md") from None


def table() -> str:
    """Return the table of docs/control.md."""
    import json

    rows = ["| request | what it does | answer |", "|---|---|---|"]
    rows += [f"| `{json.dumps(encode(verb.example))}` | {verb.help} | {verb.answer} |" for verb in VERBS]
    return "\n".join(rows) + "\n"
