"""Frozen records behave like frozen dataclasses, without importing them."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


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


def test_change() -> None:
    point = Point(1, 2)
    assert point.with_(y=3) == Point(1, 3) and point == Point(1, 2)
    assert Named(1, name="a").with_(x=2) == Named(2, name="a")
    with pytest.raises(TypeError):
        point.with_(z=1)  # type: ignore[call-arg]  # that it is refused is what is tested


def test_equality_is_by_class_and_values() -> None:
    assert Point(1, 5) != Named(1, 5)
    assert Point(1) != DataPoint(1)
    assert len({Point(1), Point(1), Point(2)}) == 2


@pytest.mark.parametrize(
    "use",
    [len, iter, list, json.dumps, json.JSONEncoder(indent=1).encode, lambda one: one + one, lambda one: one[0]],
    ids=["len", "iter", "list", "json", "json-indented", "add", "index"],
)
def test_a_record_is_no_sequence(use: Callable[[Any], object]) -> None:
    """Whoever takes one for a tuple, as it once was inside, is told so instead of getting its bare values."""
    with pytest.raises(TypeError):
        use(Point(1, 5))


def test_records_have_no_order() -> None:
    with pytest.raises(TypeError):
        sorted([Point(2), Point(1)])  # type: ignore[type-var]  # that it is refused is what is tested


def test_a_record_is_true_and_only_its_own_kind() -> None:
    assert Point(1, 5) != (1, 5) and Empty() != Nothing()
    assert {Point(1, 5): "record"}.get((1, 5)) is None  # type: ignore[call-overload]  # the wrong key is the point
    assert bool(Empty())


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
    """The reason of its being: neither dataclasses nor enum nor typing is loaded with the core."""
    code = (
        "import sys, supervisor.core.fleet.step, supervisor.core.contract.report\n"
        "print(*sorted({'dataclasses', 'enum', 'typing', 're', 'inspect', 'signal'} & set(sys.modules)))"
    )
    # -S: a site customisation of the machine may import what it likes.
    paths = "import sys; sys.path[:0] = " + repr([path for path in sys.path if path]) + "\n"
    shown = subprocess.run([sys.executable, "-S", "-c", paths + code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


def test_changes_are_checked_by_name_and_type(tmp_path: Path) -> None:
    """Before any line runs: mypy with our plugin (support/mypy_records.py) knows the fields that with_() takes."""
    pytest.importorskip("mypy")
    program = tmp_path / "changes.py"
    program.write_text(
        "from supervisor.core.spec import ExecSpec\n"
        "def change(spec: ExecSpec) -> tuple[ExecSpec, ...]:\n"
        '    return spec.with_(cwd="/"), spec.with_(cwd=1), spec.with_(cdw="/")\n'
    )
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", str(tmp_path), program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.findall(r"\[([a-z-]+)\]", told.stdout) == ["arg-type", "call-arg"], told.stdout + told.stderr
