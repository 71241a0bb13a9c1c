"""The report contract: Shutdowns -> the plain data of schema ``supervisor.report/1``, and back. Only ever added to.

The tables at the end are the contract, key by key. A new field of a record is one row there.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.contract.codec import (
    ARGV,
    FLAG,
    MASK,
    NUMBER,
    SIGNAL,
    TEXT,
    TEXTS,
    TIME,
    WHOLE,
    Malformed,
    derived,
    group,
    named,
    one_of,
    optional,
    record,
    seconds,
    several,
)
from supervisor.core.frozen import Frozen
from supervisor.core.record import (
    AgentFacts,
    Begun,
    Climb,
    FailedTry,
    Finding,
    Leftover,
    Link,
    Marks,
    Masks,
    PhaseSpan,
    Ready,
    Rusage,
    Sample,
    Shutdown,
    Stretch,
    Where,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SCHEMA = "supervisor.report/1"


class Origin(Frozen):
    """Who reports. ``started_at`` is RFC 3339 with offset, of the supervisor's start."""

    version: str
    python: str
    started_at: str
    host: str
    fleet: str | None = None
    tag: str | None = None


class Hold(Frozen):
    """Who was last to end, after how many seconds of stopping, and for how many of them nobody else was left."""

    worker: str
    seconds: float
    alone: float


def hold(shutdowns: Sequence[Shutdown]) -> Hold | None:
    """Return which worker held the stop; None when fewer than two workers were asked."""
    # Of the stop that was asked for last: who had ended before it belongs to an earlier one.
    begun = max((one.zero for one in shutdowns if one.requested), default=0.0)
    asked = [one for one in shutdowns if one.requested and one.zero + one.total >= begun]
    ends = sorted((one.zero + one.total, one.title) for one in asked)
    if len(ends) < 2:
        return None
    (before, _), (last, holder) = ends[-2:]
    first = min(one.zero for one in asked)
    return Hold(holder, last - first, last - before)


def document(origin: Origin, shutdowns: Sequence[Shutdown]) -> dict[str, Any]:
    """Return the whole report as JSON-ready data.

    ``hold``: who held the stop of a fleet, null for a single worker. ``start_chain`` and ``stop_chain``: who waited
    for whom, to the worker that was ready last, and that ended last.
    """
    from supervisor.core.contract import chains  # only a report needs it

    held = hold(shutdowns)
    return {
        "schema": SCHEMA,
        "supervisor": ORIGIN.encode(origin),
        "hold": None if held is None else HOLD.encode(held),
        "start_chain": chains.written(chains.start(chains.recorded(shutdowns))),
        "stop_chain": chains.written(chains.stop(shutdowns)),
        "shutdowns": [shutdown(one) for one in shutdowns],
    }


