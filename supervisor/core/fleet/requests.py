"""What somebody asks for in words: workers shall stop, or start."""

from __future__ import annotations

from supervisor.core.actions import Note
from supervisor.core.events import StartAsked, StopAsked
from supervisor.core.record import Begun
from supervisor.core.worker import escalation
from supervisor.core.worker.restart import Attempts
from supervisor.core.worker.states import leads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.core.fleet.state import Turn
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life

# Who asks because another worker ended does not hurry one that was asked already.
NOBODY_INSISTS = ("failed peer", "finished peer", "dependency")
# The request to a whole fleet that is SIGKILL to everybody, also to those whose turn has not come.
THIRD = 3
_FRESH = Attempts()


def stop(turn: Turn, event: StopAsked) -> None:
    """Ask all workers, or those that the event names, to stop."""
    insists = event.insists and event.by not in NOBODY_INSISTS
    if event.workers is not None:
        for worker in event.workers:
            life = turn.lives[worker]
            if life.state == "backoff" and life.failure is not None:
                turn.failed(life)  # it never ran: that a command stops it makes nothing good
        _rest(turn, event.workers, Attempts(wanted=False))
    elif turn.asked is None or insists:
        go_down(turn, event.at)

    if turn.order is not None:
        from supervisor.core.fleet import sequence

        request = sequence.Request(event.at, event.by, event.by_pid, insists)
        sequence.ask(turn, turn.lives if event.workers is None else event.workers, request, lambda _: None)
        if event.workers is None and insists and turn.requests >= THIRD:
            sequence.shoot(turn, event.at)
        return

    def ask(life: Life) -> escalation.Step:
        if not insists and life.requested:
            return life, ()
        return escalation.request_stop(life, event.at, event.by, event.by_pid, None)

    turn.each(ask, event.workers)


def start(turn: Turn, event: StartAsked) -> None:
    """Start all workers that do not run, or those of them that the event names."""
    if turn.want == "down":
        turn.actions.append(Note("the fleet is stopping: no worker is started"))
        return
    chosen = turn.lives if event.workers is None else event.workers
    if turn.order is not None:
        from supervisor.core.fleet import sequence

        sequence.queue(turn, chosen, event.at)
        return
    for worker in chosen:
        life = turn.lives[worker]
        if leads(life.state, StartAsked, "forking"):
            # A planned restart is overtaken, and a start by hand is a new first attempt.
            turn.put(*escalation.begin(life.with_(attempts=Attempts()), Begun(event.at, event.at)))


def go_down(turn: Turn, at: float) -> None:
    """Bring the fleet down: nothing that is in backoff or waiting is started any more."""
    if turn.asked is None or at - turn.last_request >= escalation.HURRY_AFTER:
        turn.requests, turn.last_request = turn.requests + 1, at
    if turn.want == "up":
        for life in turn.lives.values():
            if life.state in ("waiting", "backoff"):
                turn.failed(life)  # it should have run
    turn.want = "down"
    turn.asked = at if turn.asked is None else turn.asked
    _rest(turn, turn.lives, _FRESH)


def _rest(turn: Turn, chosen: Iterable[WorkerId], attempts: Attempts) -> None:
    for worker in [*chosen]:
        life = turn.lives[worker]
        if leads(life.state, StopAsked, "exited"):
            life = life.with_(state="exited")
        if life.queued is not None:
            life = life.with_(queued=None)
        turn.put(life if life.attempts == attempts else life.with_(attempts=attempts))
