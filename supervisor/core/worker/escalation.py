"""Stopping one worker: the first request starts the ladder, later ones and the deadline climb it. Never back.

A stop has one place on the ladder. Each rung's signal goes to the process group (or the main process) once, and
one by one to those that were not there then; nobody gets the same rung twice.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.actions import Action, Foreground, Note, Probe, ReadMasks, Signal, Spawn, Survey
from supervisor.core.record import Begun, Climb, FailedTry, Member
from supervisor.core.worker.life import Hold, Leftovers, Life, Rest, Standing, Stop
from supervisor.core.worker.states import LIVES, RESTS, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Step: TypeAlias = tuple[Life, tuple[Action, ...]]

# Two stop requests closer than this are one: standard signals coalesce, and systemd's KillMode=control-group
# or a process-group kill reaches us and the worker's other watchers at the same moment.
HURRY_AFTER = 0.1
# The stop signal waits so long for an agent to be armed: 3 ms as a rule, 0.2 s with eight busy processes a core. One
# that comes while the agent works would be handled on top of whatever the probe had interrupted.
PROBE_LIMIT = 0.25
# /proc gives a process's start rounded down to ticks of USER_HZ (proc(5), starttime; 100 on every architecture that
# we run on), counted by a clock that is read beside ours.
START_TICK = 0.01
CLOCK_GRAIN = 0.001


def begin(life: Life, begun: Begun) -> Step:
    """Start the worker (again); ``begun`` says when that was asked for, and what it has waited for."""
    fresh = Life(
        id=life.id,
        spec=life.spec,
        manner=life.manner,
        state="forking",
        start=life.start + 1,
        attempts=life.attempts.with_(due=None),
        remains=life.remains,
        begun=begun,
    )
    return fresh, (Spawn(life.id),)


def forward(life: Life, signal: int) -> Step:
    """Pass a signal on that asks for no stop."""
    if not life.going:
        return life, ()
    return life, (_signal(life, signal, wake=False, ladder=False),)


def reload(life: Life, at: float) -> Step:
    """Ask a worker that runs, and is not being stopped, to read its configuration again."""
    signal = life.spec.reload_signal
    if signal is None or not life.going or life.stop is not None:
        return life, ()
    return life.with_(reload_asked=at), (_signal(life, signal, wake=False, ladder=False),)


def request_stop(life: Life, at: float, by: str, by_pid: int | None, signal: int | None) -> Step:
    """Take a stop request in; ``signal`` is the one to send for rung 1, None for the ladder's own.

    The first request starts the ladder; a further one at least HURRY_AFTER later climbs; the third is SIGKILL.
    """
    if life.state == "forking":
        # The request waits until there is a process (step.py, Forked).
        return life.with_(stop=life.stop or Stop(by, by_pid, at, at, 1, Standing(0, at))), ()
    if life.state in RESTS and life.remains:
        return sweep(life, at, by, by_pid)
    if life.state not in STOPPED:
        return life, ()
    stop = life.stop
    if stop is None:
        return _first_request(life, at, by, by_pid, signal)
    if stop.asked is None:
        stop = stop.with_(by=by, by_pid=by_pid, asked=at, last_request=at, requests=1)
        return _request_for_leftovers(life, stop, signal)
    if at - stop.last_request < HURRY_AFTER:
        # One that is held back has not even been sent.
        return (life, ()) if stop.hold is not None else _again(life, signal)
    stop = stop.with_(requests=stop.requests + 1, last_request=at)
    life = life.with_(stop=stop)
    if stop.requests >= 3 and not life.spec.stop.ladder.patient:
        return kill(life, at)
    if life.following is not None:
        return climb(life, at, stop.standing.rung + 1)
    if stop.hold is not None:
        return release(life, at)  # nothing to climb to, but no need to wait for the agent either
    return _again(life, signal)


def told(life: Life, at: float, by: str, by_pid: int | None, signal: int) -> Step:
    """Begin the stop of a worker to whose processes somebody else has sent the signal of rung 1 (systemd)."""
    sending = life.spec.stop.rewritten(signal)
    if life.state not in LIVES or life.stop is not None or sending != signal:
        return request_stop(life, at, by, by_pid, sending or None)
    standing = Standing(0, at, first=at, group_told=at)
    stop = Stop(by, by_pid, at, at, 1, standing, sent=(Climb(at, signal, "systemd"),))
    return life.with_(stop=stop, state="draining", awaits=None), (ReadMasks(life.id),)


def give_up(life: Life, at: float, by: str, cause: str, tries: tuple[FailedTry, ...]) -> Step:
    """Stop a worker that does not get ready, or does not answer any more; ``cause`` says why, in words."""
    life, actions = request_stop(life, at, by, None, None)
    if life.stop is not None:
        life = life.with_(stop=life.stop.with_(cause=cause, tries=tries))
    return life, (Note(f"{life.spec.title}: {cause}; stopping it"), *actions)


def take_turn(life: Life, at: float) -> Step:
    """Ask a worker to stop whose stop has waited until those had ended that depend on it."""
    awaits = life.awaits
    assert awaits is not None
    life, actions = request_stop(life.with_(awaits=None), at, awaits.by, awaits.by_pid, awaits.signal)
    return life.with_(stop=life.stop.with_(after=awaits.after) if life.stop is not None else None), actions


def turn_over_at(life: Life) -> float | None:
    """Return when a stop that waits for its turn waits no longer, so that the fleet's limit kills nobody unasked."""
    return life.awaits.until if life.awaits is not None else None


