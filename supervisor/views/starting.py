"""How a fleet has started: what each worker waits for or tries, and afterwards who waited for whom. Pure."""

from __future__ import annotations

from supervisor.core.contract import chains
from supervisor.core.units import duration, instant
from supervisor.core.visible import shown
from supervisor.views.layout import middle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Names that are told of those that are waited for.
MOST_NAMES = 3
LEAST_NAME = 16


def standing(worker: Mapping[str, Any], now: float) -> str:
    """Return what a worker waits for, tries or fails to answer; empty for one that simply runs, or is stopped."""
    waits, trying, health = worker.get("waits_for"), worker.get("trying"), worker.get("health")
    if waits and worker.get("phase") == "waiting":
        return f"waits for {names(waits)}"
    if waits:
        return f"asked to stop, after {names(waits)}"
    if trying:
        seen = trying["seen"] or ("no such line yet" if trying["check"].startswith("log ") else "no answer yet")
        return f"not ready, {duration(max(trying['until'] - now, 0.0))} left: {trying['check']}: {seen}"
    if worker.get("phase") == "skipped":
        return f"not started: {worker.get('missing') or 'what it needs has failed'}"
    if health and health["state"] == "unhealthy" and worker.get("phase") == "running":
        times = "once" if health["failures"] == 1 else f"{health['failures']} times"
        return f"did not answer {times}: {health['seen']}"
    return ""


def names(titles: Sequence[str]) -> str:
    """Return some titles as they are told: ``db, cache, mq and 4 more``."""
    rest = len(titles) - MOST_NAMES
    return ", ".join(titles[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def chain(steps: Sequence[chains.Step]) -> str:
    """Return who waited for whom, and how long: ``db 8.00 s -> api 4.20 s``."""
    return " -> ".join(f"{step.worker} {duration(step.seconds)}" for step in steps)


def took(steps: Sequence[chains.Step]) -> float:
    """Return the seconds of the whole way."""
    return steps[-1].at + steps[-1].seconds if steps else 0.0


def said(steps: Sequence[chains.Step], what: str) -> str:
    """Return the way in a sentence: ``started in 12.2 s: db 8.00 s -> api 4.20 s``; empty for no way."""
    return f"{what} in {duration(took(steps))}: {chain(steps)}" if steps else ""


def table(state: Mapping[str, Any], width: int | None) -> str:
    """Return a row for each worker, ending in a newline: when its start began, after whom, when it was ready and how.

    ``state`` is what `status` gets. Instants count from when the start of the first was asked for.
    """
    state = shown(dict(state))
    began = chains.seen(state["workers"])
    first = min((one.queued for one in began), default=0.0)
    rows = [("worker", "began at", "after", "ready at", "took", "by")]
    for worker in state["workers"]:
        rows.append(_row(worker, first))
    if width is not None:
        rows = [(middle(row[0], max(width // 4, LEAST_NAME)), *row[1:]) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(f"{cell:<{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows]
    way = said(chains.start(began), "ready")
    return "\n".join([*lines, *([way] if way else [])]) + "\n"


def _row(worker: Mapping[str, Any], first: float) -> tuple[str, str, str, str, str, str]:
    start, ready = worker.get("start"), worker.get("ready")
    if not start:
        return worker["title"], "-", "", worker["phase"], "", standing(worker, first)
    after = f"{start['after']} {start['condition']}" if start["after"] else "-"
    began = instant(max(start["begun"] - first, 0.0))
    if not ready:
        return worker["title"], began, after, worker["phase"], "", standing(worker, first)
    took = ready["at"] - start["begun"]
    return worker["title"], began, after, duration(ready["at"] - first), duration(took), ready["by"]
