"""What the end of a worker means: a report, perhaps a restart, perhaps the end of the others, our exit status."""

from __future__ import annotations

from supervisor.core.actions import Note, Report
from supervisor.core.events import Reaped, StopAsked
from supervisor.core.fleet import requests
from supervisor.core.fleet.state import status
from supervisor.core.worker.ending import shutdown
from supervisor.core.worker.restart import after_end

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
    if not life.requested and turn.want == "up" and not turn.spec.manner.wraps:
        _unasked_end(turn, life, record, event)
    elif not life.as_wanted:
        turn.failed(life)


def _unasked_end(turn: Turn, life: Life, record: Shutdown, event: WorkerEvent) -> None:
    policy = life.spec.restart
    since = life.process.running_since if life.process else None
    ran = life.death.at - since if life.death and since is not None else 0.0
    chance = event.chance if isinstance(event, Reaped) else 0.5
    attempts = after_end(policy, life.attempts, record, ran, event.at, chance)
    life = life.with_(attempts=attempts)
    if attempts.due is not None:
        turn.put(life.with_(state="backoff"))
        return
    turn.put(life)
    if record.outcome != "clean":
        turn.failed(life)
    if attempts.exhausted:
        times = "once" if attempts.count == 0 else f"{attempts.count + 1} times"
        text = f"{life.spec.title}: ended {times} without running {policy.stable:g} s; given up."
        turn.put(life.with_(state="failed"), (Note(f"{text} Fix it, or raise restart.burst"),))
    elif policy.on_exit == "stop-all":
        by = "failed peer" if record.outcome != "clean" else "finished peer"
        requests.stop(turn, StopAsked(event.at, by, by_pid=record.pid))
