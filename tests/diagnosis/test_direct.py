"""A stop signal that reached the worker past us: Ctrl-C on a terminal, or somebody's kill of the worker itself."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.record import Marks
from supervisor.diagnosis.explain import explained
from tests.diagnosis.synthetic import message, stopped

INT, TERM = 2, 15


def ended(*signals: tuple[float, int], name: str = "stop", interrupted: bool = False, **changes: Any) -> Any:
    """A worker that nobody of us asked. ``signals``: (seconds before its end, number)."""
    unasked: dict[str, Any] = {
        "asked_by": "self", "escalation": (), "masks": None, "exit_code": 0, "signal": None, "grace": 10.0,
        "marks": Marks(main_exited=0.0, exited=0.0),
    }  # fmt: skip
    told = [message("hello", -900.0, python="3.12.1", cwd="/app")]
    for before, number in signals:
        told.append(message("signal-received", -before, signal=number, kind="python", name=name))
        told.append(message("snapshot", -before, reason="signal", first=True, threads=[], tasks=[], n_tasks=0))
    error = "KeyboardInterrupt" if interrupted else None
    told += [message("phase", -0.2, name="cancel", exception=error), message("phase", -0.1, name="finalize")]
    return explained(stopped(0.0, **(unasked | changes)), told, lambda *_: None)


def test_it_is_zero_and_the_begin_of_the_drain() -> None:
    one = ended((0.8, INT))
    assert (one.direct_signal, one.asked_by) == (INT, "self")
    assert one.total == pytest.approx(0.8)
    assert (one.marks.asked, one.marks.noticed) == (0.0, 0.0)
    assert [span.name for span in one.phases] == ["drain", "cancel", "finalize"]


def test_of_an_impatient_user_the_first_key_counts() -> None:
    assert ended((7.0, INT), (0.8, INT)).total == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("before", "changes", "counts"),
    [
        (9.0, {}, True),
        (11.0, {}, False),
        (11.0, {"exit_code": 130}, True),
        (11.0, {"exit_code": None, "signal": INT, "outcome": "signalled"}, True),
        (11.0, {"exit_code": None, "signal": TERM, "outcome": "signalled"}, True),
        (61.0, {"exit_code": 130}, False),
        (9.5, {"name": "default_int_handler"}, False),
        (0.3, {"name": "default_int_handler", "interrupted": True}, True),
        (9.5, {"name": "default_int_handler", "interrupted": True}, False),
        (9.5, {"name": "default_int_handler", "exit_code": 130}, True),
        (20.0, {"exit_code": None, "signal": 9, "outcome": "signalled"}, False),
    ],
    ids=[
        "within the grace",
        "lived on",
        "code 130",
        "died of it",
        "of a later one",
        "long ago",
        "caught, went on",
        "ended its loop",
        "of a loop much later",
        "uncaught",
        "killed by somebody",
    ],
)
def test_it_ended_of_it(before: float, changes: dict[str, Any], counts: bool) -> None:
    one = ended((before, INT), **changes)
    assert (one.direct_signal == INT) is counts
    if not counts:
        assert one.marks.asked is None and one.total == pytest.approx(0.2)  # the begin of its teardown


def test_a_reload_asks_for_nothing() -> None:
    assert ended((0.8, 1)).direct_signal is None


def asked(*phases: tuple[float, str]) -> Any:
    """A worker that we asked to stop at 0; a Ctrl-C had reached it 4 s earlier, and these steps were seen."""
    told = [
        message("hello", -900.0, python="3.12.1", cwd="/app"),
        message("signal-received", -4.0, signal=INT, kind="python", name="_on_sigint"),
        *(message("phase", when, name=name) for when, name in phases),
        message("signal-received", 0.001, signal=TERM, kind="python", name="stop"),
    ]
    return explained(stopped(1.0), told, lambda *_: None)


@pytest.mark.parametrize(
    ("phases", "earlier"),
    [
        ([(-3.9, "cancel"), (-3.8, "executor"), (0.9, "finalize")], True),
        ([(-3.9, "cancel"), (-3.8, "loop-close"), (-3.7, "loop-closed"), (-3.6, "thread-join")], True),
        ([(-3.9, "cancel"), (-3.8, "loop-close"), (-3.7, "loop-closed"), (0.5, "cancel")], False),
        ([(0.5, "cancel"), (0.9, "finalize")], False),
    ],
    ids=["main had ended", "threads were joined", "another loop ran since", "it was survived"],
)
def test_a_stop_that_had_begun_before_we_asked_counts_from_its_own_signal(
    phases: list[tuple[float, str]], earlier: bool
) -> None:
    one = asked(*phases)
    assert one.direct_signal == (INT if earlier else None)
    assert one.total == pytest.approx(5.0 if earlier else 1.0)
    assert one.escalation[0].at == pytest.approx(4.0 if earlier else 0.0)
