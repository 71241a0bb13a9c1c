"""Records to plain JSON-ready data and back: one table per record says both ways, so that they cannot differ. Pure.

``record(Climb, at=TIME, signal=SIGNAL)`` is such a table: keys of the JSON object, each with its :class:`Kind`.
Reading passes over keys that it does not know (a later version wrote them) and gives a key that is not there the
record's default (an earlier version did not know it).
"""

from __future__ import annotations

from supervisor.core import redact, signum
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Malformed(ValueError):
    """Data that cannot be read back; the message names the place and what it must be: ``marks.asked must be …``."""


class Kind(Frozen):
    """How one value is written and read. ``decode`` takes the data and its place, and raises Malformed.

    ``field``: the field of the record, where its name differs from the key. ``spread``: the kind concerns the whole
    record, from which ``encode`` makes a value; ``decode`` returns the fields it finds in there, by name.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[Any, str], Any]
    field: str = ""
    spread: bool = False


def record(made: type[Frozen], /, **kinds: Kind) -> Kind:
    """Return the kind that writes a record as a JSON object. Raises TypeError when the table leaves out a field."""
    named = set(_fields(kinds))
    if named != set(made.__match_args__):
        raise TypeError(f"{made.__name__}: the table and the record differ in {named ^ set(made.__match_args__)}")

    def decode(data: Any, place: str) -> Frozen:
        values = _read(kinds, data, place)
        for field in made.__match_args__:
            if field not in values and field not in made.__defaults__:
                raise Malformed(f"{_at(place, field)} is missing")
        return made(**values)

    return Kind(lambda value: _written(kinds, value), decode)


def group(**kinds: Kind) -> Kind:
    """Return the kind that writes some fields of the surrounding record as an object of their own."""
    return Kind(
        lambda value: _written(kinds, value),
        lambda data, place: _read(kinds, data, place),
        field=" ".join(_fields(kinds)),
        spread=True,
    )


def derived(make: Callable[[Any], Any]) -> Kind:
    """Return the kind of what is computed from the whole record for the reader, and is not read back."""
    return Kind(make, lambda _data, _place: {}, spread=True)


def named(field: str, kind: Kind) -> Kind:
    """Return the kind for a key that is not the field's name."""
    return kind.with_(field=field)


def optional(kind: Kind) -> Kind:
    """Return the kind that writes None as null and everything else as ``kind`` does."""
    return Kind(
        lambda value: None if value is None else kind.encode(value),
        lambda data, place: None if data is None else kind.decode(data, place),
    )


def several(kind: Kind) -> Kind:
    """Return the kind that writes a tuple of values as a list."""

    def decode(data: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(data, list):
            raise Malformed(f"{place} must be a list")
        return tuple(kind.decode(part, f"{place}[{number}]") for number, part in enumerate(data))

    return Kind(lambda value: [kind.encode(part) for part in value], decode)


def one_of(*choices: str) -> Kind:
    """Return the kind of a text that is one of some words."""

    def decode(data: Any, place: str) -> Any:
        if data not in choices:
            raise Malformed(f"{place} must be one of {', '.join(choices)}")
        return data

    return Kind(_same, decode)


def _same(value: Any) -> Any:
    return value


def _plain(what: str, *types: type) -> Kind:
    """Return the kind of a value that JSON has itself; ``true`` is no number."""

    def decode(data: Any, place: str) -> Any:
        if type(data) not in types:
            raise Malformed(f"{place} must be {what}")
        return data

    return Kind(_same, decode)


def _number(data: Any, place: str) -> float:
    if type(data) not in (int, float):
        raise Malformed(f"{place} must be a number")
    return float(data)


def _signal(data: Any, place: str) -> int:
    # `signal 32`: how a number is written that is no signal for programs (nptl(7) keeps 32 and 33).
    text = data.removeprefix("signal ") if isinstance(data, str) else ""
    if text.isascii() and text.isdecimal() and len(text) <= 3 and text != data:
        return int(text)
    found = signum.number(text)
    if found is None:
        raise Malformed(f"{place} must be the name of a signal")
    return found


def _mask(data: Any, place: str) -> int:
    if not isinstance(data, str) or not data or len(data) > 16 or set(data) - set("0123456789abcdef"):
        raise Malformed(f"{place} must be up to 16 hexadecimal digits, as in proc(5)")
    return int(data, 16)


def seconds(value: float) -> float:
    """Return seconds to the microsecond, which the clocks are worth; more digits would only look exact."""
    return round(value, 6)


TEXT = _plain("a text", str)
FLAG = _plain("true or false", bool)
WHOLE = _plain("a whole number", int)
NUMBER = Kind(_same, _number)
TIME = Kind(seconds, _number)
SIGNAL = Kind(signum.name, _signal)
MASK = Kind(lambda mask: f"{mask:016x}", _mask)
TEXTS = several(TEXT)
# Secrets are taken out on the way; what is read back has none.
ARGV = Kind(lambda words: list(redact.argv(words)), TEXTS.decode)


def _fields(kinds: Mapping[str, Kind]) -> list[str]:
    """Return the names of the record's fields that these keys hold."""
    found: list[str] = []
    for key, kind in kinds.items():
        found += kind.field.split() if kind.field or kind.spread else [key]
    return found


def _written(kinds: Mapping[str, Kind], value: Any) -> dict[str, Any]:
    return {
        key: kind.encode(value if kind.spread else getattr(value, kind.field or key)) for key, kind in kinds.items()
    }


def _read(kinds: Mapping[str, Kind], data: Any, place: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Malformed(f"{place or 'it'} must be an object")
    values: dict[str, Any] = {}
    for key, kind in kinds.items():
        if key in data:
            value = kind.decode(data[key], _at(place, key))
            values |= value if kind.spread else {kind.field or key: value}
    return values


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
