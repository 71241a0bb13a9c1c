"""Frozen records without the cost of `dataclasses`.

Importing dataclasses and enum costs 2.7 x `python -c pass` and 3 MB of private memory (CPython 3.11, measured by
benchmarks/imports.py), more than all the rest of the wrapper. A class that derives from :class:`Frozen` has what we
use of a frozen dataclass: keyword and positional construction, defaults, equality, ``repr``, pattern matching,
immutability. Type checkers treat it as one (PEP 681).

A record is no sequence: it has no length and no order, is not iterated and not written as JSON by itself. Its values
stand in the instance's dictionary, so that a changed copy is one copy of that: 1 us for a record of 25 fields, where
`dataclasses.replace` takes 10, and the stop of 500 workers makes thousands.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


@dataclass_transform(frozen_default=True, eq_default=True)
class Frozen:
    """Base of all records, events and actions. Defaults must be immutable: they are shared."""

    __match_args__: ClassVar[tuple[str, ...]] = ()
    __places__: ClassVar[dict[str, int]] = {}  # where each field stands in __match_args__
    __defaults__: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the annotated fields: those of the bases first, then the class's own, in order."""
        own = [key for key, kind in cls.__annotations__.items() if key[:2] != "__" and "ClassVar" not in str(kind)]
        fields: dict[str, None] = {}
        defaults: dict[str, Any] = {}
        for base in cls.__bases__:
            fields |= dict.fromkeys(getattr(base, "__match_args__", ()))
            defaults |= getattr(base, "__defaults__", {})
        fields |= dict.fromkeys(own)
        defaults |= {key: cls.__dict__[key] for key in own if key in cls.__dict__}
        cls.__match_args__ = tuple(fields)  # type: ignore[misc]  # mypy lets nobody set it: PEP 634 expects a literal
        cls.__defaults__ = defaults
        cls.__places__ = {field: place for place, field in enumerate(fields)}

    if not TYPE_CHECKING:

        def __init__(self, *args, **kwargs):
            # A third of what it took before: without `strict=`, and with nothing done that this call does not need.
            values, fields, given = self.__dict__, self.__match_args__, len(args)
            if given == len(fields) and not kwargs:
                values.update(zip(fields, args))  # noqa: B905 - as just said
                return
            values.update(self.__defaults__)
            values.update(zip(fields, args))  # noqa: B905
            if kwargs:
                values.update(kwargs)
                for key in kwargs:
                    if self.__places__.get(key, -1) < given:
                        raise TypeError(f"{type(self).__name__}: unexpected or repeated {key!r}")
            if given > len(fields):
                raise TypeError(f"{type(self).__name__} takes {len(fields)} values, got {given}")
            if len(values) < len(fields):
                missing = next(field for field in fields if field not in values)
                raise TypeError(f"{type(self).__name__}: missing {missing!r}")

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {key!r}")

    def __delattr__(self, key: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {key!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *[self.__dict__[field] for field in self.__match_args__]))

    def __repr__(self) -> str:
        values, defaults = self.__dict__, self.__defaults__
        shown = ", ".join(
            f"{field}={values[field]!r}"
            for field in self.__match_args__
            if field not in defaults or values[field] != defaults[field]
        )
        return f"{type(self).__name__}({shown})"

    def with_(self, **changes: Any) -> Self:
        """Return a copy with some fields changed (what ``dataclasses.replace`` does). Raises TypeError."""
        made = _new(type(self))
        values = made.__dict__
        values.update(self.__dict__)
        values.update(changes)
        if len(values) > len(self.__match_args__):
            unknown = next(key for key in changes if key not in self.__places__)
            raise TypeError(f"{type(self).__name__} has no field {unknown!r}")
        return made


_new = object.__new__
