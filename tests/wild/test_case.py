"""What the programs promise, and how a verdict is come to, on made-up reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.wild.case import Case, HeaderError, load, read
from tests.wild.play import Played
from tests.wild.verdict import judge

HERE = Path(__file__).parent
CASES = load(HERE / "plain") + load(HERE / "outside")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_program_says_where_its_report_is(case: Case) -> None:
    text = case.path.read_text("utf-8")
    assert case.good or "https://" in text.split('"""')[1]
    assert len(case.marked) == text.count("# <- "), "a mark that is not at the end of its line"


def test_the_names_differ() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("# SPEED: 3\nwork()  # <- here\n", "SPEED"), ('"""No mark."""\n', "neither"), ("# RUN: a\n# RUN: b\n", "RUN")],
)
def test_a_header_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(text)
    with pytest.raises(HeaderError, match=wrong):
        read(path)


def finding(code: str, line: int | None, severity: str = "error", title: str = "") -> dict[str, Any]:
    where = None if line is None else {"file": "/srv/program.py", "line": line, "function": "f"}
    return {"code": code, "severity": severity, "where": where, "title": title}


def played(*findings: dict[str, Any], seconds: float = 3.0, output: str = "") -> Played:
    return Played(True, 0, seconds, output, {"findings": list(findings), "critical_path": []})


@pytest.mark.parametrize(
    ("header", "findings", "word"),
    [
        ("", [finding("slow-task", 3)], "right"),
        ("", [finding("killed", None), finding("slow-task", 3)], "partly"),
        ("", [finding("slow-task", 4)], "missed"),
        ("", [], "missed"),
        ("# EXPECT: slow-task|work-cut-short", [finding("work-cut-short", 3)], "right"),
        ("# EXPECT: work-cut-short", [finding("slow-task", 3)], "partly"),
        ("# EXPECT: slow-task sentinel", [finding("slow-task", 3)], "partly"),
        ("# EXPECT: slow-task sentinel", [finding("slow-task", 3, title="put a sentinel")], "right"),
        ("# NOT: killed", [finding("slow-task", 3), finding("killed", None)], "missed"),
    ],
)
def test_right_is_the_first_finding_with_all_that_is_asked_for(
    tmp_path: Path, header: str, findings: list[dict[str, Any]], word: str
) -> None:
    path = tmp_path / "program.py"
    path.write_text(f'"""Waits."""\n{header}\nwork()  # <- here\n')
    assert judge(read(path), played(*findings)).word == word


@pytest.mark.parametrize(
    ("severity", "word"), [("note", "quiet"), ("warning", "false alarm"), ("error", "false alarm")]
)
def test_a_good_program_may_get_notes_only(tmp_path: Path, severity: str, word: str) -> None:
    path = tmp_path / "program.py"
    path.write_text('"""GOOD: ends."""\n')
    assert judge(read(path), played(finding("slow-task", 1, severity))).word == word


@pytest.mark.parametrize("header", ["# TAKES: 5", "# SAID: bye", "# LOST: mail"])
def test_a_program_that_does_something_else_gets_no_verdict(tmp_path: Path, header: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(f'"""Waits."""\n{header}\nwork()  # <- here\n')
    assert judge(read(path), played(finding("slow-task", 3), output="mail")).word == "not shown"
