"""What the end of a worker means: a report, perhaps a restart, perhaps the end of the others, our exit status."""

from __future__ import annotations

from supervisor.core.actions import Note, Report
from supervisor.core.events import StopAsked
from supervisor.core.fleet import requests
from supervisor.core.fleet.state import Ending
from supervisor.core.worker.life import Death
from supervisor.core.worker.restart import after_end
from supervisor.core.worker.step import shutdown
from supervisor.core.worker.step import step as life_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.events import Reaped, StartFailed
    from supervisor.core.fleet.state import Turn
    from supervisor.core.record import Shutdown
    from supervisor.core.worker.life import Life


def reaped(turn: Turn, event: Reaped) -> None:
    """The zombie of a worker's main process is gone: the worker has ended, unless that was no news."""
    before = turn.lives[event.worker]
    life, actions = life_step(before, event)
    turn.put(life, actions)
    if before.alive and not life.alive:
        _ended(turn, life, event.at, event.chance)


def never_started(turn: Turn, event: StartFailed) -> None:
    """fork itself failed: there is a life without a process, and it is over."""
    life = turn.lives[event.worker].with_(
        phase="failed", failure=event, death=Death(event.at, 125, None), outcome="failed", ended=event.at
    )
    turn.put(life)
    _ended(turn, life, event.at, 0.5)


def _ended(turn: Turn, life: Life, at: float, chance: float) -> None:
    ended = shutdown(life)
    turn.last = _ending(life, ended)
    turn.actions.append(Report(life.id, ended))
    asked = life.stop is not None and life.stop.asked is not None
    if not asked and turn.want == "up" and not turn.spec.manner.wraps:
        _unasked_end(turn, life, ended, at, chance)
    elif not life.as_wanted:
        _failed(turn)


def _failed(turn: Turn) -> None:
    """The first failure stands. One with code 0 (no success here, or something of it is stuck) still is a failure."""
    if turn.failure is None:
        turn.failure = Ending(code=1) if turn.last == Ending() else turn.last


def _unasked_end(turn: Turn, life: Life, ended: Shutdown, at: float, chance: float) -> None:
    policy = life.spec.restart
    ran = (life.death.at - life.running_since) if life.death and life.running_since is not None else 0.0
    attempts = after_end(policy, life.attempts, ended, ran, at, chance)
    life = life.with_(attempts=attempts)
    if attempts.due is not None:
        turn.put(life.with_(phase="backoff"))
        return
    turn.put(life)
    if ended.outcome != "clean":
        _failed(turn)
    if attempts.exhausted:
        times = "once" if attempts.count == 0 else f"{attempts.count + 1} times"
        text = f"{life.spec.title}: ended {times} without running {policy.stable:g} s; given up."
        turn.put(life.with_(phase="failed"), (Note(f"{text} Fix it, or raise restart.burst"),))
    elif policy.on_exit == "stop-all":
        by = "failed peer" if ended.outcome != "clean" else "finished peer"
        requests.stop(turn, StopAsked(at, by, by_pid=ended.pid))


def _ending(life: Life, ended: Shutdown) -> Ending:
    if life.death is None:
        return Ending(code=125)  # it never ended: there is no status of its own
    if life.failure is None:
        return Ending(code=ended.exit_code, signal=ended.signal)
    return Ending(code=life.failure.code)
