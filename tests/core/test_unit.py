"""Under systemd: what a unit's KillMode means for a stop."""

from __future__ import annotations

import pytest

from supervisor.core import events
from supervisor.core.actions import Action, Note, Signal
from supervisor.core.fleet import state, step
from supervisor.core.fleet.state import Fleet
from supervisor.core.record import Unit
from supervisor.core.spec import FleetSpec, WorkerId
from supervisor.core.worker.ending import shutdown
from tests.core.script import worker

A, B = WorkerId(0), WorkerId(1)


def running(unit: Unit, *escalations: str) -> tuple[Fleet, list[str]]:
    """A fleet that runs and knows its unit; what it has said about that."""
    workers = tuple(worker(f"w{number}", text) for number, text in enumerate(escalations or ("TERM/10/KILL",) * 2))
    fleet = state.new(FleetSpec(workers))
    facts: list[events.Event] = [events.StartAsked(0.0)]
    facts += [events.Forked(0.0, one, 100 + one) for one in fleet.lives]
    facts += [events.Started(0.1, one) for one in fleet.lives]
    fleet, _ = step.step(fleet, *facts)
    fleet, actions = step.step(fleet, events.UnitKnown(0.2, unit))
    return fleet, [action.text for action in actions if isinstance(action, Note)]


def signals(actions: tuple[Action, ...]) -> list[tuple[int, int]]:
    return [(action.worker, action.signal) for action in actions if isinstance(action, Signal)]


@pytest.mark.parametrize(("mode", "said"), [("mixed", 0), ("process", 0), ("control-group", 1)])
def test_what_will_go_wrong_is_said_at_the_start(mode: str, said: int) -> None:
    _, notes = running(Unit("a.service", mode, 1))
    assert len(notes) == said
    assert all("Set KillMode=mixed" in note for note in notes)


def test_what_systemd_has_sent_to_everybody_is_not_sent_again() -> None:
    fleet, _ = running(Unit("a.service", "control-group", 1))
    fleet, actions = step.step(fleet, events.SignalReceived(5.0, 15, sender_pid=1))
    assert signals(actions) == []
    assert [life.phase for life in fleet.lives.values()] == ["draining"] * 2
    fleet, actions = step.step(fleet, events.Tick(15.0))
    assert signals(actions) == [(A, 9), (B, 9)], "the ladder goes on as if we had sent it"
    fleet, _ = step.step(
        fleet, events.Sent(15.0, A, 9, "group", "delivered", ladder=True),
        events.MainExited(15.1, A, None, 9, alone=True), events.Reaped(15.1, A, None),
    )  # fmt: skip
    record = shutdown(fleet.lives[A])
    assert [(climb.at, climb.signal, climb.target) for climb in record.escalation] == [
        (0.0, 15, "systemd"), (10.0, 9, "group"),
    ]  # fmt: skip
    assert (record.asked_by, record.asked_by_pid) == ("signal SIGTERM", 1)


@pytest.mark.parametrize(
    ("mode", "sender", "signal"), [("mixed", 1, 15), ("control-group", 4711, 15), ("control-group", 1, 1)]
)
def test_everything_else_is_passed_on_by_us(mode: str, sender: int, signal: int) -> None:
    """By mixed, by somebody who is not the manager; SIGHUP asks for a stop with the ladder's own signal."""
    fleet, _ = running(Unit("a.service", mode, 1))
    _, actions = step.step(fleet, events.SignalReceived(5.0, signal, sender_pid=sender))
    expected = [] if (mode, sender, signal) == ("control-group", 1, 1) else [(A, 15), (B, 15)]
    assert signals(actions) == expected


def test_a_second_request_climbs_as_ever() -> None:
    fleet, _ = running(Unit("a.service", "control-group", 1), "TERM/10/INT/5/KILL")
    fleet, _ = step.step(fleet, events.SignalReceived(5.0, 15, sender_pid=1))
    _, actions = step.step(fleet, events.SignalReceived(6.0, 15, sender_pid=1))
    assert signals(actions) == [(A, 2)]