def turn_over(life: Life, at: float) -> Step:
    """Ask it to stop out of order."""
    after = ", ".join(life.awaits.after[:3]) if life.awaits is not None else ""
    text = f"{life.spec.title} is asked to stop before {after} has ended: the fleet's limit leaves no more time"
    life, actions = take_turn(life, at)
    return life, (Note(text), *actions)


def _again(life: Life, signal: int | None) -> Step:
    """Pass on a request that climbs nowhere. After SIGKILL nothing gentler follows."""
    if signal is None or life.killed is not None or not life.going:
        return life, ()
    return life, (_signal(life, signal, wake=life.stopped, ladder=True),)


def kill(life: Life, at: float) -> Step:
    """Send SIGKILL now: the third request, or the fleet's grace limit has passed. A ladder without KILL gains it."""
    if life.stopping is None:
        return life, ()
    life = life.with_(stop=life.stopping.with_(must_kill=True))
    return climb(life, at, len(life.ladder.rungs) - 1) if life.following is not None else (life, ())


def _request_for_leftovers(life: Life, stop: Stop, signal: int | None) -> Step:
    """Add the processes outside the group to the ladder for what the main process left, because a request has come.

    The others have had the rung's signal; a signal from outside is passed on to them as well, unless SIGKILL has gone
    out.
    """
    raw = () if signal is None or life.killed is not None else (_signal(life, signal, wake=False, ladder=True),)
    return life.with_(stop=stop), (*raw, Survey(life.id))


def _first_request(life: Life, at: float, by: str, by_pid: int | None, signal: int | None) -> Step:
    standing = Standing(0, at, group_told=at if life.spec.stop.group else None)
    stop = Stop(by, by_pid, at, at, 1, standing)
    orphaned = life.state == "orphaned"
    life = life.with_(stop=stop, state="orphaned" if orphaned else "draining")
    if life.ladder.stop_signal == signum.KILL:
        return climb(life, at, 0)  # nothing gentler stands in for it: after it only the verdict would come
    sending = life.ladder.stop_signal if signal is None else signal
    if orphaned:
        return life, (_signal(life, sending, wake=False, ladder=True),)  # the survey that is under way tells the rest
    if life.agent and not life.stopped:
        life = life.with_(stop=stop.with_(hold=Hold(sending, at, at + PROBE_LIMIT)))
        return life, (ReadMasks(life.id), Probe(life.id))
    return life, (ReadMasks(life.id), _signal(life, sending, wake=life.stopped, ladder=True))


def sweep(life: Life, at: float, by: str, by_pid: int | None) -> Step:
    """Ask what a worker that has ended has left, in this and in earlier starts, to end: a look tells who that is."""
    stop = Stop(by, by_pid, at, at, 1, Standing(0, at))
    return life.with_(
        state="sweeping", former=Rest(life.state, life.stop), stop=stop, leftovers=Leftovers(unseen=True)
    ), ()


def release(life: Life, at: float) -> Step:
    """Send the signal that was held back for the agent, if one is. The grace period begins only now."""
    stop = life.stop
    if stop is None or stop.hold is None:
        return life, ()
    standing = stop.standing.with_(since=at, held_since=stop.hold.since)
    life = life.with_(stop=stop.with_(hold=None, standing=standing))
    return life, (_signal(life, stop.hold.signal, wake=life.stopped, ladder=True),)


