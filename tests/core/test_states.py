"""The table of states, walked: every event in every state goes a way of the table, or changes nothing and is told."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from supervisor.core import events, ladder
from supervisor.core.actions import Note
from supervisor.core.fleet import state as fleets
from supervisor.core.fleet.state import Fleet
from supervisor.core.fleet.step import step
from supervisor.core.notify import Message
from supervisor.core.readiness import Check, LivenessSpec, ReadySpec
from supervisor.core.record import Masks, Member, Unit
from supervisor.core.spec import FIRST, Dependency, ExecSpec, FleetSpec, RestartSpec, StopSpec, WorkerId, WorkerSpec
from supervisor.core.worker.life import Life
from supervisor.core.worker.states import (
    GOING,
    HELD,
    LATECOMERS,
    LIVES,
    MEANING,
    OVER,
    PHASES,
    RESTS,
    STOPPED,
    WAYS,
    leads,
)

AGAIN, ONCE, NEVER = RestartSpec("on-failure"), RestartSpec("on-failure", burst=0), RestartSpec("never")
MEMBER = Member(11, ("member",), 0.5, in_group=True, state="S")

START = (events.StartAsked(0.0), events.Forked(1.0, FIRST, 100))
RUN = (*START, events.Started(1.0, FIRST))
HELLO = events.AgentSaid(1.5, FIRST, "hello")
DRAINED, CLEANED = (events.AgentSaid(2.0, FIRST, mark) for mark in ("drained", "cleaned"))
STOP = events.StopAsked(2.0, "command stop", (FIRST,))
SENT = events.Sent(2.0, FIRST, 15, "group", "delivered", ladder=True)
STOPS = ((STOP, SENT), (HELLO, STOP), (events.SignalReceived(2.0, 15, 7), SENT))
KILLED = (events.Tick(12.0), events.Sent(12.0, FIRST, 9, "group", "delivered", ladder=True))
DIED, FAILED = events.MainExited(3.0, FIRST, 0, None), events.MainExited(3.0, FIRST, 1, None)
LATE_DEATH = events.MainExited(12.1, FIRST, None, 9)
NOBODY, SOMEBODY = events.Surveyed(3.0, FIRST, ()), events.Surveyed(3.0, FIRST, (MEMBER,))
ESCAPED = events.Surveyed(3.0, FIRST, (Member(12, ("daemon",), 0.5, in_group=False, state="S"),))
REAPED = events.Reaped(3.0, FIRST, None)

# It has left a daemon; started again, its main process leaves one of its group that even SIGKILL does not end.
LEFT = (*RUN, DIED, ESCAPED, REAPED)
SECOND = (events.StartAsked(4.0), events.Forked(5.0, FIRST, 101), events.Started(5.0, FIRST))
DIED_AGAIN, SWEEP = events.MainExited(6.0, FIRST, 0, None), events.StopAsked(60.0, "command stop", (FIRST,))
STUCK = (
    *LEFT,
    *SECOND,
    DIED_AGAIN,
    *(one for at in (6.0, 16.0, 22.0) for one in (events.Tick(at), events.Surveyed(at, FIRST, (MEMBER,)))),
    events.Reaped(22.0, FIRST, None),
)

# How to get into each state; more than one way where it matters for what may come.
PATHS: dict[str, list[tuple[events.Event, ...]]] = {
    "waiting": [()],
    "forking": [START[:1], (*START[:1], STOP), (*LEFT, events.StartAsked(4.0), STOP)],
    "starting": [START, (*START, events.StartFailed(1.0, FIRST, "exec", 2))],
    "running": [RUN, (*RUN, HELLO), (*RUN, events.MainStopped(1.5, FIRST, 20))],
    "draining": [*((*RUN, *stop) for stop in STOPS), (*START, STOP)],
    "cleaning": [(*run, *stop, DRAINED) for run in (RUN, START) for stop in STOPS],
    "leaving": [(*run, *stop, CLEANED) for run in (RUN, START) for stop in STOPS],
    "killed": [(*RUN, STOP, SENT, *KILLED), (*START, STOP, SENT, *KILLED)],
    "orphaned": [
        (*RUN, DIED),
        (*RUN, DIED, SOMEBODY),
        (*RUN, STOP, SENT, DIED, SOMEBODY),
        (*RUN, STOP, SENT, *KILLED, LATE_DEATH, SOMEBODY),
    ],
    "ended": [
        (*RUN, DIED, NOBODY),
        (*RUN, FAILED, NOBODY),
        (*START, events.StartFailed(1.0, FIRST, "exec", 2), FAILED),
        (*RUN, STOP, SENT, *KILLED, events.Tick(30.0)),
        (*RUN, STOP, SENT, *KILLED, LATE_DEATH, NOBODY),
        (*LEFT, *SECOND, events.StopAsked(6.0, "command stop", (FIRST,)), DIED_AGAIN, NOBODY),
    ],
    "sweeping": [(*LEFT, SWEEP), (*STUCK, SWEEP), (*RUN, FAILED, ESCAPED, REAPED, SWEEP)],
    "exited": [(*RUN, DIED, NOBODY, REAPED), LEFT],
    "failed": [(*RUN, FAILED, NOBODY, REAPED), (*RUN, FAILED, ESCAPED, REAPED)],
    "stuck": [(*RUN, STOP, SENT, *KILLED, events.Tick(30.0), REAPED), STUCK],
    "backoff": [(*RUN, FAILED, NOBODY, REAPED), (*RUN, FAILED, ESCAPED, REAPED)],
}


class Variant(NamedTuple):
    """A way into a state for a worker with more than a command; ``held``: another one depends on it."""

    more: dict[str, Any]
    path: tuple[events.Event, ...]
    held: bool = False


OTHER = WorkerId(1)
TCP = Check("tcp", host="127.0.0.1", port=1)
CHECKED: dict[str, Any] = {
    "ready": ReadySpec(TCP, timeout=5.0),
    "liveness": LivenessSpec(TCP, failures=1, start_after=0.1),
}
PATIENT: dict[str, Any] = {"ready": ReadySpec(TCP, timeout=5.0, on_timeout="continue")}
SPEAKING: dict[str, Any] = {"ready": ReadySpec(Check("notify"))}
WATCHED: dict[str, Any] = {"liveness": LivenessSpec(Check("notify"), interval=1.0, failures=1)}
DEPENDENT: dict[str, Any] = {"depends_on": (Dependency("other", restart=True),)}
OTHER_RUNS = (events.StartAsked(0.0, (OTHER,)), events.Forked(0.0, OTHER, 300), events.Started(0.0, OTHER))
OTHER_DIES, OTHER_REAPED = events.MainExited(2.5, OTHER, 1, None, alone=True), events.Reaped(2.5, OTHER, None)
API_DIES, API_REAPED = events.MainExited(2.4, FIRST, 1, None, alone=True), events.Reaped(2.6, FIRST, None)
TRIED, REFUSED = (events.Tried(1.2, FIRST, "ready", ok, "x") for ok in (True, False))
CLOSED = events.Tried(1.2, FIRST, "ready", False, "closed", final=True)
UNKILLABLE = (*RUN, STOP, SENT, *KILLED, events.Tick(30.0), REAPED)
NO_OTHER = events.StartFailed(1.0, OTHER, "fork", 11)
BOTH_RUN, OTHER_ENDS = (*OTHER_RUNS, *RUN), (OTHER_DIES, OTHER_REAPED)
STARTS_AGAIN = (*RUN, *OTHER_RUNS, API_DIES, API_REAPED, events.StartAsked(2.7), events.Forked(2.8, FIRST, 400))
STOP_ALL = events.StopAsked(2.9, "command stop")

VARIANTS = [
    *(Variant(CHECKED, path) for path in (START, RUN, (*RUN, REFUSED), (*RUN, CLOSED), (*RUN, TRIED))),
    Variant(CHECKED, (*START, TRIED, events.Started(1.0, FIRST))),
    Variant(CHECKED, (*RUN, TRIED, events.Tick(1.4))),
    Variant(PATIENT, RUN),
    Variant(SPEAKING, RUN),
    Variant(WATCHED, RUN),
    *(Variant(DEPENDENT, path) for path in ((), START[:1], (*BOTH_RUN, API_DIES), (*BOTH_RUN, *OTHER_ENDS))),
    Variant(DEPENDENT, (*BOTH_RUN, API_DIES, *OTHER_ENDS, API_REAPED)),
    Variant(DEPENDENT, (*BOTH_RUN, API_DIES, API_REAPED, OTHER_DIES)),
    Variant(DEPENDENT, (*BOTH_RUN, *OTHER_ENDS, API_DIES)),
    *(Variant(DEPENDENT, (*START[:1], NO_OTHER, *more)) for more in ((), OTHER_RUNS)),
    *(Variant(DEPENDENT, (*OTHER_RUNS, *path, *OTHER_ENDS)) for path in (LEFT, (*RUN, FAILED, NOBODY, REAPED))),
    *(Variant(DEPENDENT, (*OTHER_RUNS, *path, *OTHER_ENDS)) for path in (STUCK, UNKILLABLE, (*LEFT, SWEEP))),
    *(Variant(check, (*RUN, *OTHER_RUNS, STOP_ALL), held=True) for check in ({}, CHECKED)),
    *(Variant(check, (*STARTS_AGAIN, STOP_ALL), held=True) for check in ({}, CHECKED)),
    Variant(CHECKED, (*STARTS_AGAIN, events.Started(2.8, FIRST), STOP_ALL), held=True),
]

HAPPENINGS: tuple[events.Event, ...] = (
    *(events.Tick(at) for at in (3.0, 12.0, 17.5, 60.0)),
    events.StartAsked(4.0),
    *(events.StopAsked(at, "command stop") for at in (2.05, 4.0)),
    *(events.SignalReceived(4.0, signal, 7) for signal in (15, 10)),
    events.OrphansChanged(4.0),
    events.UnitKnown(4.0, Unit("a.service", "control-group", 1)),
    events.Forked(4.0, FIRST, 200),
    events.Started(4.0, FIRST),
    events.StartFailed(4.0, FIRST, "fork", 11),
    *(events.MainExited(4.0, FIRST, 1, None, alone) for alone in (False, True)),
    events.MainStopped(4.0, FIRST, 20),
    events.MainContinued(4.0, FIRST),
    events.Surveyed(4.0, FIRST, ()),
    events.Surveyed(4.0, FIRST, (MEMBER,)),
    events.Sent(4.0, FIRST, 15, "group", "delivered", ladder=True),
    *(events.AgentSaid(4.0, FIRST, what) for what in ("hello", "noticed", "drained", "cleaned")),
    events.Probed(4.0, FIRST, 0),
    events.Notified(4.0, FIRST, Message(ready=True, status="warm", extend=9.0)),
    events.Notified(4.0, FIRST, Message(watchdog="trigger")),
    events.ProbeAnswered(4.0, FIRST),
    events.MasksRead(4.0, FIRST, Masks(0, 0, 0)),
    events.Sampled(4.0, FIRST, None),
    events.Reaped(4.0, FIRST, None),
    *(events.Tried(4.0, FIRST, "ready", ok, "x", final=final) for ok in (True, False) for final in (True, False)),
    events.Tried(4.0, FIRST, "liveness", False, "x"),
    events.StartFailed(4.0, OTHER, "fork", 11),
    events.Reaped(4.0, OTHER, None),
)


def fleet_after(way: Variant, restart: RestartSpec, escalation: str) -> Fleet:
    stop = StopSpec(ladder.parse(escalation))
    api = WorkerSpec("api", ExecSpec(("api",)), stop, restart=restart).with_(**way.more)
    other = WorkerSpec("other", ExecSpec(("other",)), stop)  # without another one the fleet would be over
    if way.held:
        other = other.with_(depends_on=(Dependency("api", "started"),))
    elif way.more is DEPENDENT:
        other = other.with_(restart=restart)
    return step(fleets.new(FleetSpec((api, other), limit=9.0 if way.held else None)), *way.path)[0]


def places() -> list[tuple[str, Fleet]]:
    """Fleets whose first worker is in each state."""
    found: list[tuple[str, Fleet]] = []
    plain = [(state, Variant({}, path)) for state, paths in PATHS.items() for path in paths]
    for expected, way in [*plain, *((None, variant) for variant in VARIANTS)]:
        for restart in (AGAIN, ONCE, NEVER):
            for escalation in ("TERM/10/KILL", "KILL"):
                fleet = fleet_after(way, restart, escalation)
                state = fleet.lives[FIRST].state
                if expected is None or state == expected:
                    found.append((state, fleet))
    return found


def test_the_walk_begins_everywhere_and_everything_happens() -> None:
    assert {state for state, _ in places()} == set(WAYS) == set(MEANING) == set(PHASES)
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Event)}
    assert {type(event) for event in HAPPENINGS} == kinds - {events.Event, events.WorkerEvent}


def told_before(life: Life, event: events.Event) -> bool:
    """Whether exec has worked is told once, in whichever state the worker is by then."""
    known = life.failure is not None or (life.process is not None and life.process.running_since is not None)
    return known and isinstance(event, events.Started | events.StartFailed)


def _of_another(before: Any, after: Any) -> type[events.Event]:
    """What happens to another worker is for this one as if its start or its stop were asked for."""
    return next(kind for kind in (events.StartAsked, events.StopAsked) if leads(before, kind, after))


def test_every_event_in_every_state() -> None:
    gone: set[tuple[str, type[events.Event], str]] = set()
    for state, fleet in places():
        before = fleet.lives[FIRST]
        for event in HAPPENINGS:
            after, actions = step(fleet, event)
            life, where = after.lives[FIRST], (state, event)
            if getattr(event, "worker", FIRST) == OTHER:
                if life.state != before.state:
                    gone.add((state, _of_another(before.state, life.state), life.state))
                continue
            ways = WAYS[before.state].get(type(event))
            if ways is not None and not told_before(before, event):
                assert life.state in ways, where
                gone.add((state, type(event), life.state))
                continue
            assert life == before.with_(attempts=life.attempts, queued=life.queued), where
            told = any(isinstance(action, Note) and "unexpected" in action.text for action in actions)
            concerns_it = isinstance(event, events.WorkerEvent)
            late = type(event) in LATECOMERS and before.state not in GOING
            assert told == (concerns_it and not late), where
    table = {(state, event, end) for state, ways in WAYS.items() for event, ends in ways.items() for end in ends}
    assert gone - table == table - gone == set(), "an arrow that nothing goes along"


def test_kinds_of_states() -> None:
    assert LIVES < GOING < HELD
    assert GOING < STOPPED
    assert OVER | {"waiting", "backoff"} == RESTS
    assert not (HELD | STOPPED) & RESTS
    assert HELD | STOPPED | RESTS | {"forking"} == set(WAYS)


@pytest.mark.parametrize("state", ["orphaned", "ended"])
def test_the_phase_of_one_whose_main_process_has_gone(state: str) -> None:
    phases = {fleet.lives[FIRST].phase for where, fleet in places() if where == state}
    assert phases == {"leaving", "killed"} | ({"stuck"} if state == "ended" else set())
