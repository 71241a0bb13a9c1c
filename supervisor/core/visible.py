"""Makes text that somebody else wrote safe to show: names, command lines, paths, source lines. Pure.

A terminal obeys control characters, and a bidirectional override shows a line in another order than it is written
in (Unicode TR 36, CVE-2021-42574). All such characters are shown as the escapes of a Python string instead.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


def visible(text: str) -> str:
    r"""Return the text with every invisible or obeyed character as an escape: ``\x1b``, ``\n``, ``\u202e``.

    Escaped is what `str.isprintable` refuses: C0, C1, DEL, line separators, bidirectional controls, joiners, other
    spaces than U+0020, unassigned and private characters. A byte that was no UTF-8 (a lone surrogate) is shown as
    ``\xff``. A tab becomes one space: source lines are full of them.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def quoted(text: str) -> str:
    """Return text that somebody gave us in quotes, visible, as messages name it: ``'webb'``."""
    mark = '"' if "'" in text and '"' not in text else "'"
    return f"{mark}{visible(text)}{mark}"


def _escaped(char: str) -> str:
    code = ord(char)
    if char == "\t":
        return " "
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape, PEP 383
        return f"\\x{code - 0xDC00:02x}"
    return repr(char)[1:-1]


def visible_lines(text: str) -> str:
    """Return text whose line breaks are our own, each of its lines made :func:`visible`."""
    return "\n".join(map(visible, text.split("\n")))


def shown(value: T) -> T:
    """Return a record or plain data with :func:`visible` applied to every text in it, keys of mappings included."""
    found: T = _shown(value)
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Frozen):
        return value.with_(**{name: _shown(getattr(value, name)) for name in value.__match_args__})
    if isinstance(value, (tuple, list)):
        return type(value)(map(_shown, value))
    if isinstance(value, dict):
        return {_shown(key): _shown(inner) for key, inner in value.items()}
    return value
