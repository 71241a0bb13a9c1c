"""Frozen records without the cost of `dataclasses`.

Importing dataclasses and enum costs 2.7 x `python -c pass` and 3 MB of private memory (CPython 3.11, measured by
benchmarks/imports.py), more than all the rest of the wrapper. A class that derives from :class:`Frozen` has what we
use of a frozen dataclass: keyword and positional construction, defaults, equality, ``repr``, pattern matching,
immutability. Type checkers treat it as one (PEP 681). Underneath it is a tuple, as with collections.namedtuple: a
changed copy of a record with 25 fields takes 2 us instead of 10, and the stop of 500 workers makes thousands.
"""

from __future__ import annotations

from _collections import _tuplegetter  # type: ignore[import-not-found]  # not in typeshed; what namedtuple's fields are made of; collections itself costs 2 ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


@dataclass_transform(frozen_default=True, eq_default=True)
class FrozenMeta(type):
    """Collects the annotated fields in order, moves their defaults aside and makes each one read a tuple's place."""

    def __new__(mcls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> FrozenMeta:
        own = [
            key
            for key, kind in space.get("__annotations__", {}).items()
            if not key.startswith("__") and "ClassVar" not in str(kind)
        ]
        fields: list[str] = []
        defaults: dict[str, Any] = {}
        for base in bases:
            fields += [field for field in getattr(base, "__match_args__", ()) if field not in fields]
            defaults |= getattr(base, "__defaults__", {})
        defaults |= {key: space.pop(key) for key in own if key in space}
        for key in own:
            if key not in fields:
                space[key] = _tuplegetter(len(fields), key)
                fields.append(key)
        space["__slots__"] = ()
        space["__match_args__"] = tuple(fields)
        space["__defaults__"] = defaults
        optional = len(fields)
        while optional and fields[optional - 1] in defaults:
            optional -= 1
        space["__tail__"] = tuple(defaults[field] for field in fields[optional:])
        return super().__new__(mcls, name, bases, space)


if TYPE_CHECKING:
    # To a type checker a record is no tuple: it has no length and is not iterated.
    class _Base: ...

    _tuple: Any
else:
    _Base = _tuple = tuple


class Frozen(_Base, metaclass=FrozenMeta):
    """Base of all records, events and actions. Defaults must be immutable: they are shared."""

    __match_args__: ClassVar[tuple[str, ...]]
    __defaults__: ClassVar[dict[str, Any]]
    __tail__: ClassVar[tuple[Any, ...]]  # the defaults of the last fields, up to one that has none

    if not TYPE_CHECKING:

        def __new__(cls, *args, **kwargs):
            fields = cls.__match_args__
            if not kwargs and 0 <= (left := len(fields) - len(args)) <= len(cls.__tail__):
                return tuple.__new__(cls, args + cls.__tail__[len(cls.__tail__) - left :])
            if len(args) > len(fields):
                raise TypeError(f"{cls.__name__} takes {len(fields)} values, got {len(args)}")
            rest = fields[len(args) :]
            values = cls.__defaults__ | kwargs
            try:
                made = tuple.__new__(cls, (*args, *[values[field] for field in rest]))
            except KeyError as missing:
                raise TypeError(f"{cls.__name__}: missing {missing}") from None
            for key in kwargs:
                if key not in rest:
                    raise TypeError(f"{cls.__name__}: unexpected or repeated {key!r}")
            return made

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {key!r}")

    def __delattr__(self, key: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {key!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and bool(_tuple.__eq__(self, other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(_tuple(self))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field}={value!r}"
            for field, value in zip(self.__match_args__, _tuple(self), strict=True)
            if field not in self.__defaults__ or value != self.__defaults__[field]
        )
        return f"{type(self).__name__}({shown})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(_tuple(self))

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed (what ``dataclasses.replace`` does)."""
        made: Self = _tuple.__new__(type(self), map(changes.pop, self.__match_args__, _tuple(self)))
        if changes:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(changes))!r}")
        return made
