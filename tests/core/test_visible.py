"""Text of somebody else's made safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.record import Finding, Where
from supervisor.core.visible import shown, visible, visible_lines


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain, ä, 日本 — ok", "plain, ä, 日本 — ok"),
        ("\x1b]0;title\x07\x1b[31m", r"\x1b]0;title\x07\x1b[31m"),
        ("a\nb\rc\0d\x7f", r"a\nb\rc\x00d\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202a\u202e\u2066\u2069\u200d\ufeff\u2028", r"\u202a\u202e\u2066\u2069\u200d\ufeff\u2028"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("x = 1\t# one", "x = 1 # one"),
    ],
)
def test_what_a_terminal_would_obey_becomes_an_escape(text: str, safe: str) -> None:
    assert visible(text) == safe


@given(st.text())
def test_nothing_but_what_can_be_seen_is_left(text: str) -> None:
    safe = visible(text)
    assert safe.isprintable()
    assert visible(safe) == safe
    assert visible_lines(text).count("\n") == text.count("\n")


def test_every_text_of_a_record() -> None:
    found = Finding("x", "note", "a\x1b", "b\n", 1.5, Where("c\0", 3, "d\x9b"), ("e\u202e",))
    assert shown(found) == Finding("x", "note", r"a\x1b", r"b\n", 1.5, Where(r"c\x00", 3, r"d\x9b"), (r"e\u202e",))
    assert shown({"k\n": ["v\n", None, {"w": ("\0", 1, True)}]}) == {
        r"k\n": [r"v\n", None, {"w": (r"\x00", 1, True)}]
    }
