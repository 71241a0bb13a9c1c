"""Durations as people write them: seconds as a number, or a text such as ``"1m30s"``. Pure."""

from __future__ import annotations

import re

# A year and a day, as in core/ladder.py: longer is a slip, and select(2) takes no more than 2**31 ms anyway.
LONGEST = 366 * 86400.0
WANTED = "a duration of at most 366 days"
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PLAIN = re.compile(rf"\s*{_NUMBER}\s*")
_PIECE = re.compile(rf"\s*({_NUMBER})\s*(ms|s|m|h|d)\s*")
# For the JSON Schema; it cannot say that the units go down.
PATTERN = rf"^\s*({_NUMBER}|({_NUMBER}\s*(ms|s|m|h|d)\s*)+)\s*$"


def parse(text: str) -> float | None:
    """Parse ``"90"``, ``"1m30s"`` or ``"500ms"`` into seconds; None when it is no duration or longer than LONGEST."""
    seconds = float(text) if _PLAIN.fullmatch(text) else _pieces(text)
    return seconds if 0 <= seconds <= LONGEST else None


def _pieces(text: str) -> float:
    total, at, last = 0.0, 0, float("inf")
    if not text.strip():
        return -1.0
    while at < len(text):
        piece = _PIECE.match(text, at)
        # Units go down, each once: "1m30s", not "30s1m" (which is a slip more often than not).
        if piece is None or UNITS[piece[2]] >= last:
            return -1.0
        last = UNITS[piece[2]]
        total += float(piece[1]) * last
        at = piece.end()
    return total


def of(value: object) -> float | None:
    """Return the seconds that a TOML value stands for: a number, or a text; None when it is no duration."""
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST:
        return float(value)
    return None