def climb(life: Life, at: float, rung: int) -> Step:
    """Go up to this rung: its signal to all that are left of the worker."""
    assert life.stop is not None
    before = life.stop.standing
    signal = life.ladder.rungs[rung].signal
    kills = signal == signum.KILL
    orphaned = life.state in ("orphaned", "sweeping")
    everyone = life.spec.stop.group or (kills and life.stop.hurried and life.spec.stop.leftovers != "leave")
    anybody = not orphaned or life.leftovers.unknown or any(member.in_group for member in life.leftovers.alive)
    anybody = anybody and life.going and not before.anew and (everyone or not orphaned)
    standing = Standing(rung, at, group_told=at if anybody and everyone else None)
    if before.anew:
        standing = standing.with_(group_told=before.group_told, newest=before.newest, anew=True)
    stop = life.stop.with_(standing=standing, hold=None)
    wake = life.stopped and not kills
    if kills:
        stop = stop.with_(killed=stop.killed or at)
        life = life.with_(state=life.state if orphaned else "killed")
    life = life.with_(stop=stop)
    action = _signal(life, signal, wake=wake, ladder=True, everyone=everyone)
    if orphaned:
        action = action.with_(members=tuple(member for member in life.leftovers.alive if member.in_group))
    actions = (action,) if anybody else ()
    # Who is outside the group, or was born since, is told after a look. The signal may be for them alone; but behind
    # SIGKILL to a living main process the look waits until the other workers have had their signals.
    if orphaned or before.anew:
        life, look = survey(life, at)
        return life, (*actions, *look)
    return life.with_(leftovers=life.leftovers.with_(unseen=kills)), actions


def survey(life: Life, at: float) -> Step:
    """Look who there is besides the main process."""
    return life.with_(leftovers=life.leftovers.with_(unseen=False, surveyed=at)), (Survey(life.id),)


def _signal(life: Life, signal: int, *, wake: bool, ladder: bool, everyone: bool | None = None) -> Signal:
    group = life.spec.stop.group if everyone is None else everyone
    return Signal(life.id, signal, "group" if group else "main", (), wake, ladder)


def tell(life: Life, at: float, members: tuple[Member, ...]) -> Step:
    """Send the rung's signal to those that have not had it; nobody gets the same rung twice.

    For whom SIGKILL would be the first signal of all, the ladder begins anew, once.
    """
    late = unasked(life, members)
    if not late:
        return _tell(life, members)
    life, actions = _tell(life, tuple(member for member in members if member not in late))
    stop = life.stop
    assert stop is not None
    before = stop.standing
    anew = Standing(0, at, group_told=before.group_told, newest=before.newest, anew=True)
    life, more = _tell(life.with_(stop=stop.with_(standing=anew)), late)
    return life, (*actions, *more)


def unasked(life: Life, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Return the members that were never asked to end, when it is SIGKILL's turn and nobody is in a hurry."""
    stop = life.stop
    if stop is None or stop.hurried or stop.standing.anew or life.ladder.stop_signal == signum.KILL:
        return ()
    if life.ladder.rungs[stop.standing.rung].signal != signum.KILL:
        return ()
    return tuple(
        member
        for member in _untold(life, members)
        if member.key not in stop.told and not (member.in_group and life.group_shot)
    )


def _tell(life: Life, members: tuple[Member, ...]) -> Step:
    stop, fresh = life.stop, _untold(life, members)
    if stop is None or not fresh:
        return life, ()
    standing = stop.standing
    signal = life.ladder.rungs[standing.rung].signal
    keys = {member.key for member in fresh}
    life = life.with_(stop=stop.with_(standing=standing.with_(told=standing.told | keys), told=stop.told | keys))
    return life, (Signal(life.id, signal, "leftovers", members=fresh, wake=signal != signum.KILL, ladder=True),)


def _untold(life: Life, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Return those who have not had the rung's signal, nor SIGKILL."""
    assert life.stop is not None
    standing, shot = life.stop.standing, life.leftovers.shot
    return tuple(
        member
        for member in members
        if member.key not in standing.told
        and (member.key not in shot or (member.in_group and life.group_shot))
        and member.state != "Z"
        and not (member.in_group and _had_it_from_the_group(member, standing))
    )


def _had_it_from_the_group(member: Member, standing: Standing) -> bool:
    """Return whether the process existed when the rung's signal went to its group.

    Within one tick the pid says which came first: pids are given out in rising order, but for a wrap.
    """
    told = standing.group_told
    if told is None or member.started > told + CLOCK_GRAIN:
        return False
    if member.started + START_TICK + CLOCK_GRAIN < told or standing.newest is None:
        return True
    return member.pid <= standing.newest


def resumed(life: Life) -> Step:
    """Continue the worker after the supervisor was continued, in the foreground if the supervisor is there."""
    if not life.going:
        return life, ()
    sending = life.spec.stop.rewritten(signum.CONT)
    signal = (_signal(life, sending, wake=False, ladder=False),) if sending else ()
    return life, (Foreground(life.id), *signal)
