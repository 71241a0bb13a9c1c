"""All workers of one supervisor: ``step(fleet, event) -> (fleet, actions)``. The only entrance for events.

Routes each event to the lives it concerns, turns signals into stop requests, restarts what may be restarted, and
says when everything is over and with which exit status.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.actions import Action, Note, Report, Survey, Suspend
from supervisor.core.events import (
    Event,
    OrphansChanged,
    Reaped,
    SignalReceived,
    StartAsked,
    StartFailed,
    StopAsked,
    Tick,
    WorkerEvent,
)
from supervisor.core.frozen import Frozen
from supervisor.core.spec import FIRST, FleetSpec, WorkerId
from supervisor.core.worker import escalation
from supervisor.core.worker.life import Death, Life
from supervisor.core.worker.restart import Attempts, after_end
from supervisor.core.worker.step import shutdown, survey
from supervisor.core.worker.step import step as life_step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import TypeAlias

    from supervisor.core.record import Shutdown, Want

    FleetStep: TypeAlias = "tuple[Fleet, tuple[Action, ...]]"


# Workers looked at in one turn of the loop: a look takes some tenths of a millisecond, in which nobody gets a signal.
LOOKS_A_TURN = 8


class Ending(Frozen):
    """The exit status that the run earned: exactly one of ``code`` and ``signal`` is set."""

    code: int | None = 0
    signal: int | None = None


class Fleet(Frozen):
    """The whole state of a supervisor; its workers in the order in which they are shown.

    ``asked`` is when everything was first asked to stop (monotonic seconds), ``requests`` how often since: those
    closer than HURRY_AFTER count as one.
    """

    spec: FleetSpec
    lives: Mapping[WorkerId, Life]
    attempts: Mapping[WorkerId, Attempts]
    want: Want = "up"
    asked: float | None = None
    requests: int = 0
    last_request: float = 0.0
    limited: bool = False
    failure: Ending | None = None
    last: Ending | None = None

    @property
    def deadline(self) -> float | None:
        """The one instant at which the fleet wants a Tick, None for never."""
        due = [life.due for life in self.lives.values() if life.due is not None]
        due += [attempt.due for attempt in self.attempts.values() if attempt.due is not None]
        if self._limit_at is not None:
            due.append(self._limit_at)
        return min(due) if due else None

    @property
    def over(self) -> bool:
        """Nothing is alive and nothing will be started."""
        # Asked after every batch of facts: any() with a generator costs twice as much.
        for life in self.lives.values():
            if life.pid is not None or life.phase in ("waiting", "starting"):
                return False
        return self.want == "down" or all(attempt.due is None for attempt in self.attempts.values())

    @property
    def ending(self) -> Ending:
        """With which status to leave, once over: the worker's own for `run`, the first failure's for a fleet."""
        if self.spec.wrap:
            return self.last or Ending()
        return self.failure or Ending()

    @property
    def _limit_at(self) -> float | None:
        if self.asked is None or self.spec.limit is None or self.limited:
            return None
        return self.asked + self.spec.limit


def new(spec: FleetSpec) -> Fleet:
    """A fleet of which nothing runs yet. The one process of `run` is being started before there is a fleet."""
    lives = [Life(WorkerId(number), worker) for number, worker in enumerate(spec.workers, FIRST)]
    if spec.wrap:
        lives = [life.with_(phase="starting", start=1) for life in lives]
    return Fleet(spec, {life.id: life for life in lives}, {life.id: Attempts() for life in lives})


def step(fleet: Fleet, event: Event) -> FleetStep:
    """Take one event in; return the next state and what to do, in order."""
    fleet, actions = _taken_in(fleet, event)
    unseen = [life.id for life in fleet.lives.values() if life.unseen] if len(fleet.lives) <= LOOKS_A_TURN else []
    if not unseen:
        return fleet, actions
    # Of so few, everybody is looked at at once: that keeps no signal waiting.
    fleet, more = _each(fleet, lambda life: survey(life, event.at), unseen)
    return fleet, (*actions, *more)


def _taken_in(fleet: Fleet, event: Event) -> FleetStep:
    match event:
        case SignalReceived():
            return _signal_received(fleet, event)
        case StopAsked():
            return _stop_asked(fleet, event)
        case StartAsked():
            return _start_asked(fleet, event)
        case OrphansChanged():
            waiting = [life.id for life in fleet.lives.values() if life.death is not None and life.outcome is None]
            return _each(fleet, lambda life: (life.with_(unseen=True), ()), waiting)
        case Tick():
            return _tick(fleet, event)
        case Reaped():
            return _reaped(fleet, event)
        case StartFailed() if fleet.lives[event.worker].phase == "starting" and not fleet.lives[event.worker].alive:
            return _never_started(fleet, event)
        case WorkerEvent():
            life, actions = life_step(fleet.lives[event.worker], event)
            return _put(fleet, life), actions
        case _:
            return fleet, (Note(f"unexpected {type(event).__name__}"),)


# ------------------------------------------------------------------ requests

# Who asks because another worker ended does not hurry one that was asked already.
NOBODY_INSISTS = ("failed peer", "finished peer", "dependency")


def _signal_received(fleet: Fleet, event: SignalReceived) -> FleetStep:
    if event.signal == signum.CONT:
        return _each(fleet, escalation.resumed) if fleet.spec.wrap else (fleet, ())
    if event.signal in signum.SUSPENDS and not fleet.spec.wrap:
        # Ctrl-Z puts the supervisor aside; its workers are in sessions of their own and go on.
        return fleet, (Suspend(event.signal, job=False),)
    # In `run` an interactive program must survive the terminal's own Ctrl-C and Ctrl-\ (DESIGN 3).
    keyboard = fleet.spec.wrap and event.kernel and event.signal in (signum.INT, signum.QUIT)
    if event.signal not in signum.STOP_REQUESTS or keyboard or event.ignored:
        fleet, actions = _each(fleet, lambda life: _forwarded(life, event.signal, event.kernel))
        together = event.kernel and not any(life.spec.exec.own_group for life in fleet.lives.values())
        if event.signal in signum.SUSPENDS and not together:
            # Whoever stops the job means us too, also when the worker handles the signal or another one is sent. In
            # a pipeline the terminal has told the worker itself, and we follow when it has stopped: a shell that saw
            # us stopped before would read the keyboard beside it.
            actions = (*actions, Suspend(event.signal, job=False))
        return fleet, actions
    by = f"signal {signum.name(event.signal)}"
    dropped = [life for life in fleet.lives.values() if life.spec.stop.rewritten(event.signal) == 0]
    if len(dropped) == len(fleet.lives):
        return fleet, (Note(f"{signum.name(event.signal)} dropped, as --rewrite says", verbose=True),)
    first = fleet.asked is None
    fleet = _going_down(fleet, event.at)

    def ask(life: Life) -> escalation.Step:
        if first and not fleet.spec.wrap and life.stop is not None and life.stop.asked is not None:
            return life, ()  # a command is stopping it: the fleet's first request hurries nobody
        sending = life.spec.stop.rewritten(event.signal)
        if sending == 0:
            return life, ()
        chosen = None if life.spec.stop.own_signal else sending
        return escalation.request_stop(life, event.at, by, event.sender_pid or None, chosen)

    return _each(fleet, ask)


def _forwarded(life: Life, signal: int, kernel: bool) -> escalation.Step:
    if kernel and not life.spec.exec.own_group:
        return life, ()  # the terminal has signalled the group that both of us are in
    sending = life.spec.stop.rewritten(signal)
    return escalation.forward(life, sending) if sending else (life, ())


def _stop_asked(fleet: Fleet, event: StopAsked) -> FleetStep:
    insists = event.insists and event.by not in NOBODY_INSISTS
    if event.workers is None:
        if fleet.asked is None or insists:
            fleet = _going_down(fleet, event.at)
        chosen: Collection[WorkerId] = fleet.lives
    else:
        chosen = event.workers
        attempts = {**fleet.attempts, **dict.fromkeys(chosen, Attempts(wanted=False))}
        fleet = _at_rest(fleet.with_(attempts=attempts), chosen)

    def ask(life: Life) -> escalation.Step:
        if not insists and life.stop is not None and life.stop.asked is not None:
            return life, ()
        return escalation.request_stop(life, event.at, event.by, event.by_pid, None)

    return _each(fleet, ask, chosen)


def _start_asked(fleet: Fleet, event: StartAsked) -> FleetStep:
    if fleet.want == "down":
        return fleet, (Note("the fleet is stopping: nothing is started"),)
    chosen = [
        life.id
        for life in fleet.lives.values()
        if (event.workers is None or life.id in event.workers) and not life.alive and life.phase != "starting"
    ]
    # A planned restart is overtaken, and a start by hand is a new first attempt.
    attempts = {**fleet.attempts, **dict.fromkeys(chosen, Attempts())}
    return _each(fleet.with_(attempts=attempts), escalation.begin, chosen)


# ------------------------------------------------------------------ facts


def _tick(fleet: Fleet, event: Tick) -> FleetStep:
    at = event.at
    signalled = [life.id for life in fleet.lives.values() if life.signal_due is not None and life.signal_due <= at]
    fleet, actions = _each(fleet, lambda life: life_step(life, event), signalled)
    # What somebody dead has left is looked for behind the others' signals: that takes longer than all of these.
    actions = tuple(sorted(actions, key=lambda action: isinstance(action, Survey)))
    limit_at = fleet._limit_at
    if limit_at is not None and event.at >= limit_at:
        fleet, more = _each(fleet.with_(limited=True), lambda life: escalation.kill(life, event.at))
        actions = (*actions, *more)
    due = [
        worker for worker, attempt in fleet.attempts.items() if attempt.due is not None and event.at >= attempt.due
    ]
    if due:
        attempts = {**fleet.attempts, **{worker: fleet.attempts[worker].with_(due=None) for worker in due}}
        fleet, more = _each(fleet.with_(attempts=attempts), escalation.begin, due)
        actions = (*actions, *more)
    fleet, more = _looked(fleet, event.at)
    return fleet, (*actions, *more)


def _looked(fleet: Fleet, at: float) -> FleetStep:
    """The looks that are due, but not at too many workers: the rest is due still, and the next turn begins with who
    is due for a signal by then. At whom there was no time to look before its signal is not looked at any more.

    First those at whom nobody has looked since they ended; then who has waited longest. Where orphans end all the
    time, all the dead are due in every turn: each has to have its turn, and so have the living.
    """
    due = [life for life in fleet.lives.values() if life.due is not None and life.due <= at]
    due = [life for life in due if life.signal_due is None or life.signal_due > at]
    due.sort(key=lambda life: (not life.unseen or life.surveyed is not None, life.due))
    return _each(fleet, lambda life: life_step(life, Tick(at)), [life.id for life in due[:LOOKS_A_TURN]])


def _reaped(fleet: Fleet, event: Reaped) -> FleetStep:
    before = fleet.lives[event.worker]
    life, actions = life_step(before, event)
    fleet = _put(fleet, life)
    if life.alive or not before.alive:
        return fleet, actions
    fleet, more = _ended(fleet, life, event.at, event.chance)
    return fleet, (*actions, *more)


def _never_started(fleet: Fleet, event: StartFailed) -> FleetStep:
    """fork itself failed: there is a life without a process, and it is over."""
    life = fleet.lives[event.worker].with_(
        phase="failed", failure=event, death=Death(event.at, 125, None), outcome="failed", ended=event.at
    )
    return _ended(_put(fleet, life), life, event.at, 0.5)


def _ended(fleet: Fleet, life: Life, at: float, chance: float) -> FleetStep:
    ended = shutdown(life)
    fleet = fleet.with_(last=_ending(life, ended))
    asked = life.stop is not None and life.stop.asked is not None
    if not asked and fleet.want == "up" and not fleet.spec.wrap:
        fleet, actions = _unasked_end(fleet, life, ended, at, chance)
        return fleet, (Report(life.id, ended), *actions)
    if not life.as_wanted:
        fleet = _failed(fleet)
    return fleet, (Report(life.id, ended),)


def _failed(fleet: Fleet) -> Fleet:
    """The first failure stands. One with code 0 (no success here, or something of it is stuck) still is a failure."""
    last = Ending(code=1) if fleet.last == Ending() else fleet.last
    return fleet.with_(failure=fleet.failure or last)


def _unasked_end(fleet: Fleet, life: Life, ended: Shutdown, at: float, chance: float) -> FleetStep:
    policy = life.spec.restart
    ran = (life.death.at - life.running_since) if life.death and life.running_since is not None else 0.0
    attempts = after_end(policy, fleet.attempts[life.id], ended, ran, at, chance)
    fleet = fleet.with_(attempts={**fleet.attempts, life.id: attempts})
    if attempts.due is not None:
        return _put(fleet, life.with_(phase="backoff")), ()
    if ended.outcome != "clean":
        fleet = _failed(fleet)
    if attempts.exhausted:
        text = (
            f"{life.spec.title}: ended {_times(attempts.count + 1)} without running {policy.stable:g} s; given up."
            " Mend it, or raise its burst"
        )
        return _put(fleet, life.with_(phase="failed")), (Note(text),)
    if policy.on_exit == "stop-all":
        by = StopAsked(at, "failed peer" if ended.outcome != "clean" else "finished peer", by_pid=ended.pid)
        return _stop_asked(fleet, by)
    return fleet, ()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _ending(life: Life, ended: Shutdown) -> Ending:
    if life.death is None:
        return Ending(code=125)  # it never ended: there is no status of its own
    if life.failure is None:
        return Ending(code=ended.exit_code, signal=ended.signal)
    return Ending(code=life.failure.code)


# ------------------------------------------------------------------ plumbing


def _each(
    fleet: Fleet,
    act: Callable[[Life], escalation.Step],
    chosen: Iterable[WorkerId] | None = None,
) -> FleetStep:
    lives = dict(fleet.lives)
    actions: list[Action] = []
    for worker in fleet.lives if chosen is None else chosen:
        life, more = act(lives[worker])
        lives[worker] = _dated(life)
        actions.extend(more)
    return fleet.with_(lives=lives), tuple(actions)


def _put(fleet: Fleet, life: Life) -> Fleet:
    if fleet.lives[life.id] is life:
        return fleet
    return fleet.with_(lives={**fleet.lives, life.id: _dated(life)})


def _dated(life: Life) -> Life:
    """With its deadlines written down: the fleet asks for all of them after every event."""
    due, signal_due = life.dues()
    if due == life.due and signal_due == life.signal_due:
        return life
    return life.with_(due=due, signal_due=signal_due)


def _going_down(fleet: Fleet, at: float) -> Fleet:
    """The fleet goes down: nothing in backoff or waiting is started any more."""
    if fleet.asked is None or at - fleet.last_request >= escalation.HURRY_AFTER:
        fleet = fleet.with_(requests=fleet.requests + 1, last_request=at)
    fleet = fleet.with_(want="down", asked=at if fleet.asked is None else fleet.asked)
    return _at_rest(fleet.with_(attempts={worker: Attempts() for worker in fleet.lives}), fleet.lives)


def _at_rest(fleet: Fleet, chosen: Collection[WorkerId]) -> Fleet:
    resting = {
        worker: fleet.lives[worker].with_(phase="exited")
        for worker in chosen
        if fleet.lives[worker].phase in ("waiting", "backoff")
    }
    return fleet.with_(lives={**fleet.lives, **resting})
