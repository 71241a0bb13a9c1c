"""What the end of a worker means: a report, perhaps a restart, perhaps the end of the others, our exit status."""

from __future__ import annotations

from supervisor.core.actions import Note, Report
from supervisor.core.events import Reaped, StopAsked
from supervisor.core.fleet import requests
from supervisor.core.fleet.state import status
from supervisor.core.worker import escalation
from supervisor.core.worker.ending import shutdown
from supervisor.core.worker.restart import after_end
from supervisor.core.worker.states import OVER
from supervisor.core.worker.sweeping import remember

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.events import WorkerEvent
    from supervisor.core.fleet.state import Turn
    from supervisor.core.record import Shutdown
    from supervisor.core.worker.life import Life


def ended(turn: Turn, life: Life, event: WorkerEvent) -> None:
    """Draw the consequences of the end of a worker, which the event has made known."""
    record = shutdown(life)
    turn.last = status(life)
    turn.actions.append(Report(life.id, record))
    if turn.spec.manner.wraps:
        return
    life = remember(life, record)
    turn.put(life)
    if turn.want == "up" and (life.failing or not life.requested):
        _unasked_end(turn, life, record, event)
        _over_by_itself(turn, event.at)
        return
    if not life.as_wanted:
        turn.failed(life)
    if life.queued is not None and turn.want == "up":
        # Stopped for what it depends on, with which it is started again.
        turn.put(life.with_(state="waiting"))
        _restart_dependents(turn, life, event.at)
        return
    if life.remains:
        # Those that its starts have left before are no part of its own end: they are asked now.
        by, by_pid = (life.stop.by, life.stop.by_pid) if life.stop else ("self", None)
        turn.put(*escalation.sweep(life, event.at, by, by_pid))
        if turn.limited:
            turn.put(*escalation.kill(turn.lives[life.id], event.at))


def _restart_dependents(turn: Turn, life: Life, at: float) -> None:
    if turn.order is not None:
        from supervisor.core.fleet import sequence

        sequence.restart_dependents(turn, life.id, at)


def _over_by_itself(turn: Turn, at: float) -> None:
    """End what the workers have left when nothing runs any more and no stop was asked for: it is the fleet's."""
    if turn.want == "down" or any(life.state not in OVER for life in turn.lives.values()):
        return
    leavers = [life for life in turn.lives.values() if life.remains]
    if leavers:
        count = sum(len(remains.members) for life in leavers for remains in life.remains)
        them = "a process that was" if count == 1 else f"{count} processes that were"
        turn.actions.append(Note(f"all workers have ended; stopping {them} left behind"))
    for life in leavers:
        turn.put(*escalation.sweep(life, at, "self", None))


def _unasked_end(turn: Turn, life: Life, record: Shutdown, event: WorkerEvent) -> None:
    policy = life.spec.restart
    # A start that never gets ready takes longer than many a stable run.
    ran = life.death.at - life.ready.at if life.death and life.ready is not None else 0.0
    chance = event.chance if isinstance(event, Reaped) else 0.5
    attempts = after_end(policy, life.attempts, record, ran, event.at, chance)
    life = life.with_(attempts=attempts)
    if attempts.due is not None:
        turn.put(life.with_(state="backoff"))
        _restart_dependents(turn, life, event.at)
        return
    turn.put(life)
    failed = record.outcome != "clean" or life.failing
    if failed:
        turn.failed(life)
    if attempts.exhausted:
        times = "once" if attempts.count == 0 else f"{attempts.count + 1} times"
        text = f"{life.spec.title}: ended {times} without running {policy.stable:g} s; given up."
        turn.put(life.with_(state="failed"), (Note(f"{text} Fix it, or raise restart.burst"),))
    elif life.failing and attempts.wanted and policy.on_exit != "stop-all":
        turn.put(life.with_(state="failed"))
    elif policy.on_exit == "stop-all":
        by = "failed peer" if failed else "finished peer"
        requests.stop(turn, StopAsked(event.at, by, by_pid=record.pid))
