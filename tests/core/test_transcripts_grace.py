"""A grace period is kept: it counts from the delivery of its signal, whoever gets it and however late."""

from __future__ import annotations

from supervisor.core import events, ladder
from supervisor.core.fleet.state import Fleet, new
from supervisor.core.fleet.step import step
from supervisor.core.record import Climb, Member, Shutdown
from supervisor.core.spec import FIRST, RUN, ExecSpec, FleetSpec, StopSpec, WorkerSpec
from supervisor.core.worker.ending import shutdown
from tests.core.script import up, worker, wrap

MEMBER = Member(11, ("member",), 0.5, in_group=True, state="S", born=50)


def test_the_hold_is_the_deadline_while_it_lasts() -> None:
    """A grace period that is shorter than the hold begins after it: SIGKILL comes 0.2 s after SIGTERM, no sooner."""
    wrap(
        """
        >> 1 agent says hello
        >> 3 SIGTERM
        << probe
        >> 3.25 tick
        << SIGTERM to the group
        >> 3.3 tick
        << probe
        << last look
        >> 3.375 tick
        << dump
        >> 3.45 tick
        << SIGKILL to the group
        << survey
        >> 3.5 found nobody
        >> 3.5 dies of SIGKILL
        << survey
        >> 3.5 found nobody
        << reap
        << report: killed, SIGKILL, 0.25 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        escalation="TERM/0.2/KILL",
    )


def test_who_is_told_late_has_the_whole_wait() -> None:
    """The main process ended by itself, and one of its group ignores SIGTERM; shortly before that one's SIGKILL the
    fleet is asked to stop. The escapee hears of it only then."""
    up(
        """
        >> 0 start
        << a: start
        << b: start
        >> 1 a: exits 0
        << a: survey
        >> 1 a: found 11 in the group, 12 outside
        << a: SIGTERM to 11
        >> 3.8 SIGTERM
        << a: SIGTERM to the group
        << a: survey
        << b: SIGTERM to the group
        >> 3.8 a: found 11 in the group, 12 outside
        << a: SIGTERM to 12
        >> 3.9 b: dies of SIGTERM
        << b: survey
        >> 3.9 b: found nobody
        << b: reap
        << b: report: signalled, SIGTERM, 0.1 s, asked by signal SIGTERM
        >> 6.8 tick
        << a: SIGKILL to the group
        << a: survey
        >> 6.85 a: found 11 in the group
        >> 6.9 somebody ended
        << a: survey
        >> 6.9 a: found nobody
        << a: reap
        << a: report: clean, code 0, 3.1 s, asked by signal SIGTERM, 11 killed, 12 ended
        == over, code 0
        """,
        worker("a", "TERM/3/KILL"),
        worker("b"),
    )


def test_a_worker_that_goes_on_creating_processes_is_killed_all_the_same() -> None:
    """Each new process has its own wait, but only one of them after the wait of those that were there at first."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 outside born at 2
        << SIGTERM to 11
        >> 10 somebody ended
        << survey
        >> 10 found 12 outside born at 9
        << SIGTERM to 12
        >> 19 somebody ended
        << survey
        >> 19 found 13 outside born at 18
        << SIGTERM to 13
        >> 28 somebody ended
        << survey
        >> 28 found 14 outside born at 27
        << SIGTERM to 14
        >> 29 tick
        << survey
        >> 29.1 found 14 outside born at 27
        << SIGKILL to 14
        >> 29.2 somebody ended
        << survey
        >> 29.2 found nobody
        << reap
        << report: clean, code 0, 26.2 s, asked by signal SIGTERM, 11 ended, 12 ended, 13 ended, 14 killed
        == over, code 0
        """,
    )


def test_a_group_member_that_is_stopped_is_woken() -> None:
    """A process in state T takes its signal when it is continued; somebody looks when the worker is still there."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.02 sees 0
        >> 3.1 sees 2
        << survey
        >> 3.1 found 11 in the group, 12 in the group stopped, 13 outside stopped
        << SIGCONT to 12 (passed on)
        >> 3.25 sees 2
        >> 3.3 exits 0
        << survey
        >> 3.3 found nobody
        << reap
        << report: clean, code 0, 0.3 s, asked by signal SIGTERM
        == over, code 0
        """,
    )


def test_nobody_could_look() -> None:
    """Descriptors were short: that is no proof that nobody is left. It is tried again, and the ladder goes on."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.5 exits 0
        << survey
        >> 3.5 cannot look
        << note: api: could not look which of its processes are left; trying again
        >> 3.75 tick
        << survey
        >> 3.8 found 11 in the group
        >> 4 somebody ended
        << survey
        >> 4 found nobody
        << reap
        << report: clean, code 0, 1 s, asked by signal SIGTERM, 11 ended
        == over, code 0
        """,
    )


def _stopping(escalation: str) -> Fleet:
    """One worker with an agent that is asked to stop at 10; its signal waits."""
    spec = WorkerSpec("api", ExecSpec(("api",)), StopSpec(ladder.parse(escalation)))
    fleet = new(FleetSpec((spec,), RUN))
    seen = (
        events.Forked(1.0, FIRST, 7),
        events.Started(1.0, FIRST),
        events.AgentSaid(2.0, FIRST, "hello"),
        events.StopAsked(10.0, "drill"),
    )
    return step(fleet, *seen)[0]


def _sent(at: float, signal: int, began: float) -> events.Sent:
    return events.Sent(at, FIRST, signal, "group", "delivered", ladder=True, began=began)


def _end(fleet: Fleet, at: float) -> Shutdown:
    seen = (events.MainExited(at, FIRST, 0, None, alone=True), events.Reaped(at, FIRST, None))
    return shutdown(step(fleet, *seen)[0].lives[FIRST])


def test_a_supervisor_that_was_suspended_while_it_held_the_signal() -> None:
    """kill(2) returned at 14.5, since we were stopped meanwhile: the three seconds begin there."""
    fleet, _ = step(_stopping("TERM/3/KILL"), events.Tick(14.4), _sent(14.5, 15, began=14.4))
    assert fleet.deadline is not None
    assert fleet.lives[FIRST].next_rung_at == 17.5
    ended = _end(fleet, 15.0)
    assert ended.zero == 14.4, "asked when the signal went out"
    assert ended.escalation == (Climb(0.0, 15, "group", "delivered", held=ended.escalation[0].held),)
    assert round(ended.escalation[0].held, 6) == 4.4


def test_a_supervisor_that_was_suspended_after_sending_gives_no_new_grace() -> None:
    """Two rungs are due when it comes back: they go out one after the other, the second after its whole wait."""
    fleet, _ = step(_stopping("TERM/3/INT/2/KILL"), events.ProbeAnswered(10.0, FIRST), _sent(10.0, 15, began=10.0))
    fleet, actions = step(fleet, events.Tick(40.0))
    assert [one.signal for one in actions if hasattr(one, "signal")] == [2]
    fleet, _ = step(fleet, _sent(40.1, 2, began=40.0))
    assert fleet.lives[FIRST].next_rung_at == 42.1


def test_what_was_before_zero_is_shown_where_it_was() -> None:
    """Zero is the first stop signal that was asked for; the worker had been ending by itself for two seconds."""
    spec = WorkerSpec("api", ExecSpec(("api",)), StopSpec(ladder.parse("TERM/9/KILL")))
    seen = (
        events.StartAsked(0.0),
        events.Forked(1.0, FIRST, 7),
        events.Started(1.0, FIRST),
        events.MainExited(2.0, FIRST, 3, None),
        events.Surveyed(2.0, FIRST, (MEMBER,)),
        events.Sent(2.0, FIRST, 15, "leftovers", "delivered", (MEMBER.key,), ladder=True),
        events.StopAsked(4.0, "command stop"),
        events.Surveyed(4.5, FIRST, ()),
        events.Reaped(4.5, FIRST, None),
    )
    ended = shutdown(step(new(FleetSpec((spec,))), *seen)[0].lives[FIRST])
    assert (ended.zero, ended.marks.main_exited, ended.marks.exited) == (4.0, -2.0, 0.5)
    assert [climb.at for climb in ended.escalation] == [-2.0]
