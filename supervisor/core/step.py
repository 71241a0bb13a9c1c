"""Facts about one worker: ``step(life, event) -> (life, actions)``. An unexpected one yields a visible Note.

The whole worker has ended when its main process, the rest of its group and (after a stop request, or as PID 1)
the processes that left the group are gone.
"""

from __future__ import annotations

from supervisor.core import signals
from supervisor.core.actions import Action, Look, Note, Reap, Survey, Suspend
from supervisor.core.escalation import climb, tell
from supervisor.core.events import (
    Event,
    Forked,
    MainContinued,
    MainExited,
    MainStopped,
    MasksRead,
    Reaped,
    Sampled,
    Sent,
    Started,
    StartFailed,
    Surveyed,
    Tick,
)
from supervisor.core.life import Death, Life, Stop
from supervisor.core.record import Climb, Leftover, Marks, Member, Shutdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.escalation import Step
    from supervisor.core.record import Fate, Outcome, Phase


def step(life: Life, event: Event) -> Step:
    """Take one fact in. An unexpected one changes nothing and yields a Note."""
    if life.outcome is not None and not isinstance(event, (Sent, Reaped)):
        return life, ()  # it has ended: what was asked before may still be answered
    match event:
        case Forked() if life.phase == "starting":
            return life.with_(pid=event.pid, last_pid=event.pid, since=event.at, terminal=event.terminal), ()
        case Started() if life.alive:
            return _started(life, event.at), ()
        case StartFailed() if life.alive:
            return life.with_(failure=event), ()
        case MainExited() if life.alive and life.death is None:
            return _main_exited(life, event)
        case MainStopped() if life.alive:
            return _main_stopped(life, event)
        case MainContinued() if life.alive:
            return life.with_(stopped=False), ()
        case Surveyed() if life.alive:
            return _surveyed(life, event)
        case Sent() if life.alive:
            return _sent(life, event), ()
        case MasksRead() if life.alive:
            return life.with_(masks=event.masks), ()
        case Sampled() if life.alive:
            return (life.with_(samples=(*life.samples, event.sample)) if event.sample else life), ()
        case Reaped() if life.alive:
            return _reaped(life, event), ()
        case Tick():
            return _tick(life, event.at)
        case Surveyed() | Sent() | MasksRead() | Sampled() | MainContinued():
            return life, ()  # legal latecomers: the answer to a question asked before the end
        case _:
            return life, (Note(f"unexpected {type(event).__name__} while {life.spec.title} is {life.phase}"),)


def _started(life: Life, at: float) -> Life:
    life = life.with_(running_since=at)
    return life.with_(phase="running") if life.phase == "starting" else life


def _main_exited(life: Life, event: MainExited) -> Step:
    life = life.with_(death=Death(event.at, event.code, event.signal), stopped=False)
    if life.failure is not None:
        return _finish(life, event.at)
    if life.phase != "killed":
        life = life.with_(phase="leaving")
    return life, (Survey(life.index),)


def _main_stopped(life: Life, event: MainStopped) -> Step:
    life = life.with_(stopped=True)
    if life.stop is not None or not life.terminal:
        return life, ()
    return life, (Suspend(event.signal, job=True),)


def _surveyed(life: Life, event: Surveyed) -> Step:
    fresh = _unknown(life.seen_left, event.members)
    if life.killed is not None:
        # SIGKILL has gone to the group: whoever of it is still seen is dying of it.
        life = life.with_(shot=life.shot | {member.pid for member in fresh if member.in_group})
    if life.death is None:
        # SIGKILL was sent while the main process lived: tell those outside its group.
        outside = tuple(member for member in event.members if not member.in_group)
        return tell(life.with_(seen_left=(*life.seen_left, *_unknown(life.seen_left, outside))), outside)
    life = life.with_(seen_left=(*life.seen_left, *fresh), left=event.members)
    waited = _waited_for(life)
    if not waited:
        return _finish(life, event.at)
    life = life.with_(waited=True, stop=life.stop or Stop("self", None, None, 0, event.at, event.at, 0))
    life, actions = tell(life, waited)
    if life.spec.stop.leftovers == "signal":
        life, more = _finish(life, event.at)
        return life, (*actions, *more)
    return life, actions


def _waited_for(life: Life) -> tuple[Member, ...]:
    """The survivors that belong to this end: the group, and after a stop request those outside it too."""
    if life.spec.stop.leftovers == "leave":
        return ()
    asked = life.stop is not None and life.stop.asked is not None
    return tuple(member for member in life.left if member.in_group or asked or life.spec.adopts)


