"""What workers print, made safe: only visible characters and colours are left, and they fit."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from supervisor.views.dashboard.text import MOST, fit, line, pad, printable, shortened


def shown(text: str, width: int = 80) -> str:
    return "".join(segment.text for segment in line(text, width))


def styles(text: str) -> list[tuple[str, str]]:
    return [(segment.text, str(segment.style)) for segment in line(text, 80)]


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("plain", "plain"),
        ("a\tb", "a       b"),
        ("10 %\r20 %\r30 %\r\n", "30 %"),
        ("\x1b[2J\x1b[5;5Hx", "x"),
        ("\x1b[?1049l\x1b[?25hx\x1b7\x1b8\x1bM\x1bcy", "xy"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\c", "abc"),
        ("\x1bP1$r\x1b\\a\x1b_apc\x9cb\x1b^pm\x1b\\c", "abc"),
        ("before\x1b]52;c;unfinished", "before"),
        ("before\x1b[31", "before"),
        ("\x9b31mc\x9d0;t\x9c1", "c1"),
        ("a\x08\x7f\x00\x07\x0b\x0cb", "ab"),
        ("left\u202eright\u2066\u200b\ufeff", "leftright"),
        ("👩\u200d💻 ❤\ufe0f", "👩💻 ❤"),
        ("\udcff\ud800", "��"),
        ("no\u00a0break\u3000wide", "no break  wide"),
        ("\ue0b0 \ufffe", "\ue0b0 �"),
        ("", ""),
    ],
)
def test_what_is_left(text: str, visible: str) -> None:
    assert shown(text) == visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m no", [("red", "color(1)"), (" no", "none")]),
        ("\x1b[1;4;92mx", [("x", "bold underline color(10)")]),
        ("\x1b[38;5;208mx\x1b[39my", [("x", "color(208)"), ("y", "none")]),
        ("\x1b[48;2;1;2;3mx", [("x", "on #010203")]),
        ("\x1b[38:2::1:2:3mx", [("x", "#010203")]),
        ("\x1b[38;5mx", [("x", "none")]),
        ("\x1b[38;2;1;2;999mx", [("x", "none")]),
        ("\x1b[5;8mx", [("x", "none")]),
        ("\x1b[1m\x1b[22m\x1b[7mx\x1b[mz", [("x", "reverse"), ("z", "none")]),
        ("\x1b[" + "1;" * 500 + "mx", [("x", "bold")]),
    ],
)
def test_colours(text: str, expected: list[tuple[str, str]]) -> None:
    assert styles(text) == expected


def test_a_cut_says_so_and_halves_no_wide_character() -> None:
    assert shown("\x1b[31mabcdef\x1b[32mghi", 6) == "abcde…"
    assert shown("\x1b[31mabc\x1b[32mdef", 3) == "ab…"
    assert shown("注文注文", 5) == "注文…"
    assert shown("注文注文", 4) == "注…"
    assert fit("注", 1) == "…"
    assert fit("abc", 0) == "" and pad("注文", 3) == "注…" and pad("7", 3, right=True) == "  7"


def test_of_a_huge_line_only_its_beginning_is_looked_at() -> None:
    assert len(shortened("x" * (1 << 20))) == MOST
    assert shortened("x" * (1 << 20) + "\rend") == "end"


CONTROLS = st.text(st.characters(codec=None) | st.sampled_from("\x1b[]m;?0123456789\r\t\x9b\x9d注👍e\u0301"))


@given(CONTROLS, st.integers(0, 30))
def test_nothing_passes_that_moves_the_cursor_or_does_not_fit(text: str, width: int) -> None:
    for made in (shown(text, width), fit(printable(text), width)):
        assert all(one.isprintable() or category(one) == "Co" for one in made)
        assert cell_len(made) <= width
    made = pad(printable(text), width)
    assert cell_len(made) == width