def read(data: object) -> tuple[Origin, tuple[Shutdown, ...]]:
    """Read back what :func:`document` of this, an earlier or a later version wrote. Raises Malformed."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise Malformed(f"it is no report: its schema is not {SCHEMA}")
    origin: Origin = ORIGIN.decode(data.get("supervisor"), "supervisor")
    shutdowns: tuple[Shutdown, ...] = several(SHUTDOWN).decode(data.get("shutdowns"), "shutdowns")
    return origin, shutdowns


def shutdown(one: Shutdown) -> dict[str, Any]:
    """Return one element of ``shutdowns``."""
    encoded: dict[str, Any] = SHUTDOWN.encode(one)
    return encoded


# Each span between the mark at which it begins and the one at which it ends; ``total`` counts from zero.
SPANS = {
    "notice": ("asked", "noticed"),
    "drain": ("noticed", "drained"),
    "cleanup": ("drained", "cleaned"),
    "teardown": ("cleaned", "exited"),
}
TOTAL = "total"


def spans(marks: Marks) -> dict[str, float | None]:
    """Return the seconds between the marks; None where one of the two is unknown. ``total`` counts from zero."""
    found = {name: _between(getattr(marks, start), getattr(marks, end)) for name, (start, end) in SPANS.items()}
    return {**found, TOTAL: _between(0.0, marks.exited)}


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else seconds(max(end - start, 0.0))


def cpu_while_stopping(one: Shutdown) -> float | None:
    """Return the seconds of CPU between the first and the last sample; None when there are not two."""
    if len(one.samples) < 2:
        return None
    return round(one.samples[-1].cpu - one.samples[0].cpu, 6)


def listening(one: Shutdown) -> list[tuple[str, float | None]]:
    """Return (address, first sample at which it was closed); None: open to the last sample."""
    looks = [sample for sample in one.samples if sample.listening is not None]
    addresses = sorted({address for sample in looks for address in sample.listening or ()})
    found: list[tuple[str, float | None]] = []
    for address in addresses:
        last = max(index for index, sample in enumerate(looks) if address in (sample.listening or ()))
        found.append((address, looks[last + 1].at if last + 1 < len(looks) else None))
    return found


def signals(one: Shutdown) -> dict[str, str] | None:
    """Return what the worker did with each signal that was sent to it and can be handled at all."""
    if one.masks is None:
        return None
    masks = one.masks
    sent = dict.fromkeys(climb.signal for climb in one.escalation)
    return {
        signum.name(signal): "blocked" if masks.blocks(signal) else masks.disposition(signal)
        for signal in sent
        if signal not in (signum.KILL, signum.STOP)
    }


# ------------------------------------------------------------------ how each record is written

ORIGIN = record(
    Origin,
    version=TEXT,
    python=TEXT,
    started_at=TEXT,
    host=TEXT,
    fleet=optional(TEXT),
    tag=optional(TEXT),
)
HOLD = record(Hold, worker=TEXT, seconds=TIME, alone=TIME)
CLIMB = record(
    Climb,
    at=TIME,
    signal=SIGNAL,
    target=one_of("main", "group", "leftovers", "systemd"),
    delivered=derived(lambda climb: climb.delivered),
    result=one_of("delivered", "nobody", "not permitted", "could not look"),
    held=TIME,
    user=optional(TEXT),
)
MARKS = record(Marks, **dict.fromkeys(Marks.__match_args__, optional(TIME)))
PHASE = record(PhaseSpan, name=TEXT, start=TIME, end=TIME)
RUSAGE = record(Rusage, cpu_user=NUMBER, cpu_system=NUMBER, max_rss=optional(WHOLE))
LEFTOVER = record(Leftover, pid=WHOLE, argv=ARGV, fate=one_of("ended", "killed", "left"), user=optional(TEXT))
BEGUN = record(
    Begun,
    queued=TIME,
    at=TIME,
    after=optional(TEXT),
    condition=optional(one_of("started", "ready", "completed", "ended")),
)
READY = record(Ready, at=TIME, by=TEXT, waited=TIME)
AGENT = record(
    AgentFacts,
    present=FLAG,
    python=optional(TEXT),
    loop=optional(TEXT),
    dropped=WHOLE,
    reason=optional(TEXT),
)
MASKS = record(Masks, caught=MASK, ignored=MASK, blocked=MASK)
SAMPLE = record(
    Sample,
    at=TIME,
    state=TEXT,
    cpu=TIME,
    threads=WHOLE,
    syscall=optional(TEXT),
    listening=optional(TEXTS),
    connections=optional(WHOLE),
    children=WHOLE,
)
WHERE = record(
    Where,
    file=TEXT,
    line=WHOLE,
    function=TEXT,
    source=optional(TEXT),
    task=optional(TEXT),
    thread=optional(TEXT),
)
FAILED_TRY = record(FailedTry, at=TIME, seen=TEXT, what=optional(TEXT), where=optional(WHERE))
STRETCH = record(
    Stretch,
    seconds=TIME,
    what=derived(lambda stretch: stretch.what),
    where=optional(WHERE),
    kind=TEXT,
    between=optional(TEXTS),
    pid=optional(WHOLE),
    call=optional(TEXT),
)
LINK = record(Link, what=TEXT, where=optional(WHERE), pid=optional(WHOLE))
FINDING = record(
    Finding,
    code=TEXT,
    severity=one_of("error", "warning", "note"),
    seconds=optional(TIME),
    title=TEXT,
    where=optional(WHERE),
    proof=TEXTS,
    advice=TEXT,
    also=TEXTS,
    chain=several(LINK),
)
# What could be seen of any program: signals, samples, when listening sockets closed, connections over time.
OUTSIDE = group(
    signals=derived(signals),
    masks=optional(MASKS),
    cpu_while_stopping=derived(cpu_while_stopping),
    listening=derived(
        lambda one: [
            {"address": address, "closed_at": None if at is None else seconds(at)} for address, at in listening(one)
        ]
    ),
    samples=several(SAMPLE),
)
SHUTDOWN = record(
    Shutdown,
    worker=TEXT,
    instance=WHOLE,
    start=WHOLE,
    pid=WHOLE,
    argv=ARGV,
    asked_by=TEXT,
    asked_by_pid=optional(WHOLE),
    outcome=one_of("clean", "failed", "signalled", "killed", "stuck"),
    exit_code=optional(WHOLE),
    signal=optional(SIGNAL),
    grace=optional(NUMBER),
    requests=WHOLE,
    started=FLAG,
    direct_signal=optional(SIGNAL),
    zero=TIME,
    given_up=optional(TIME),
    escalation=several(CLIMB),
    marks=MARKS,
    spans=derived(lambda one: spans(one.marks)),
    phases=several(PHASE),
    resources=named("rusage", optional(RUSAGE)),
    leftovers=several(LEFTOVER),
    leftovers_known=FLAG,
    begun=optional(BEGUN),
    ready=optional(READY),
    cause=optional(TEXT),
    tries=several(FAILED_TRY),
    after=TEXTS,
    agent=AGENT,
    outside=OUTSIDE,
    critical_path=several(STRETCH),
    findings=several(FINDING),
)
