"""The modes in which a terminal is left by what was written to it, and what puts them right again. Pure.

Only those are known that the next user of the terminal stumbles over (xterm control sequences, DECSET; ECMA-48, SGR).
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.views.lines import Plain, Prefixed

# By number: whether it is set on a terminal that nobody has touched. In the order in which they are put right: first
# the screen that is left, since it has a cursor of its own.
_USUAL = {
    b"1049": False, b"1047": False, b"47": False,  # the alternate screen
    b"25": True,  # the cursor is shown
    b"7": True,  # lines wrap
    b"1": False,  # cursor keys send application codes
    b"1000": False, b"1002": False, b"1003": False, b"1005": False, b"1006": False, b"1015": False,  # mouse reports
    b"1004": False,  # focus reports
    b"2004": False,  # pasted text is marked
    b"2026": False,  # output is held back until it is complete
}  # fmt: skip
_CHANGE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])|\x1b\[([0-9;:]*)m|\x1b(c)|\x1b\(([0B])|\x1b([=>])")


class Modes:
    """What a stream has left a terminal in so far."""

    def __init__(self) -> None:
        self._changed: dict[bytes, bool] = {}
        self._styled = False
        self._drawing = False
        self._keypad = False

    def see(self, data: bytes) -> None:
        """Take in what is written. A sequence that is split between two calls is not seen."""
        if b"\x1b" not in data:
            return
        for numbers, way, style, reset, charset, keypad in _CHANGE.findall(data):
            if reset:
                self.__init__()  # type: ignore[misc]  # a full reset: as it was in the beginning
            elif numbers:
                for number in numbers.split(b";"):
                    self._set(number, way == b"h")
            elif charset:
                self._drawing = charset == b"0"
            elif keypad:
                self._keypad = keypad == b"="
            else:
                self._styled = style.strip(b"0;") != b""

    def _set(self, number: bytes, on: bool) -> None:
        if on == _USUAL.get(number, on):
            self._changed.pop(number, None)
        else:
            self._changed[number] = on

    def restore(self) -> bytes:
        """Return what puts the terminal right, empty when nothing is wrong; then it is right."""
        out = [b"\x1b[?%b%b" % (number, b"h" if usual else b"l") for number, usual in _USUAL.items()
               if number in self._changed]  # fmt: skip
        out += [text for wrong, text in ((self._styled, b"\x1b[0m"), (self._drawing, b"\x1b(B"),
                                         (self._keypad, b"\x1b>")) if wrong]  # fmt: skip
        self._changed.clear()
        self._styled = self._drawing = self._keypad = False
        return b"".join(out)


class Watched:
    """A format for lines on a terminal: what goes there is looked through for what it does to the terminal."""

    def __init__(self, shown: Plain | Prefixed, modes: Modes) -> None:
        self._shown = shown
        self._modes = modes

    def lines(self, block: bytes, at: float) -> bytes:
        """Return the lines as the format has them."""
        data = self._shown.lines(block, at)
        self._modes.see(data)
        return data
