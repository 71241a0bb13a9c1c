"""Nobody is forgotten: what workers had left that ended before the fleet is stopped, under the start that left it."""

from __future__ import annotations

from supervisor.core.spec import RestartSpec
from tests.core.script import up, worker

ONCE = RestartSpec(policy="never")
AGAIN = RestartSpec(policy="on-failure", backoff=1.0, jitter=0.0)


def test_left_by_one_that_had_exited() -> None:
    """Asked with the stop of the fleet, waited for, and named under the start that left it."""
    up(
        """
        >> 0 start
        << a: start
        << b: start
        >> 1 a: exits 0
        << a: survey
        >> 1 a: found 12 outside
        << a: reap
        << a: report: clean, code 0, 0 s, by itself, 12 left
        >> 100 stop
        << b: SIGTERM to the group
        << a: survey
        >> 100 a: found 12 outside
        << a: SIGTERM to 12
        >> 100.1 b: exits 0
        << b: survey
        >> 100.1 b: found nobody
        << b: reap
        << b: report: clean, code 0, 0.1 s, asked by command stop
        >> 100.5 somebody ended
        << a: survey
        >> 100.5 a: found nobody
        << a: report again, start 1: clean, code 0, 0 s, by itself, 12 ended
        == over, code 0
        """,
        worker("a", restart=ONCE),
        worker("b"),
    )


def test_left_by_one_in_backoff_that_ignores_the_signal() -> None:
    """The ladder is the worker's own."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 3
        << survey
        >> 1 found 12 outside
        << reap
        << report: failed, code 3, 0 s, by itself, 12 left
        >> 1.5 SIGTERM
        << survey
        >> 1.5 found 12 outside
        << SIGTERM to 12
        >> 4.5 tick
        << survey
        >> 4.6 found 12 outside
        << SIGKILL to 12
        >> 4.7 somebody ended
        << survey
        >> 4.7 found nobody
        << report again, start 1: failed, code 3, 0 s, by itself, 12 killed
        == over, code 3
        """,
        worker("a", "TERM/3/KILL", restart=AGAIN),
    )


def test_asked_again_while_it_is_swept() -> None:
    """The fleet's first request hurries nobody who is being stopped; the next one does."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 0
        << survey
        >> 1 found 12 outside
        << reap
        << report: clean, code 0, 0 s, by itself, 12 left
        << note: all workers have ended; stopping a process that was left behind
        << survey
        >> 2 found 12 outside
        << SIGTERM to 12
        >> 3 SIGTERM
        >> 4 SIGTERM
        << survey
        >> 4 found 12 outside
        << SIGKILL to 12
        >> 4 somebody ended
        << survey
        >> 4 found nobody
        << report again, start 1: clean, code 0, 0 s, by itself, 12 killed
        == over, code 0
        """,
        worker("a", restart=ONCE),
    )


def test_left_by_earlier_starts() -> None:
    """The stop of the third start ends that; then what the first two have left is asked, each under its own start."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 3
        << survey
        >> 1 found 11 outside
        << reap
        << report: failed, code 3, 0 s, by itself, 11 left
        >> 2 tick
        << start
        >> 3 exits 3
        << survey
        >> 3 found 11 outside, 12 outside
        << reap
        << report: failed, code 3, 0 s, by itself, 12 left
        >> 5 tick
        << start
        >> 6 SIGTERM
        << SIGTERM to the group
        >> 6.2 exits 0
        << survey
        >> 6.2 found 11 outside, 12 outside
        << reap
        << report: clean, code 0, 0.2 s, asked by signal SIGTERM
        << survey
        >> 6.2 found 11 outside, 12 outside
        << SIGTERM to 11, 12
        >> 6.4 somebody ended
        << survey
        >> 6.4 found nobody
        << report again, start 1: failed, code 3, 0 s, by itself, 11 ended
        << report again, start 2: failed, code 3, 0 s, by itself, 12 ended
        == over, code 0
        """,
        worker("a", restart=AGAIN),
    )


def test_who_cannot_be_ended_is_named_as_left() -> None:
    up(
        """
        >> 0 start
        << start
        >> 1 exits 0
        << survey
        >> 1 found 12 outside
        << reap
        << report: clean, code 0, 0 s, by itself, 12 left
        << note: all workers have ended; stopping a process that was left behind
        << survey
        >> 2 found 12 outside
        << SIGTERM to 12
        >> 5 tick
        << survey
        >> 5.1 found 12 outside
        << SIGKILL to 12
        >> 10.1 tick
        << survey
        >> 10.2 found 12 outside
        << report again, start 1: clean, code 0, 0 s, by itself, 12 left
        == over, code 0
        """,
        worker("a", "TERM/3/KILL", restart=ONCE),
    )


def test_who_may_stay_is_not_asked() -> None:
    up(
        """
        >> 0 start
        << start
        >> 1 exits 0
        << survey
        >> 1 found 12 outside
        << reap
        << report: clean, code 0, 0 s, by itself, 12 left
        >> 2 SIGTERM
        == over, code 0
        """,
        worker("a", restart=ONCE, leftovers="leave"),
    )


def test_born_while_it_is_swept() -> None:
    """A daemon's own child belongs to the start of its parent."""
    up(
        """
        >> 0 start
        << start
        >> 1 exits 0
        << survey
        >> 1 found 12 outside
        << reap
        << report: clean, code 0, 0 s, by itself, 12 left
        << note: all workers have ended; stopping a process that was left behind
        << survey
        >> 2 found 12 outside, 13 outside born at 1.8
        << SIGTERM to 12, 13
        >> 2.5 somebody ended
        << survey
        >> 2.5 found nobody
        << report again, start 1: clean, code 0, 0 s, by itself, 12 ended, 13 ended
        == over, code 0
        """,
        worker("a", restart=ONCE),
    )


def test_the_last_one_has_ended_by_itself() -> None:
    """Nobody asks for a stop any more: the fleet is over, and what it has left ends with it."""
    up(
        """
        >> 0 start
        << a: start
        << b: start
        >> 1 a: exits 0
        << a: survey
        >> 1 a: found 12 outside
        << a: reap
        << a: report: clean, code 0, 0 s, by itself, 12 left
        >> 5 b: exits 0
        << b: survey
        >> 5 b: found nobody
        << b: reap
        << b: report: clean, code 0, 0 s, by itself
        << note: all workers have ended; stopping a process that was left behind
        << a: survey
        >> 5 a: found 12 outside
        << a: SIGTERM to 12
        >> 5.2 somebody ended
        << a: survey
        >> 5.2 a: found nobody
        << a: report again, start 1: clean, code 0, 0 s, by itself, 12 ended
        == over, code 0
        """,
        worker("a", restart=ONCE),
        worker("b", restart=ONCE),
    )
