"""Whole numbers in texts that anybody may have written. Pure."""

from __future__ import annotations


def whole(text: str, most: int) -> int | None:
    """Return the number that decimal digits write; None for anything else and for a number above ``most``.

    int() alone raises ValueError for more than 4300 digits (CPython: sys.set_int_max_str_digits).
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(most)):
        return None
    value = int(digits)
    return value if value <= most else None
