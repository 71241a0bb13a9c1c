"""What holds for any messages: lost, doubled, out of order, or lies. The agent runs in somebody else's process."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.agent.wire import EVENTS, FRAME, FROM_RECEIVER, VERSION, AgentMessage, decode
from supervisor.core.record import Climb, Marks, Masks, Shutdown
from supervisor.diagnosis.explain import explain, explained
from supervisor.diagnosis.findings.codes import CODES
from supervisor.diagnosis.live_wait import waiting
from supervisor.views.why import lines, markdown
from tests.diagnosis.test_recordings import NAMES, QUIET, recording, sources

PIDS = (41, 42)
NAMES_OF = st.sampled_from(["", "Task-1", "Task-2", "consume", "MainThread", "loop-close", "cancel", "thread-join",
                            "finalize", "executor", "asyncgens", "{task}", "*`<b>|", "Event.set"])  # fmt: skip
WORDS = st.sampled_from(["busy", "callback", "executor", "join-threads", "loop-idle", "returned", "cancelled",
                         "CancelledError", "sleep", "event", "tasks", "task", "server", "queue-join", "read", "child",
                         "write", "wait-child", "python", "loop", "default", "os._exit", "raise_signal"])  # fmt: skip
FILES = st.sampled_from(["/app/w.py", "w.py", "/usr/lib/python3.12/asyncio/tasks.py", "...", "<frozen runpy>", ""])
FRAMES = st.tuples(FILES, st.integers(0, 50), st.sampled_from(["main", "sleep", "<module>", "wait_closed"]))
NUMBERS = st.one_of(st.integers(0, 20), st.sampled_from([9, 15, 1 << 40]))
SECONDS = st.one_of(st.floats(-5, 60, allow_nan=False), st.sampled_from([0.0, 0.05, 1e9, -1e9]))


def shaped(shape: Any) -> st.SearchStrategy[Any]:
    """Any value that agent/wire.py lets through for a shape."""
    if shape is FRAME:
        inner: st.SearchStrategy[Any] = FRAMES
    elif shape is str:
        inner = st.one_of(NAMES_OF, WORDS)
    elif shape is bool:
        inner = st.booleans()
    elif shape is int:
        inner = NUMBERS
    elif shape is float:
        inner = SECONDS
    elif type(shape) is list:
        inner = st.lists(shaped(shape[0]), max_size=3)
    else:
        inner = st.fixed_dictionaries({name: shaped(value) for name, value in shape.items()})
    return st.one_of(st.none(), inner)


@st.composite
def messages(draw: st.DrawFn) -> AgentMessage:
    event = draw(st.sampled_from(sorted(EVENTS)))
    fields = {name: draw(shaped(shape)) for name, shape in EVENTS[event].items()}
    at = draw(st.one_of(st.floats(95, 108), st.sampled_from([0.0, 1e12])))
    return AgentMessage(event, at, draw(st.sampled_from(PIDS)), draw(st.integers(0, 50)), fields=fields)


@st.composite
def shutdowns(draw: st.DrawFn) -> Shutdown:
    exited = draw(st.floats(0.0, 6.0))
    killed = draw(st.booleans())
    asked = draw(st.booleans())
    return Shutdown(
        worker="w", instance=0, start=1, pid=PIDS[0], argv=("python", "w.py"), asked_by="self", asked_by_pid=None,
        outcome="killed" if killed else "clean", exit_code=None if killed else 0, signal=9 if killed else None,
        grace=draw(st.sampled_from([None, 1.0, 10.0])), zero=100.0,
        marks=Marks(0.0 if asked else None, killed=exited if killed else None, main_exited=exited, exited=exited),
        escalation=(Climb(0.0, 15, "group"),) if asked else (),
        masks=draw(st.sampled_from([None, Masks(1 << 14, 0, 0), Masks(0, 1 << 14, 0), Masks(0, 0, 1 << 14)])),
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(shutdowns(), st.lists(messages(), max_size=25))
def test_nothing_a_process_says_breaks_the_explanation(shutdown: Shutdown, said: list[AgentMessage]) -> None:
    told = explained(shutdown, said, lambda _file, _line: "await asyncio.sleep(0.1)")
    total = told.total + 1e-6
    assert sum(stretch.seconds for stretch in told.critical_path) <= total
    assert all(stretch.seconds >= 0.0 for stretch in told.critical_path)
    assert all(0.0 <= (finding.seconds or 0.0) <= total for finding in told.findings)
    assert {finding.code for finding in told.findings} <= set(CODES)
    marks = told.marks
    order = [m for m in (marks.asked, marks.noticed, marks.drained, marks.cleaned) if m is not None]
    assert order == sorted(order) and all(m <= total for m in order)
    spans = told.phases
    assert all(one.end <= other.start + 1e-6 for one, other in itertools.pairwise(spans))
    assert all(len(line) <= 80 for line in lines(told, 80))
    assert markdown(told) is not None
    now = waiting(said, 101.0, PIDS[0])
    assert now is None or now.phrase


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_loss_doubling_and_disorder_never_fail(data: st.DataObject) -> None:
    taken = recording(data.draw(st.sampled_from(NAMES)))
    kept = [message for message in taken.messages if data.draw(st.integers(0, 9)) > 1]
    again = data.draw(st.permutations(kept + kept[:5]))
    told = explain(taken.shutdown, again, sources)
    exited = told.marks.exited
    assert exited is not None
    assert sum(stretch.seconds for stretch in told.critical_path) <= exited + 1e-6
    assert all((finding.seconds or 0.0) <= exited + 1e-6 for finding in told.findings)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_order_in_which_messages_come_does_not_matter(data: st.DataObject) -> None:
    taken = recording(data.draw(st.sampled_from(NAMES)))
    mixed = data.draw(st.permutations(taken.messages))
    assert explain(taken.shutdown, mixed, sources) == explain(taken.shutdown, taken.messages, sources)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_good_end_yields_no_warning_whatever_is_lost(data: st.DataObject) -> None:
    taken = recording(data.draw(st.sampled_from(QUIET)))
    kept = [message for message in taken.messages if message.event == "hello" or data.draw(st.integers(0, 9)) > 0]
    found = explain(taken.shutdown, kept, sources).findings
    assert [finding for finding in found if finding.severity != "note"] == []


@pytest.mark.parametrize("name", NAMES)
def test_recordings_are_what_the_decoder_lets_through(name: str) -> None:
    for message in recording(name).messages:
        if message.event in FROM_RECEIVER:
            continue
        raw = {"v": VERSION, "ev": message.event, "t": int(message.at * 1e9), "pid": 1, "seq": message.seq}
        again = decode(json.dumps(raw | message.fields).encode())
        assert isinstance(again, AgentMessage)
        assert again.fields == message.fields
