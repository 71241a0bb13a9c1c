"""Bad input of every kind: a little of it here, twenty thousand of each in the full suite."""

from __future__ import annotations

import pytest

from tests.faults.fuzz import KINDS, fuzz, wrong

FEW = {"config": 40, "procfile": 20, "env": 20, "options": 30, "control": 400, "agent": 400}


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input(kind: str) -> None:
    assert fuzz(kind, FEW[kind], seed=1) == []


@pytest.mark.outside
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_much_bad_input(kind: str) -> None:
    assert fuzz(kind, 20_000, seed=2) == []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (None, ""),
        (1, "Traceback (most recent call last):\n"),
        (-11, ""),
        (99, ""),
        (2, "bad name \x1b[31m"),
        (2, "\u202e"),
    ],
)
def test_what_is_wrong_is_seen(code: int | None, told: str) -> None:
    assert wrong(code, told)
    assert not wrong(2, "supervisor: no such file\n")
