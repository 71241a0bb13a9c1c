"""Where each key of a TOML text stands. tomllib keeps no positions (python/cpython#115516), so we look again.

Runs only when there is something to complain about, on a text that tomllib has accepted (or called a
duplicate): it follows the structure and does not check it. Never raises; what it cannot find has no position.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Path: TypeAlias = tuple[str | int, ...]
    Span: TypeAlias = tuple[int, int]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
# Up to two quotes may stand right before the closing three (TOML 1.0, "String").
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL)
# A date may have a space before its time; anything else bare ends at a blank or a bracket.
_BARE = re.compile(r"\d{4}-\d\d-\d\d[ ]\d\d:[^,\]}\s#]*|[^,\]}\s#]+")


class Spot(Frozen):
    """Line and column from 1, width in characters, and the whole line."""

    line: int
    column: int
    width: int
    source: str


class Positions:
    """The spans of all keys and values of a text, by path: ``("worker", "api", "command", 0)``.

    ``repeats`` are the paths that were defined a second time, with the spans of both.
    """

    def __init__(self, text: str) -> None:
        self.keys: dict[Path, Span] = {}
        self.values: dict[Path, Span] = {}
        self.repeats: list[tuple[Path, Span, Span]] = []
        self._text = text
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def spot(self, path: Path, *, key: bool = False) -> Spot:
        """Return where the value of ``path`` (or its ``key``) stands, else the nearest table around it, else
        line 1.
        """
        for length in range(len(path), 0, -1):
            inside = path[length:]
            by_value = isinstance(inside[0], int) if inside else not key
            first, second = (self.values, self.keys) if by_value else (self.keys, self.values)
            span = first.get(path[:length]) or second.get(path[:length])
            if span:
                return self.at(*span)
        return self.at(0, 0)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column, both from 1."""
        return self._starts[min(line, len(self._starts)) - 1] + column - 1

    def at(self, start: int, end: int) -> Spot:
        """Return the spot of a span of offsets; one that goes on in further lines is cut at the end of its first."""
        line = bisect_right(self._starts, start)
        begin = self._starts[line - 1]
        stop = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        source = self._text[begin:stop]
        width = max(1, min(end, begin + len(source)) - start)
        return Spot(line, start - begin + 1, width, source)


def locate(text: str) -> Positions:
    """Return the positions of all keys and values in a TOML text."""
    positions = Positions(text)
    scanner = _Scanner(text, positions)
    try:
        scanner.document()
    except (IndexError, RecursionError):
        pass  # the text is cut off or nested too deep: what was found so far is what we know
    return positions


class _Scanner:
    """Walks the text once; ``pos`` is an offset into it."""

    def __init__(self, text: str, positions: Positions) -> None:
        self.text = text
        self.pos = 0
        self.found = positions
        self.arrays: dict[Path, int] = {}
        self.defined: dict[Path, Span] = {}

    def document(self) -> None:
        table: Path = ()
        self.blank()
        while self.pos < len(self.text):
            if self.text[self.pos] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.blank()

    def blank(self) -> None:
        self.skip(_BLANK)

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Go past a match at this place; the text of it, empty when there is none."""
        match = pattern.match(self.text, self.pos)
        if match is None:
            return ""
        self.pos = match.end()
        return match.group()

    def header(self) -> Path:
        """Read ``[a.b]`` or ``[[a.b]]`` and return the path of the table that it opens, array indexes included."""
        double = self.text.startswith("[[", self.pos)
        self.pos += 2 if double else 1
        parts = self.dotted()
        path: Path = ()
        for number, (part, start, end) in enumerate(parts):
            path = (*path, part)
            last = number == len(parts) - 1
            if last and double:
                self.arrays[path] = self.arrays.get(path, -1) + 1
            elif last:
                self.define(path, start, end)
            self.found.keys.setdefault(path, (start, end))
            if path in self.arrays:
                path = (*path, self.arrays[path])
                self.found.keys.setdefault(path, (start, end))
        self.pos += 2 if double else 1
        return path

    def pair(self, table: Path) -> None:
        """Read ``a.b = value`` inside ``table``."""
        parts = self.dotted()
        path = table
        for part, start, end in parts:
            path = (*path, part)
            self.found.keys.setdefault(path, (start, end))
        if parts:
            self.define(path, parts[-1][1], parts[-1][2])
        if self.text[self.pos] == "=":
            self.pos += 1
        self.blank()
        self.value(path)

    def define(self, path: Path, start: int, end: int) -> None:
        if path in self.defined:
            self.found.repeats.append((path, self.defined[path], (start, end)))
        else:
            self.defined[path] = (start, end)
            self.found.keys[path] = (start, end)

    def dotted(self) -> list[tuple[str, int, int]]:
        """Return the parts of a key with their offsets; leaves ``pos`` at what follows it."""
        parts: list[tuple[str, int, int]] = []
        while True:
            self.blank()
            start = self.pos
            part = self.skip(_BARE_KEY)
            if not part:
                quoted = self.skip(_BASIC) or self.skip(_LITERAL)
                if not quoted:
                    self.pos += 1  # not TOML; go on behind it
                    return parts
                part = _unquoted(quoted)
            parts.append((part, start, self.pos))
            self.blank()
            if self.text[self.pos] != ".":
                return parts
            self.pos += 1

    def value(self, path: Path) -> None:
        start = self.pos
        opening = self.text[start]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline(path)
        else:
            strings = (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _BARE)
            if not any(self.skip(pattern) for pattern in strings):
                self.pos += 1
        self.found.values.setdefault(path, (start, self.pos))

    def array(self, path: Path) -> None:
        self.pos += 1
        index = 0
        self.separator()
        while self.text[self.pos] != "]":
            self.value((*path, index))
            index += 1
            self.separator()
        self.pos += 1

    def inline(self, path: Path) -> None:
        self.pos += 1
        self.separator()
        while self.text[self.pos] != "}":
            self.pair(path)
            self.separator()
        self.pos += 1

    def separator(self) -> None:
        self.blank()
        while self.text[self.pos] == ",":
            self.pos += 1
            self.blank()


def _unquoted(quoted: str) -> str:
    """Return what a quoted key means; tomllib knows the escapes."""
    try:
        return str(tomllib.loads(f"k={quoted}")["k"])
    except tomllib.TOMLDecodeError:
        return quoted[1:-1]
