"""KEY=VALUE files, compared with what a shell makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.envfile import MOST, parse

# What every shell reads the same way.
AS_SHELL = [
    ("FOO=bar", {"FOO": "bar"}),
    ("FOO=bar\nBAZ=qux\n", {"FOO": "bar", "BAZ": "qux"}),
    ("\n\n  FOO=bar\n\n", {"FOO": "bar"}),
    ("# FOO=bar\n", {}),
    ("FOO=bar # comment", {"FOO": "bar"}),
    ("FOO=bar#none", {"FOO": "bar#none"}),
    ("FOO=", {"FOO": ""}),
    ("FOO=''", {"FOO": ""}),
    ("export FOO=bar", {"FOO": "bar"}),
    ("FOO='say \"hi\"'", {"FOO": 'say "hi"'}),
    ('FOO="it\'s"', {"FOO": "it's"}),
    ("FOO='\"both\"'", {"FOO": '"both"'}),
    (r"FOO=\"bare\"", {"FOO": '"bare"'}),
    (r"FOO=a\ b", {"FOO": "a b"}),
    ("FOO=ada@example.org", {"FOO": "ada@example.org"}),
    ("FOO='sp ace'", {"FOO": "sp ace"}),
    (r"FOO='a\nb'", {"FOO": r"a\nb"}),
    (r'FOO="a\"b\\c"', {"FOO": r"a\b".replace("\\", '"') + "\\c"}),
    (r'FOO="\$HOME"', {"FOO": "$HOME"}),
    ("FOO='a # b'", {"FOO": "a # b"}),
    ("FOO='a\nb'\nBAZ=1", {"FOO": "a\nb", "BAZ": "1"}),
    ('FOO="a\nb"\nBAZ=1', {"FOO": "a\nb", "BAZ": "1"}),
    ("FOO='a'b\"c\"", {"FOO": "abc"}),
    ("FOO=1\nFOO=2", {"FOO": "2"}),
    ("FOO=a=b", {"FOO": "a=b"}),
    ("FOO=⋃ñᴉ", {"FOO": "⋃ñᴉ"}),
]

# Where we differ from a shell on purpose, as other readers of such files do.
OUR_OWN = [
    ("FOO = bar", {"FOO": "bar"}),
    ("FOO=two words", {"FOO": "two words"}),
    ("FOO=trailing  \t", {"FOO": "trailing"}),
    ("FOO=$HOME ${HOME} `x`", {"FOO": "$HOME ${HOME} `x`"}),
    ("FOO='$HOME'", {"FOO": "$HOME"}),
    (r'FOO="a\nb\tc"', {"FOO": "a\nb\tc"}),
    (r"FOO=\d+\.x", {"FOO": r"\d+\.x"}),
    ("FOO=~pun|u@|0n$=", {"FOO": "~pun|u@|0n$="}),
    ("FOO=bar\r\nBAZ=1\r\n", {"FOO": "bar", "BAZ": "1"}),
    ("FOO='a' b", {"FOO": "a b"}),
    ("FOO= # only a comment", {"FOO": ""}),
    ("FOO=C:\\", {"FOO": "C:\\"}),
]

WRONG = [
    ("-foo=command", 1, 1),
    ("ṀẎ=value", 1, 1),
    ("A=1\nKEY\nB=2", 2, 1),
    ("A=1\n  2A=3", 2, 1),
    ("A='open\nB=2", 1, 3),
    ('A=x"open', 1, 4),
    ("A=it's", 1, 5),
    ("A=a\0b", 1, 6),
]


@pytest.mark.parametrize(("text", "expected"), AS_SHELL + OUR_OWN)
def test_values(text: str, expected: dict[str, str]) -> None:
    assert parse(text, "x.env") == (expected, [])


@pytest.mark.parametrize(("text", "expected"), AS_SHELL)
def test_a_shell_agrees(text: str, expected: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "x.env"
    file.write_text(text)
    script = 'set -a; . "$1"; exec env -0'
    done = subprocess.run(["sh", "-c", script, "sh", file], env={}, capture_output=True, check=True, timeout=60)
    pairs = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    assert {name: pairs[name] for name in pairs if name in ("FOO", "BAZ")} == expected


@pytest.mark.parametrize(("text", "line", "column"), WRONG)
def test_wrong_lines_are_told_and_the_rest_is_read(text: str, line: int, column: int) -> None:
    found, (complaint,) = parse(text, "x.env")
    assert (complaint.file, complaint.line, complaint.column) == ("x.env", line, column)
    assert complaint.severity == "error" and complaint.hint
    assert ("B" in found) == ("B=2" in text)


def test_complaints_about_one_file_end() -> None:
    assert len(parse("no assignment\n" * 10_000, "x.env")[1]) == MOST


@given(
    st.dictionaries(st.text("ABCabc_", min_size=1, max_size=6), st.text(st.characters(exclude_characters="\0\r'")))
)
def test_single_quotes_keep_any_text(variables: dict[str, str]) -> None:
    text = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    assert parse(text, "x.env") == (variables, [])


@given(st.text("A=b'\"\\ #$\n\0", max_size=30))
def test_any_text_is_read_or_complained_about(text: str) -> None:
    found, complaints = parse(text, "x.env")
    lines = [line for line in text.split("\n") if line.strip(" \t") and not line.lstrip(" \t").startswith("#")]
    assert found or complaints or not lines


def test_a_byte_order_mark() -> None:
    """Notepad writes one; only at the beginning it is one."""
    assert parse("\ufeffFOO=1\nBAR=\ufeff2\n", "x.env") == ({"FOO": "1", "BAR": "\ufeff2"}, [])
