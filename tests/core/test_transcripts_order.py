"""Starts and stops in order: the table of docs/readiness.md, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

from typing import Any

from supervisor.core import spec
from supervisor.core.readiness import Check, ReadySpec
from tests.core.script import up, worker

TCP = ReadySpec(Check("tcp", host="127.0.0.1", port=1))
AGAIN, NEVER = spec.RestartSpec(jitter=0.0), spec.RestartSpec("never")


def after(*names: str, **how: Any) -> tuple[spec.Dependency, ...]:
    return tuple(spec.Dependency(name, **how) for name in names)


def test_each_starts_when_its_last_condition_holds() -> None:
    """Tries come 0.1 s apart at first; a stop goes the other way, each asked when its last dependent has ended."""
    up(
        """
        >> 0 start
        << db: start
        << db: try ready, 1 s: tcp 127.0.0.1:1
        >> 0.2 db: refuses
        >> 0.3 tick
        << db: try ready, 1 s: tcp 127.0.0.1:1
        >> 0.5 db: is ready
        << api: start
        << api: try ready, 1 s: tcp 127.0.0.1:1
        >> 1 api: is ready
        << web: start
        >> 2 stop
        << web: SIGTERM to the group
        >> 2.5 web: ends 0
        << web: reap
        << web: report: clean, code 0, 0.5 s, asked by command stop
        << api: SIGTERM to the group
        >> 3 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.5 s, asked by command stop
        << db: SIGTERM to the group
        >> 4 db: ends 0
        << db: reap
        << db: report: clean, code 0, 1 s, asked by command stop
        == over, code 0
        """,
        worker("web", depends_on=after("api")),
        worker("api", ready=TCP, depends_on=after("db")),
        worker("db", ready=TCP),
    )


def test_a_start_that_times_out_skips_who_waits() -> None:
    """Others go on; the fleet has failed, with the code of the timeout."""
    up(
        """
        >> 0 start
        << db: start
        << other: start
        << db: try ready, 1 s: tcp 127.0.0.1:1
        >> 0.2 db: refuses
        >> 0.3 tick
        << db: try ready, 1 s: tcp 127.0.0.1:1
        >> 59 db: refuses
        >> 59.2 tick
        << db: try ready, 1 s: tcp 127.0.0.1:1
        >> 60 tick
        << note: db: not ready within 60 s: tcp 127.0.0.1:1: connection refused; stopping it
        << db: SIGTERM to the group
        << note: api is not started: db was not ready within 60 s: tcp 127.0.0.1:1: connection refused
        << note: web is not started: api was skipped
        >> 61 db: ends 0
        << db: reap
        << db: report: clean, code 0, 1 s, asked by start timeout
        >> 70 stop
        << other: SIGTERM to the group
        >> 71 other: ends 0
        << other: reap
        << other: report: clean, code 0, 1 s, asked by command stop
        == over, code 124
        """,
        worker("api", depends_on=after("db")),
        worker("web", depends_on=after("api")),
        worker("db", ready=TCP, restart=NEVER),
        worker("other"),
    )


def test_a_dependency_that_failed_skips_or_is_done_without() -> None:
    """`required = false` starts with a warning."""
    up(
        """
        >> 0 start
        << db: start
        << db: try ready, 1 s: tcp 127.0.0.1:1
        >> 0.5 db: ends 3
        << db: reap
        << db: report: failed, code 3, 0 s, by itself
        << note: api is not started: db has ended
        << note: option is started although db has ended: it is not required
        << option: start
        >> 2 stop
        << option: SIGTERM to the group
        >> 2.1 option: ends 0
        << option: reap
        << option: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 3
        """,
        worker("api", depends_on=after("db")),
        worker("option", depends_on=after("db", required=False)),
        worker("db", ready=TCP, restart=NEVER),
    )


def test_a_restart_takes_along_who_wants_that() -> None:
    """The others are left alone. It starts again when what it depends on is there again."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        << alone: start
        >> 5 db: ends 1
        << db: reap
        << db: report: failed, code 1, 0 s, by itself
        << api: SIGTERM to the group
        >> 5.2 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.2 s, asked by dependency
        >> 5.5 tick
        << db: start
        << api: start
        >> 7 stop
        << api: SIGTERM to the group
        << alone: SIGTERM to the group
        >> 7.1 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.1 s, asked by command stop
        >> 7.1 alone: ends 0
        << alone: reap
        << alone: report: clean, code 0, 0.1 s, asked by command stop
        << db: SIGTERM to the group
        >> 7.2 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker("api", depends_on=after("db", restart=True)),
        worker("alone", depends_on=after("db")),
        worker("db", restart=AGAIN),
    )


