"""Foreign text made safe for a cell of the terminal: only colours survive, the cursor never moves. Pure.

What a worker prints (and what it calls its tasks) may hold anything. Kept are printable characters and the colours
and weights of SGR (ECMA-48, 8.3.117); every other control sequence, control character, bidirectional override and
joiner is dropped, so that what is measured is what the terminal shows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from supervisor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Line: TypeAlias = tuple[Segment, ...]

PLAIN = Style()
# Characters of one line that are looked at: ten screens of 200 columns, so that a line of 1 MiB costs no frame.
MOST = 2000

# CSI, then the strings (OSC, DCS, SOS, PM, APC: also unfinished ones, to the end), then any other escape sequence.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~]?)"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x1b\\|\x07|\x9c|\Z)"
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
# Cc control, Cf format (joiners, bidirectional overrides); Cs lone surrogates (bytes that were no UTF-8), Cn not
# assigned: nobody knows how wide.
_DROPPED, _REPLACED = {"Cc", "Cf", "Zl", "Zp"}, {"Cs", "Cn"}
_VARIATION_SELECTORS = {"\ufe0e", "\ufe0f"}


def printable(text: str) -> str:
    """Return a name or a place that somebody else chose, every control character in it as an escape; no colours."""
    return text if _simple(text) else _visible(visible(text[:MOST]))


def fit(text: str, width: int) -> str:
    """Return at most ``width`` cells of a printable text; what is cut ends in ``…``. Never half a wide character."""
    if len(text) <= width and text.isascii():
        return text
    if width <= 0:
        return ""
    if text.isascii():
        return text[: width - 1] + "…"
    if cell_len(text) <= width:
        return text
    return _head(text, width - 1) + "…"


def pad(text: str, width: int, right: bool = False) -> str:
    """Return ``text`` cut and filled to exactly ``width`` cells."""
    text = fit(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def shortened(text: str) -> str:
    """Return what of a line is worth keeping for :func:`line`: its last redrawing, at most MOST characters."""
    text = text.rstrip("\r\n")
    if "\r" in text:
        text = text[text.rindex("\r") + 1 :]
    return text if len(text) <= MOST else text[: MOST - 1] + "…"


def line(text: str, width: int, base: Style = PLAIN) -> Line:
    """Return one line of a worker's output as segments of at most ``width`` cells, its colours on top of ``base``.

    Of a line redrawn with carriage returns (a progress bar) the last state is shown.
    """
    text = shortened(text)
    segments: list[Segment] = []
    room = width
    for part, style in _coloured(text):
        if room <= 0 and segments:
            segments[-1] = _with_ellipsis(segments[-1])
            break
        shown = fit(part, room)
        room -= cell_len(shown)
        segments.append(Segment(shown, base + style))
        if shown != part:
            break
    return tuple(segments)


def plain(text: str) -> str:
    """Return one line of a worker's output without its colours, safe to be written on a terminal."""
    return "".join(part for part, _ in _coloured(shortened(text)))


def _with_ellipsis(last: Segment) -> Segment:
    """Return a segment of as many cells, or one fewer, with a mark that more was there."""
    return Segment(_head(last.text, cell_len(last.text) - 1) + "…", last.style)


def _head(text: str, width: int) -> str:
    """Return the longest beginning of at most ``width`` cells."""
    cells = 0
    for index, character in enumerate(text):
        cells += cell_len(character)
        if cells > width:
            return text[:index]
    return text


def _coloured(text: str) -> Iterator[tuple[str, Style]]:
    """Yield the visible pieces of a text and the style that its SGR sequences give them."""
    if _simple(text):
        if text:
            yield text, PLAIN
        return
    state = _State()
    at = 0
    for found in _SEQUENCE.finditer(text):
        piece = _visible(text[at : found.start()])
        if piece:
            yield piece, state.style()
        at = found.end()
        if found["final"] == "m":
            state.take(found["parameters"])
    piece = _visible(text[at:])
    if piece:
        yield piece, state.style()


def _simple(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _visible(text: str) -> str:
    """Return what is visible: tabs become spaces, bytes that were no UTF-8 the replacement character."""
    if _simple(text):
        return text
    kept: list[str] = []
    for character in text.expandtabs(8):
        if character.isascii():
            if character.isprintable():
                kept.append(character)
            continue
        kind = category(character)
        if kind in _REPLACED:
            kept.append("�")
        elif kind == "Zs":
            kept.append(" " * cell_len(character))
        elif kind not in _DROPPED and character not in _VARIATION_SELECTORS:
            kept.append(character)
    return "".join(kept)


_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}


class _State:
    """The rendition that the sequences so far have chosen (console_codes(4), "ECMA-48 Set Graphics Rendition")."""

    def __init__(self) -> None:
        self._attributes: frozenset[str] = frozenset()
        self._color: str | None = None
        self._background: str | None = None

    def style(self) -> Style:
        return _style(self._attributes, self._color, self._background)

    def take(self, parameters: str) -> None:
        """Apply one SGR sequence. Blinking, hiding and what we do not know are passed over."""
        rest = iter([int(code) if code.isdecimal() else 0 for code in _semicolons(parameters).split(";")[:32]])
        for code in rest:
            if code == 0:
                self._attributes, self._color, self._background = frozenset(), None, None
            elif code in _ON:
                self._attributes |= {_ON[code]}
            elif code in _OFF:
                self._attributes -= set(_OFF[code])
            elif code in (38, 48):
                self._set(code == 48, _extended(rest))
            elif code in (39, 49):
                self._set(code == 49, None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._color = str(code - 30 if code < 90 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self._background = str(code - 40 if code < 100 else code - 92)

    def _set(self, background: bool, color: str | None) -> None:
        if background:
            self._background = color
        else:
            self._color = color


def _semicolons(parameters: str) -> str:
    """Return ITU T.416's ``38:2::R:G:B`` as the common ``38;2;R;G;B``; the curl of ``4:3`` is dropped."""
    if ":" not in parameters:
        return parameters
    parameters = re.sub(r"\b([34]8):2:\d*:(\d+:\d+:\d+)", r"\1:2:\2", parameters)
    return re.sub(r"\b4:\d+", "4", parameters).replace(":", ";")


def _extended(rest: Iterator[int]) -> str | None:
    """Return the colour after 38 or 48: ``5;N`` or ``2;R;G;B``; None when it is cut short or out of range."""
    kind = next(rest, None)
    if kind == 5:
        number = next(rest, 256)
        return str(number) if number < 256 else None
    if kind == 2:
        values = [next(rest, 256) for _ in range(3)]
        return "#{:02x}{:02x}{:02x}".format(*values) if max(values) < 256 else None
    return None


@lru_cache(1024)
def _style(attributes: frozenset[str], color: str | None, background: str | None) -> Style:
    return Style(
        color=_color(color),
        bgcolor=_color(background),
        bold="bold" in attributes or None,
        dim="dim" in attributes or None,
        italic="italic" in attributes or None,
        underline="underline" in attributes or None,
        reverse="reverse" in attributes or None,
        strike="strike" in attributes or None,
    )


def _color(text: str | None) -> Color | None:
    if text is None:
        return None
    return Color.parse(text) if text.startswith("#") else Color.from_ansi(int(text))
