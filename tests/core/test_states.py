"""The table of states, walked: every event in every state goes a way of the table, or changes nothing and is told."""

from __future__ import annotations

import pytest

from supervisor.core import events, ladder
from supervisor.core.actions import Note
from supervisor.core.fleet import state as fleets
from supervisor.core.fleet.state import Fleet
from supervisor.core.fleet.step import step
from supervisor.core.notify import Message
from supervisor.core.record import Masks, Member
from supervisor.core.spec import FIRST, ExecSpec, FleetSpec, RestartSpec, StopSpec, WorkerSpec
from supervisor.core.worker.life import Life
from supervisor.core.worker.states import GOING, HELD, LATECOMERS, LIVES, MEANING, OVER, PHASES, RESTS, STOPPED, WAYS

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
HAPPENINGS: tuple[events.Event, ...] = (
    *(events.Tick(at) for at in (3.0, 12.0, 17.5, 60.0)),
    events.StartAsked(4.0),
    *(events.StopAsked(at, "command stop") for at in (2.05, 4.0)),
    *(events.SignalReceived(4.0, signal, 7) for signal in (15, 10)),
    events.OrphansChanged(4.0),
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
    events.ProbeAnswered(4.0, FIRST),
    events.MasksRead(4.0, FIRST, Masks(0, 0, 0)),
    events.Sampled(4.0, FIRST, None),
    events.Reaped(4.0, FIRST, None),
)


def fleet_after(path: tuple[events.Event, ...], restart: RestartSpec, escalation: str) -> Fleet:
    stop = StopSpec(ladder.parse(escalation))
    other = WorkerSpec("other", ExecSpec(("other",)), stop)  # without another one the fleet would be over
    fleet = fleets.new(FleetSpec((WorkerSpec("api", ExecSpec(("api",)), stop, restart=restart), other)))
    return step(fleet, *path)[0]


def places() -> list[tuple[str, Fleet]]:
    """Fleets whose first worker is in each state."""
    found: list[tuple[str, Fleet]] = []
    for state, paths in PATHS.items():
        for path in paths:
            for restart in (AGAIN, ONCE, NEVER):
                for escalation in ("TERM/10/KILL", "KILL"):
                    fleet = fleet_after(path, restart, escalation)
                    if fleet.lives[FIRST].state == state:
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


def test_every_event_in_every_state() -> None:
    gone: set[tuple[str, type[events.Event], str]] = set()
    for state, fleet in places():
        before = fleet.lives[FIRST]
        for event in HAPPENINGS:
            after, actions = step(fleet, event)
            life, where = after.lives[FIRST], (state, event)
            ways = WAYS[before.state].get(type(event))
            if ways is not None and not told_before(before, event):
                assert life.state in ways, where
                gone.add((state, type(event), life.state))
                continue
            assert life == before.with_(attempts=life.attempts), where
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
