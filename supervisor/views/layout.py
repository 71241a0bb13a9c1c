"""How text is laid out on a terminal: the colour that is handed in, lines wrapped and cut to a width. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    # (text, name of a style) -> the text in that style: "error", "warning", "good", "dim", "bold".
    Style: TypeAlias = Callable[[str, str], str]

# The style of a finding's severity.
TONE = {"error": "error", "warning": "warning", "note": "dim"}
# Columns below which wrapping makes a text only harder to read.
NARROWEST = 20


def plain(text: str, _style: str) -> str:
    """Return the text without colour."""
    return text


def ansi(text: str, style: str) -> str:
    """Return the text in one of the eight colours that every terminal has (ECMA-48 SGR)."""
    code = {"error": "31", "warning": "33", "good": "32", "dim": "2", "bold": "1"}.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def wrap(value: str, width: int, indent: str = "") -> list[str]:
    """Return the words of ``value`` in lines of at most ``width`` columns, all but the first with ``indent``."""
    import textwrap

    wrapped = textwrap.wrap(value, max(width, NARROWEST), subsequent_indent=indent, break_on_hyphens=False)
    return wrapped or [""]


def cut(value: str, width: int) -> str:
    """Return at most ``width`` columns of ``value``; what is cut off is shown by ``…``."""
    return value if len(value) <= width else value[: max(width - 1, 1)] + "…"


def row(label: str, value: str, column: int, width: int, indent: str = "") -> list[str]:
    """Return ``value`` wrapped beside a label, its lines beginning at ``column``; ``indent`` precedes the label."""
    head = f"{indent}{label}"
    return [
        f"{head if index == 0 else '':<{column}}{line}".rstrip()
        for index, line in enumerate(wrap(value, width - column))
    ]