def test_one_that_crashes_beside_its_dependency_waits_for_it() -> None:
    """Its own backoff is over before."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        >> 5 db: ends 1
        << db: reap
        << db: report: failed, code 1, 0 s, by itself
        << api: SIGTERM to the group
        >> 5 api: ends 1
        << api: reap
        << api: report: failed, code 1, 0 s, asked by dependency
        >> 5.5 tick
        << db: start
        << api: start
        >> 6 stop
        << api: SIGTERM to the group
        >> 6.1 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.1 s, asked by command stop
        << db: SIGTERM to the group
        >> 6.2 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 1
        """,
        worker("api", depends_on=after("db", restart=True), restart=spec.RestartSpec(backoff=0.1, jitter=0.0)),
        worker("db", restart=AGAIN),
    )


def test_a_command_stops_one_alone() -> None:
    """Who depends on it goes on."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        >> 1 stop db
        << db: SIGTERM to the group
        >> 1.2 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.2 s, asked by command stop
        >> 2 stop
        << api: SIGTERM to the group
        >> 2.5 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.5 s, asked by command stop
        == over, code 0
        """,
        worker("api", depends_on=after("db")),
        worker("db"),
    )


def test_a_stop_of_some_keeps_their_order() -> None:
    """Both are asked for; the one that the other depends on waits."""
    up(
        """
        >> 0 start
        << db: start
        << web: start
        << api: start
        >> 1 stop db api
        << api: SIGTERM to the group
        >> 1.2 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.2 s, asked by command stop
        << db: SIGTERM to the group
        >> 1.3 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.1 s, asked by command stop
        >> 2 stop
        << web: SIGTERM to the group
        >> 2.1 web: ends 0
        << web: reap
        << web: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker("api", depends_on=after("db")),
        worker("db"),
        worker("web"),
    )


def test_a_start_takes_along_what_it_needs() -> None:
    """Also when that was stopped before."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        >> 1 stop db api
        << api: SIGTERM to the group
        >> 1.2 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.2 s, asked by command stop
        << db: SIGTERM to the group
        >> 1.3 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.1 s, asked by command stop
        >> 2 start api
        << db: start
        << api: start
        >> 3 stop
        << api: SIGTERM to the group
        >> 3.1 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.1 s, asked by command stop
        << db: SIGTERM to the group
        >> 3.2 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker("api", depends_on=after("db")),
        worker("db"),
    )


def test_a_stop_during_the_start() -> None:
    """Who waits is never started, who starts gets its ladder; ready comes too late."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        << api: try ready, 1 s: tcp 127.0.0.1:1
        >> 1 SIGTERM
        << api: SIGTERM to the group
        >> 1.5 api: is ready
        << note: api says that it is ready, after its stop was requested
        >> 1.6 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.6 s, asked by signal SIGTERM
        << db: SIGTERM to the group
        >> 1.7 db: ends 0
        << db: reap
        << db: report: clean, code 0, 0.1 s, asked by signal SIGTERM
        == over, code 1
        """,
        worker("web", depends_on=after("api")),
        worker("api", ready=TCP, depends_on=after("db")),
        worker("db"),
    )


