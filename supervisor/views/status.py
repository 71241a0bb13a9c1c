"""The table of `supervisor status`. Pure; ``now`` is CLOCK_MONOTONIC seconds."""

from __future__ import annotations

from supervisor.core.contract.state import chain
from supervisor.core.units import duration
from supervisor.core.visible import shown
from supervisor.views import finding, starting, words
from supervisor.views.layout import UNBOUNDED, hanging, middle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# Columns that a name has at least; of a longer one the middle is left out.
LEAST_NAME = 16


def table(state: dict[str, Any], now: float, width: int | None = 80) -> str:
    """Return a row for each worker, ending in a newline: name, phase, pid, age, starts, what it is doing.

    Below a stopping worker stands who waits for whom. No line has more than ``width`` columns; None: each worker has
    one row, however long, for those who read it with a program.
    """
    state = shown(state)
    rows: list[tuple[str, ...]] = [("worker", "phase", "pid", "for", "starts", "")]
    rows += [_row(worker, now) for worker in state["workers"]]
    if width is not None:
        rows = [(middle(row[0], max(width // 4, LEAST_NAME)), *row[1:]) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines: list[str] = []
    for row, worker in zip(rows, ({}, *state["workers"]), strict=True):
        cells = "  ".join(f"{cell:<{wide}}" for cell, wide in zip(row, widths, strict=False)) + "  "
        lines += [f"{cells}{row[5]}".rstrip()] if width is None else hanging(cells, row[5], width)
        lines += finding.ladder(chain(worker), width or UNBOUNDED, indent="    ") if worker.get("stop") else []
    return "\n".join(lines) + "\n"


def _row(worker: dict[str, Any], now: float) -> tuple[str, str, str, str, str, str]:
    age = duration(now - worker["since"]) if worker["since"] is not None else ""
    return (
        worker["title"],
        worker["phase"],
        str(worker["pid"] or "-"),
        age,
        str(worker["starts"]),
        _doing(worker, now),
    )


def _doing(worker: dict[str, Any], now: float) -> str:
    stop = worker["stop"]
    if stop is not None:
        text = f"{stop['signal']} {duration(max(now - stop['since'], 0))} ago"
        if worker["waits"]:
            text += f", {worker['waits']}"
        if stop["next_at"] is not None and stop["next_signal"]:
            text += f", {stop['next_signal']} in {duration(max(stop['next_at'] - now, 0))}"
        return text
    now_at = starting.standing(worker, now)
    if now_at:
        return now_at
    if (worker.get("healthy_at") or 0.0) > now:
        return "running again after a failure"
    if worker["restart_at"] is not None:
        return f"starts again in {duration(max(worker['restart_at'] - now, 0))}"
    if worker.get("started") is False:  # a supervisor from before an upgrade does not tell
        return f"could not be started ({worker['exit_code']})"
    told = words.said(worker.get("status_text"), worker.get("errno"), worker.get("reloading"))
    also = f": {told}" if told else ""
    if worker["signal"] is not None:
        return f"died of {worker['signal']}{also}"
    if worker["exit_code"] is not None:
        return f"exited with {worker['exit_code']}{also}"
    return told