def _sent(life: Life, event: Sent) -> Life:
    stop = life.stop
    if stop is None or not event.ladder:
        return life
    if stop.asked is not None and not life.sent:
        life = life.with_(stop=stop.with_(asked=event.at))
    if event.signal == signals.KILL and event.delivered:
        hit = event.pids or tuple(member.pid for member in life.left if member.in_group)
        first = all(climb.signal != signals.KILL for climb in life.sent)
        life = life.with_(shot=life.shot | frozenset(hit), killed=event.at if first else life.killed)
    return life.with_(sent=(*life.sent, Climb(event.at, event.signal, event.target, event.delivered)))


def _tick(life: Life, at: float) -> Step:
    actions: list[Action] = []
    look_at, gasp_at = life.look_at, life.gasp_at
    if life.stop is not None and look_at is not None and at >= look_at:
        life = life.with_(stop=life.stop.with_(looks=life.stop.looks + 1))
        actions.append(Look(life.index))
    if life.stop is not None and gasp_at is not None and at >= gasp_at:
        life = life.with_(stop=life.stop.with_(gasped=True))
        actions.append(Look(life.index, final=True))
    due = life.next_rung_at
    if life.stop is not None and due is not None and at >= due:
        if life.stop.rung + 1 < len(life.spec.stop.ladder.rungs):
            life, more = climb(life, at, life.stop.rung + 1)
        else:
            life, more = _finish(life, at, stuck=True)
        actions.extend(more)
    return life, tuple(actions)


# ------------------------------------------------------------------ the end


def _finish(life: Life, at: float, stuck: bool = False) -> Step:
    """The whole worker has ended, or is given up as stuck: say how, then let the zombie go."""
    ended = at if life.waited or life.death is None else life.death.at
    return life.with_(
        ended=ended,
        outcome=_outcome(life, stuck),
        fates=_fates(life),
        phase="stuck" if stuck else life.phase,
    ), (Reap(life.index, stuck=stuck and life.death is None),)


def _reaped(life: Life, event: Reaped) -> Life:
    if life.outcome is None:
        return life
    phase: Phase = "stuck" if life.phase == "stuck" else "failed" if life.failure else "exited"
    return life.with_(pid=None, rusage=event.rusage, phase=phase, since=event.at)


def _outcome(life: Life, stuck: bool) -> Outcome:
    if stuck:
        return "stuck"
    death = life.death
    assert death is not None
    if death.signal is None:
        return "clean" if death.code in life.spec.stop.success_codes else "failed"
    return "killed" if death.signal == signals.KILL and life.killed is not None else "signalled"


def _fates(life: Life) -> tuple[Leftover, ...]:
    alive = {member.pid for member in life.left}
    fates: list[Leftover] = []
    for member in life.seen_left:
        fate: Fate = "left" if member.pid in alive else "killed" if member.pid in life.shot else "ended"
        fates.append(Leftover(member.pid, member.argv, fate))
    return tuple(fates)


def _unknown(seen: tuple[Member, ...], found: tuple[Member, ...]) -> tuple[Member, ...]:
    known = {member.pid for member in seen}
    return tuple(member for member in found if member.pid not in known)


# ------------------------------------------------------------------ the record


def shutdown(life: Life) -> Shutdown:
    """The record of an ended life. Zero is the first stop signal, else the death of the main process."""
    assert life.outcome is not None and life.ended is not None
    stop, death = life.stop, life.death
    asked = stop.asked if stop else None
    zero = asked if asked is not None else death.at if death else life.ended

    def since(at: float | None) -> float | None:
        return None if at is None else max(at - zero, 0.0)

    return Shutdown(
        worker=life.spec.name,
        instance=life.spec.instance,
        start=life.start,
        pid=life.last_pid,
        argv=life.spec.exec.argv,
        asked_by=stop.by if stop and asked is not None else "self",
        asked_by_pid=stop.by_pid if stop else None,
        outcome=life.outcome,
        exit_code=death.code if death else None,
        signal=death.signal if death else None,
        grace=life.spec.stop.ladder.grace,
        zero=zero,
        marks=Marks(
            asked=since(asked),
            killed=since(life.killed),
            main_exited=since(death.at) if death else None,
            exited=None if life.outcome == "stuck" else since(life.ended),
        ),
        escalation=tuple(climb.with_(at=since(climb.at)) for climb in life.sent),
        rusage=life.rusage,
        leftovers=life.fates,
        masks=life.masks,
        samples=tuple(sample.with_(at=since(sample.at)) for sample in life.samples),
    )
