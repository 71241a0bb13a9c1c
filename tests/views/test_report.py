"""One shutdown as text and Markdown: what happened, what was seen, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from supervisor.core import signum
from supervisor.core.contract.report import Origin
from supervisor.core.record import Climb, Finding, Leftover, Marks, Masks, Sample, Shutdown
from supervisor.views import layout, markdown, summary
from tests.support.shutdowns import shutdown

if TYPE_CHECKING:
    from supervisor.core.record import Outcome

TERM = 1 << (signum.TERM - 1)
ORIGIN = Origin("0.1", "3.11.7", "2026-01-02T03:04:05+00:00", "a|host", "shop", None)


def _end(outcome: Outcome = "clean", **changes: Any) -> Shutdown:
    named: dict[str, Any] = {
        "argv": ("python", "w.py", "--token=abc"),
        "instance": 2,
        "asked_by_pid": 41,
        "grace": 4.0,
    }
    return shutdown(outcome, **named | changes)


def _samples(*at: float, **fields: Any) -> tuple[Sample, ...]:
    known: dict[str, Any] = {
        "state": "S", "cpu": 0.0, "threads": 1, "syscall": "epoll_wait", "listening": (), "connections": 0,
        "children": 0,
    }  # fmt: skip
    return tuple(Sample(at=when, **(known | fields)) for when in at)


KILLED = _end(
    "killed", marks=Marks(asked=0.0, killed=4.0, main_exited=4.0, exited=4.5),
    escalation=(Climb(0.0, signum.TERM, "group"), Climb(4.0, signum.KILL, "main")),
    leftovers=(Leftover(9, ("sleep", "300"), "killed"), Leftover(10, ("tail",), "left")),
    masks=Masks(caught=0, ignored=TERM, blocked=0), samples=_samples(0.1, 3.9),
)  # fmt: skip


def test_an_ordinary_end() -> None:
    assert summary.text(_end()).splitlines() == [
        "supervisor: python w.py '--token=***'",
        "  ended     exited with 0, after 1.00 s; stop requested by SIGTERM (pid 41)",
        "  time      ██████░░░░░░░░░░░░░░░░░░ 1.00 s of 4.00 s grace",
    ]


def test_a_forced_end() -> None:
    assert summary.text(KILLED, 80, head="w.2").splitlines() == [
        "w.2: python w.py '--token=***'",
        "  ended     had to be killed (SIGKILL), the main process after 4.00 s, all of it",
        "            after 4.50 s; stop requested by SIGTERM (pid 41)",
        "  time      ████████████████████████ 4.50 s of 4.00 s grace",
        "  ladder    0 s SIGTERM to the group · 4.00 s SIGKILL to the main process",
        "  left over sleep 300 (pid 9): had to be killed, tail (pid 10): still running",
        "  seen      it ignores SIGTERM · waiting in epoll_wait, no CPU used",
        "  next      handle SIGTERM in the program, or send INT: run --rewrite",
        '            SIGTERM:INT, in a config stop.signal = "INT"',
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("one", [_end(), KILLED], ids=["clean", "killed"])
def test_no_line_is_too_wide(one: Shutdown, width: int) -> None:
    assert max(map(len, summary.text(one, width).splitlines())) <= width


def test_a_rung_with_much_to_say_of_it_is_broken_between_words() -> None:
    rung = Climb(0.0, signum.TERM, "main", result="not permitted", held=0.2)
    lines = summary.text(KILLED.with_(escalation=(rung,)), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "(not permitted: it runs as another user)" in " ".join(" ".join(lines).split())


def test_what_was_seen_from_outside() -> None:
    def seen(**fields: Any) -> list[str]:
        return summary.seen(_end(masks=Masks(caught=TERM, ignored=0, blocked=0), **fields))

    assert seen() == ["it handles SIGTERM"]
    assert summary.seen(_end(masks=Masks(caught=TERM, ignored=0, blocked=TERM))) == ["it blocks SIGTERM"]
    assert summary.seen(_end(masks=Masks(caught=0, ignored=0, blocked=0))) == ["it has no handler for SIGTERM"]
    killed = _end(masks=Masks(caught=0, ignored=0, blocked=0), escalation=(Climb(0.0, signum.KILL, "group"),))
    assert summary.seen(killed) == [], "nobody can have a handler for SIGKILL"
    busy = (*_samples(0.1), *_samples(1.1, cpu=0.9))
    assert seen(samples=busy)[1] == "busy: 900 ms of CPU in 1.00 s"
    closing = (*_samples(0.1, listening=("0.0.0.0:80",), connections=3), *_samples(0.5, connections=1))
    assert seen(samples=closing)[2:] == ["stopped listening on 0.0.0.0:80 within 500 ms", "connections 3 → 1"]
    held = _samples(0.1, 0.5, listening=("0.0.0.0:80",), connections=1)
    assert seen(samples=held)[2:] == ["listened on 0.0.0.0:80 to the end", "1 connection open all the time"]
    assert summary.seen(_end(samples=_samples(0.1))) == [], "one look is none"


def test_what_to_do_next() -> None:
    assert summary.next_step(_end()) == ""
    assert "--grace" in summary.next_step(_end(marks=Marks(asked=0.0, main_exited=3.0, exited=3.0)))
    assert "/proc/7/stack" in summary.next_step(_end(outcome="stuck", exit_code=None))
    finding = Finding("slow-task", "warning", "t", "a")
    assert summary.next_step(KILLED.with_(findings=(finding,))) == "", "the finding says it better"


def test_markdown() -> None:
    text = markdown.text(ORIGIN, [_end(), KILLED])
    assert text.startswith("# Shutdown report of shop\n\n2026-01-02T03:04:05+00:00, host a\\|host, supervisor 0.1 on")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| w.2 | exited with 0 | 1.00 s | 4.00 s | SIGTERM at 0 s |",
        "| w.2 | had to be killed (SIGKILL) | 4.50 s | 4.00 s | SIGTERM at 0 s, SIGKILL at 4.00 s |",
    ]
    assert "- `sleep 300` (pid 9): killed" in text and "Next: handle SIGTERM" in text
    assert "--token=abc" not in text


def test_the_whole() -> None:
    assert summary.text(_end()) == summary.text(_end()), "nothing to explain: nothing added"
    finding = Finding("slow-task", "warning", "A title", "An advice.")
    text = summary.text(_end(findings=(finding,)), 80, layout.plain, "w")
    assert text.startswith("w: python") and "\n\n  warning slow-task\n    A title\n" in text
    assert "\x1b[33m" in summary.text(_end(findings=(finding,)), 80, layout.ansi)


def test_a_stuck_worker_shows_how_long_it_was_waited_for() -> None:
    one = _end(outcome="stuck", exit_code=None, marks=Marks(asked=0.0, killed=10.0), given_up=15.0, grace=10.0)
    text = summary.text(one)
    assert "given up after 15.0 s" in text and "15.0 s of 10.0 s grace" in text
