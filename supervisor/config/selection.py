"""A set of recorded runs as a user writes it: ``17``, ``last``, ``last:20``, ``tag=v2,worker=api,since=7d``. Pure."""

from __future__ import annotations

from supervisor.config.durations import parse as duration
from supervisor.config.problems import nearest
from supervisor.core.selection import Selection
from supervisor.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GRAMMAR = "write a run's number, last, last:20, or conditions as in tag=v2,worker=api,since=7d"
WORDS = ("worker", "fleet", "tag", "kind", "outcome", "drill", "host")
TIMES = ("since", "before")
# sqlite's own largest row number is 2**63 - 1.
LONGEST_NUMBER = 18


def parse(text: str) -> Selection:
    """Return what is meant. Raises UsageError."""
    if text.isascii() and text.isdecimal():
        return Selection(id=_number(text, text))
    given: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        found: str | float
        if name == "last" and not equals:
            key, found = "last", 1
        elif name.startswith("last:") and not equals:
            key, found = "last", _number(text, name.removeprefix("last:"))
        else:
            key, found = name, _value(text, name, value)
        if key in given:
            raise UsageError(f"{text!r}: {key} is given twice", "give each condition once")
        given[key] = found
    return Selection(**given)


def _value(text: str, name: str, value: str) -> str | float:
    if name in WORDS and value:
        return value
    if name in TIMES:
        seconds = duration(value)
        if seconds is None:
            raise UsageError(f"{text!r}: {value!r} is not a duration", "write it as in since=7d, or since=2h30m")
        return seconds
    meant = nearest(name, (*WORDS, *TIMES, "last"))
    hint = f"did you mean {meant}?" if meant and meant != name else GRAMMAR
    raise UsageError(f"{text!r}: no set of runs", hint)


def _number(text: str, digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_NUMBER and int(digits) > 0):
        raise UsageError(f"{text!r}: {digits!r} is not the number of a run or of runs", GRAMMAR)
    return int(digits)
