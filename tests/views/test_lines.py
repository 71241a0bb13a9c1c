"""Lines of workers: cut at any place, put together again byte for byte; prefixes, JSON, time stamps."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.views import lines

if TYPE_CHECKING:
    from collections.abc import Iterator


def _shown(chunks: list[bytes]) -> bytes:
    splitter = lines.Splitter()
    return b"".join([*(splitter.feed(chunk) for chunk in chunks), splitter.end()])


@given(
    st.lists(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\xff", b"bc\n"]), max_size=4).map(b"".join), max_size=12)
)
def test_chunks_become_whole_lines_and_nothing_changes(chunks: list[bytes]) -> None:
    splitter = lines.Splitter()
    for block in [splitter.feed(chunk) for chunk in chunks]:
        assert block == b"" or block.endswith(b"\n")
    whole = b"".join(chunks)
    assert _shown(chunks) == whole + (b"" if whole.endswith(b"\n") or not whole else b"\n")
    assert splitter.end() in (b"", whole[whole.rfind(b"\n") + 1 :] + b"\n")
    assert splitter.end() == b"", "the end is told once"


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 3 * lines.LONGEST // 2), min_size=1, max_size=3),
    st.integers(1 << 15, 1 << 18),
)
def test_long_lines_are_split_wherever_the_chunks_end(lengths: list[int], size: int) -> None:
    whole = b"".join(b"x" * length + b"\n" for length in lengths)
    shown = _shown([whole[start : start + size] for start in range(0, len(whole), size)])
    assert shown.replace(lines.SPLIT + b"\n", b"") == whole
    pieces = shown.split(b"\n")[:-1]
    assert max(len(piece.removesuffix(lines.SPLIT)) for piece in pieces) <= lines.LONGEST
    assert len(pieces) == sum(max(-(-length // lines.LONGEST), 1) for length in lengths), "none is split for nothing"


def test_no_more_than_the_longest_line_is_held() -> None:
    splitter = lines.Splitter()
    out = sum(len(splitter.feed(b"y" * (1 << 18))) for _ in range(40))
    assert out >= 39 * (1 << 18) - lines.LONGEST


NOON = 1_000_000_000.25  # 2001-09-09T01:46:40.250Z


def test_times_stand_before_names_and_leave_the_lines_alone() -> None:
    shown = lines.Prefixed("api.2", 8, 0, False, lines.clock("utc"))
    assert shown.lines(b"one\n\xff\n", NOON) == b"01:46:40 api.2    | one\n01:46:40 api.2    | \xff\n"
    colored = lines.Prefixed("a", 1, 0, True, lines.clock("utc")).lines(b"x\n", NOON)
    assert colored == b"\x1b[0;2m01:46:40 \x1b[0;36ma | \x1b[0mx\n", "what the line before left open is reset first"
    alone = lines.Prefixed("", 8, 0, False, lines.date("utc"))
    assert alone.lines(b"x\n", NOON) == b"2001-09-09T01:46:40.250Z x\n"


def test_our_own_messages_in_a_file_have_date_and_time_behind_the_name() -> None:
    shown = lines.Dated(lines.Prefixed("supervisor", 10, -1, False), "utc")
    assert shown.lines(b"one\ntwo\n", NOON) == (
        b"supervisor | 2001-09-09T01:46:40.250Z one\nsupervisor | 2001-09-09T01:46:40.250Z two\n"
    )


def test_our_own_messages_are_broken_where_the_terminals_lines_end_now() -> None:
    columns = [20]
    shown = lines.Fitted(lines.Prefixed("us", 2, -1, False), lambda: columns[0])
    assert shown.lines(b"one two three four five /a/path/that/is/long\n", NOON) == (
        b"us | one two three four\nus |   five\nus |   /a/path/that/is/long\n"
    )
    columns[0] = 80
    assert shown.lines(b"one two three four five\n", NOON) == b"us | one two three four five\n"


def test_prefixes() -> None:
    block = b"one\n\n\xfftwo\n"
    assert (
        lines.Prefixed("api.2", 8, 0, False).lines(block, 0.0) == b"api.2    | one\napi.2    | \napi.2    | \xfftwo\n"
    )
    first, second = (lines.Prefixed("a", 1, index, True).lines(b"x\n", 0.0) for index in (0, 1))
    assert first == b"\x1b[0;36ma | \x1b[0mx\n" and second != first
    assert lines.Plain().lines(block, 0.0) == block


def test_json() -> None:
    made = lines.Json('we"b', 2, "stderr", "utc").lines(b'a "b"\n\xff\xc3\xa4\n', 1700000000.25)
    first, second = (json.loads(line) for line in made.splitlines())
    assert first == {
        "at": "2023-11-14T22:13:20.250Z", "worker": 'we"b', "instance": 2, "stream": "stderr", "line": 'a "b"',
    }  # fmt: skip
    assert second["line"] == "\ufffdä" and base64.b64decode(second["bytes"]) == b"\xff\xc3\xa4"


@given(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b" ")))
def test_json_keeps_any_bytes_and_is_valid_for_strict_parsers(line: bytes) -> None:
    made = lines.Json("w", 0, "stdout", "utc").lines(line + b"\n", 0.0)
    assert made.isascii() and made.count(b"\n") == 1
    one = json.loads(made)
    one["line"].encode()  # no lone surrogate
    assert base64.b64decode(one["bytes"]) == line if "bytes" in one else one["line"].encode() == line


@pytest.fixture
def india() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kolkata"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.usefixtures("india")
def test_times_with_their_offset() -> None:
    made = lines.Json("w", 0, "stdout", "offset").lines(b"x\n", 1700000000.999)
    assert json.loads(made)["at"] == "2023-11-15T03:43:20.999+05:30"


def test_in_the_journal_a_priority_stays_in_front() -> None:
    """sd-daemon(3): ``<3>`` begins a line that is an error. Ours have one, the workers' only where they say so."""
    theirs = lines.Journaled(lines.Prefixed("api", 3, 0, False))
    assert (
        theirs.lines(b"plain\n<3>bad\n<9>no\na<3>b\n", 0.0)
        == b"api | plain\n<3>api | bad\napi | <9>no\napi | a<3>b\n"
    )
    assert theirs.lines(b"one\ntwo\n", 0.0) == b"api | one\napi | two\n"
    ours = lines.Journaled(lines.Prefixed("us", 2, 0, False), 5)
    assert ours.lines(b"one\ntwo\n", 0.0) == b"<5>us | one\n<5>us | two\n"
