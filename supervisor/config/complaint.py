"""A complaint about a config: where (file, line, column), what, and what to do; and the error that carries them.

Knows how it is written on a screen, not how it was found.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.visible import visible
from supervisor.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal, TypeAlias

    Severity: TypeAlias = Literal["error", "warning", "note"]

# A long line is shown as a window around the column: with our margin it fits a terminal of 80 columns.
WINDOW = 68


class Complaint(Frozen):
    """``line`` and ``column`` count characters from 1; line 0 means the file as a whole. A note is worth knowing
    where somebody looks (`check`); an error or a warning is told at every start.

    ``source`` is that line of the file, ``width`` how many characters the carets underline.
    """

    file: str
    line: int
    column: int
    message: str
    severity: Severity = "error"
    hint: str = ""
    source: str = ""
    width: int = 1

    @property
    def place(self) -> str:
        """Return ``supervisor.toml:14:1``, the form that editors and terminals turn into a link."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        lines = [visible(f"{self.place}: {self.severity}: {self.message}")]
        if self.line and self.source.strip():
            shown, carets = _underlined(self.source, self.column, self.width)
            lines += [f"{self.line:5} | {shown}", f"      | {carets}"]
        if self.hint:
            lines.append(visible(f"      hint: {self.hint}"))
        return "\n".join(lines)


class InvalidConfig(ConfigError):
    """The config has errors. ``complaints``: all of them and the warnings, sorted by position.

    The message is complete and begins with the first place: it is printed without a prefix.
    """

    prefix = ""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__(summary(complaints))
        self.complaints = tuple(complaints)


def summary(complaints: Iterable[Complaint]) -> str:
    """Return all complaints as text, with a last line that counts them when there are several."""
    listed = list(complaints)
    errors = sum(complaint.severity == "error" for complaint in listed)
    parts = [str(complaint) for complaint in listed]
    if len(listed) > 1:
        counts = [_count(errors, "error"), _count(sum(found.severity == "warning" for found in listed), "warning")]
        parts.append(", ".join(count for count in counts if count))
    return "\n".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""


def _underlined(source: str, column: int, width: int) -> tuple[str, str]:
    """Return the source line and the line of carets beneath it, cut to a window, safe to print on a terminal."""
    start = 0
    if len(source) > WINDOW:
        start = max(0, min(column - 1 - WINDOW // 4, len(source) - WINDOW))
    cut = source[start : start + WINDOW]
    before = "…" if start else ""
    after = "…" if start + WINDOW < len(source) else ""
    at = min(max(column - 1 - start, 0), len(cut))
    wide = max(1, min(width, len(cut) - at))
    pad = " " * len(before) + "".join(_blank(char) for char in cut[:at])
    carets = "".join("^" * len(_blank(char).expandtabs(1)) for char in cut[at : at + wide]) or "^"
    return before + "".join(_printable(char) for char in cut) + after, pad + carets


def _printable(char: str) -> str:
    # A control character of the file (ESC above all) must not reach the terminal.
    return char if char == "\t" or char.isprintable() else "\ufffd"


def _blank(char: str) -> str:
    """Return as much blank as the character is wide on a terminal; a tab stays a tab."""
    if char == "\t" or char.isascii():
        return "\t" if char == "\t" else " "
    import unicodedata  # only for a line that has such characters

    if unicodedata.combining(char):
        return ""
    return "  " if unicodedata.east_asian_width(char) in "WF" else " "
