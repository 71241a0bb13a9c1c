"""Frozen records behave like frozen dataclasses, without importing them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.frozen import Frozen


class Point(Frozen):
    x: int
    y: int = 0
    KIND: ClassVar[str] = "point"


class Named(Point):
    y: int = 5
    name: str = ""


class Empty(Frozen):
    pass


class Nothing(Frozen):
    pass


@dataclass(frozen=True)
class DataPoint:
    x: int
    y: int = 0


def test_construction() -> None:
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2) == Point(x=1, y=2) == Point(1, y=2)
    assert Named(1) == Named(1, 5, "")
    assert Point.KIND == "point" and "KIND" not in Point.__match_args__


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ((), {}, "'x'"),
        ((1, 2, 3), {}, "2 values"),
        ((1,), {"x": 1}, "'x'"),
        ((1,), {"z": 1}, "'z'"),
    ],
)
def test_refused(args: tuple[int, ...], kwargs: dict[str, int], says: str) -> None:
    with pytest.raises(TypeError) as caught:
        Point(*args, **kwargs)
    assert says in str(caught.value)


def test_frozen() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="frozen"):
        point.x = 2  # type: ignore[misc]  # that it is refused is what is tested
    with pytest.raises(AttributeError, match="frozen"):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 1
    assert not hasattr(point, "__dict__")


def test_change() -> None:
    point = Point(1, 2)
    assert point.with_(y=3) == Point(1, 3) and point == Point(1, 2)
    assert Named(1, name="a").with_(x=2) == Named(2, name="a")
    with pytest.raises(TypeError):
        point.with_(z=1)


def test_equality_is_by_class_and_values() -> None:
    assert Point(1, 5) != Named(1, 5)
    assert Point(1) != DataPoint(1)
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_a_record_is_no_tuple_to_others() -> None:
    """It is one inside, for speed (measured); nothing may depend on that."""
    plain = (1, 5)
    assert Point(1, 5) != plain and plain != Point(1, 5)
    assert {Point(1, 5): "record"}.get(plain) is None  # type: ignore[call-overload]  # the wrong key is the point
    assert Empty()
    assert Empty() != Nothing()


def test_copied_and_pickled() -> None:
    assert copy.deepcopy(Named(1, name="a")) == copy.copy(Named(1, name="a")) == Named(1, name="a")
    assert pickle.loads(pickle.dumps(Named(1, 2))) == Named(1, 2)


def test_shown_without_defaults() -> None:
    assert repr(Point(1)) == "Point(x=1)"
    assert repr(Named(1, 2, "a")) == "Named(x=1, y=2, name='a')"


def test_matches() -> None:
    match Named(1, 2, "a"):
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            pytest.fail("no match")


@given(st.integers(), st.integers(), st.integers())
def test_like_a_dataclass(x: int, y: int, other: int) -> None:
    mine, theirs = Point(x, y), DataPoint(x, y)
    assert (mine == Point(x, other)) == (theirs == DataPoint(x, other))
    changed = replace(theirs, y=other)
    assert (mine.with_(y=other).x, mine.with_(y=other).y) == (changed.x, changed.y)


def test_core_imports_nothing_heavy() -> None:
    """The reason of its being: neither dataclasses nor enum nor typing is loaded with the core (DESIGN 2)."""
    code = (
        "import sys, supervisor.core.fleet.step, supervisor.core.contract.report\n"
        "print(*sorted({'dataclasses', 'enum', 'typing', 're', 'inspect', 'signal'} & set(sys.modules)))"
    )
    # -S: a site customisation of the machine may import what it likes.
    paths = "import sys; sys.path[:0] = " + repr([path for path in sys.path if path]) + "\n"
    shown = subprocess.run([sys.executable, "-S", "-c", paths + code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
