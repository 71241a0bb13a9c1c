"""What follows the end of a worker that nobody asked to stop, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

from supervisor.core.spec import RestartSpec
from tests.core.script import up, worker


def test_restart() -> None:
    """Backoff doubles, here with the middle of the jitter; after too many it has failed."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 1
        << survey
        >> 1 found nobody
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 1.5 tick
        << start
        >> 3 exits 1
        << survey
        >> 3 found nobody
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 4 tick
        << start
        >> 5 exits 1
        << survey
        >> 5 found nobody
        << reap
        << report: failed, code 1, 0 s, by itself
        << note: api: ended 3 times without running 10 s; given up. Fix it, or raise restart.burst
        >> 60 time passes
        == over, code 1
        """,
        worker(restart=RestartSpec(burst=2)),
    )


def test_restart_after_a_stable_run() -> None:
    """A run of `stable` seconds begins the count anew."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 1
        << survey
        >> 1 found nobody
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 1.5 tick
        << start
        >> 20 exits 1
        << survey
        >> 20 found nobody
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 20.5 tick
        << start
        >> 21 time passes
        == waiting for an event
        """,
        worker(restart=RestartSpec(burst=1)),
    )


def test_stopped_is_not_restarted() -> None:
    """Even with policy always, and even if it fails while it stops."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop api
        << SIGTERM to the group
        >> 1.5 exits 1
        << survey
        >> 1.5 found nobody
        << reap
        << report: failed, code 1, 0.5 s, asked by command stop
        >> 60 time passes
        == over, code 1
        """,
        worker(restart=RestartSpec(policy="always")),
    )


def test_stop_during_backoff() -> None:
    """The planned restart does not happen; one by hand does."""
    up(
        """
        >> 0 start
        << start
        >> 1 dies of SIGSEGV
        << survey
        >> 1 found nobody
        << reap
        << report: signalled, SIGSEGV, 0 s, by itself
        >> 1.2 stop api
        >> 60 time passes
        >> 61 start api
        << start
        >> 61.5 time passes
        == waiting for an event
        """,
        worker(),
    )


def test_start_by_hand_during_backoff() -> None:
    """It overtakes the planned restart: one process, not two."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 1
        << survey
        >> 1 found nobody
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 1.1 start api
        << start
        >> 60 time passes
        == waiting for an event
        """,
        worker(),
    )


def test_start_while_the_fleet_stops() -> None:
    """Nothing is started any more."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 2 start api
        << note: the fleet is stopping: no worker is started
        >> 2.1 exits 0
        << survey
        >> 2.1 found nobody
        << reap
        << report: clean, code 0, 1.1 s, asked by command stop
        == over, code 0
        """,
        worker(),
    )


def test_failed_peer() -> None:
    """on_exit stop-all: the others are stopped, and the failure is the exit code."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 3 api: exits 4
        << api: survey
        >> 3 api: found nobody
        << api: reap
        << api: report: failed, code 4, 0 s, by itself
        << web: SIGTERM to the group
        >> 3.5 web: dies of SIGTERM
        << web: survey
        >> 3.5 web: found nobody
        << web: reap
        << web: report: signalled, SIGTERM, 0.5 s, asked by failed peer
        == over, code 4
        """,
        worker("api", restart=RestartSpec(on_exit="stop-all")),
        worker("web"),
    )


def test_finished_peer() -> None:
    """Also when it ended well."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 3 api: exits 0
        << api: survey
        >> 3 api: found nobody
        << api: reap
        << api: report: clean, code 0, 0 s, by itself
        << web: SIGTERM to the group
        >> 3.5 web: exits 0
        << web: survey
        >> 3.5 web: found nobody
        << web: reap
        << web: report: clean, code 0, 0.5 s, asked by finished peer
        == over, code 0
        """,
        worker("api", restart=RestartSpec(on_exit="stop-all")),
        worker("web"),
    )


def test_failed_peer_does_not_hurry() -> None:
    """Nobody insisted: a worker that was asked before keeps its grace period."""
    up(
        """
        >> 0 start
        << api: start
        << web: start
        >> 2 stop web
        << web: SIGTERM to the group
        >> 3 api: exits 4
        << api: survey
        >> 3 api: found nobody
        << api: reap
        << api: report: failed, code 4, 0 s, by itself
        >> 3.5 web: exits 0
        << web: survey
        >> 3.5 web: found nobody
        << web: reap
        << web: report: clean, code 0, 1.5 s, asked by command stop
        == over, code 4
        """,
        worker("api", restart=RestartSpec(on_exit="stop-all")),
        worker("web"),
    )


def test_stopped_in_backoff() -> None:
    """A worker that should run and waits to be started again is a failure of the fleet that is stopped."""
    up(
        """
        >> 0 start
        << a: start
        << b: start
        >> 1 a: exits 3
        << a: survey
        >> 1 a: found nobody
        << a: reap
        << a: report: failed, code 3, 0 s, by itself
        >> 1.2 SIGTERM
        << b: SIGTERM to the group
        >> 1.3 b: exits 0
        << b: survey
        >> 1.3 b: found nobody
        << b: reap
        << b: report: clean, code 0, 0.1 s, asked by signal SIGTERM
        == over, code 3
        """,
        worker("a"),
        worker("b"),
    )


def test_stopped_in_backoff_after_success() -> None:
    """Also one that ended with success: it was to run always, and did not when the fleet was stopped."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 0
        << survey
        >> 1 found nobody
        << reap
        << report: clean, code 0, 0 s, by itself
        >> 1.2 SIGTERM
        == over, code 1
        """,
        worker("a", restart=RestartSpec(policy="always")),
    )


def test_stopped_before_it_was_ever_started() -> None:
    up(
        """
        >> 1 SIGTERM
        == over, code 1
        """,
        worker("a"),
    )


def test_not_found_and_stopped_in_backoff() -> None:
    """127, as in a shell."""
    up(
        """
        >> 0 start
        << start
        >> 0 forked
        >> 0 cannot start: exec 2
        >> 0 exits 127
        << reap
        << report: failed, code 127, 0 s, by itself
        >> 0.1 SIGTERM
        == over, code 127
        """,
        worker("a"),
        by_hand=True,
    )


def test_a_command_that_stops_one_in_backoff_is_no_failure() -> None:
    up(
        """
        >> 0 start
        << start
        >> 1 exits 3
        << survey
        >> 1 found nobody
        << reap
        << report: failed, code 3, 0 s, by itself
        >> 1.2 stop a
        >> 2 SIGTERM
        == over, code 0
        """,
        worker("a"),
    )


def test_a_command_that_stops_one_that_never_ran_makes_nothing_good() -> None:
    up(
        """
        >> 0 start
        << start
        >> 0 forked
        >> 0 cannot start: exec 2
        >> 0 exits 127
        << reap
        << report: failed, code 127, 0 s, by itself
        >> 0.1 stop a
        >> 2 SIGTERM
        == over, code 127
        """,
        worker("a"),
        by_hand=True,
    )
