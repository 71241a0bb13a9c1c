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
UNBOUNDED = 1 << 20  # columns of a text that no terminal shows
# Columns below which a text begins on a line of its own rather than beside what it belongs to.
LEAST_BESIDE = 24


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


def middle(value: str, width: int) -> str:
    """Return at most ``width`` columns of ``value``, cut in its middle: its end tells as much as its beginning."""
    if len(value) <= width:
        return value
    end = max(width - 1, 2) * 2 // 3
    return value[: max(width - 1, 2) - end] + "…" + value[-end:]


def hanging(head: str, value: str, width: int, shown: str = "") -> list[str]:
    """Return ``value`` behind ``head``, its further lines below its beginning, or below ``head`` where that is long.

    ``shown``: the head as it is written, when colour makes it longer than it looks.
    """
    column = len(head) if width - len(head) >= LEAST_BESIDE else min(len(head), 4)
    first, *more = wrap(value, width - column)
    below = [" " * column + line for line in more]
    if len(head) + len(first) <= width:
        return [((shown or head) + first).rstrip(), *below]
    return [(shown or head).rstrip(), *(" " * column + line for line in (first, *more))]


def fitted(text: str, width: int) -> str:
    """Return text whose lines are broken between words to fit ``width`` columns; a longer word stays whole.

    Lines of source and of carets, ``   12 | …``, stay as they are.
    """
    return "\n".join(line if len(line) <= width else _broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    import textwrap

    margin, bar, _ = line.partition(" | ")
    if bar and not margin.strip(" 0123456789"):
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return "\n".join(
        textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    )


def row(label: str, value: str, column: int, width: int, indent: str = "") -> list[str]:
    """Return ``value`` wrapped beside a label, its lines beginning at ``column``; ``indent`` precedes the label."""
    head = f"{indent}{label}"
    return [
        f"{head if index == 0 else '':<{column}}{line}".rstrip()
        for index, line in enumerate(wrap(value, width - column))
    ]
