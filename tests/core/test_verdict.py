"""Which end is told without being asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from supervisor.core import verdict
from supervisor.core.record import Finding, Leftover, Marks
from tests.support.shutdowns import shutdown

if TYPE_CHECKING:
    from supervisor.core.record import Fate, Outcome, Severity


@pytest.mark.parametrize(
    ("outcome", "fate", "forced"),
    [
        ("clean", "ended", False),
        ("clean", "left", False),
        ("clean", "killed", True),
        ("failed", "ended", False),
        ("signalled", "ended", False),
        ("killed", "ended", True),
        ("stuck", "left", True),
    ],
)
def test_forced(outcome: Outcome, fate: Fate, forced: bool) -> None:
    one = shutdown(outcome).with_(leftovers=(Leftover(3, ("x",), fate),))
    assert verdict.forced(one) == forced
    assert verdict.worth_telling(one) == forced


@pytest.mark.parametrize(
    ("asked", "exited", "grace", "slow"),
    [
        (0.0, 5.0, 10.0, False),
        (0.0, 5.1, 10.0, True),
        (0.0, 999.0, None, False),
        (None, 9.0, 10.0, False),
        (0.0, None, 10.0, False),
    ],
)
def test_slow(asked: float | None, exited: float | None, grace: float | None, slow: bool) -> None:
    one = shutdown(marks=Marks(asked=asked, exited=exited), grace=grace)
    assert verdict.slow(one) == slow
    assert verdict.worth_telling(one) == slow


@pytest.mark.parametrize(("severity", "lossy"), [("error", True), ("warning", True), ("note", False)])
def test_lossy(severity: Severity, lossy: bool) -> None:
    one = shutdown(findings=(Finding("slow-task", severity, "a title", "advice"),))
    assert verdict.lossy(one) == lossy
    assert verdict.worth_telling(one) == lossy
