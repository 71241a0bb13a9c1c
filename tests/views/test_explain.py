"""The explanation as text and Markdown."""

from __future__ import annotations

import pytest

from supervisor.core.record import Finding, PhaseSpan, Stretch, Where
from supervisor.views import why
from supervisor.views.layout import ansi
from tests.support.shutdowns import shutdown

PLACE = Where("/app/queue.py", 41, "consume", "await self.items.join()", "consume")
FINDING = Finding(
    "slow-task", "warning", "Task 'consume' held the exit for 1.50 s", "Put a timeout around the wait.", 1.5, PLACE,
    ("task 'consume' was at queue.py:41 consume", "cancelled at 0 s"), ("killed: SIGKILL ended it after 2.00 s",),
)  # fmt: skip
SHUTDOWN = shutdown(
    exited=2.0,
    phases=(PhaseSpan("signal", 0.0, 0.0004), PhaseSpan("drain", 0.0004, 1.5), PhaseSpan("cancel", 1.5, 2.0)),
    critical_path=(Stretch(1.5, "task", PLACE), Stretch(0.4, "unknown", between=("the end of main", "the exit"))),
    findings=(FINDING,),
)  # fmt: skip


def test_text() -> None:
    assert why.text(SHUTDOWN).splitlines() == [
        "  drain       █████████████████████████████████████████▎                 1.50 s",
        "  cancel                                               ██████████████    500 ms",
        "",
        "  critical path",
        "     1.50 s  task 'consume' at queue.py:41 consume",
        "               await self.items.join()",
        "     400 ms  unknown: between the end of main and the exit",
        "",
        "  warning slow-task · 1.50 s",
        "    Task 'consume' held the exit for 1.50 s",
        "    at queue.py:41 consume",
        "      await self.items.join()",
        "    - task 'consume' was at queue.py:41 consume",
        "    - cancelled at 0 s",
        "    → Put a timeout around the wait.",
        "    also seen: killed: SIGKILL ended it after 2.00 s",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_asked(width: int) -> None:
    assert max(len(line) for line in why.lines(SHUTDOWN, width)) <= width


def test_colour_changes_no_character() -> None:
    coloured = why.text(SHUTDOWN, style=ansi)
    plain = why.text(SHUTDOWN)
    assert coloured != plain
    for code in ("31", "33", "32", "2", "1", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


def test_a_bar_is_never_invisible_and_never_outside() -> None:
    spans = (PhaseSpan("drain", 0.0, 1.997), PhaseSpan("finalize", 1.997, 2.0), PhaseSpan("killed", 1.99, 2.4))
    for row in why.waterfall(spans, 2.0, 40):
        assert any(block in row for block in "█▏▎▍▌▋▊▉")
        assert len(row) <= 40


def test_nothing_to_explain_is_empty() -> None:
    bare = SHUTDOWN.with_(phases=(), critical_path=(), findings=())
    assert why.text(bare) == ""
    assert why.markdown(bare) == []


def test_markdown() -> None:
    text = "\n".join(why.markdown(SHUTDOWN))
    assert "| drain | 0.4 ms | 1.50 s | 1.50 s |" in text
    assert "1. 1.50 s task 'consume' at queue.py:41 consume: `await self.items.join()`" in text
    assert "### warning: slow-task, 1.50 s" in text
    assert "**What to do:** Put a timeout around the wait." in text


def test_names_are_no_markup() -> None:
    bold = FINDING.with_(title="Task '**<b>|`x`' held", where=PLACE.with_(source="a = `b`", function="`f`"))
    text = "\n".join(why.markdown(SHUTDOWN.with_(findings=(bold,))))
    assert r"\*\*\<b\>\|\`x\`" in text
    assert "`` `f` ``" in text


def test_long_paths_are_cut_with_a_count() -> None:
    many = tuple(Stretch(0.1, "task", PLACE) for _ in range(why.MOST_STRETCHES + 3))
    assert any(line.endswith("in 3 more stretches") for line in why.lines(SHUTDOWN.with_(critical_path=many)))
