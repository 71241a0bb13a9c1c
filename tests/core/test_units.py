"""Figures with their units, as every text writes them."""

from __future__ import annotations

import pytest

from supervisor.core import units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 ms"), (0.00042, "0.4 ms"), (0.0094, "9.4 ms"), (0.0096, "10 ms"), (0.085, "85 ms"),
        (0.9994, "999 ms"), (0.9996, "1.00 s"), (1.24, "1.24 s"), (9.994, "9.99 s"), (9.996, "10.0 s"),
        (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"), (3599.6, "1 h 00 min"), (11220, "3 h 07 min"),
        (7500, "2 h 05 min"), (-0.25, "-250 ms"),
    ],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (640, "640 B"), (12_345, "12 kB"), (31_457_280, "31.5 MB"), (2.1e9, "2.1 GB")]
)
def test_size(count: float, text: str) -> None:
    assert units.size(count) == text


def test_zero_is_no_duration() -> None:
    assert [units.instant(at) for at in (0.0, 0.00004, 0.0002, -0.25)] == ["0 s", "0 s", "0.2 ms", "-250 ms"]


def test_plural() -> None:
    assert [units.plural(count, "worker") for count in (0, 1, 2)] == ["0 workers", "1 worker", "2 workers"]
    assert units.plural(3, "process", "processes") == "3 processes"