def test_a_further_request_hurries_those_that_were_asked() -> None:
    """And keeps the order; the third is SIGKILL to all."""
    up(
        """
        >> 0 start
        << db: start
        << web: start
        >> 1 SIGTERM
        << web: SIGTERM to the group
        >> 2 SIGTERM
        << web: SIGINT to the group
        >> 3 SIGTERM
        << web: SIGKILL to the group
        << db: SIGTERM to the group
        << db: SIGKILL to the group
        << web: survey
        << db: survey
        >> 3.1 web: dies of SIGKILL
        << web: survey
        >> 3.1 web: found nobody
        << web: reap
        << web: report: killed, SIGKILL, 2.1 s, asked by signal SIGTERM
        >> 3.1 db: dies of SIGKILL
        << db: survey
        >> 3.1 db: found nobody
        << db: reap
        << db: report: killed, SIGKILL, 0.1 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        worker("web", "TERM/10/INT/10/KILL", depends_on=after("db")),
        worker("db", "TERM/10/INT/10/KILL"),
    )


def test_the_limit_kills_nobody_unasked() -> None:
    """Who waits for its turn is asked at the limit minus its own ladder, out of order."""
    up(
        """
        >> 0 start
        << db: start
        << web: start
        >> 1 SIGTERM
        << web: SIGTERM to the group
        >> 5 time passes
        >> 11 tick
        << note: db is asked to stop before web has ended: the fleet's limit leaves no more time
        << db: SIGTERM to the group
        >> 14 web: ends 0
        << web: reap
        << web: report: clean, code 0, 13 s, asked by signal SIGTERM
        >> 14.5 db: ends 0
        << db: reap
        << db: report: clean, code 0, 3.5 s, asked by signal SIGTERM
        == over, code 0
        """,
        worker("web", "TERM/20/KILL", depends_on=after("db")),
        worker("db", "TERM/5/KILL"),
        limit=15,
    )


def test_one_that_is_stuck_has_ended_for_the_order() -> None:
    """Nobody waits for ever."""
    up(
        """
        >> 0 start
        << db: start
        << web: start
        >> 1 SIGTERM
        << web: SIGTERM to the group
        >> 2.85 tick
        << web: probe
        << web: last look
        >> 3 tick
        << web: SIGKILL to the group
        << web: survey
        >> 4 web: found nobody
        >> 8 tick
        << web: give up
        << web: report: stuck, no status, asked by signal SIGTERM
        << db: SIGTERM to the group
        >> 9.5 db: ends 0
        << db: reap
        << db: report: clean, code 0, 1.5 s, asked by signal SIGTERM
        == over, code 125
        """,
        worker("web", "TERM/2/KILL", depends_on=after("db")),
        worker("db"),
    )


def test_the_order_goes_through_who_has_ended() -> None:
    """web depends on api, which has ended; db waits for web all the same."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        << web: start
        >> 1 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0 s, by itself
        >> 2 stop
        << web: SIGTERM to the group
        >> 3 web: ends 0
        << web: reap
        << web: report: clean, code 0, 1 s, asked by command stop
        << db: SIGTERM to the group
        >> 4 db: ends 0
        << db: reap
        << db: report: clean, code 0, 1 s, asked by command stop
        == over, code 0
        """,
        worker("web", depends_on=after("api")),
        worker("api", depends_on=after("db")),
        worker("db"),
    )


def test_completed() -> None:
    """A one-shot before; it has ended and holds nobody."""
    up(
        """
        >> 0 start
        << migrate: start
        >> 1 migrate: ends 0
        << migrate: reap
        << migrate: report: clean, code 0, 0 s, by itself
        << api: start
        >> 2 stop
        << api: SIGTERM to the group
        >> 2.1 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker("api", depends_on=after("migrate", condition="completed")),
        worker("migrate"),
    )


def test_completed_only_when_clean() -> None:
    """Its restarts are waited for; then it is given up."""
    up(
        """
        >> 0 start
        << migrate: start
        >> 1 migrate: ends 1
        << migrate: reap
        << migrate: report: failed, code 1, 0 s, by itself
        >> 1.5 tick
        << migrate: start
        >> 1.6 migrate: ends 1
        << migrate: reap
        << migrate: report: failed, code 1, 0 s, by itself
        << note: migrate: ended 2 times without running 10 s; given up. Fix it, or raise restart.burst
        << note: api is not started: migrate did not end clean
        == over, code 1
        """,
        worker("api", depends_on=after("migrate", condition="completed")),
        worker("migrate", restart=spec.RestartSpec(jitter=0.0, burst=1)),
    )


def test_ended_however() -> None:
    """Any end will do."""
    up(
        """
        >> 0 start
        << migrate: start
        >> 1 migrate: ends 1
        << migrate: reap
        << migrate: report: failed, code 1, 0 s, by itself
        << api: start
        >> 2 stop
        << api: SIGTERM to the group
        >> 2.1 api: ends 0
        << api: reap
        << api: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 1
        """,
        worker("api", depends_on=after("migrate", condition="ended")),
        worker("migrate", restart=NEVER),
    )


def test_the_limit_is_kept_also_by_whom_a_command_had_asked() -> None:
    """Its turn is dated anew when the whole fleet is asked."""
    up(
        """
        >> 0 start
        << db: start
        << api: start
        >> 1 stop db api
        << api: SIGTERM to the group
        >> 2 SIGTERM
        >> 12 tick
        << note: db is asked to stop before api has ended: the fleet's limit leaves no more time
        << db: SIGTERM to the group
        >> 14 api: ends 0
        << api: reap
        << api: report: clean, code 0, 13 s, asked by command stop
        >> 14.5 db: ends 0
        << db: reap
        << db: report: clean, code 0, 2.5 s, asked by command stop
        == over, code 0
        """,
        worker("api", "TERM/20/KILL", depends_on=after("db")),
        worker("db", "TERM/5/KILL"),
        limit=15,
    )
