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
