"""Text that others choose and that must never reach a terminal as it is, and how to tell that none did."""

from __future__ import annotations

import inspect
import random
import re
from typing import TYPE_CHECKING, Any

from supervisor.core.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable

# What comes behind a line break that somebody smuggled in: it must never begin a line of ours.
FORGED = "supervisor: all is well"
# One of each kind; none is longer than a name may be anywhere.
KINDS = {
    "title": "\x1b]0;PWNED\x07", "colour": "\x1b[31m", "erase": "\x1b[2J", "c1": "\x9b31m", "c1-nel": "\x85",
    "newline": f"\n{FORGED}", "return": f"\r{FORGED}", "backspace": "\b\b\b", "delete": "\x7f", "shift": "\x0e",
    "override": "\u202e", "embedding": "\u202a", "pop": "\u202c", "isolate": "\u2066", "isolated": "\u2069",
    "separator": f"\u2028{FORGED}", "zero-width": "\u200b\ufeff", "tag": "\U000e0041", "byte": "\udcff", "nul": "\0",
}  # fmt: skip
# What our own words may be written with: the eight colours of views/layout.py.
OURS = re.compile(r"\x1b\[(?:0|1|2|31|32|33)m")


def poison(chance: random.Random) -> str:
    """A short text with some of the kinds in it."""
    parts = [chance.choice([*KINDS.values(), "a", "日", " ", "`|*", "\\"]) for _ in range(chance.randint(1, 6))]
    return "".join(parts)


def raw(text: str) -> list[str]:
    """What of the text a terminal would obey or not show; every line must be printable, none a forged one."""
    found = [repr(line) for line in text.removesuffix("\n").split("\n") if not line.isprintable()]
    return found + [repr(line) for line in text.splitlines() if line.startswith(FORGED)]


def poisoned(value: Any, text: Callable[[], str]) -> Any:
    """A record with ``text()`` put into every free text in it; words of a fixed vocabulary stay."""
    if not isinstance(value, Frozen):
        return value
    kinds: dict[str, str] = {}
    for base in reversed(type(value).__mro__):
        kinds |= inspect.get_annotations(base)
    changed: dict[str, Any] = {}
    for name in value.__match_args__:
        inner, kind = getattr(value, name), str(kinds[name])
        if isinstance(inner, str) and kind in ("str", "str | None"):
            changed[name] = inner + text()
        elif isinstance(inner, Frozen):
            changed[name] = poisoned(inner, text)
        elif isinstance(inner, tuple) and kind == "tuple[str, ...]":
            changed[name] = (*(word + text() for word in inner), text())
        elif isinstance(inner, tuple):
            changed[name] = tuple(poisoned(one, text) for one in inner)
    return value.with_(**changed)
