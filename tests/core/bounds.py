"""When a stop is over at the latest, by the ladder and the time that its worker was given."""

from __future__ import annotations

from typing import Any

INFINITY = float("inf")


def waits(life: Any, rung: int) -> list[float]:
    """The waits of this rung and of those above it, seconds."""
    return [INFINITY if one.wait is None else one.wait for one in life.ladder.rungs[rung:]]


def bound(life: Any, at: float) -> float:
    """The latest instant at which the stop is over, if every Tick from ``at`` on is on time."""
    if life.stopping is None:
        return INFINITY
    first, *above = waits(life, life.stop.standing.rung)
    since = life.stop.hold.until if life.stop.hold else life.stop.standing.since
    return float(max(since + first, life.stop.standing.until or 0.0, at) + sum(above))


def most(life: Any) -> float:
    """Seconds that a worker may be given in all beyond its ladder."""
    grace = life.spec.stop.ladder.grace
    return float(60.0 if grace is None else grace)
