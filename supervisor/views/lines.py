"""Workers' output as lines: with the worker's name before each, or one JSON object a line. Bytes in, bytes out.

The bytes of a line are never split, re-encoded or reordered; only a line over LONGEST is split, and marked.
"""

from __future__ import annotations

import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from supervisor.core.spec import LogTime

    Time: TypeAlias = Callable[[float], str]  # seconds since the epoch -> how they are shown

LONGEST = 1 << 20  # bytes; a longer line is split, or one worker without newlines would take all our memory
SPLIT = b" [supervisor: a line over 1 MiB goes on below]"
_COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Splitter:
    """Chunks of a stream -> blocks of whole lines. Holds back an unfinished line of at most LONGEST bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> bytes:
        """Return the lines completed by ``chunk``, each ended by a newline; empty when there is none."""
        cut = chunk.rfind(b"\n") + 1
        if cut == 0:
            return self._hold(chunk)
        block = b"".join((*self._parts, chunk[:cut])) if self._parts else chunk[:cut]
        rest = chunk[cut:]
        self._parts = [rest] if rest else []
        self._held = len(rest)
        return block if len(block) <= LONGEST else _split_long(block)

    def end(self) -> bytes:
        """Return what was held back, as a line of its own."""
        block = b"".join(self._parts)
        self._parts, self._held = [], 0
        return block + b"\n" if block else b""

    def _hold(self, chunk: bytes) -> bytes:
        self._parts.append(chunk)
        self._held += len(chunk)
        if self._held <= LONGEST:
            return b""
        block = b"".join(self._parts)
        whole = (len(block) - 1) // LONGEST * LONGEST  # something is left for the line that goes on
        self._parts = [block[whole:]] if block[whole:] else []
        self._held = len(block) - whole
        return _split_long(block[:whole], ends=False)


def _split_long(block: bytes, ends: bool = True) -> bytes:
    """Split the lines of ``block`` that are too long. ``ends`` False: its last line goes on in a later block."""
    out: list[bytes] = []
    for line in block.split(b"\n")[:-1] if ends else [block]:
        start = 0
        while len(line) - start > LONGEST or (not ends and start < len(line)):
            out += [line[start : start + LONGEST], SPLIT, b"\n"]
            start += LONGEST
        if ends:
            out += [line[start:], b"\n"]
    return b"".join(out)


class Prefixed:
    """Puts the worker's title, padded and coloured, before each line; with ``time`` also when it was read."""

    def __init__(self, title: str, width: int, index: int, color: bool, time: Time | None = None) -> None:
        """Take the name to put before the lines; without a ``title`` only the time stands there."""
        self._name = f"{title:<{width}} | ".encode() if title else b""
        self._color = _COLORS[index % len(_COLORS)] if color else None
        self._time = time
        self._prefix = self._styled(b"")

    def lines(self, block: bytes, at: float) -> bytes:
        """Return a block of whole lines with the prefix before each; ``at`` is seconds since the epoch."""
        prefix = self._prefix if self._time is None else self._styled(self._time(at).encode() + b" ")
        return prefix + block[:-1].replace(b"\n", b"\n" + prefix) + b"\n"

    def _styled(self, time: bytes) -> bytes:
        if self._color is None:
            return time + self._name
        # The reset comes first: a colour that the line before left open must not run into ours.
        dim = b"\x1b[0;2m" + time if time else b""
        return b"%b\x1b[0;%dm%b\x1b[0m" % (dim, self._color, self._name)


class Dated:
    """Puts date and time behind the name of each of our own messages, for readers who do not note it themselves."""

    def __init__(self, shown: Prefixed, when: LogTime) -> None:
        self._shown = shown
        self._time = date(when)

    def lines(self, block: bytes, at: float) -> bytes:
        """Return a block of whole lines as the format has them, each with its time."""
        stamp = self._time(at).encode() + b" "
        return self._shown.lines(stamp + block[:-1].replace(b"\n", b"\n" + stamp) + b"\n", at)


