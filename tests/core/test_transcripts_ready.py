"""Readiness and liveness of one worker, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

from supervisor.core import spec
from supervisor.core.readiness import Check, LivenessSpec, ReadySpec
from tests.core.script import up, worker

LIVE = LivenessSpec(Check("http", host="127.0.0.1", port=1, path="/live"))
WATCHDOG = LivenessSpec(Check("notify"), interval=10, failures=1)
NOTIFY = ReadySpec(Check("notify"))
AGAIN, NEVER = spec.RestartSpec(jitter=0.0), spec.RestartSpec("never")


def test_liveness_restarts_after_failures_in_a_row() -> None:
    """One success resets; the restart follows the backoff although it ended clean."""
    up(
        """
        >> 0 start
        << start
        >> 10 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 10.5 hangs
        >> 20 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 20.5 answers
        >> 30 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 30.5 hangs
        >> 40 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 40.5 hangs
        >> 50 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 50.5 hangs
        << note: api: http 127.0.0.1:1/live did not answer 3 times in 20 s: no answer within 1 s; stopping it
        << SIGTERM to the group
        >> 50.7 ends 0
        << reap
        << report: clean, code 0, 0.2 s, asked by liveness
        >> 51.2 tick
        << start
        >> 51.3 stop
        << SIGTERM to the group
        >> 51.5 ends 0
        << reap
        << report: clean, code 0, 0.2 s, asked by command stop
        == over, code 0
        """,
        worker(liveness=LIVE, restart=AGAIN),
    )


def test_liveness_without_restart_fails() -> None:
    """The exit status is 124, whatever it says itself."""
    up(
        """
        >> 0 start
        << start
        >> 10 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 10.5 hangs
        << note: api: http 127.0.0.1:1/live: no answer within 1 s; stopping it
        << SIGTERM to the group
        >> 10.7 ends 0
        << reap
        << report: clean, code 0, 0.2 s, asked by liveness
        == over, code 124
        """,
        worker(liveness=LIVE.with_(failures=1), restart=NEVER),
    )


def test_the_agent_is_asked_at_each_failed_try() -> None:
    """Not before."""
    up(
        """
        >> 0 start
        << start
        >> 1 agent says hello
        >> 10 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 10.5 hangs
        << ask where it is
        >> 20 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 20.5 answers
        >> 22 stop
        << probe
        >> 22.1 agent is armed
        << SIGTERM to the group
        >> 22.2 ends 0
        << reap
        << report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker(liveness=LIVE),
    )


def test_a_watchdog() -> None:
    """Each WATCHDOG=1 counts from its own arrival."""
    up(
        """
        >> 0 start
        << start
        >> 15 says WATCHDOG=1
        >> 24 says WATCHDOG=1
        >> 34 tick
        << note: api: notify: no WATCHDOG=1 for 10 s; stopping it
        << SIGTERM to the group
        >> 36 ends 0
        << reap
        << report: clean, code 0, 2 s, asked by watchdog
        == over, code 124
        """,
        worker(liveness=WATCHDOG, restart=NEVER),
    )


def test_a_watchdog_that_is_triggered() -> None:
    """At once."""
    up(
        """
        >> 0 start
        << start
        >> 3 says WATCHDOG=trigger
        << note: api: notify: WATCHDOG=trigger; stopping it
        << SIGTERM to the group
        >> 3.5 ends 0
        << reap
        << report: clean, code 0, 0.5 s, asked by watchdog
        == over, code 124
        """,
        worker(liveness=WATCHDOG, restart=NEVER),
    )


def test_stable_counts_from_ready() -> None:
    """Its start takes longer than a stable run each time: burst ends it all the same."""
    up(
        """
        >> 0 start
        << start
        >> 20 ends 1
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 20.5 tick
        << start
        >> 40 ends 1
        << reap
        << report: failed, code 1, 0 s, by itself
        << note: api: ended 2 times without running 10 s; given up. Fix it, or raise restart.burst
        == over, code 1
        """,
        worker(ready=NOTIFY, restart=spec.RestartSpec(jitter=0.0, burst=1)),
    )


def test_a_start_timeout_counts_as_ready() -> None:
    """With on_timeout = "continue"."""
    up(
        """
        >> 0 start
        << start
        >> 60 tick
        << note: api is not ready within 60 s: notify: READY=1 was not sent; counted as ready (on_timeout)
        >> 61 stop
        << SIGTERM to the group
        >> 61.1 ends 0
        << reap
        << report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker(ready=NOTIFY.with_(on_timeout="continue")),
    )


def test_a_pipe_that_is_closed() -> None:
    """It says that it will not get ready."""
    up(
        """
        >> 0 start
        << start
        >> 1 closes its pipe
        >> 1.1 tick
        << note: api: did not get ready: it was closed before a newline; stopping it
        << SIGTERM to the group
        >> 1.3 ends 0
        << reap
        << report: clean, code 0, 0.2 s, asked by start failed
        == over, code 124
        """,
        worker(ready=ReadySpec(Check("fd")), restart=NEVER),
    )


def test_a_pipe_that_is_closed_by_its_end() -> None:
    """Its own end is told."""
    up(
        """
        >> 0 start
        << start
        >> 1 closes its pipe
        >> 1.05 ends 7
        << reap
        << report: failed, code 7, 0 s, by itself
        == over, code 7
        """,
        worker(ready=ReadySpec(Check("fd")), restart=NEVER),
    )


def test_more_time_to_start() -> None:
    """At most extend_max more, which is once what the ladder takes to SIGKILL."""
    up(
        """
        >> 0 start
        << start
        >> 50 says EXTEND_TIMEOUT_USEC=30000000
        >> 70 tick
        << note: api: not ready within 70 s: notify: READY=1 was not sent; stopping it
        << SIGTERM to the group
        >> 75.5 ends 0
        << reap
        << report: clean, code 0, 5.5 s, asked by start timeout
        == over, code 124
        """,
        worker(ready=NOTIFY, restart=NEVER),
    )


def test_ready_before_exec_is_known_to_have_worked() -> None:
    """It is not forgotten."""
    up(
        """
        >> 0 start
        << start
        >> 0.1 forked
        >> 0.2 says READY=1
        >> 0.3 runs
        >> 1 stop
        << SIGTERM to the group
        >> 1.1 ends 0
        << reap
        << report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker(ready=NOTIFY),
        by_hand=True,
    )


def test_what_could_not_be_asked_counts_for_nothing() -> None:
    """We are out of descriptors: that says nothing about the worker."""
    up(
        """
        >> 0 start
        << start
        >> 10 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 10.5 cannot be asked
        << note: api: could not ask whether it answers: too many open files
        >> 20 tick
        << try liveness, 1 s: http 127.0.0.1:1/live
        >> 20.5 answers
        >> 22 stop
        << SIGTERM to the group
        >> 22.2 ends 0
        << reap
        << report: clean, code 0, 0.2 s, asked by command stop
        == over, code 0
        """,
        worker(liveness=LIVE.with_(failures=1)),
    )
