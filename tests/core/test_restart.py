"""Backoff, jitter, burst limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from supervisor.core.record import Shutdown
from supervisor.core.spec import RestartSpec
from supervisor.core.worker.restart import Attempts, after_end
from tests.support.shutdowns import shutdown

if TYPE_CHECKING:
    from supervisor.core.record import Outcome
    from supervisor.core.spec import OnExit, Restart

AT = 1000.0


def ended(outcome: Outcome) -> Shutdown:
    return shutdown(outcome, exited=0.0, zero=AT)


@pytest.mark.parametrize(
    ("policy", "on_exit", "outcome", "again"),
    [
        ("never", "restart", "failed", False),
        ("on-failure", "restart", "clean", False),
        ("on-failure", "restart", "failed", True),
        ("on-failure", "restart", "signalled", True),
        ("on-failure", "restart", "stuck", True),
        ("always", "restart", "clean", True),
        ("always", "stop-all", "failed", False),
        ("always", "ignore", "failed", False),
    ],
)
def test_policy(policy: Restart, on_exit: OnExit, outcome: Outcome, again: bool) -> None:
    spec = RestartSpec(policy=policy, on_exit=on_exit)
    attempts = after_end(spec, Attempts(2), ended(outcome), 0.0, AT, 0.5)
    assert (attempts.due is not None) == again
    assert not attempts.exhausted
    assert attempts.count == (3 if again else 2)


def test_backoff_doubles_up_to_its_limit() -> None:
    spec = RestartSpec(backoff=0.5, backoff_max=30.0, burst=9)
    attempts, delays = Attempts(), []
    for _ in range(9):
        attempts = after_end(spec, attempts, ended("failed"), 0.0, AT, 0.5)
        assert attempts.due is not None
        delays.append(attempts.due - AT)
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert after_end(spec, attempts, ended("failed"), 0.0, AT, 0.5) == Attempts(9, exhausted=True)


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.9), (0.5, 1.0), (0.75, 1.05)])
def test_jitter(chance: float, factor: float) -> None:
    attempts = after_end(RestartSpec(backoff=10.0, jitter=0.1), Attempts(), ended("failed"), 0.0, AT, chance)
    assert attempts.due == pytest.approx(AT + 10.0 * factor)


@pytest.mark.parametrize(("ran", "count"), [(9.9, 4), (10.0, 1)])
def test_a_stable_run_begins_anew(ran: float, count: int) -> None:
    assert after_end(RestartSpec(stable=10.0), Attempts(3), ended("failed"), ran, AT, 0.5).count == count


def test_asked_to_stop_when_its_end_was_known_already() -> None:
    attempts = Attempts(wanted=False)
    assert after_end(RestartSpec(policy="always"), attempts, ended("failed"), 0.0, AT, 0.5) == attempts


def test_no_restart_at_all() -> None:
    assert after_end(RestartSpec(burst=0), Attempts(), ended("failed"), 0.0, AT, 0.5).exhausted


def test_thousands_of_restarts_do_not_overflow() -> None:
    spec = RestartSpec(burst=10**6, backoff_max=30.0, jitter=0.0)
    assert after_end(spec, Attempts(5000), ended("failed"), 0.0, AT, 0.5).due == AT + 30.0
