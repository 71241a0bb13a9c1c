"""Who waited for whom when a fleet started, and when it stopped: the workers on the critical path, in order. Pure."""

from __future__ import annotations

from supervisor.core.contract.codec import TEXT, TIME, optional, record
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from supervisor.core.record import Shutdown

# Seconds by which two instants of one moment may differ, as they are rounded in a report. With more, a stop that was
# asked for out of order would count as one that had waited.
SAME = 0.01


class Step(Frozen):
    """One worker on the way. ``at`` is seconds since the start, or the stop, of the fleet was asked for.

    ``seconds`` is how long whoever came next had to wait for it; ``condition`` what had to be true of it.
    """

    worker: str
    at: float
    seconds: float
    condition: str | None = None


STEP = record(Step, worker=TEXT, at=TIME, seconds=TIME, condition=optional(TEXT))


def written(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the steps as a report has them."""
    return [STEP.encode(step) for step in steps]


class Began(Frozen):
    """The start of one worker: when it was asked for, when it began, after whom, and when it was ready (or ended)."""

    worker: str
    queued: float
    at: float
    over: float | None
    after: str | None = None
    condition: str | None = None


def seen(workers: Iterable[Mapping[str, Any]]) -> list[Began]:
    """Return the same, read back from the workers' views (state.py); nothing where another version wrote them."""
    found: list[Began] = []
    for one in workers:
        start, ready = one.get("start"), one.get("ready")
        if isinstance(start, dict) and isinstance(start.get("begun"), int | float):
            over = ready["at"] if isinstance(ready, dict) else None
            found.append(
                Began(one["title"], start["queued"], start["begun"], over, start["after"], start["condition"])
            )
    return found


def recorded(shutdowns: Sequence[Shutdown]) -> list[Began]:
    """Return the first starts of the workers of which a record tells."""
    return [
        Began(
            one.title,
            one.begun.queued,
            one.begun.at,
            one.ready.at if one.ready is not None else None,
            one.begun.after,
            one.begun.condition,
        )
        for one in shutdowns
        if one.start == 1 and one.begun is not None
    ]


def start(began: Sequence[Began]) -> tuple[Step, ...]:
    """Return the way to the worker that was ready last, of those that were asked for together; empty for none."""
    first = min((one.queued for one in began), default=0.0)
    together = {one.worker: one for one in began if one.queued == first}
    ready = [(one.over, one.worker) for one in together.values() if one.over is not None]
    if not ready:
        return ()
    until, name = max(ready)
    condition: str | None = None
    steps: list[Step] = []
    following: str | None = name
    while following is not None and following in together:
        one = together.pop(following)
        steps.append(Step(one.worker, one.at - first, max(until - one.at, 0.0), condition))
        until, following, condition = one.at, one.after, one.condition
    return tuple(reversed(steps))


def stop(shutdowns: Sequence[Shutdown]) -> tuple[Step, ...]:
    """Return the way to the worker that ended last, of those whose stop waited for others.

    Empty where none did, and where one was asked out of order: it did not wait until those before it had ended.
    """
    asked = {one.title: one for one in shutdowns if one.requested}
    if not any(one.after for one in asked.values()):
        return ()
    one = max(asked.values(), key=_end)
    way = [one]
    while before := [asked[title] for title in one.after if title in asked and asked[title] not in way]:
        following, one = one, max(before, key=_end)
        if following.zero < _end(one) - SAME:
            return ()
        way.append(one)
    first = way[-1].zero
    return tuple(Step(one.title, one.zero - first, one.total) for one in reversed(way))


def _end(one: Shutdown) -> float:
    return one.zero + one.total
