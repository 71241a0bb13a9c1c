"""A fleet as others see it: plain data for `status --json`, the dashboard and the control socket. Pure.

Instants are CLOCK_MONOTONIC seconds of this machine, so that a client on it can show ages without asking again.
Fields are only ever added.
"""

from __future__ import annotations

from supervisor.core import redact, signum
from supervisor.core.contract import chains, report
from supervisor.core.contract.codec import Malformed
from supervisor.core.contract.report import LINK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.core.fleet.state import Fleet
    from supervisor.core.record import Link, Waiting
    from supervisor.core.worker.life import Life, Stop

VERSION = 1


def fleet_view(fleet: Fleet) -> dict[str, Any]:
    """Return the head of a view: everything but the workers."""
    return {
        "name": fleet.spec.name,
        "want": fleet.want,
        "asked": fleet.asked,
        "limit": fleet.spec.limit,
        "next_kill": next_kill(fleet),
        "workers": len(fleet.lives),
    }


def waits(waiting: Waiting | None) -> dict[str, Any]:
    """Return what a stopping worker waits for; nothing is known: null, and no chain."""
    if waiting is None:
        return {"waits": None, "waits_at": None, "chain": []}
    chain = [LINK.encode(link) for link in waiting.chain]
    return {"waits": waiting.phrase, "waits_at": waiting.at, "chain": chain}


def chain(view: Mapping[str, Any]) -> tuple[Link, ...]:
    """Return who waits for whom, read back from a worker's view; nothing where another version wrote it."""
    try:
        return tuple(LINK.decode(link, "chain") for link in view.get("chain") or ())
    except Malformed:
        return ()


def worker_view(fleet: Fleet, life: Life, index: int, waiting: Waiting | None = None) -> dict[str, Any]:
    """Return one worker as the state shows it.

    ``index`` is its place in the order of display, ``waiting`` what a stopping worker waits for, if its agent
    knows.
    """
    return {
        "index": index,
        "id": life.id,
        "worker": life.spec.name,
        "instance": life.spec.instance,
        "title": life.spec.title,
        "want": "down" if fleet.want == "down" or life.requested or not life.attempts.wanted else "up",
        "phase": life.phase,
        "pid": life.pid,
        "argv": list(redact.argv(life.spec.exec.argv)),
        "since": life.since,
        "starts": life.start,
        "restart_at": life.attempts.due,
        "stop": _stop(life),
        **waits(waiting),
        "outcome": life.outcome,
        "as_wanted": life.as_wanted,
        "started": life.failure is None,
        "exit_code": life.failure.code if life.failure else life.death.code if life.death else None,
        "signal": signum.name(life.death.signal) if life.death and life.death.signal is not None else None,
        "ended": life.ended,
        "took": _took(life),
        "healthy_at": _healthy_at(life),
        "start": _start(life),
        "ready": None if life.ready is None else report.READY.encode(life.ready),
        "trying": _trying(life),
        "health": _health(life),
        "waits_for": _waits_for(fleet, life),
        "missing": life.missing,
        "status_text": life.notice.status if life.notice else None,
        "reloading": life.notice.reloading if life.notice else None,
        "errno": life.notice.errno if life.notice else None,
    }


def starts(fleet: Fleet) -> list[chains.Began]:
    """Return the present starts of a fleet's workers."""
    return [
        chains.Began(
            life.spec.title,
            life.begun.queued,
            life.begun.at,
            life.ready.at if life.ready is not None else None,
            life.begun.after,
            life.begun.condition,
        )
        for life in fleet.lives.values()
        if life.begun is not None
    ]


def troubled(worker: dict[str, Any]) -> bool:
    """Tell whether a worker that is wanted up is in backoff, failed, stuck or skipped, or ended other than as wanted.

    One that has done its work, is being stopped or was stopped by a command is no trouble.
    """
    bad = worker["phase"] in ("backoff", "failed", "stuck", "skipped") or worker.get("as_wanted") is False
    return worker["want"] == "up" and bad


def next_kill(fleet: Fleet) -> float | None:
    """Return the latest instant at which SIGKILL will have gone to all that stop; None when some never get it."""
    limit = fleet.asked + fleet.spec.limit if fleet.asked is not None and fleet.spec.limit is not None else None
    due: list[float] = []
    for life in fleet.lives.values():
        if life.stopping is None or life.killed is not None:
            continue
        own = _kill_at(life, life.stopping)
        known = [at for at in (own, limit) if at is not None]
        if not known:
            return None
        due.append(min(known))
    return max(due, default=None)


def _kill_at(life: Life, stop: Stop) -> float | None:
    """Return when the ladder reaches SIGKILL: the waits of the standing rung and of those above it are what is
    left.
    """
    at = life.next_rung_at
    if at is None or life.ladder.grace is None:
        return None
    above = life.ladder.rungs[stop.standing.rung + 1 :]
    return at + sum(rung.wait or 0.0 for rung in above if rung.signal != signum.KILL)


def _healthy_at(life: Life) -> float | None:
    """Return from when on a worker that runs again after a failure counts as healthy; None for one that has not
    failed.
    """
    if life.phase != "running" or not life.attempts.count or life.ready is None:
        return None
    return life.ready.at + life.spec.restart.stable


def _start(life: Life) -> dict[str, Any] | None:
    """Return how its present start came about; None before the first one."""
    begun = life.begun
    if begun is None:
        return None
    return {"queued": begun.queued, "begun": begun.at, "after": begun.after, "condition": begun.condition}


def _trying(life: Life) -> dict[str, Any] | None:
    """Return how the check of a start stands that is not ready yet: what it saw last, until when it may say no."""
    if life.readying is None or life.spec.ready is None or life.phase != "starting":
        return None
    return {"check": life.spec.ready.check.shown, "seen": life.readying.seen, "until": life.readying.until}


def _health(life: Life) -> dict[str, Any] | None:
    """Return whether it answers; None where nobody asks."""
    if life.spec.liveness is None:
        return None
    health = life.health
    failed = health.failed if health is not None else ()
    state = "unhealthy" if failed else "healthy" if health is not None and health.answered else "unknown"
    return {"state": state, "failures": len(failed), "seen": failed[-1].seen if failed else None}


def _waits_for(fleet: Fleet, life: Life) -> list[str]:
    """Return the titles of those that its start, or its stop, waits for."""
    if life.awaits is not None:
        return list(life.awaits.after)
    if life.state != "waiting" or life.queued is None or fleet.order is None:
        return []
    from supervisor.core.fleet import order

    return [fleet.lives[other].spec.title for other in order.verdict(fleet.order, fleet.lives, life.id).waits_for]


def _took(life: Life) -> float | None:
    """Return the seconds from the first stop signal to the end, the record's total; None while it runs, or ended
    unasked.
    """
    if life.ended is None or life.stop is None or life.stop.asked is None:
        return None
    return max(life.ended - life.stop.asked, 0.0)


def _stop(life: Life) -> dict[str, Any] | None:
    if life.stop is None or life.outcome is not None:
        return None
    following = life.following
    sent = life.sent[-1].signal if life.sent else life.rung.signal if life.rung else None
    return {
        "by": life.stop.by,
        "asked": life.stop.asked,
        "signal": signum.name(sent) if sent is not None else None,
        "since": life.stop.standing.since,
        "next_at": life.next_rung_at,
        "next_signal": signum.name(following.signal) if following else None,
        "leftovers": len(life.leftovers.alive) if life.death is not None else 0,
    }
