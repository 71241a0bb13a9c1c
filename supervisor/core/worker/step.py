"""Facts about one worker: ``step(life, event) -> (life, actions)``. An unexpected one yields a visible Note.

The whole worker has ended when its main process, the rest of its group and (after a stop request, or as PID 1)
the processes that left the group are gone. Which event may come in which state is a table: states.py.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.actions import Note, Signal, Survey, Suspend
from supervisor.core.events import (
    AgentSaid,
    Event,
    Forked,
    MainContinued,
    MainExited,
    MainStopped,
    MasksRead,
    Notified,
    ProbeAnswered,
    Probed,
    Reaped,
    Sampled,
    Sent,
    Started,
    StartFailed,
    Surveyed,
    Tick,
    Tried,
)
from supervisor.core.record import Climb, Member, Ready
from supervisor.core.worker.dues import tick
from supervisor.core.worker.ending import finish
from supervisor.core.worker.escalation import release, request_stop, tell, unasked
from supervisor.core.worker.life import Death, Life, Process, Standing, Stop
from supervisor.core.worker.states import GOING, LATECOMERS, WAYS
from supervisor.core.worker.sweeping import given_up, not_seen, swept, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervisor.core.worker.escalation import Step
    from supervisor.core.worker.states import State


def step(life: Life, event: Event) -> Step:
    """Take one fact in. An unexpected one changes nothing and yields a Note."""
    kind = type(event)
    if kind in WAYS[life.state] or kind is Tick:
        return _TAKES[kind](life, event)
    if kind in LATECOMERS and life.state not in GOING:
        return life, ()
    return unexpected(life, event)


def unexpected(life: Life, event: Event) -> Step:
    """Tell a fact that cannot be, and change nothing."""
    return life, (Note(f"unexpected {type(event).__name__} while {life.spec.title} is {life.phase}"),)


# ------------------------------------------------------------------ the start


def _forked(life: Life, event: Forked) -> Step:
    waiting = life.stop
    process = Process(event.pid, event.terminal)
    life = life.with_(state="starting", process=process, since=event.at, stop=None)
    if waiting is None:
        return life, ()
    life, actions = request_stop(life, event.at, waiting.by, waiting.by_pid, None)
    return life.with_(stop=life.stop.with_(after=waiting.after) if life.stop is not None else None), actions


def _started(life: Life, event: Started) -> Step:
    process = life.process
    if process is None or process.running_since is not None or life.failure is not None:
        return unexpected(life, event)
    life = life.with_(process=process.with_(running_since=event.at))
    if life.state != "starting":
        return life, ()
    if life.spec.ready is None and life.spec.liveness is None:
        ready = Ready(event.at, "started", event.at - (event.at if life.since is None else life.since))
        return life.with_(state="running", ready=ready), ()
    from supervisor.core.worker import readying  # most workers have no check

    return readying.begin(life, event.at)


def _start_failed(life: Life, event: StartFailed) -> Step:
    process = life.process
    if process is not None and (process.running_since is not None or life.failure is not None):
        return unexpected(life, event)
    if process is not None:
        return life.with_(failure=event), ()  # the process says so before it exits
    # There is no process, and there will be no news of one.
    life = life.with_(failure=event, death=Death(event.at, 125, None))
    return finish(life, event.at)[0].with_(state="failed"), ()


# ------------------------------------------------------------------ the main process


def _main_exited(life: Life, event: MainExited) -> Step:
    process, stop, leftovers = life.process, life.stop, life.leftovers.with_(surveyed=None, unseen=not event.alone)
    if stop is not None and stop.hold is not None:
        # It needs no signal any more, and whoever is left has had none: they are told one by one.
        stop = stop.with_(hold=None, standing=stop.standing.with_(group_told=None))
    if process is not None and process.stopped:
        process = process.with_(stopped=False)
    death = Death(event.at, event.code, event.signal, forced=life.killed is not None)
    life = life.with_(state="orphaned", process=process, stop=stop, death=death, leftovers=leftovers)
    if life.failure is not None:
        return finish(life, event.at)
    return _who_is_left(life, event.at, ()) if event.alone else (life, ())


def _main_stopped(life: Life, event: MainStopped) -> Step:
    assert life.process is not None
    process = life.process.with_(stopped=True)
    life = life.with_(process=process)
    apart = life.spec.exec.own_group
    if life.stop is not None or (apart and not process.terminal):
        return life, ()
    return life, (Suspend(event.signal, job=apart),)


def _main_continued(life: Life, _event: MainContinued) -> Step:
    assert life.process is not None
    return life.with_(process=life.process.with_(stopped=False)), ()


def _agent_said(life: Life, event: AgentSaid) -> Step:
    process = life.process
    assert process is not None
    if event.what == "hello":
        return life.with_(process=process.with_(agent=True)), ()
    if event.what in process.reached:
        return life, ()
    life = life.with_(process=process.with_(reached=(*process.reached, event.what)))
    if life.state in ("draining", "cleaning") and event.what == "drained":
        return life.with_(state="cleaning"), ()
    if life.state in ("draining", "cleaning") and event.what == "cleaned":
        return life.with_(state="leaving"), ()
    return life, ()


# ------------------------------------------------------------------ what is left


def _surveyed(life: Life, event: Surveyed) -> Step:
    members = event.members
    if life.state == "sweeping":
        return swept(life, event.at, members)
    if members is None:
        return not_seen(life, event.at) if life.state == "orphaned" else (life, ())
    if life.remains:
        # What earlier starts have left is no part of this one.
        earlier = {member.key for remains in life.remains for member in remains.members}
        members = tuple(member for member in members if member.key not in earlier)
    if life.state == "orphaned":
        return _who_is_left(life, event.at, members)
    if life.state != "killed":
        return _wake(life, members)
    # SIGKILL was sent while the main process lives: tell those whom its group's did not reach, unless they may stay.
    leftovers = life.leftovers
    wanted = life.spec.stop.leftovers != "leave"
    outside = tuple(member for member in members if wanted and not (member.in_group and life.group_shot))
    seen = (*leftovers.seen, *unknown(leftovers.seen, outside))
    return tell(life.with_(leftovers=leftovers.with_(seen=seen, shot=_dying(life, members))), event.at, outside)


def _wake(life: Life, members: tuple[Member, ...]) -> Step:
    """Continue processes that job control has stopped: they get the stop signal only then (signal(7))."""
    asleep = tuple(member for member in members if member.in_group and member.state == "T")
    if not asleep or not life.spec.stop.group:
        return life, ()
    return life, (Signal(life.id, signum.CONT, "leftovers", asleep),)


def _who_is_left(life: Life, at: float, members: tuple[Member, ...]) -> Step:
    """Note who is alive after the end of the main process: the worker ends with them, if they belong to its end."""
    leftovers = life.leftovers
    seen = (*leftovers.seen, *unknown(leftovers.seen, members))
    shot = _dying(life, members)
    life = life.with_(leftovers=leftovers.with_(alive=members, seen=seen, shot=shot, unknown=False))
    waited = _waited_for(life)
    if not waited:
        return finish(life, at)
    stop = life.stop or Stop("self", None, None, at, 0, Standing(0, at))
    life = life.with_(leftovers=life.leftovers.with_(waited=True), stop=stop)
    if given_up(life, at) and not unasked(life, waited):
        return finish(life, at, stuck=True)
    life, actions = tell(life, at, waited)
    if life.spec.stop.leftovers == "signal":
        life, more = finish(life, at)
        return life, (*actions, *more)
    return life, actions


def _dying(life: Life, members: tuple[Member, ...]) -> frozenset[tuple[int, int]]:
    """Return who of the group is dying of SIGKILL: whoever is seen for the first time once that signal has gone to
    the group.
    """
    if not life.group_shot:
        return life.leftovers.shot
    fresh = unknown(life.leftovers.seen, members)
    return life.leftovers.shot | {member.key for member in fresh if member.in_group}


def _waited_for(life: Life) -> tuple[Member, ...]:
    """Return the survivors that belong to this end: the group, and after a stop request those outside it too."""
    if life.spec.stop.leftovers == "leave":
        return ()
    everyone = life.requested or life.manner.init
    return tuple(member for member in life.leftovers.alive if member.in_group or everyone)


# ------------------------------------------------------------------ answers


def _sent(life: Life, event: Sent) -> Step:
    stop = life.stop
    if stop is None or not event.ladder:
        return life, ()
    began = event.at if event.began is None else event.began
    standing = _delivered(life, stop.standing, event, began)
    asked = began if stop.asked is not None and not stop.sent else stop.asked
    killed = stop.killed
    if event.signal == signum.KILL and event.delivered:
        first = all(climb.signal != signum.KILL for climb in stop.sent)
        killed = began if first else killed
        life = life.with_(leftovers=life.leftovers.with_(shot=life.leftovers.shot | _hit(life, event)))
    life, actions = _not_reached(life, event)
    standing = standing.with_(told=standing.told - frozenset(event.missed))
    held = 0.0 if stop.standing.held_since is None else began - stop.standing.held_since
    sent = (*stop.sent, Climb(began, event.signal, event.target, event.result, held, event.user))
    told = stop.told - frozenset(event.missed)
    return life.with_(stop=stop.with_(standing=standing, asked=asked, killed=killed, sent=sent, told=told)), actions


def _not_reached(life: Life, event: Sent) -> Step:
    """Keep in mind who may not be signalled, and look again for those whom nobody could look for."""
    leftovers = life.leftovers
    actions: tuple[Note, ...] = ()
    if event.refused:
        refused = tuple({**dict(leftovers.refused), **dict(event.refused)}.items())
        leftovers = leftovers.with_(refused=refused)
    if event.missed:
        leftovers = leftovers.with_(unknown=True, unseen=True, surveyed=event.at)
    before = life.sent
    if event.result == "not permitted" and all(climb.result != event.result for climb in before):
        owner = f"it runs as {event.user}" if event.user else "it runs as another user"
        name = signum.name(event.signal)
        actions = (Note(f"{life.spec.title}: not permitted to send {name} to it: {owner}"),)
    return life.with_(leftovers=leftovers), actions


def _delivered(life: Life, standing: Standing, event: Sent, began: float) -> Standing:
    """Count the wait of the rung from the delivery of its signal.

    Whoever is told later than the others has the whole wait too, but only once after the wait that the others had: a
    worker that goes on creating processes would never get SIGKILL.
    """
    if event.target == "group":
        # Not event.at: we may be put off the CPU before we read the clock, and whoever is born then has missed it.
        standing = standing.with_(group_told=began, newest=event.newest)
    wait = life.ladder.rungs[standing.rung].wait
    if standing.first is None:
        at = max(standing.since, event.at)
        return standing.with_(since=at, first=at, held_since=None)
    if event.target != "leftovers" or wait is None or standing.extended:
        return standing  # also for a request that was passed on: it delays nothing
    return standing.with_(since=max(standing.since, event.at), extended=event.at > standing.first + wait)


def _hit(life: Life, event: Sent) -> frozenset[tuple[int, int]]:
    """Return the members that the signal has reached: those that were signalled one by one, and those of the
    group.
    """
    group = life.leftovers.alive if event.target == "group" else ()
    hit = frozenset((*event.hit, *(member.key for member in group if member.in_group)))
    return hit - {key for key, _ in event.refused}


def _tried(life: Life, event: Tried) -> Step:
    from supervisor.core.worker import health, readying

    return readying.tried(life, event) if event.purpose == "ready" else health.tried(life, event)


def _masks_read(life: Life, event: MasksRead) -> Step:
    return (life.with_(stop=life.stop.with_(masks=event.masks)), ()) if life.stop else unexpected(life, event)


def _sampled(life: Life, event: Sampled) -> Step:
    stop = life.stop
    if stop is None:
        return unexpected(life, event)
    if event.sample is None:
        return life, ()
    stop = stop.with_(samples=(*stop.samples, event.sample))
    if event.sample.children == 0 or stop.standing.woken or life.state in ("killed", "orphaned"):
        return life.with_(stop=stop), ()
    # It has children and goes on: perhaps one of them sleeps.
    return life.with_(stop=stop.with_(standing=stop.standing.with_(woken=True))), (Survey(life.id),)


def _probed(life: Life, event: Probed) -> Step:
    """Let the signal wait no longer, when no agent will answer."""
    return release(life, event.at) if event.asked == 0 else (life, ())


def _notified(life: Life, event: Notified) -> Step:
    """Take in what the worker says of itself; few workers say anything, so what understands it comes then."""
    from supervisor.core.worker.notified import notified

    return notified(life, event)


def _probe_answered(life: Life, event: ProbeAnswered) -> Step:
    return release(life, event.at)


def _reaped(life: Life, event: Reaped) -> Step:
    state: State = "stuck" if life.outcome == "stuck" else "failed" if life.failure else "exited"
    return life.with_(state=state, rusage=event.rusage, since=event.at, awaits=None), ()


_TAKES: dict[type[Event], Callable[[Life, Any], Step]] = {
    Forked: _forked,
    Started: _started,
    StartFailed: _start_failed,
    MainExited: _main_exited,
    MainStopped: _main_stopped,
    MainContinued: _main_continued,
    AgentSaid: _agent_said,
    Notified: _notified,
    Surveyed: _surveyed,
    Sent: _sent,
    MasksRead: _masks_read,
    Sampled: _sampled,
    Probed: _probed,
    ProbeAnswered: _probe_answered,
    Reaped: _reaped,
    Tried: _tried,
    Tick: lambda life, event: tick(life, event.at),
}
