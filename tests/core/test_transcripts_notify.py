"""A worker that speaks sd_notify(3): it may ask for time in a stop, and what it says of itself is kept."""

from __future__ import annotations

from supervisor.core import events, notify
from supervisor.core.contract.state import worker_view
from supervisor.core.fleet.state import Fleet, new
from supervisor.core.fleet.step import step
from supervisor.core.spec import FIRST, UP, FleetSpec
from tests.core.script import up, worker


def said(fleet: Fleet, at: float, *lines: str) -> Fleet:
    return step(fleet, events.Notified(at, FIRST, notify.parse("\n".join(lines).encode())))[0]


def running() -> Fleet:
    fleet = new(FleetSpec((worker(),), UP))
    return step(fleet, events.StartAsked(0.0), events.Forked(0.0, FIRST, 100), events.Started(0.1, FIRST))[0]


def test_time_that_is_asked_for_is_given_until_the_ladder_has_doubled() -> None:
    """10 s of grace may be added once; each message counts from its own instant."""
    up(
        """
        >> 0 start
        << start
        >> 1 api: says READY=1 STATUS=warm
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 api: says EXTEND_TIMEOUT_USEC=2000000
        >> 11 api: says STOPPING=1 EXTEND_TIMEOUT_USEC=8000000
        >> 18 api: says EXTEND_TIMEOUT_USEC=60000000
        << note: api asked for 1 min 00 s more to stop; extend_max allows 10.0 s in all
        >> 19 api: says EXTEND_TIMEOUT_USEC=60000000
        >> 22.85 tick
        << probe
        << last look
        >> 23 tick
        << SIGKILL to the group
        << survey
        >> 23.1 api: found nobody
        >> 23.1 api: dies of SIGKILL
        << survey
        >> 23.1 api: found nobody
        << reap
        << report: killed, SIGKILL, 20.1 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        worker(),
    )


def test_extend_max_is_the_workers_own() -> None:
    up(
        """
        >> 0 start
        << start
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 12 api: says EXTEND_TIMEOUT_USEC=9000000
        << note: api asked for 9.00 s more to stop; extend_max allows 2.00 s in all
        >> 14.85 tick
        << probe
        << last look
        >> 15 tick
        << SIGKILL to the group
        << survey
        >> 15.1 api: found nobody
        >> 15.1 api: dies of SIGKILL
        << survey
        >> 15.1 api: found nobody
        << reap
        << report: killed, SIGKILL, 12.1 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        worker().with_(extend_max=2.0),
    )


def test_the_limit_of_the_fleet_stands_above_all_that_a_worker_asks_for() -> None:
    up(
        """
        >> 0 start
        << start
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 api: says EXTEND_TIMEOUT_USEC=90000000
        >> 11 tick
        << SIGKILL to the group
        << survey
        >> 11.1 api: found nobody
        >> 11.1 api: dies of SIGKILL
        << survey
        >> 11.1 api: found nobody
        << reap
        << report: killed, SIGKILL, 8.1 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        worker().with_(extend_max=1000.0),
        limit=8.0,
    )


def test_what_it_says_of_itself_is_in_the_state() -> None:
    fleet = said(running(), 1.0, "STATUS=serving 3 clients", "ERRNO=2")
    view = worker_view(fleet, fleet.lives[FIRST], 0)
    assert (view["status_text"], view["errno"], view["reloading"]) == ("serving 3 clients", 2, None)
    fleet = said(fleet, 2.0, "RELOADING=1", "MONOTONIC_USEC=1900000", "STATUS=")
    view = worker_view(fleet, fleet.lives[FIRST], 0)
    assert (view["status_text"], view["errno"], view["reloading"]) == (None, 2, 1.9)
    fleet = said(fleet, 3.0, "READY=1", "X_UNKNOWN=7")
    notice = fleet.lives[FIRST].notice
    assert notice is not None and (notice.reloading, notice.ready, notice.odd) == (None, 3.0, False)


def test_another_main_pid_is_told_and_not_believed() -> None:
    fleet, actions = step(running(), events.Notified(1.0, FIRST, notify.parse(b"MAINPID=7")))
    assert fleet.lives[FIRST].pid == 100
    assert "MAINPID=7 is ignored, its main process is pid 100" in repr(actions)
    assert step(fleet, events.Notified(2.0, FIRST, notify.parse(b"MAINPID=8")))[1] == (), "told once"


def test_a_new_start_has_said_nothing_yet() -> None:
    fleet = said(running(), 1.0, "STATUS=warm", "READY=1")
    fleet = step(fleet, events.MainExited(2.0, FIRST, 1, None, alone=True), events.Reaped(2.0, FIRST, None))[0]
    notice = fleet.lives[FIRST].notice
    assert notice is not None and notice.status == "warm", "its last words explain its end"
    fleet = step(fleet, events.StartAsked(3.0))[0]
    assert fleet.lives[FIRST].notice is None
