"""The small questions of a stop: who had the signal already, what a step says when nothing is to be done."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core import ladder
from supervisor.core.actions import Action, Look, Note, Signal, Survey
from supervisor.core.events import Forked, Sent, StartAsked, Started, StopAsked, Surveyed, Tick
from supervisor.core.fleet.state import new
from supervisor.core.fleet.step import step as fleet_step
from supervisor.core.record import Leftover, Member
from supervisor.core.spec import FIRST, ExecSpec, FleetSpec, StopSpec, WorkerId, WorkerSpec
from supervisor.core.worker import escalation
from supervisor.core.worker.dues import LOOK_AGAIN, dues
from supervisor.core.worker.ending import leftover, shutdown
from supervisor.core.worker.life import Hold, Life, Process, Standing, Stop
from supervisor.core.worker.step import step

SECOND = WorkerId(1)
API = WorkerSpec("api", ExecSpec(("api",)), StopSpec(ladder.parse("TERM/10/KILL")))
TOLD = 100.0


def stopping(standing: Standing) -> Life:
    """A worker whose main process has ended while it was being stopped."""
    return Life(FIRST, API, state="orphaned", process=Process(7), stop=Stop("drill", None, TOLD, TOLD, 1, standing))


@pytest.mark.parametrize(
    ("started", "pid", "newest", "told"),
    [
        (99.0, 500, None, True),
        (99.0, 500, 400, True),
        (99.995, 500, None, True),
        (99.995, 399, 400, True),
        (99.995, 400, 400, True),
        (99.995, 401, 400, False),
        (100.0005, 401, 400, False),
        (100.0005, 399, 400, True),
        (100.01, 399, 400, False),
        (105.0, 500, None, False),
    ],
)
def test_had_it_from_the_group(started: float, pid: int, newest: int | None, told: bool) -> None:
    """/proc rounds starts down to 10 ms: within one tick the pid decides, if the newest one was known."""
    life = stopping(Standing(0, TOLD, group_told=TOLD, newest=newest))
    _, actions = escalation.tell(life, TOLD, (Member(pid, ("x",), started, in_group=True, state="S"),))
    assert (actions == ()) == told


@pytest.mark.parametrize(("pid", "late"), [(400, False), (401, True)])
def test_born_between_the_signal_and_our_look_at_the_clock(pid: int, late: bool) -> None:
    """We may lose the CPU as soon as kill(2) has signalled the group: the pid tells who was born meanwhile."""
    life = stopping(Standing(0, TOLD, group_told=TOLD))
    sent = Sent(TOLD + 0.05, FIRST, 15, "group", "delivered", ladder=True, newest=400, began=TOLD)
    life, _ = step(life, sent)
    member = Member(pid, ("x",), TOLD, in_group=True, state="S")
    _, actions = step(life, Surveyed(TOLD + 0.06, FIRST, (member,)))
    assert actions == ((Signal(FIRST, 15, "leftovers", (member,), wake=True, ladder=True),) if late else ())


def test_told_one_by_one() -> None:
    """Those outside the group, those never told as a group; not zombies, and nobody twice."""
    life = stopping(Standing(0, TOLD))
    members = (
        Member(11, ("x",), 1.0, in_group=True, state="S"),
        Member(12, ("x",), 1.0, in_group=False, state="T"),
        Member(13, ("x",), 1.0, in_group=True, state="Z"),
    )
    life, actions = escalation.tell(life, TOLD, members)
    assert actions == (Signal(FIRST, 15, "leftovers", members=members[:2], wake=True, ladder=True),)
    assert escalation.tell(life, TOLD, members) == (life, ())


def test_a_tick_without_a_stop() -> None:
    life = Life(FIRST, API, state="running", process=Process(7))
    assert step(life, Tick(5.0)) == (life, ())


def test_no_signal_waits_for_a_look() -> None:
    """A look reads /proc for a millisecond: the worker whose rung is due comes first, and is not looked at itself."""
    web = WorkerSpec("web", ExecSpec(("web",)), StopSpec(ladder.parse("TERM/2/INT/8/KILL")))
    fleet, _ = fleet_step(new(FleetSpec((API, web))), StartAsked(0.0))
    for event in (
        Forked(0.1, FIRST, 7),
        Forked(0.1, SECOND, 8),
        Started(0.2, FIRST),
        Started(0.2, SECOND),
        StopAsked(1.0, "drill"),
    ):
        fleet, _ = fleet_step(fleet, event)
    for at in (1.5, 2.5):
        fleet, actions = fleet_step(fleet, Tick(at))
        assert [action.worker for action in actions if isinstance(action, Look)] == [FIRST, SECOND]
    fleet, actions = fleet_step(fleet, Tick(3.0))
    signal, look = actions
    assert isinstance(signal, Signal) and isinstance(look, Look)
    assert signal.worker == SECOND and look.worker == FIRST


def test_after_sigkill_nothing_gentler_follows() -> None:
    """Neither right after the last request, where signals are passed on as one request, nor later."""
    stop = Stop("signal SIGTERM", 1, TOLD, TOLD + 2, 3, Standing(1, TOLD + 2, group_told=TOLD + 2), killed=TOLD + 2)
    life = Life(FIRST, API, state="killed", process=Process(7), stop=stop)
    for at in (TOLD + 2.05, TOLD + 2.5):
        life, actions = escalation.request_stop(life, at, "signal SIGTERM", 1, 15)
        assert actions == ()


def test_a_stuck_worker_took_as_long_as_it_was_waited_for() -> None:
    """There is no end to measure, but 0 s would make it the quickest of the fleet."""
    fleet, _ = fleet_step(new(FleetSpec((API,))), StartAsked(0.0))
    for event in (Forked(0.1, FIRST, 7), Started(0.2, FIRST), StopAsked(1.0, "drill"), Tick(11.0), Tick(16.0)):
        fleet, _ = fleet_step(fleet, event)
    ended = shutdown(fleet.lives[FIRST])
    assert (ended.outcome, ended.marks.exited, ended.given_up, ended.total) == ("stuck", None, 15.0, 15.0)


def test_nobody_looks_while_the_signal_is_held() -> None:
    """A look at a worker of 300 processes takes 40 ms, by which the signal would be later; nothing was asked yet."""
    hold = Hold(15, TOLD, TOLD + 0.25)
    stop = Stop("drill", None, TOLD, TOLD, 1, Standing(0, TOLD, group_told=TOLD), hold)
    life = Life(FIRST, API, state="draining", process=Process(7, agent=True), stop=stop)
    assert dues(life) == (TOLD + 0.25, TOLD + 0.25)
    assert dues(life.with_(stop=stop.with_(hold=None)))[0] == TOLD + 0.02


def test_whom_nobody_could_look_for_is_told_again() -> None:
    """No descriptor was left to hold the process for the signal: it is looked for a moment later, and told then."""
    member = Member(12, ("x",), 1.0, in_group=False, state="S", born=100)
    life = stopping(Standing(0, TOLD))
    life, (survey, signal) = _after_a_look(life, TOLD + 1, member)
    assert isinstance(survey, Survey) and isinstance(signal, Signal)
    missed = Sent(TOLD + 1, FIRST, 15, "leftovers", "could not look", ladder=True, missed=(member.key,))
    life, _ = step(life, missed)
    assert life.sent[-1].result == "could not look"
    assert dues(life)[0] == TOLD + 1 + LOOK_AGAIN
    life, (survey, again) = _after_a_look(life, TOLD + 1 + LOOK_AGAIN, member)
    assert again == signal
    life, _ = step(life, Sent(TOLD + 2, FIRST, 15, "leftovers", "delivered", (member.key,), ladder=True))
    assert _after_a_look(life, TOLD + 3, member)[1] == (Survey(FIRST),)


def _after_a_look(life: Life, at: float, member: Member) -> tuple[Life, tuple[Action, ...]]:
    """Look, and find this one."""
    life, looks = escalation.survey(life, at)
    life, actions = step(life, Surveyed(at, FIRST, (member,)))
    return life, (*looks, *actions)


def test_who_may_not_be_signalled_is_told_once_and_named() -> None:
    """Each later signal is not permitted either; the record says of each that it was not."""
    member = Member(12, ("x",), 1.0, in_group=False, state="S", born=100)
    life, _ = _after_a_look(stopping(Standing(0, TOLD)), TOLD + 1, member)
    refused = ((member.key, "root"),)
    how: dict[str, Any] = {"ladder": True, "refused": refused, "user": "root"}
    life, (note,) = step(life, Sent(TOLD + 1, FIRST, 15, "leftovers", "not permitted", **how))
    assert isinstance(note, Note) and note.text == "api: not permitted to send SIGTERM to it: it runs as root"
    life, more = step(life, Sent(TOLD + 1, FIRST, 9, "leftovers", "not permitted", **how))
    assert (more, [climb.user for climb in life.sent]) == ((), ["root", "root"])
    assert leftover(member, life.leftovers) == Leftover(12, ("x",), "left", "root")
