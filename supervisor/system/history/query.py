"""A selection of runs as the condition of a query. The values are bound, never written into it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.core.selection import Selection


def condition(chosen: Selection, now: float) -> tuple[str, list[Any], int]:
    """Return (condition, its values, how many at most; -1 for all). ``now``: seconds since 1970."""
    parts: list[str] = []
    values: list[Any] = []
    if chosen.id is not None:
        parts.append("id = ?")
        values.append(chosen.id)
    for column, wanted in (
        ("fleet", chosen.fleet), ("tag", chosen.tag), ("kind", chosen.kind), ("outcome", chosen.outcome),
        ("drill_id", chosen.drill), ("host", chosen.host),
    ):  # fmt: skip
        if wanted is not None:
            parts.append(f"{column} = ?")
            values.append(wanted)
    if chosen.worker is not None:
        name, _, instance = chosen.worker.rpartition(".")
        if name and instance.isascii() and instance.isdecimal() and len(instance) <= 6:
            parts.append("(worker = ? OR (worker = ? AND instance = ?))")
            values += [chosen.worker, name, int(instance)]
        else:
            parts.append("worker = ?")
            values.append(chosen.worker)
    if chosen.since is not None:
        parts.append("at >= ?")
        values.append(now - chosen.since)
    if chosen.before is not None:
        parts.append("at < ?")
        values.append(now - chosen.before)
    return " AND ".join(parts) or "1", values, -1 if chosen.last is None else chosen.last
