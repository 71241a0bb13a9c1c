"""How we say things."""

from __future__ import annotations

import pytest

from supervisor.views import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 ms"), (0.00042, "0.4 ms"), (0.0094, "9.4 ms"), (0.0096, "10 ms"), (0.085, "85 ms"),
        (0.9994, "999 ms"), (0.9996, "1.00 s"), (1.24, "1.24 s"), (9.994, "9.99 s"), (9.996, "10.0 s"),
        (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"), (3599.6, "1 h 00 min"), (11220, "3 h 07 min"),
    ],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (640, "640 B"), (12_345, "12 kB"), (31_457_280, "31.5 MB"), (2.1e9, "2.1 GB")]
)
def test_size(count: float, text: str) -> None:
    assert words.size(count) == text


def test_plural_and_command() -> None:
    assert [words.plural(count, "worker") for count in (0, 1, 2)] == ["0 workers", "1 worker", "2 workers"]
    assert words.plural(3, "process", "processes") == "3 processes"
    assert words.command(("a b", "--password", "hunter2")) == "'a b' --password '***'"
    assert words.command(("x" * 99,), 10) == "x" * 9 + "…"


@pytest.mark.parametrize("width", [1, 8, 30])
def test_bars_have_their_width_and_grow(width: int) -> None:
    bars = [words.bar(share / 100, width) for share in range(-5, 120)]
    assert {len(bar) for bar in bars} == {width}
    filled = [width - bar.count("░") for bar in bars]
    assert filled == sorted(filled)
    assert words.bar(0, width) == "░" * width and words.bar(1, width) == "█" * width
    assert words.bar(1e-9, width)[0] == "▏", "anything above nothing shows"
