"""Records the ends of a run in the history: what is stored of each, and what is left out."""

from __future__ import annotations

import os
import time

from supervisor.core import redact
from supervisor.core.contract import report
from supervisor.core.frozen import Frozen
from supervisor.errors import HistoryError
from supervisor.system.history import place
from supervisor.system.history.store import Row, Store
from supervisor.system.origin import origin
from supervisor.system.output import sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    from supervisor.core.record import Finding, Shutdown
    from supervisor.runs.plan import Keeping, Voice
    from supervisor.system.output.patience import Patience

    Kind: TypeAlias = Literal["run", "up", "drill"]


class Recorded(Frozen):
    """The numbers that runs were recorded under, or why they were not (``note``, empty where none was wanted)."""

    numbers: tuple[int, ...] = ()
    note: str = ""


def record(
    keeping: Keeping,
    ends: Sequence[Shutdown],
    kind: Kind,
    *,
    fleet: str | None = None,
    ready: Mapping[int, float] | None = None,
    drill: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Recorded:
    """Record the ends of workers, all in one transaction. Raises nothing: what goes wrong is the note.

    ``ready``: seconds until a worker was ready, by the place of its end in ``ends``. ``drill``: what the runs of one
    drill have in common.
    """
    if keeping.path == place.OFF or not ends:
        return Recorded()
    try:
        store = Store(place.prepared(keeping.path or place.default(environ)), write=True)
    except place.NoPlace as error:
        return Recorded(note=f"not recorded in the history: {error}")
    except HistoryError as error:
        return Recorded(note=f"not recorded in the history: {error.message}")
    head = report.ORIGIN.encode(origin(fleet).with_(tag=keeping.tag))
    now, clock = time.time(), time.monotonic()
    rows = [
        _row(one, head, kind, keeping, now - clock + one.zero, (ready or {}).get(number), drill)
        for number, one in enumerate(ends)
    ]
    try:
        numbers = store.add(rows)
        store.prune()
    except HistoryError as error:
        return Recorded(note=f"not recorded in the history: {error.message}")
    finally:
        store.close()
    return Recorded(tuple(numbers))


def said(recorded: Recorded) -> str:
    """Return what to tell of it; empty where no history was wanted."""
    if not recorded.numbers:
        return recorded.note
    first, last = recorded.numbers[0], recorded.numbers[-1]
    return f"recorded as {first}" if first == last else f"recorded as {first} to {last}"


def keep(
    keeping: Keeping,
    shutdowns: Sequence[Shutdown],
    kind: Kind,
    voice: Voice,
    patience: Patience,
    fleet: str | None = None,
) -> None:
    """Record the ends after all was told; say what went wrong, and with --verbose the numbers."""
    kept = record(keeping, shutdowns, kind, fleet=fleet)
    if (kept.note and not voice.quiet) or voice.verbose:
        sink.say(f"supervisor: {said(kept)}\n", 2, patience)


def _row(
    one: Shutdown,
    head: dict[str, Any],
    kind: Kind,
    keeping: Keeping,
    at: float,
    ready: float | None,
    drill: str | None,
) -> Row:
    """Return what is stored of an end: no environment, no output, no secret, no source line from elsewhere."""
    data = _without_sources(report.shutdown(one), _folder() if keeping.sources else None)
    values = {
        "at": round(at, 6),
        "kind": kind,
        "fleet": head["fleet"],
        "worker": one.worker,
        "instance": one.instance,
        "start": one.start,
        "tag": keeping.tag,
        "host": head["host"],
        "argv_redacted": "\0".join(redact.argv(one.argv)),
        "outcome": one.outcome,
        "exit": one.exit_code,
        "signal": one.signal,
        "asked_by": one.asked_by,
        "ready_after": ready,
        "drill_id": drill,
        **report.spans(one.marks),
        "total": one.total,
    }
    document = {"schema": report.SCHEMA, "supervisor": head, "hold": None, "shutdowns": [data]}
    return Row(values, tuple(_finding(finding) for finding in one.findings), document)


def _folder() -> str | None:
    """Return the folder that we are in; None when it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _finding(one: Finding) -> dict[str, Any]:
    where = one.where
    return {
        "code": one.code,
        "severity": one.severity,
        "seconds": one.seconds,
        "file": where.file if where else None,
        "line": where.line if where else None,
        "function": where.function if where else None,
        "chain": "\n".join(link.what for link in one.chain),
    }


def _without_sources(data: Any, folder: str | None) -> Any:
    """Return a copy of a report's data without the source lines of files outside ``folder``; None: without any."""
    if isinstance(data, list):
        return [_without_sources(one, folder) for one in data]
    if not isinstance(data, dict):
        return data
    found = {key: _without_sources(value, folder) for key, value in data.items()}
    if "source" in found and "file" in found:
        inside = folder is not None and os.path.abspath(str(found["file"])).startswith(folder.rstrip("/") + "/")
        found["source"] = found["source"] if inside else None
    return found
