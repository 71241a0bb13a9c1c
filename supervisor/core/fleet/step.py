"""All workers of one supervisor: ``step(fleet, *events) -> (fleet, actions)``. The only entrance for events.

Routes each event to the lives that it concerns. Events that were seen together are taken in together, in their order:
there is one next state then, and the actions of all of them.
"""

from __future__ import annotations

from supervisor.core.actions import Note, Survey
from supervisor.core.events import (
    Event,
    OrphansChanged,
    SignalReceived,
    StartAsked,
    StopAsked,
    Tick,
    UnitKnown,
    WorkerEvent,
)
from supervisor.core.fleet import endings, requests, signals
from supervisor.core.fleet.state import Fleet, Turn, limit_due
from supervisor.core.worker import escalation
from supervisor.core.worker.states import RESTS, STOPPED
from supervisor.core.worker.step import step as life_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.actions import Action
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life

# Workers looked at in one turn of the loop: a look takes some tenths of a millisecond, in which nobody gets a signal.
LOOKS_A_TURN = 8


def step(fleet: Fleet, *events: Event) -> tuple[Fleet, tuple[Action, ...]]:
    """Take events in, in their order; return the next state and what to do, in order."""
    turn = Turn(fleet)
    for event in events:
        _take_in(turn, event)
        if len(turn.lives) <= LOOKS_A_TURN:
            _look_at_all(turn, event.at)
    return turn.done()


def _take_in(turn: Turn, event: Event) -> None:
    match event:
        case WorkerEvent():
            before = turn.lives[event.worker]
            life, actions = life_step(before, event)
            turn.put(life, actions)
            if life.state in RESTS and before.state in ("forking", "ended"):
                endings.ended(turn, life, event)
        case Tick():
            _tick(turn, event)
        case SignalReceived():
            signals.received(turn, event)
        case StopAsked():
            requests.stop(turn, event)
        case StartAsked():
            requests.start(turn, event)
        case UnitKnown():
            from supervisor.core.fleet import unit  # only under systemd

            unit.known(turn, event)
        case OrphansChanged():
            for life in [life for life in turn.lives.values() if life.state in ("orphaned", "sweeping")]:
                turn.put(life.with_(leftovers=life.leftovers.with_(unseen=True)))
        case _:
            turn.actions.append(Note(f"unexpected {type(event).__name__}"))
    if turn.moved:
        from supervisor.core.fleet import sequence

        sequence.settle(turn, event.at)


def _tick(turn: Turn, event: Tick) -> None:
    """Do what is due: signals first, then starts, then looks, of which each takes longer than all signals."""
    at = event.at
    first = len(turn.actions)
    limit_at = limit_due(turn)
    if limit_at is not None and at >= limit_at:
        turn.limited = True
        turn.each(lambda life: escalation.kill(life, at))
    turn.date()
    turn.each(lambda life: life_step(life, event), [worker for worker, due in turn.signals_due.items() if due <= at])
    # What somebody dead has left is looked for behind the others' signals.
    turn.actions[first:] = sorted(turn.actions[first:], key=lambda action: isinstance(action, Survey))
    turn.date()
    others = [turn.lives[worker] for worker, due in turn.dues.items() if due <= at]
    restarts = [life.id for life in others if life.state == "backoff"]
    if turn.order is not None:
        from supervisor.core.fleet import sequence

        restarts = [worker for worker in restarts if not sequence.held_back(turn, worker, at)]
    looks = [life for life in others if life.state != "backoff" and turn.signals_due.get(life.id, at + 1) > at]
    turn.each(lambda life: life_step(life, event), [*restarts, *_first(turn, looks)])


def _first(turn: Turn, due: list[Life]) -> list[WorkerId]:
    """Return at whom to look now, of those for whom a look is due: not too many.

    For the rest it is due still, and the next turn begins with who is due for a signal by then; at whom there was no
    time to look before that is not looked at any more. First those at whom nobody has looked since they ended; then
    who has waited longest. Where orphans end all the time, all the dead are due in every turn: each has to have its
    turn, and so have the living.
    """
    due.sort(key=lambda life: (not life.leftovers.unseen or life.leftovers.surveyed is not None, turn.dues[life.id]))
    return [life.id for life in due[:LOOKS_A_TURN]]


def _look_at_all(turn: Turn, at: float) -> None:
    """Look at all of so few workers at once: that keeps no signal waiting."""
    for life in [*turn.lives.values()]:
        if life.leftovers.unseen and not life.leftovers.unknown and life.state in STOPPED:
            turn.put(*escalation.survey(life, at))
