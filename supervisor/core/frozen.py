"""Frozen records without the cost of `dataclasses`.

Importing dataclasses and enum costs 2.7 x `python -c pass` and 3 MB of private memory (CPython 3.11, measured
by benchmarks/imports.py), more than all the rest of the wrapper. A class that derives from :class:`Frozen` has
what we use of a frozen dataclass: keyword and positional construction, defaults, equality, ``repr``, pattern
matching, immutability. Type checkers treat it as one (PEP 681).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


@dataclass_transform(frozen_default=True, eq_default=True)
class FrozenMeta(type):
    """Collects the annotated fields in order, moves their defaults aside and gives the class slots."""

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
        space["__slots__"] = tuple(key for key in own if key not in fields)
        space["__match_args__"] = (*fields, *space["__slots__"])
        space["__defaults__"] = defaults
        return super().__new__(mcls, name, bases, space)


class Frozen(metaclass=FrozenMeta):
    """Base of all records, events and actions. Defaults must be immutable: they are shared."""

    __match_args__: ClassVar[tuple[str, ...]]
    __defaults__: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self.__match_args__
        if len(args) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} values, got {len(args)}")
        values = dict(zip(fields, args, strict=False))
        for key, value in kwargs.items():
            if key in values or key not in fields:
                raise TypeError(f"{type(self).__name__}: unexpected or repeated {key!r}")
            values[key] = value
        for field in fields:
            if field not in values and field not in self.__defaults__:
                raise TypeError(f"{type(self).__name__}: missing {field!r}")
            object.__setattr__(self, field, values[field] if field in values else self.__defaults__[field])

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {key!r}")

    def __delattr__(self, key: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {key!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field}={value!r}"
            for field, value in zip(self.__match_args__, self._values(), strict=True)
            if field not in self.__defaults__ or value != self.__defaults__[field]
        )
        return f"{type(self).__name__}({shown})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self.__match_args__)

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed (what ``dataclasses.replace`` does)."""
        values = {field: getattr(self, field) for field in self.__match_args__}
        return type(self)(**(values | changes))
