"""The keyboard's bytes as names of keys. Pure; sequences as xterm, rxvt, the Linux console and tmux send them."""

from __future__ import annotations

_ESCAPE = 0x1B
_FINAL = {"A": "up", "B": "down", "H": "home", "F": "end"}
_NUMBERED = {"1": "home", "4": "end", "5": "page up", "6": "page down", "7": "home", "8": "end"}
# Longer ones are no key of ours (a paste, a mouse report); a bound on what is kept.
_LONGEST = 32


class Keys:
    """Takes what was read in whatever pieces it came; an unfinished sequence is kept for the next piece."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the keys pressed: ``up``, ``page down``, ``tab``, ``escape`` or the character; none for unknown
        ones.
        """
        data = self._rest + data
        self._rest = b""
        if data == b"\x1b":
            return ["escape"]
        found: list[str] = []
        at = 0
        while at < len(data):
            if data[at] != _ESCAPE:
                found += _plain(data[at])
                at += 1
                continue
            end = _sequence_end(data, at)
            if end is None:
                self._rest = data[at:] if len(data) - at < _LONGEST else b""
                break
            found += _sequence(data[at:end].decode("ascii", "replace"))
            at = end
        return found


def _plain(byte: int) -> list[str]:
    if byte == 9:
        return ["tab"]
    return [chr(byte)] if 32 <= byte < 127 else []


def _sequence_end(data: bytes, at: int) -> int | None:
    """Return where the escape sequence at ``at`` ends, None when more is to come."""
    if at + 1 >= len(data):
        return None
    if data[at + 1 : at + 2] == b"O":  # SS3: the cursor keys in application mode
        return at + 3 if at + 2 < len(data) else None
    if data[at + 1 : at + 2] != b"[":
        return at + 1  # Escape, then another key
    for index in range(at + 2, len(data)):
        if 0x40 <= data[index] <= 0x7E:
            return index + 1
    return None


def _sequence(text: str) -> list[str]:
    if text == "\x1b":
        return ["escape"]
    final, parameters = text[-1], text[2:-1]
    name = _NUMBERED.get(parameters.split(";")[0]) if final == "~" else _FINAL.get(final)
    return [name] if name else []
