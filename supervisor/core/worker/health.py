"""Whether a worker that is ready still answers: it is asked again and again, or has to tell in time (a watchdog)."""

from __future__ import annotations

from supervisor.core.actions import Locate, Note, Try
from supervisor.core.record import FailedTry
from supervisor.core.worker import escalation
from supervisor.core.worker.life import Health, Life

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.events import Tried
    from supervisor.core.worker.escalation import Step


def begin(life: Life, at: float) -> Life:
    """Let a worker that is ready have to answer from now on."""
    spec = life.spec.liveness
    if spec is None:
        return life
    first = at + (spec.start_after or spec.interval)
    return life.with_(health=Health(spec.interval, first + (spec.interval if spec.told else 0.0)))


def due(life: Life, at: float) -> Step:
    """Ask it; or take in that it has not told in time."""
    spec, health = life.spec.liveness, life.health
    assert spec is not None
    assert health is not None
    if spec.told:
        return failed(life, at, f"no WATCHDOG=1 for {health.every:g} s")
    life = life.with_(health=health.with_(next_try=None, began=at))
    return life, (Try(life.id, "liveness", spec.check, spec.try_timeout),)


def tried(life: Life, event: Tried) -> Step:
    """Take the answer of a try in: one yes makes good all that failed before."""
    health = life.health
    if life.state != "running" or health is None or health.next_try is not None:
        return life, ()
    if event.unknown:
        again = max(health.began + health.every, event.at)
        note = Note(f"{life.spec.title}: could not ask whether it answers: {event.seen}", verbose=True)
        return life.with_(health=health.with_(next_try=again)), (note,)
    if not event.ok:
        return failed(life, event.at, event.seen)
    again = max(health.began + health.every, event.at)
    return life.with_(health=health.with_(next_try=again, answered=True, failed=())), ()


def pinged(life: Life, at: float) -> Life:
    """Take in that WATCHDOG=1 has come."""
    health = life.health
    if life.state != "running" or health is None or health.next_try is None:
        return life
    return life.with_(health=health.with_(next_try=at + health.every, answered=True, failed=()))


def every(life: Life, at: float, seconds: float) -> Life:
    """Let WATCHDOG=1 have to come each so many seconds from here on; 0: not any more."""
    health = life.health
    if health is None:
        return life
    return life.with_(health=health.with_(every=seconds, next_try=at + seconds if seconds else None))


def failed(life: Life, at: float, seen: str, *, final: bool = False) -> Step:
    """Take in that it has not answered: its agents are asked where it is. Too often (or ``final``): it is stopped."""
    spec, health = life.spec.liveness, life.health
    if life.state != "running" or spec is None or health is None:
        return life, ()
    tries = (*health.failed, FailedTry(at, seen))
    again = at + health.every if spec.told else max(health.began + health.every, at)
    life = life.with_(health=health.with_(next_try=again, failed=tries))
    located = (Locate(life.id),) if life.agent else ()
    if len(tries) < spec.failures and not final:
        return life, located
    by = "watchdog" if spec.told else "liveness"
    life, actions = escalation.give_up(life, at, by, _cause(spec.check.shown, tries), tries)
    return life, (*located, *actions)


def _cause(check: str, tries: tuple[FailedTry, ...]) -> str:
    """Say in words what has failed, as in ``http 127.0.0.1:80/live did not answer 3 times in 20 s: HTTP 503``."""
    seen = tries[-1].seen
    if len(tries) == 1:
        return f"{check}: {seen}"
    return f"{check} did not answer {len(tries)} times in {tries[-1].at - tries[0].at:.3g} s: {seen}"
