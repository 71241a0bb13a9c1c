"""Stops in order: who is asked when, hurried, at the limit, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

from typing import Any

from supervisor.core import spec
from supervisor.core.readiness import Check, ReadySpec
from tests.core.script import up, worker

TCP = ReadySpec(Check("tcp", host="127.0.0.1", port=1))


def after(*names: str, **how: Any) -> tuple[spec.Dependency, ...]:
    return tuple(spec.Dependency(name, **how) for name in names)


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
