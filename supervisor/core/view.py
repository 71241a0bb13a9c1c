"""A fleet as others see it: plain data for `status --json`, the dashboard and the control socket. Pure.

Instants are CLOCK_MONOTONIC seconds of this machine, so that a client on it can show ages without asking again.
Fields are only ever added.
"""

from __future__ import annotations

from supervisor.core import redact, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.core.fleet import Fleet
    from supervisor.core.life import Life

VERSION = 1


def fleet_view(fleet: Fleet) -> dict[str, Any]:
    """The head of a view: everything but the workers."""
    return {
        "name": fleet.spec.name,
        "want": fleet.want,
        "asked": fleet.asked,
        "limit": fleet.spec.limit,
        "next_kill": next_kill(fleet),
        "workers": len(fleet.lives),
    }


def worker_view(fleet: Fleet, life: Life, waits: str | None = None) -> dict[str, Any]:
    """One worker. ``waits`` says what a stopping worker is being waited for, if the agent knows."""
    attempts = fleet.attempts[life.index]
    return {
        "index": life.index,
        "worker": life.spec.name,
        "instance": life.spec.instance,
        "title": life.spec.title,
        "want": "down" if fleet.want == "down" or _asked(life) else "up",
        "phase": life.phase,
        "pid": life.pid,
        "argv": list(redact.argv(life.spec.exec.argv)),
        "since": life.since,
        "starts": life.start,
        "restart_at": attempts.due,
        "stop": _stop(life),
        "waits": waits,
        "outcome": life.outcome,
        "exit_code": life.death.code if life.death else None,
        "signal": signals.name(life.death.signal) if life.death and life.death.signal is not None else None,
        "ended": life.ended,
    }


def next_kill(fleet: Fleet) -> float | None:
    """The latest instant at which SIGKILL will have gone to all that stop; None when some never get it."""
    due: list[float] = []
    for life in fleet.lives:
        if life.alive and life.stop is not None and life.killed is None:
            grace = life.spec.stop.ladder.grace
            if grace is None:
                return None
            # The rungs above the standing one: their waits add up to what is left.
            passed = sum(rung.wait or 0.0 for rung in life.spec.stop.ladder.rungs[: life.stop.rung])
            due.append(life.stop.since + grace - passed)
    limit = fleet.asked + fleet.spec.limit if fleet.asked is not None and fleet.spec.limit is not None else None
    latest = max(due, default=None)
    return latest if limit is None or latest is None else min(latest, limit)


def _asked(life: Life) -> bool:
    return life.stop is not None and life.stop.asked is not None


def _stop(life: Life) -> dict[str, Any] | None:
    if life.stop is None or life.outcome is not None:
        return None
    following = life.following
    return {
        "by": life.stop.by,
        "asked": life.stop.asked,
        "signal": signals.name(life.rung.signal) if life.rung else None,
        "since": life.stop.since,
        "next_at": life.next_rung_at,
        "next_signal": signals.name(following.signal) if following else None,
        "leftovers": len(life.left) if life.death is not None else 0,
    }