class Fitted:
    """Breaks our own messages between words where the terminal's lines end; ``width`` tells their columns now."""

    def __init__(self, shown: Prefixed, width: Callable[[], int]) -> None:
        self._shown = shown
        self._width = width

    def lines(self, block: bytes, at: float) -> bytes:
        """Return a block of whole lines as the format has them."""
        from supervisor.views.layout import fitted

        return self._shown.lines(fitted(block.decode(), self._width()).encode(), at)


# What sd-daemon(3) lets a line begin with, for the journal: its priority.
_PRIORITY = re.compile(rb"<[0-7]>")


class Journaled:
    """For the journal: a line's own priority stays the first of it, whatever form the line has."""

    def __init__(self, form: Prefixed | Plain, priority: int | None = None) -> None:
        """Take the form of the lines; ``priority`` is that of lines which have none of their own, None for the
        journal's default.
        """
        self._form = form
        self._priority = b"" if priority is None else b"<%d>" % priority

    def lines(self, block: bytes, at: float) -> bytes:
        """Return a block of whole lines in their form, each behind its priority."""
        if not self._priority and b"<" not in block:
            return self._form.lines(block, at)
        return b"".join(self._line(line, at) for line in block[:-1].split(b"\n"))

    def _line(self, line: bytes, at: float) -> bytes:
        own = _PRIORITY.match(line)
        if own is None:
            return self._priority + self._form.lines(line + b"\n", at)
        return own[0] + self._form.lines(line[own.end() :] + b"\n", at)


class Plain:
    """The lines as they are."""

    def lines(self, block: bytes, _at: float) -> bytes:
        """Return the block itself."""
        return block


class Json:
    """One object a line: ``{"at", "worker", "instance", "stream", "line"}``.

    Of a line that is no UTF-8 the text has U+FFFD for what cannot be decoded, and ``bytes`` is the line in base64.
    """

    def __init__(self, worker: str, instance: int, stream: str, when: LogTime) -> None:
        import json

        self._encode = json.encoder.encode_basestring_ascii
        head = f'"worker": {json.dumps(worker)}, "instance": {instance}, "stream": "{stream}", "line": '
        self._head = head
        self._when = when

    def lines(self, block: bytes, at: float) -> bytes:
        """Return the block as JSON lines; ``at`` is seconds since the epoch, of the moment the lines were read."""
        start = f'{{"at": "{_stamp(at, self._when)}", {self._head}'
        encode = self._encode
        try:
            text = block[:-1].decode()
        except UnicodeDecodeError:
            return "".join(f"{start}{self._any(line)}}}\n" for line in block[:-1].split(b"\n")).encode()
        return "".join(f"{start}{encode(line)}}}\n" for line in text.split("\n")).encode()

    def _any(self, line: bytes) -> str:
        """Return the value of ``line``, and ``bytes`` where only they hold all of it."""
        try:
            return self._encode(line.decode())
        except UnicodeDecodeError:
            import binascii

            encoded = binascii.b2a_base64(line, newline=False).decode()
            return f'{self._encode(line.decode(errors="replace"))}, "bytes": "{encoded}"'


def clock(when: LogTime) -> Time:
    """Return how a terminal shows the time of a line: ``12:30:05``."""
    parts = time.gmtime if when == "utc" else time.localtime
    return lambda at: time.strftime("%H:%M:%S", parts(at))


def date(when: LogTime) -> Time:
    """Return how a file shows the time of a line (RFC 3339)."""
    return lambda at: _stamp(at, when)


def _stamp(at: float, when: LogTime) -> str:
    """Return the time by RFC 3339 with milliseconds."""
    whole = int(at)
    parts = time.gmtime(whole) if when == "utc" else time.localtime(whole)
    millis = int((at - whole) * 1000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", parts)
    if when == "utc":
        return f"{text}.{millis:03}Z"
    offset = time.strftime("%z", parts)
    return f"{text}.{millis:03}{offset[:3]}:{offset[3:]}"
