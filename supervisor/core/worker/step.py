"""Facts about one worker: ``step(life, event) -> (life, actions)``. An unexpected one yields a visible Note.

The whole worker has ended when its main process, the rest of its group and (after a stop request, or as PID 1)
the processes that left the group are gone.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.actions import Dump, Look, Note, Probe, Reap, Survey, Suspend
from supervisor.core.events import (
    AgentSaid,
    Event,
    Forked,
    MainContinued,
    MainExited,
    MainStopped,
    MasksRead,
    ProbeAnswered,
    Probed,
    Reaped,
    Sampled,
    Sent,
    Started,
    StartFailed,
    Surveyed,
    Tick,
)
from supervisor.core.record import AGENT_OFF, AgentFacts, Climb, Leftover, Marks, Member, Shutdown
from supervisor.core.worker.escalation import climb, release, request_stop, tell
from supervisor.core.worker.life import Death, Life, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Fate, Outcome, Phase
    from supervisor.core.worker.escalation import Step


def step(life: Life, event: Event) -> Step:
    """Take one fact in. An unexpected one changes nothing and yields a Note."""
    going = life.going
    untried = going and life.running_since is None and life.failure is None
    match event:
        case Forked() if life.phase == "starting" and not life.alive:
            return _forked(life, event)
        case Started() if untried:
            return _started(life, event.at), ()
        case StartFailed() if untried:
            return life.with_(failure=event), ()
        case MainExited() if going and life.death is None:
            return _main_exited(life, event)
        case MainStopped() if going and life.death is None:
            return _main_stopped(life, event)
        case MainContinued() if going:
            return life.with_(stopped=False), ()
        case Surveyed() if going and (life.death is not None or life.killed is not None):
            return _surveyed(life, event)
        case Sent() if life.alive:
            return _sent(life, event), ()
        case MasksRead() if going and life.stop is not None:
            return life.with_(masks=event.masks), ()
        case Sampled() if going and life.stop is not None:
            return (life.with_(samples=(*life.samples, event.sample)) if event.sample else life), ()
        case Reaped() if life.alive and life.outcome is not None:
            return _reaped(life, event), ()
        case AgentSaid() if going:
            return _agent_said(life, event), ()
        case Probed() if going and life.stop is not None:
            return release(life) if event.asked == 0 else (life, ())
        case ProbeAnswered() if going and life.stop is not None:
            return release(life)
        case Tick():
            return _tick(life, event.at)
        case AgentSaid() | Probed() | ProbeAnswered() if not going:
            return life, ()  # as below
        case Surveyed() | Sent() | MasksRead() | Sampled() | MainStopped() | MainContinued() if not going:
            return life, ()  # legal latecomers: asked or seen before the end
        case _:
            return life, (Note(f"unexpected {type(event).__name__} while {life.spec.title} is {life.phase}"),)


def _forked(life: Life, event: Forked) -> Step:
    waiting = life.stop
    life = life.with_(pid=event.pid, last_pid=event.pid, since=event.at, terminal=event.terminal, stop=None)
    if waiting is None:
        return life, ()
    return request_stop(life, event.at, waiting.by, waiting.by_pid, None)


def _started(life: Life, at: float) -> Life:
    life = life.with_(running_since=at)
    return life.with_(phase="running") if life.phase == "starting" else life


def _agent_said(life: Life, event: AgentSaid) -> Life:
    if event.what == "hello":
        return life.with_(agent=True)
    if event.what in life.reached:
        return life
    life = life.with_(reached=(*life.reached, event.what))
    if life.phase in ("draining", "cleaning") and event.what == "drained":
        return life.with_(phase="cleaning")
    if life.phase in ("draining", "cleaning") and event.what == "cleaned":
        return life.with_(phase="leaving")
    return life


def _main_exited(life: Life, event: MainExited) -> Step:
    forced = life.killed is not None
    life = life.with_(death=Death(event.at, event.code, event.signal, forced), stopped=False, surveyed=None)
    if life.stop is not None and life.stop.held is not None:
        # It needs no signal any more, and whoever is left has had none: they are told one by one.
        life = life.with_(stop=life.stop.with_(held=None, held_until=None, group_told=None))
    if life.failure is not None:
        return _finish(life, event.at)
    if life.phase != "killed":
        life = life.with_(phase="leaving")
    if event.alone:
        return _surveyed(life.with_(surveyed=event.at), Surveyed(event.at, life.id, ()))
    return life.with_(unseen=True), ()


def _main_stopped(life: Life, event: MainStopped) -> Step:
    life = life.with_(stopped=True)
    apart = life.spec.exec.own_group
    if life.stop is not None or (apart and not life.terminal):
        return life, ()
    return life, (Suspend(event.signal, job=apart),)


def _surveyed(life: Life, event: Surveyed) -> Step:
    fresh = _unknown(life.seen_left, event.members)
    if life.killed is not None:
        # SIGKILL has gone to the group: whoever of it is still seen is dying of it.
        life = life.with_(shot=life.shot | {member.key for member in fresh if member.in_group})
    if life.death is None:
        # SIGKILL was sent while the main process lived: tell those outside its group, unless they may stay.
        wanted = life.spec.stop.leftovers != "leave"
        outside = tuple(member for member in event.members if wanted and not member.in_group)
        return tell(life.with_(seen_left=(*life.seen_left, *_unknown(life.seen_left, outside))), outside)
    life = life.with_(seen_left=(*life.seen_left, *fresh), left=event.members)
    waited = _waited_for(life)
    if not waited:
        return _finish(life, event.at)
    life = life.with_(waited=True, stop=life.stop or Stop("self", None, None, 0, event.at, event.at, 0))
    due = life.next_rung_at
    if due is not None and event.at >= due and life.following is None:
        return _finish(life, event.at, stuck=True)
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
    return tuple(member for member in life.left if member.in_group or asked or life.manner.init)


def _sent(life: Life, event: Sent) -> Life:
    stop = life.stop
    if stop is None or not event.ladder:
        return life
    if stop.asked is not None and not life.sent:
        # The grace period counts from the signal itself, which may have waited for the agent.
        stop = stop.with_(asked=event.at, since=event.at if stop.rung == 0 else stop.since)
    if event.target == "group":
        stop = stop.with_(group_told=event.at, newest=event.newest)
    life = life.with_(stop=stop)
    if event.signal == signum.KILL and event.delivered:
        group = life.left if event.target == "group" else ()
        hit = (*event.hit, *(member.key for member in group if member.in_group))
        first = all(climb.signal != signum.KILL for climb in life.sent)
        life = life.with_(shot=life.shot | frozenset(hit), killed=event.at if first else life.killed)
    return life.with_(sent=(*life.sent, Climb(event.at, event.signal, event.target, event.delivered)))


def _tick(life: Life, at: float) -> Step:
    """What is due: a signal, and only while there is none to send, the looks."""
    stop, rung_at = life.stopping, life.next_rung_at
    if stop is None or life.signal_at is None or at < life.signal_at:
        return _look(life, at)
    # Held back still? The agent does not answer: Python code does not run there now. The signal waits no longer.
    life, actions = release(_skip_looks(life, at))
    if rung_at is not None and at >= rung_at:
        life, more = _rung_over(life, at, stop.rung)
        actions = (*actions, *more)
    return life, actions


def _look(life: Life, at: float) -> Step:
    """One of each kind that is due. A second stage of the last gasp waits for another turn: an agent may answer."""
    life, found = survey(life, at)
    actions = list(found)
    if life.gasp_at is not None and at >= life.gasp_at and life.stop is not None:
        first = life.stop.gasps == 0
        actions += [Probe(life.id), Look(life.id, final=True)] if first else [Dump(life.id)]
        life = life.with_(stop=life.stop.with_(gasps=life.stop.gasps + 1))
    if life.look_at is not None and at >= life.look_at:
        life = _skip_looks(life, at)
        actions.append(Look(life.id))
    return life, tuple(actions)


def survey(life: Life, at: float) -> Step:
    """Look who there is besides the main process, if that has not been done since it mattered."""
    if life.survey_at is None:
        return life, ()
    return life.with_(unseen=False, surveyed=at), (Survey(life.id),)


def _skip_looks(life: Life, at: float) -> Life:
    """Looks that were missed (we were suspended) are not made up for: one now says what there is to see."""
    while (look_at := life.look_at) is not None and at >= look_at and life.stop is not None:
        life = life.with_(stop=life.stop.with_(looks=life.stop.looks + 1))
    return life


def _rung_over(life: Life, at: float, rung: int) -> Step:
    """The grace period of a rung has passed: the next one, or after the last the verdict."""
    if life.following is not None:
        return climb(life, at, rung + 1)
    if life.death is None:
        return _finish(life, at, stuck=True)
    life = life.with_(unseen=False, surveyed=at)
    return life, (Survey(life.id),)  # the last look: somebody's end may have gone unnoticed


# ------------------------------------------------------------------ the end


def _finish(life: Life, at: float, stuck: bool = False) -> Step:
    """The whole worker has ended, or is given up as stuck: say how, then let the zombie go."""
    ended = at if life.death is None else max(at, life.death.at) if life.waited else life.death.at
    return life.with_(
        ended=ended,
        outcome=_outcome(life, stuck),
        fates=_fates(life),
        phase="stuck" if stuck else life.phase,
    ), (Reap(life.id, stuck=stuck and life.death is None),)


def _reaped(life: Life, event: Reaped) -> Life:
    phase: Phase = "stuck" if life.phase == "stuck" else "failed" if life.failure else "exited"
    return life.with_(pid=None, rusage=event.rusage, phase=phase, since=event.at)


def _outcome(life: Life, stuck: bool) -> Outcome:
    if stuck:
        return "stuck"
    death = life.death
    assert death is not None
    if life.failure is not None:
        return "failed"
    if death.signal is None:
        return "clean" if death.code in life.spec.stop.success_codes else "failed"
    return "killed" if death.signal == signum.KILL and death.forced else "signalled"


def _fates(life: Life) -> tuple[Leftover, ...]:
    alive = {member.key for member in life.left}
    fates: list[Leftover] = []
    for member in life.seen_left:
        fate: Fate = "left" if member.key in alive else "killed" if member.key in life.shot else "ended"
        fates.append(Leftover(member.pid, member.argv, fate))
    return tuple(fates)


def _unknown(seen: tuple[Member, ...], found: tuple[Member, ...]) -> tuple[Member, ...]:
    known = {member.key for member in seen}
    return tuple(member for member in found if member.key not in known)


# ------------------------------------------------------------------ the record


def shutdown(life: Life) -> Shutdown:
    """The record of an ended life. Zero is the first stop signal, else the death of the main process."""
    assert life.outcome is not None and life.ended is not None
    stop, death = life.stop, life.death
    asked = stop.asked if stop else None
    # The ladder may have reached SIGKILL before anybody had looked, and there was nobody left to get it.
    killed = any(climb.signal == signum.KILL for climb in life.sent)
    zero = asked if asked is not None else death.at if death else life.ended

    def after(at: float) -> float:
        return max(at - zero, 0.0)

    def since(at: float | None) -> float | None:
        return None if at is None else after(at)

    return Shutdown(
        worker=life.spec.name,
        instance=life.spec.instance,
        start=life.start,
        pid=life.last_pid,
        argv=life.spec.exec.argv,
        asked_by=stop.by if stop and asked is not None else "self",
        asked_by_pid=stop.by_pid if stop else None,
        outcome=life.outcome,
        exit_code=life.failure.code if life.failure else death.code if death else None,
        signal=death.signal if death and not life.failure else None,
        grace=life.spec.stop.ladder.grace,
        zero=zero,
        marks=Marks(
            asked=since(asked),
            killed=since(life.killed) if killed else None,
            main_exited=since(death.at) if death else None,
            exited=None if life.outcome == "stuck" else since(life.ended),
        ),
        escalation=tuple(climb.with_(at=after(climb.at)) for climb in life.sent),
        rusage=life.rusage,
        leftovers=life.fates,
        masks=life.masks,
        samples=tuple(sample.with_(at=after(sample.at)) for sample in life.samples),
        given_up=since(life.ended) if life.outcome == "stuck" else None,
        agent=AgentFacts(present=False, reason=None if life.spec.agent else AGENT_OFF),
        requests=stop.requests if stop and asked is not None else 0,
        started=life.failure is None,
    )
