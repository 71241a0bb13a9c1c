"""Records can be read back from what they were written as; requests too, and what is none is refused with words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core import redact, signum
from supervisor.core.contract import report, requests
from supervisor.core.contract.codec import Kind, Malformed, record
from supervisor.core.frozen import Frozen
from supervisor.core.record import (
    AgentFacts,
    Begun,
    Climb,
    FailedTry,
    Finding,
    Leftover,
    Link,
    Marks,
    Masks,
    PhaseSpan,
    Ready,
    Rusage,
    Sample,
    Shutdown,
    Stretch,
    Where,
)
from supervisor.errors import UsageError

# What a record holds after it was written once: instants to the microsecond, command lines without secrets.
texts = st.text(max_size=8)
times = st.floats(-10.0, 1e6).map(lambda seconds: round(seconds, 6))
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 1 << 40)
signals = st.integers(1, 64)
argvs = st.lists(texts, max_size=4).map(lambda words: redact.argv(tuple(words))).map(redact.argv)
masks = st.integers(0, (1 << 64) - 1)
SPECIAL: dict[tuple[type[Frozen], str], st.SearchStrategy[Any]] = {
    (Climb, "signal"): signals,
    (Shutdown, "signal"): signals | st.none(),
    (Shutdown, "direct_signal"): signals | st.none(),
    (Rusage, "cpu_user"): numbers,
    (Rusage, "cpu_system"): numbers,
    (Shutdown, "grace"): numbers | st.none(),
    **{(Masks, field): masks for field in Masks.__match_args__},
}


def several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=2).map(tuple)


def values(kind: str) -> st.SearchStrategy[Any]:
    """What a field of this annotation may hold."""
    plain = {
        "str": texts,
        "int": counts,
        "float": times,
        "bool": st.booleans(),
        "None": st.none(),
        "tuple[str, ...]": several(texts),
        "tuple[str, str]": st.tuples(texts, texts),
        "StretchKind": st.sampled_from(("task", "executor", "child main", "system call", "unknown")),
        "Target": st.sampled_from(("main", "group", "leftovers")),
        "Reach": st.sampled_from(("delivered", "nobody", "not permitted", "could not look")),
        "Fate": st.sampled_from(("ended", "killed", "left")),
        "Severity": st.sampled_from(("error", "warning", "note")),
        "Condition": st.sampled_from(("started", "ready", "completed", "ended")),
        "Outcome": st.sampled_from(("clean", "failed", "signalled", "killed", "stuck")),
    }
    if " | " in kind:
        return st.one_of([values(part) for part in kind.split(" | ")])
    if kind in plain:
        return plain[kind]
    parts = (
        AgentFacts, Begun, Climb, FailedTry, Finding, Leftover, Link, Marks, Masks, PhaseSpan, Ready, Rusage, Sample,
        Stretch, Where,
    )  # fmt: skip
    named = {part.__name__: part for part in parts}
    if kind in named:
        return records(named[kind])
    return several(records(named[kind.removeprefix("tuple[").removesuffix(", ...]")]))


def records(made: type[Frozen]) -> st.SearchStrategy[Any]:
    """Records of a class, by its annotations: a field that is added is tried as well."""
    fields = {
        name: argvs if name == "argv" else SPECIAL[made, name] if (made, name) in SPECIAL else values(kind)
        for name, kind in made.__annotations__.items()
    }
    return st.builds(made, **fields)


origins = st.builds(report.Origin, texts, texts, texts, texts, fleet=texts | st.none(), tag=texts | st.none())


def through_json(data: object) -> Any:
    return json.loads(json.dumps(data))


@given(origins, st.lists(records(Shutdown), max_size=3).map(tuple))
def test_a_report_is_read_back_as_it_was(origin: report.Origin, shutdowns: tuple[Shutdown, ...]) -> None:
    document = through_json(report.document(origin, shutdowns))
    assert report.read(document) == (origin, shutdowns)


@given(st.lists(texts, max_size=4).map(tuple), st.floats(-10.0, 1e6))
def test_reading_back_changes_nothing_more(argv: tuple[str, ...], zero: float) -> None:
    """Whatever was lost, digits and secrets, was lost the first time."""
    one = Shutdown("api", 0, 1, 7, argv, "self", None, "clean", 0, None, None, zero, Marks())
    written = through_json(report.shutdown(one))
    assert report.shutdown(report.SHUTDOWN.decode(written, "")) == written


def test_a_report_of_another_version() -> None:
    """What a later one added is passed over; what an earlier one did not know has its default."""
    one = Shutdown("api", 0, 1, 7, ("x",), "self", None, "clean", 0, None, None, 1.0, Marks())
    written = through_json(report.document(report.Origin("1", "3", "t", "h"), [one]))
    written["shutdowns"][0] |= {"later": 1, "marks": {"asked": None, "later": 2}}
    for field in ("given_up", "requests", "outside", "findings"):
        del written["shutdowns"][0][field]
    assert report.read(written)[1] == (one,)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), "supervisor.report/2", "it is no report: its schema is not supervisor.report/1"),
        (("shutdowns",), {}, "shutdowns must be a list"),
        (("shutdowns", 0), [], "shutdowns[0] must be an object"),
        (("shutdowns", 0, "pid"), True, "shutdowns[0].pid must be a whole number"),
        (("shutdowns", 0, "marks", "asked"), "0", "shutdowns[0].marks.asked must be a number"),
        (("shutdowns", 0, "signal"), "SIGNO", "shutdowns[0].signal must be the name of a signal"),
        (("shutdowns", 0, "signal"), 15, "shutdowns[0].signal must be the name of a signal"),
        (("shutdowns", 0, "signal"), "9" * 5000, "shutdowns[0].signal must be the name of a signal"),
        (("shutdowns", 0, "outcome"), ["clean"], "shutdowns[0].outcome must be one of clean, failed"),
        (
            ("shutdowns", 0, "outside"),
            {"masks": {"caught": "xyz"}},
            "shutdowns[0].outside.masks.caught must be up to",
        ),
        (("shutdowns", 0, "outside"), {"masks": {}}, "shutdowns[0].outside.masks.caught is missing"),
    ],
)
def test_what_is_no_report_is_told_by_its_place(path: tuple[Any, ...], value: Any, message: str) -> None:
    one = Shutdown("api", 0, 1, 7, ("x",), "self", None, "clean", 0, None, None, 1.0, Marks())
    written = through_json(report.document(report.Origin("1", "3", "t", "h"), [one]))
    place = written
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(Malformed) as found:
        report.read(written)
    assert str(found.value).startswith(message)


def test_a_table_that_forgets_a_field_is_refused() -> None:
    with pytest.raises(TypeError, match="'source'"):
        record(Where, **{name: Kind(str, str) for name in Where.__match_args__ if name != "source"})


@given(st.integers(1, 99))
def test_every_signal_has_a_name_that_is_read_back(number: int) -> None:
    one = Climb(0.0, number, "group")
    assert report.CLIMB.decode(report.CLIMB.encode(one), "") == one
    assert report.CLIMB.encode(one)["signal"] == signum.name(number)


# ------------------------------------------------------------------ requests

ids = st.none() | st.integers(-(1 << 63) + 1, (1 << 63) - 1) | st.text(max_size=requests.LONGEST_ID)
asked = st.one_of(
    st.just(requests.Status()),
    st.builds(requests.Stop, st.none() | several(texts), st.booleans()),
    st.builds(requests.Explain, st.integers(1, (1 << 31) - 1), st.none() | numbers),
    st.builds(requests.Watch, st.booleans()),
)


@given(asked, ids)
def test_a_request_is_read_back_as_it_was(request: requests.Request, id: Any) -> None:
    assert requests.parse(through_json(requests.encode(request, id))) == requests.Call(request, id)


def test_every_request_is_tried_here() -> None:
    tried = {"Status", "Stop", "Explain", "Watch"}
    assert {type(verb.example).__name__ for verb in requests.VERBS} == tried
    assert {kind.__name__ for kind in requests.Request.__subclasses__()} == tried


def test_null_and_unknown_fields_of_a_request() -> None:
    data = {"v": 1, "do": "stop", "workers": None, "now": None, "later": [1], "id": None}
    assert requests.parse(data) == requests.Call(requests.Stop())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "this supervisor speaks version 1"),
        ({"v": 2, "do": "status"}, "this supervisor speaks version 1"),
        ({"v": 1}, "there is no request 'None'"),
        ({"v": 1, "do": ["stop"]}, "there is no request \"['stop']\""),
        ({"v": 1, "do": "dance"}, "there is no request 'dance'"),
        ({"v": 1, "do": "stop", "workers": "api"}, "stop: workers must be a list"),
        ({"v": 1, "do": "stop", "workers": [1]}, "stop: workers[0] must be a text"),
        ({"v": 1, "do": "stop", "now": 1}, "stop: now must be true or false"),
        ({"v": 1, "do": "explain"}, "explain: pid is missing"),
        ({"v": 1, "do": "explain", "pid": 0}, "explain: pid must be a process id"),
        ({"v": 1, "do": "explain", "pid": True}, "explain: pid must be a process id"),
        ({"v": 1, "do": "explain", "pid": 1 << 31}, "explain: pid must be a process id"),
        ({"v": 1, "do": "explain", "pid": 1, "since": "x"}, "explain: since must be a number"),
    ],
)
def test_what_is_no_request_is_told(data: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as found:
        requests.parse(data)
    assert found.value.message == message
    assert found.value.hint


@pytest.mark.parametrize("id", [1.5, True, ["x"], "x" * 101, 10**4000])
def test_an_id_that_cannot_be_sent_back_is_none(id: Any) -> None:
    assert requests.parse({"v": 1, "do": "status", "id": id}).id is None
