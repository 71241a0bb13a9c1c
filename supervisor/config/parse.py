"""The bytes of a TOML file -> text and tables, or one complaint with its position. Pure."""

from __future__ import annotations

import re
import tomllib

from supervisor.config.complaint import Complaint
from supervisor.config.machine import MOST_BYTES
from supervisor.config.problems import dotted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.config.locate import Positions

# tomllib's time grows with the cube of a key's parts (CPython 3.11 and 3.13: 43 s for 50 000 of them).
_LONG_KEY = re.compile(r"""(?:^|[\[{,])(?:[ \t]*[\w"'-]+[ \t]*\.){40}""", re.MULTILINE)
_LONG_NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d_]{4300,}")
_INI = re.compile(r"\[\s*(?:program|group|fcgi-program|eventlistener|watcher)\s*:\s*([^\]\s]+)")
_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_TWICE = ("Cannot overwrite a value", "Cannot declare", "Cannot mutate")


def decode(data: bytes, file: str) -> tuple[str, Complaint | None]:
    """Decode UTF-8 bytes into text with ``\\n`` line ends and no byte order mark; or say why not."""
    if len(data) > MOST_BYTES:
        hint = "is this the right file? A config of 1000 workers has about 200 kB"
        return "", Complaint(file, 0, 0, "is larger than 1 MiB, too large for a config", hint=hint)
    try:
        return data.decode().removeprefix("\ufeff").replace("\r\n", "\n"), None
    except UnicodeDecodeError as error:
        begin = data.rfind(b"\n", 0, error.start) + 1
        end = data.find(b"\n", begin)
        source = data[begin : len(data) if end < 0 else end].decode(errors="replace").rstrip("\r")
        column = len(data[begin : error.start].decode(errors="replace")) + 1
        message = f"is not UTF-8 text: byte 0x{data[error.start]:02x}"
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "it looks like UTF-16; save it as UTF-8" if wide else "save it as UTF-8"
        line = data.count(b"\n", 0, begin) + 1
        return "", Complaint(file, line, column, message, hint=hint, source="" if wide else source)


def parse(text: str, file: str) -> tuple[dict[str, Any], Complaint | None]:
    """Parse TOML text into tables, or return the first error in it (tomllib stops there)."""
    long_key = _LONG_KEY.search(text)
    if long_key:
        return {}, _at(_positions(text), file, *long_key.span(), "a key has more than 40 parts")
    try:
        return tomllib.loads(text), None
    except tomllib.TOMLDecodeError as error:
        return {}, _explained(str(error), text, file)
    except ValueError:
        # int() refuses it, which tomllib passes on (sys.set_int_max_str_digits).
        long = _LONG_NUMBER.search(text)
        span = long.span() if long else (0, 0)
        return {}, _at(_positions(text), file, *span, "a number has more than 4300 digits")
    except RecursionError:
        return {}, Complaint(file, 0, 0, "is nested too deeply", hint="nest arrays and tables a few levels at most")


def _explained(error: str, text: str, file: str) -> Complaint:
    place = _PLACE.fullmatch(error)
    message = place[1] if place else error
    if message.startswith(_TWICE):
        from supervisor.config.locate import locate  # only for a file that is wrong

        positions = locate(text)
        if positions.repeats:
            path, first, second = positions.repeats[0]
            before = positions.at(*first).line
            return _at(positions, file, *second, f"{dotted(path)} is defined twice, first on line {before}")
    positions = _positions(text)
    known = place is not None and place[2] is not None
    start = positions.offset(int(place[2]), int(place[3])) if place and known else len(text.rstrip())
    return _at(positions, file, start, start, _lower(message), _hint(message, text, start))


def _positions(text: str) -> Positions:
    from supervisor.config.locate import Positions

    return Positions(text)


def _at(positions: Positions, file: str, start: int, end: int, message: str, hint: str = "") -> Complaint:
    spot = positions.at(start, end)
    return Complaint(file, spot.line, spot.column, message, hint=hint, source=spot.source, width=spot.width)


def _lower(message: str) -> str:
    return f"{message[:1].lower()}{message[1:]}"


def _hint(message: str, text: str, start: int) -> str:
    if message.startswith("Invalid value"):
        word = re.match(r"[^\s,\]}#]*", text[start:])
        if word and word[0] in ("True", "False", "yes", "no", "on", "off"):
            return "TOML writes true and false"
        return "put strings in quotes"
    line = text[text.rfind("\n", 0, start) + 1 :]
    ini = _INI.match(line)
    if ini:
        return f"this looks like supervisord's; here it is [worker.{ini[1]}]"
    if message.startswith("Unescaped '\\'"):
        return "write \\\\, or put the string in single quotes"
    return ""
