"""The report contract: Shutdowns -> the plain data of schema ``supervisor.report/1``. Only ever added to."""

from __future__ import annotations

from supervisor.core import redact, signum
from supervisor.core.frozen import Frozen
from supervisor.core.record import Finding, Marks, Masks, Shutdown, Where

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
    """Who held the stop; None when fewer than two workers were asked."""
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
    """The whole report as JSON-ready data. ``hold``: who held the stop of a fleet, null for a single worker."""
    held = hold(shutdowns)
    return {
        "schema": SCHEMA,
        "supervisor": {field: getattr(origin, field) for field in origin.__match_args__},
        "hold": None
        if held is None
        else {"worker": held.worker, "seconds": _time(held.seconds), "alone": _time(held.alone)},
        "shutdowns": [shutdown(one) for one in shutdowns],
    }


def shutdown(one: Shutdown) -> dict[str, Any]:
    """One element of ``shutdowns``."""
    return {
        "worker": one.worker,
        "instance": one.instance,
        "start": one.start,
        "pid": one.pid,
        "argv": list(redact.argv(one.argv)),
        "asked_by": one.asked_by,
        "asked_by_pid": one.asked_by_pid,
        "outcome": one.outcome,
        "exit_code": one.exit_code,
        "signal": signum.name(one.signal) if one.signal is not None else None,
        "grace": one.grace,
        "requests": one.requests,
        "started": one.started,
        "direct_signal": signum.name(one.direct_signal) if one.direct_signal is not None else None,
        "escalation": [
            {
                "at": _time(climb.at),
                "signal": signum.name(climb.signal),
                "target": climb.target,
                "delivered": climb.delivered,
            }
            for climb in one.escalation
        ],
        "marks": {field: _time(getattr(one.marks, field)) for field in one.marks.__match_args__},
        "spans": spans(one.marks),
        "phases": [{"name": part.name, "start": _time(part.start), "end": _time(part.end)} for part in one.phases],
        "resources": None
        if one.rusage is None
        else {
            "cpu_user": one.rusage.cpu_user,
            "cpu_system": one.rusage.cpu_system,
            "max_rss": one.rusage.max_rss,
        },
        "leftovers": [
            {"pid": left.pid, "argv": list(redact.argv(left.argv)), "fate": left.fate} for left in one.leftovers
        ],
        "agent": {field: getattr(one.agent, field) for field in one.agent.__match_args__},
        "outside": outside(one),
        "critical_path": [
            {"seconds": _time(part.seconds), "what": part.what, "where": _where(part.where)}
            for part in one.critical_path
        ],
        "findings": [_finding(found) for found in one.findings],
    }


def spans(marks: Marks) -> dict[str, float | None]:
    """Seconds between the marks; None where one of the two is unknown. ``total`` counts from zero."""
    pairs = {
        "notice": (marks.asked, marks.noticed),
        "drain": (marks.noticed, marks.drained),
        "cleanup": (marks.drained, marks.cleaned),
        "teardown": (marks.cleaned, marks.exited),
        "total": (0.0, marks.exited),
    }
    return {
        name: None if start is None or end is None else _time(max(end - start, 0.0))
        for name, (start, end) in pairs.items()
    }


def outside(one: Shutdown) -> dict[str, Any]:
    """What could be seen of any program: signals, samples, when listening sockets closed, connections over time."""
    return {
        "signals": _masks(one.masks, [climb.signal for climb in one.escalation]),
        "cpu_while_stopping": cpu_while_stopping(one),
        "listening": [{"address": address, "closed_at": _time(at)} for address, at in listening(one)],
        "samples": [
            {
                "at": _time(sample.at),
                "state": sample.state,
                "cpu": _time(sample.cpu),
                "threads": sample.threads,
                "syscall": sample.syscall,
                "connections": sample.connections,
                "children": sample.children,
            }
            for sample in one.samples
        ],
    }


def cpu_while_stopping(one: Shutdown) -> float | None:
    """Seconds of CPU between the first and the last sample; None when there are not two."""
    if len(one.samples) < 2:
        return None
    return round(one.samples[-1].cpu - one.samples[0].cpu, 6)


def listening(one: Shutdown) -> list[tuple[str, float | None]]:
    """(address, first sample at which it was closed); None: open to the last sample."""
    looks = [sample for sample in one.samples if sample.listening is not None]
    addresses = sorted({address for sample in looks for address in sample.listening or ()})
    found: list[tuple[str, float | None]] = []
    for address in addresses:
        last = max(index for index, sample in enumerate(looks) if address in (sample.listening or ()))
        found.append((address, looks[last + 1].at if last + 1 < len(looks) else None))
    return found


def _masks(masks: Masks | None, sent: list[int]) -> dict[str, str] | None:
    if masks is None:
        return None
    asked = [signal for signal in dict.fromkeys(sent) if signal not in (signum.KILL, signum.STOP)]
    return {signum.name(signal): "blocked" if masks.blocks(signal) else masks.disposition(signal) for signal in asked}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": found.severity,
        "seconds": _time(found.seconds),
        "title": found.title,
        "where": _where(found.where),
        "proof": list(found.proof),
        "advice": found.advice,
        "also": list(found.also),
    }


def _where(where: Where | None) -> dict[str, Any] | None:
    return None if where is None else {field: getattr(where, field) for field in where.__match_args__}


def _time(seconds: float | None) -> float | None:
    """Microseconds are what the clocks are worth; more digits would only look exact."""
    return None if seconds is None else round(seconds, 6)
