"""Figures with their units, written one way everywhere: durations, instants, sizes, counted nouns. Pure."""

from __future__ import annotations

# Below half a tenth of a millisecond a duration prints as "0.0 ms": such an instant is zero itself.
ZERO = 0.00005


def duration(seconds: float) -> str:
    """Return ``0.4 ms``, ``85 ms``, ``1.24 s``, ``2 min 05 s`` or ``3 h 07 min``; a negative one has a minus sign."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def instant(seconds: float) -> str:
    """Return a moment as :func:`duration` writes it; zero, from which all instants count, is ``0 s``."""
    return "0 s" if abs(seconds) < ZERO else duration(seconds)


def size(count: float) -> str:
    """Return bytes as ``640 B``, ``12 kB``, ``31.5 MB`` or ``2.1 GB`` (powers of 1000)."""
    for unit, scale, digits in (("GB", 1e9, 1), ("MB", 1e6, 1), ("kB", 1e3, 0)):
        if count >= scale:
            return f"{count / scale:.{digits}f} {unit}"
    return f"{count:.0f} B"


def plural(count: int, noun: str, many: str = "") -> str:
    """Return ``1 process`` or ``3 processes``; ``many`` is the plural of a noun that does not just take an s."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"
