"""Pages and drawings: well formed, self-contained, escaped, small. What a browser makes of them: tests/outside."""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from supervisor.cli.plan import REPORT_SUFFIXES
from supervisor.core.contract.report import Origin
from supervisor.core.drilled import Drilled, Moment, Trial, Verdict
from supervisor.core.record import Finding, Link, PhaseSpan, Where
from supervisor.diagnosis.statistics.aggregate import figures
from supervisor.views import drill, formats, html, svg
from tests.support.shutdowns import shutdown

if TYPE_CHECKING:
    from supervisor.core.record import Shutdown

ORIGIN = Origin(version="1", python="3.12", started_at="2026-11-28T00:00:00+00:00", host="h", fleet="<b>shop")
VOID = {"meta", "link", "br", "hr", "img", "input"}
EVIL = "<script>alert(1)</script>\"'&\x1b[31m\u202e"


class Balanced(HTMLParser):
    """Every tag that opens is closed in order; which tags and links there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert "script" not in parser.seen and "\x1b" not in page and "\u202e" not in page
    assert set(parser.links) <= {"data:,"}
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    return parser


def slow(text: str, source: str) -> Finding:
    where = Where("/app/w.py", 7, text, source)
    chain = (Link("main waits", where), Link(text))
    return Finding("slow-task", "warning", text, text, 1.0, where, (text,), chain=chain)


def stop(total: float, text: str = "flush", **changes: Any) -> Shutdown:
    spans = [
        ("signal", 0.0, 0.1),
        ("drain", 0.1, 0.6),
        ("cancel", 0.6, 0.7),
        ("atexit", 0.7, 0.8),
        ("finalize", 0.8, 1),
    ]
    phases = tuple(PhaseSpan(name, start * total, end * total) for name, start, end in spans)
    return shutdown(exited=total, phases=phases, findings=(slow(text, text),), **changes)


def drilled(runs: int, text: str = "flush") -> Drilled:
    draw = random.Random(1)
    trials = [
        Trial(n, "ready", "measured", (stop(draw.uniform(0.5, 2.0), text),), moment=0.5) for n in range(1, runs)
    ]
    trials.append(Trial(runs, "ready", "measured", (shutdown("killed", 10.0),), moment=0.5))
    verdict = Verdict("total.p95=5s", False, "> 10 s", Where("/app/w.py", 7, text, text))
    return Drilled(tuple(trials), figures(trials, ["w"]), runs, 3, Moment(), (verdict,), (text,))


def test_a_drill_of_a_hundred_is_a_small_page() -> None:
    page = html.drill(ORIGIN, drilled(100))
    parser = checked(page)
    assert len(page.encode()) < 200_000
    assert parser.seen.count("details") == 100 and parser.seen.count("circle") == 99
    assert "Failed" in page and "w.py:7" in page and "run 100" in page and "100 runs" in page


def test_nothing_foreign_is_markup() -> None:
    page = html.drill(ORIGIN, drilled(3, EVIL))
    checked(page)
    assert "&lt;script&gt;alert(1)" in page and "&lt;b&gt;shop" in page
    checked(html.shutdowns(ORIGIN, [stop(1.0, EVIL, argv=("sh", EVIL)), stop(2.0, EVIL)]))
    checked(html.shutdowns(ORIGIN, [stop(1.0, EVIL, argv=("sh", EVIL))]))


def test_a_page_without_any_run_says_why() -> None:
    empty = Drilled((), (), 5, 3, Moment(), stopped="three runs in a row ended")
    page = html.drill(ORIGIN, empty)
    checked(page)
    assert "three runs in a row ended" in page
    checked(html.shutdowns(ORIGIN, []))


def test_a_waterfall_is_a_picture_of_its_own() -> None:
    for one in (stop(1.0), stop(0.0004), shutdown("killed", 12.0), shutdown("stuck", 10.0, worker=EVIL)):
        picture = svg.waterfall(one)
        root = ElementTree.fromstring(picture)
        assert root.tag.endswith("svg") and "prefers-color-scheme" in picture
        for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
            left, width = float(rect.get("x", "0")), float(rect.get("width", "0"))
            assert left >= 0 and left + width <= svg.WIDTH + 0.1
    ElementTree.fromstring(svg.distribution([0.0, 0.0, 1.0], [2.0], [("p95", 1.0)]))
    ElementTree.fromstring(svg.distribution([], [], []))


@pytest.mark.parametrize("suffix", formats.SUFFIXES)
def test_each_format_of_a_report_has_its_worker(suffix: str) -> None:
    text = formats.shutdowns(f"r{suffix}", ORIGIN, [stop(1.0, worker="mailer"), stop(2.0, worker="mailer")])
    assert "mailer" in text
    assert isinstance(formats.shutdowns(f"r{suffix}", ORIGIN, []), str)


@pytest.mark.parametrize("suffix", formats.OF_DRILLS)
def test_each_format_of_a_drill_has_its_cause(suffix: str) -> None:
    assert "slow-task" in formats.drill(f"r{suffix}", ORIGIN, drilled(4))


def test_the_lean_path_knows_the_same_formats() -> None:
    assert REPORT_SUFFIXES == formats.SUFFIXES


def test_the_text_of_a_drill_fits_the_terminal() -> None:
    one = drilled(20, "a name " * 30)
    for width in (80, 120, 200):
        assert all(len(line) <= width for line in drill.text(one, width).splitlines()), width
        assert len(drill.progress(one.trials, 20, width)) <= width
    assert "> 10.0 s" in drill.text(one) and "(1 of 20 was killed)" in drill.text(one)
