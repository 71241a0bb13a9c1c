"""Stop scenarios of supervisord, circus and process-compose, as their own test suites have them, as transcripts."""

from __future__ import annotations

from typing import Any

from supervisor.core import spec
from supervisor.core.readiness import Check, ReadySpec
from tests.core.script import up, worker

TCP = ReadySpec(Check("tcp", host="127.0.0.1", port=1))
AGAIN, NEVER = spec.RestartSpec(jitter=0.0), spec.RestartSpec("never")


def after(*names: str, **how: Any) -> tuple[spec.Dependency, ...]:
    return tuple(spec.Dependency(name, **how) for name in names)


def test_supervisord_stop_from_starting() -> None:
    """test_process.py, test_kill_from_starting: not ready yet."""
    up(
        """
        >> 0 start
        << start
        << try ready, 1 s: tcp 127.0.0.1:1
        >> 0.2 refuses
        >> 0.3 tick
        << try ready, 1 s: tcp 127.0.0.1:1
        >> 1 stop
        << SIGTERM to the group
        >> 1.5 ends 0
        << reap
        << report: clean, code 0, 0.5 s, asked by command stop
        == over, code 0
        """,
        worker(ready=TCP),
    )


def test_supervisord_stop_from_stopping() -> None:
    """test_kill_from_stopping: asked again, the next step comes now."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 2 stop
        << SIGKILL to the group
        << survey
        >> 2.5 dies of SIGKILL
        << survey
        >> 2.5 found nobody
        << reap
        << report: killed, SIGKILL, 1.5 s, asked by command stop
        == over, SIGKILL
        """,
        worker(),
    )


def test_supervisord_stop_from_backoff() -> None:
    """test_kill_from_backoff: it is not started again."""
    up(
        """
        >> 0 start
        << start
        >> 1 ends 1
        << reap
        << report: failed, code 1, 0 s, by itself
        >> 1.2 stop api
        >> 9 time passes
        == over, code 0
        """,
        worker(restart=AGAIN),
    )


def test_supervisord_unkillable() -> None:
    """test_transition_stops_unkillable: not yet, then given up."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 10.85 tick
        << probe
        << last look
        >> 11 tick
        << SIGKILL to the group
        << survey
        >> 12 found nobody
        >> 16 tick
        << give up
        << report: stuck, no status, asked by command stop
        >> 30 time passes
        == over, code 125
        """,
        worker(),
    )


def test_circus_an_obedient_child() -> None:
    """test_command_kill: it ends within its limit."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 10.5 ends 0
        << reap
        << report: clean, code 0, 9.5 s, asked by command stop
        == over, code 0
        """,
        worker(),
    )


def test_circus_a_hanged_child() -> None:
    """test_command_kill: killed after its limit."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop
        << SIGTERM to the group
        >> 10.85 tick
        << probe
        << last look
        >> 11 tick
        << SIGKILL to the group
        << survey
        >> 11.1 found nobody
        >> 11.2 dies of SIGKILL
        << survey
        >> 11.2 found nobody
        << reap
        << report: killed, SIGKILL, 10.2 s, asked by command stop
        == over, SIGKILL
        """,
        worker(),
    )


def test_circus_a_stopped_watcher_spawns_nothing() -> None:
    """test_stopping_a_watcher_doesnt_spawn: it ends of itself at the same moment."""
    up(
        """
        >> 0 start
        << start
        >> 1 stop api
        << SIGTERM to the group
        >> 1 ends 1
        << reap
        << report: failed, code 1, 0 s, asked by command stop
        >> 99 time passes
        == over, code 1
        """,
        worker(restart=spec.RestartSpec("always", jitter=0.0)),
    )


def test_process_compose_shuts_down_in_order() -> None:
    """TestSystem_TestProcListShutsDownInOrder: C and D need A, B needs C and D."""
    up(
        """
        >> 0 start
        << a: start
        << c: start
        << d: start
        << b: start
        >> 1 stop
        << b: SIGTERM to the group
        >> 1.5 b: ends 0
        << b: reap
        << b: report: clean, code 0, 0.5 s, asked by command stop
        << c: SIGTERM to the group
        << d: SIGTERM to the group
        >> 2 d: ends 0
        << d: reap
        << d: report: clean, code 0, 0.5 s, asked by command stop
        >> 3 c: ends 0
        << c: reap
        << c: report: clean, code 0, 1.5 s, asked by command stop
        << a: SIGTERM to the group
        >> 4 a: ends 0
        << a: reap
        << a: report: clean, code 0, 1 s, asked by command stop
        == over, code 0
        """,
        worker("a"),
        worker("b", depends_on=after("c", "d")),
        worker("c", depends_on=after("a")),
        worker("d", depends_on=after("a")),
    )


def test_process_compose_with_a_timeout() -> None:
    """ShutDownWithConfiguredTimeOut: who does not end holds the others no longer than its own ladder."""
    up(
        """
        >> 0 start
        << a: start
        << b: start
        >> 1 stop
        << b: SIGTERM to the group
        >> 2.85 tick
        << b: probe
        << b: last look
        >> 3 tick
        << b: SIGKILL to the group
        << b: survey
        >> 3.1 b: found nobody
        >> 3.2 b: dies of SIGKILL
        << b: survey
        >> 3.2 b: found nobody
        << b: reap
        << b: report: killed, SIGKILL, 2.2 s, asked by command stop
        << a: SIGTERM to the group
        >> 4 a: ends 0
        << a: reap
        << a: report: clean, code 0, 0.8 s, asked by command stop
        == over, SIGKILL
        """,
        worker("a"),
        worker("b", "TERM/2/KILL", depends_on=after("a")),
    )


def test_process_compose_a_stop_cancels_the_restart() -> None:
    """TestStopDuringRestartCancelsTheRestart: also one that comes with a dependency."""
    up(
        """
        >> 0 start
        << a: start
        << b: start
        >> 5 a: ends 1
        << a: reap
        << a: report: failed, code 1, 0 s, by itself
        << b: SIGTERM to the group
        >> 5.1 stop b
        >> 5.2 b: ends 0
        << b: reap
        << b: report: clean, code 0, 0.2 s, asked by dependency
        >> 5.5 tick
        << a: start
        >> 6 stop
        << a: SIGTERM to the group
        >> 6.1 a: ends 0
        << a: reap
        << a: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker("a", restart=AGAIN),
        worker("b", depends_on=after("a", restart=True)),
    )


def test_process_compose_a_stop_while_pending() -> None:
    """TestStopWhilePendingReleasesTheProcess: it waits for another and is let go at once."""
    up(
        """
        >> 0 start
        << a: start
        << a: try ready, 1 s: tcp 127.0.0.1:1
        >> 1 stop b
        >> 2 a: is ready
        >> 3 stop
        << a: SIGTERM to the group
        >> 3.1 a: ends 0
        << a: reap
        << a: report: clean, code 0, 0.1 s, asked by command stop
        == over, code 0
        """,
        worker("a", ready=TCP),
        worker("b", depends_on=after("a")),
    )
