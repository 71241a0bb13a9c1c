"""The keyboard's bytes, in whatever pieces they come."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.top.keys import Keys

SEQUENCES = {
    b"\x1b[A": ["up"],
    b"\x1bOB": ["down"],
    b"\x1b[5~": ["page up"],
    b"\x1b[6;5~": ["page down"],
    b"\x1b[1~\x1b[4~": ["home", "end"],
    b"\x1b[H\x1bOF": ["home", "end"],
    b"q?": ["q", "?"],
    b"\t": ["tab"],
    b"\x1b": ["escape"],
    b"\x1bq": ["escape", "q"],
    b"\x1b[200~\x1b[<0;1;1M": [],
    b"\r\n\x01\xc3\xa9": [],
}


@pytest.mark.parametrize(("data", "keys"), SEQUENCES.items())
def test_sequences(data: bytes, keys: list[str]) -> None:
    assert Keys().feed(data) == keys


@given(st.lists(st.sampled_from([data for data in SEQUENCES if len(data) > 1])), st.data())
def test_pieces_make_no_difference(parts: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(parts)
    whole, split = Keys(), Keys()
    found: list[str] = []
    # A piece that ends right behind ESC is Escape: no terminal sends a key so, a person does.
    cuts = sorted(draw.draw(st.sets(st.integers(0, len(data)))))
    cuts = [0, *[cut for cut in cuts if data[cut - 1 : cut] != b"\x1b"], len(data)]
    for start, end in itertools.pairwise(cuts):
        found += split.feed(data[start:end]) if start < end else []
    assert found == whole.feed(data)


@given(st.lists(st.binary(max_size=40)))
def test_nothing_breaks_it(pieces: list[bytes]) -> None:
    keys = Keys()
    for piece in pieces:
        keys.feed(piece)
    assert len(keys._rest) < 64
    assert keys.feed(b"~") is not None and "q" in keys.feed(b"qq")
