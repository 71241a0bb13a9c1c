"""The table of `supervisor status`. Pure; ``now`` is CLOCK_MONOTONIC seconds."""

from __future__ import annotations

from supervisor.core.units import duration
from supervisor.core.visible import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def table(state: dict[str, Any], now: float) -> str:
    """Return a row for each worker: name, phase, pid, age, starts, what it is doing; ending in a newline."""
    state = shown(state)
    rows = [("worker", "phase", "pid", "for", "starts", "")]
    rows += [_row(worker, now) for worker in state["workers"]]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + f"  {row[5]}"
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


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
    if worker["restart_at"] is not None:
        return f"starts again in {duration(max(worker['restart_at'] - now, 0))}"
    if worker.get("started") is False:  # a supervisor from before an upgrade does not tell
        return f"could not be started ({worker['exit_code']})"
    if worker["signal"] is not None:
        return f"died of {worker['signal']}"
    if worker["exit_code"] is not None:
        return f"exited with {worker['exit_code']}"
    return ""
