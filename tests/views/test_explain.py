"""The explanation as text and Markdown."""

from __future__ import annotations

import pytest

from supervisor.core.record import Finding, Link, PhaseSpan, Stretch, Where
from supervisor.views import finding, why
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


LIBRARY = Where("/v/lib/python3.12/site-packages/uvicorn/server.py", 319, "shutdown")
CHAIN = (
    Link("the main process waits for child process 8", None, 7),
    Link("uvicorn waits in a sleep", LIBRARY, 8),
    Link("task 'consume' is at queue.py:41 consume", PLACE, 8),
    Link("nobody: 'flush' was cancelled at queue.py:30", None, 8),
)


def test_a_chain_is_a_ladder() -> None:
    assert finding.ladder(CHAIN, 80) == [
        "      the main process waits for child process 8",
        "      └ uvicorn waits in a sleep at uvicorn/server.py:319 shutdown",
        "        └ task 'consume' is at queue.py:41 consume",
        "          └ nobody: 'flush' was cancelled at queue.py:30",
    ]
    assert finding.ladder(CHAIN[1:], 48)[:2] == [
        "      uvicorn waits in a sleep at",
        "      uvicorn/server.py:319 shutdown",
    ]
    coloured = finding.ladder(CHAIN, 80, ansi)
    assert "\x1b" in coloured[1] and "\x1b" not in coloured[2], "the program's own line stands out"
    text = why.text(SHUTDOWN.with_(findings=(FINDING.with_(chain=CHAIN),)))
    assert "\n".join(finding.ladder(CHAIN, 80)) in text
    markdown = "\n".join(why.markdown(SHUTDOWN.with_(findings=(FINDING.with_(chain=CHAIN),))))
    assert "Who waits for whom:\n\n1. the main process" in markdown
    assert "\n1. uvicorn waits in a sleep at uvicorn/server.py:319 shutdown\n" in markdown


def test_one_step_alone_is_no_chain_and_a_long_one_loses_its_middle() -> None:
    assert finding.ladder(CHAIN[1:2], 80) == []
    many = tuple(Link(f"task {number} waits for a task", None, 7) for number in range(20))
    lines = finding.ladder(many, 80)
    assert [line.lstrip(" └") for line in lines] == [
        "task 0 waits for a task", "task 1 waits for a task", "… 14 more steps …",
        *(f"task {number} waits for a task" for number in range(16, 20)),
    ]  # fmt: skip
    assert max(map(len, lines)) <= 80
