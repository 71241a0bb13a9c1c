"""Several workers, restarts and limits, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

import pytest

from tests.core.script import up, worker


def test_parallel() -> None:
    """Each climbs its own ladder in its own time; Ctrl-C is a stop request here."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 1 SIGINT from the terminal
        << api: SIGINT to the group
        << web: SIGINT to the group
        >> 2.85 tick
        << web: probe
        << web: last look
        >> 3 tick
        << web: SIGKILL to the group
        << web: survey
        >> 3.1 web: found nobody
        >> 3.2 web: dies of SIGKILL
        << web: survey
        >> 3.2 web: found nobody
        << web: reap
        << web: report: killed, SIGKILL, 2.2 s, asked by signal SIGINT
        >> 10.85 tick
        << api: probe
        << api: last look
        >> 11 tick
        << api: SIGKILL to the group
        << api: survey
        >> 11.1 api: found nobody
        >> 11.2 api: exits 0
        << api: survey
        >> 11.2 api: found nobody
        << api: reap
        << api: report: clean, code 0, 10.2 s, asked by signal SIGINT
        == over, SIGKILL
        """,
        worker("api"),
        worker("web", "TERM/2/KILL"),
    )


def test_death_by_our_signal_is_as_wanted() -> None:
    """Exit code 0: it died of the stop signal that we sent."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop (drill)
        << SIGTERM to the group
        >> 1.5 dies of SIGTERM
        << survey
        >> 1.5 found nobody
        << reap
        << report: signalled, SIGTERM, 0.5 s, asked by drill
        == over, code 0
        """,
        worker(),
    )


def test_success_codes() -> None:
    """What counts as success is the worker's own to say."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 2 exits 3
        << survey
        >> 2 found nobody
        << reap
        << report: clean, code 3, 1 s, asked by command stop
        == over, code 0
        """,
        worker(success_codes=(3,)),
    )


def test_zero_is_no_success_here() -> None:
    """A failure with code 0 still is a failure."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 2 exits 0
        << survey
        >> 2 found nobody
        << reap
        << report: failed, code 0, 1 s, asked by command stop
        == over, code 1
        """,
        worker(success_codes=(3,)),
    )


def test_limit() -> None:
    """The fleet's grace limit: whoever is left gets SIGKILL, with a patient ladder too."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 1 stop
        << api: SIGTERM to the group
        << web: SIGTERM to the group
        >> 6 tick
        << api: SIGKILL to the group
        << web: SIGKILL to the group
        << api: survey
        << web: survey
        >> 6.1 api: found nobody
        >> 6.1 web: found nobody
        >> 6.2 api: dies of SIGKILL
        << api: survey
        >> 6.2 api: found nobody
        << api: reap
        << api: report: killed, SIGKILL, 5.2 s, asked by command stop
        >> 6.3 web: dies of SIGKILL
        << web: survey
        >> 6.3 web: found nobody
        << web: reap
        << web: report: killed, SIGKILL, 5.3 s, asked by command stop
        == over, SIGKILL
        """,
        worker("api"),
        worker("web", "none"),
        limit=5.0,
    )


def test_fork_fails() -> None:
    """No process was ever there: code 125, and the restart policy applies."""
    up(
        """
        >> 0 start
        << start
        >> 0 api: cannot fork 11
        << report: failed, code 125, 0 s, by itself
        >> 0.5 tick
        << start
        >> 0.6 api: forked
        >> 0.6 api: runs
        >> 1 time passes
        == waiting for an event
        """,
        worker(),
        by_hand=True,
    )


def test_stop_while_it_is_forked() -> None:
    """The request waits for the process."""
    up(
        """
        >> 0 start
        << start
        >> 0 SIGTERM
        >> 0.1 api: forked
        << SIGTERM to the group
        >> 0.2 api: dies of SIGTERM
        << survey
        >> 0.2 api: found nobody
        << reap
        << report: signalled, SIGTERM, 0.1 s, asked by signal SIGTERM
        == over, code 0
        """,
        worker(),
        by_hand=True,
    )


def test_job_control() -> None:
    """Ctrl-Z puts the supervisor aside; its workers go on."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 1 SIGTSTP
        << suspend ourselves with SIGTSTP
        >> 2 SIGCONT
        == waiting for an event
        """,
        worker("api"),
        worker("web"),
    )


def test_signals_that_ask_for_no_stop_reach_no_worker() -> None:
    """That is said once; what nobody sent on purpose (the window's new size) is not worth a word."""
    up(
        """
        >> 0 start
        << start
        >> 1 SIGWINCH from the terminal
        >> 2 SIGUSR1
        << note: SIGUSR1 reaches no worker: of a fleet only stops are requested by signal; \
send it to one process: kill -USR1 PID
        >> 3 SIGUSR1
        >> 4 SIGUSR2
        == waiting for an event
        """.replace("\\\n", ""),
        worker(),
    )


@pytest.mark.parametrize("signal", ["SIGHUP", "SIGQUIT"])
def test_a_closed_terminal_stops_the_fleet_with_the_ladders_own_signal(signal: str) -> None:
    """Few workers handle SIGHUP; the rest would die of it with their work undone."""
    up(
        f"""
        >> 0 start
        << start
        >> 1 {signal}
        << SIGINT to the group
        >> 2 {signal}
        << SIGKILL to the group
        << survey
        >> 2 found nobody
        >> 2.1 dies of SIGKILL
        << survey
        >> 2.1 found nobody
        << reap
        << report: killed, SIGKILL, 1.1 s, asked by signal {signal}
        == over, SIGKILL
        """,
        worker(escalation="INT/5/KILL"),
    )


def test_the_unexpected() -> None:
    """Never silence about a surprise, and nothing but a note."""
    up(
        """
        >> 0 start
        << start
        >> 1 runs
        << note: unexpected Started while api is running
        >> 2 forked
        << note: unexpected Forked while api is running
        >> 3 found nobody
        << note: unexpected Surveyed while api is running
        >> 4 cannot exec 2
        << note: unexpected StartFailed while api is running
        == waiting for an event
        """,
        worker(),
    )


def test_dropped_by_one() -> None:
    """TERM:0 of one worker: the others stop, it goes on until it is asked in another way."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 1 SIGTERM
        << web: SIGTERM to the group
        >> 1.5 web: exits 0
        << web: survey
        >> 1.5 web: found nobody
        << web: reap
        << web: report: clean, code 0, 0.5 s, asked by signal SIGTERM
        >> 9 SIGINT
        << api: SIGINT to the group
        >> 9.5 api: exits 0
        << api: survey
        >> 9.5 api: found nobody
        << api: reap
        << api: report: clean, code 0, 0.5 s, asked by signal SIGINT
        == over, code 0
        """,
        worker("api", rewrite=((15, 0),)),
        worker("web"),
    )


def test_the_fleets_first_stop_hurries_nobody_whom_a_command_is_stopping() -> None:
    """An operator's `stop api`, then the unit is stopped: api keeps its grace period. The next request counts."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 1 stop api
        << api: SIGTERM to the group
        >> 2 SIGTERM
        << web: SIGTERM to the group
        >> 3 SIGTERM
        << api: SIGKILL to the group
        << web: SIGKILL to the group
        << api: survey
        << web: survey
        >> 3 api: found nobody
        >> 3 web: found nobody
        >> 3.1 api: dies of SIGKILL
        << api: survey
        >> 3.1 api: found nobody
        << api: reap
        << api: report: killed, SIGKILL, 2.1 s, asked by command stop
        >> 3.2 web: dies of SIGKILL
        << web: survey
        >> 3.2 web: found nobody
        << web: reap
        << web: report: killed, SIGKILL, 1.2 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        worker("api"),
        worker("web"),
    )
