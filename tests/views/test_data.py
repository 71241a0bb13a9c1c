"""Plain data as JSON text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from supervisor.views.data import dumps


@given(st.dictionaries(st.text(), st.lists(st.text() | st.none() | st.integers() | st.booleans())))
def test_json_means_what_it_was_made_of_and_no_terminal_obeys_it(document: object) -> None:
    text = dumps(document)
    assert json.loads(text) == document
    assert all(line.isprintable() for line in text.removesuffix("\n").split("\n"))


def test_a_byte_that_was_no_utf8_is_no_lone_surrogate() -> None:
    text = dumps(["caf\udce9", "\ud800", "\U000e0041", "\x9b\u202e", "ä"])
    assert text == '[\n "caf\ufffd",\n "\ufffd",\n "\\udb40\\udc41",\n "\\u009b\\u202e",\n "ä"\n]\n'
