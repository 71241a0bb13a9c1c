"""Nothing that somebody else named is raw in our own words: 20 000 texts through every view."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from supervisor.config.complaint import Complaint
from supervisor.core.contract import report
from supervisor.core.contract.report import Origin
from supervisor.core.record import (
    AgentFacts,
    Climb,
    Finding,
    Leftover,
    Link,
    Marks,
    PhaseSpan,
    Sample,
    Stretch,
    Where,
)
from supervisor.diagnosis.running.facts import (
    Call,
    Connection,
    End,
    Facts,
    Frame,
    Inside,
    PyThread,
    Relative,
    Sockets,
    Thread,
)
from supervisor.views import ci, data, drill, fleet, formats, history, markdown, running, status, summary
from supervisor.views.dashboard.fleet import Roster
from supervisor.views.dashboard.frame import Log, Look, frame
from supervisor.views.layout import ansi, plain
from tests.support.foreign import OURS, poison, poisoned, raw
from tests.support.shutdowns import HANDLES_TERM, shutdown
from tests.top import scenes
from tests.views.test_html import drilled

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = Where("/app/w.py", 3, "main", "await x", "consume", "worker-1")
CHAIN = (Link("main waits for a task", PLACE, 7), Link("nobody: 'x' was cancelled", None, 7))
END = shutdown(
    "killed", 3.0, escalation=(Climb(0.0, 15, "group"), Climb(3.0, 9, "group")), asked_by="command stop",
    leftovers=(Leftover(9, ("sleep", "300"), "killed"),), masks=HANDLES_TERM,
    samples=(Sample(0.1, "S", 0.0, 1, "read", ("127.0.0.1:80", "/run/x"), 3), Sample(2.9, "S", 0.0, 1, "read", ())),
    phases=(PhaseSpan("drain", 0.0, 2.0), PhaseSpan("killed", 2.0, 3.0)), agent=AgentFacts(True, "3.12", "loop"),
    critical_path=(Stretch(1.0, "task", PLACE), Stretch(1.0, "executor", PLACE), Stretch(0.5, "thread", PLACE)),
    findings=(Finding("slow-task", "error", "Task 'x'", "Wait less.", 1.0, PLACE, ("it",), ("too",), CHAIN),),
)  # fmt: skip
HERE = Relative(8, ("sh", "-c", "x"), "T")
FACTS = Facts(
    pid=7, argv=("python3", "w.py"), age=5.0, observed=1.0, looks=20, user="nobody", ours=False, cpu=0.1, parent=HERE,
    parent_masks=None, n_threads=2, threads=(Thread(7, "w", ("S",), (Call("read", (1,)),)), Thread(9, "t", ("S",))),
    caught=0, ignored=0, shared_pending=1 << 14, children=(HERE,), exe="/usr/bin/python3", tracer=HERE, frozen="/x",
    fds=4, sockets=Sockets(("127.0.0.1:80",), (Connection("a:1", "b:2", "established", 0, 0),), 1),
    end=End(1, "pipe", "pipe:[1]", (HERE,), True), outputs=(End(1, "file", "/log"),), lock_holder=HERE, hidden=("x",),
)  # fmt: skip
INSIDE = Inside("3.12", "py-spy", (PyThread(7, "MainThread", (Frame("/app/w.py", 3, "main"),)),), ("└── x /w.py:3",))


def _views(text: Callable[[], str]) -> dict[str, str]:
    """What every view makes of records in which ``text()`` stands wherever a text is free."""
    ends = [poisoned(END, text), poisoned(shutdown(worker="api", asked_by="self"), text)]
    origin = poisoned(Origin("1", "3.11", "2026", "host", "shop", "tag"), text)
    told = running.Told(
        poisoned(FACTS, text), poisoned(INSIDE, text), _answer(text), poisoned(END, text).findings, [text()]
    )
    state = {"fleet": scenes.fleet([], name=text()), "workers": _workers(text)}
    many = poisoned(drilled(3), text)
    row = {"at": 0.0, "kind": "drill", "worker": text(), "instance": 0, "tag": text(), "outcome": "failed",
           "signal": None, "total": 1.0}  # fmt: skip
    complaint = Complaint(text(), 3, 2, f'unknown key "{text()}"', "error", f"write {text()}", "x = 1")
    return {
        "summary": summary.text(ends[0], 80, plain, text()),
        "coloured": OURS.sub("", summary.text(ends[0], 120, ansi)),
        "details": fleet.details(ends, 80, plain),
        "table": fleet.table(ends, 80, plain),
        "markdown": markdown.text(origin, ends),
        "report": data.dumps(report.document(origin, ends)),
        "explain": running.text(told, 80),
        "explain as JSON": data.dumps(running.document(told)),
        "status": status.table(state, scenes.NOW),
        "dashboard": _screen(text),
        "complaint": str(complaint),
        "page": formats.shutdowns("r.html", origin, ends),
        "drawing": formats.shutdowns("r.svg", origin, ends),
        "drill": drill.text(many, 80),
        "drill's progress": drill.progress(many.trials, 3, 80),
        "drill as Markdown": formats.drill("r.md", origin, many),
        "drill's page": formats.drill("r.html", origin, many),
        "drill as JUnit": formats.drill("r.junit.xml", origin, many),
        "drill for CI": ci.github(many, "/app"),
        "history": history.table([(1, row, [text()])], lambda _at: "today", 80),
    }


def _answer(text: Callable[[], str]) -> dict[str, Any]:
    where = {"file": f"/app/{text()}", "line": 3, "function": text(), "source": text()}
    said = [{"pid": 7, "what": text(), "seconds": 1.0, "where": where}]
    return {"worker": _workers(text)[0], "fleet": text(), "at": scenes.NOW, "waits": text(), "said": said}


def _workers(text: Callable[[], str]) -> list[dict[str, Any]]:
    return [
        scenes.stopping(0, f"api{text()}", 3.0, waits=f"waits for task {text()}"),
        scenes.worker(1, f"web{text()}", argv=["python", text()]),
        scenes.worker(2, f"mail{text()}", "exited", outcome="failed", exit_code=3),
    ]


def _screen(text: Callable[[], str]) -> str:
    log = Log()
    log.add([{"index": 0, "title": text(), "stream": "stdout", "line": text()}], 0)
    roster = Roster(scenes.fleet([], name=f"shop{text()}"), _workers(text))
    console = Console(width=200, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(frame(roster, {}, log, Look(), scenes.NOW, 120, 30))
    return capture.get()


def test_nothing_foreign_is_raw_in_any_view() -> None:
    chance = random.Random(27)
    count = 0

    def text() -> str:
        nonlocal count
        count += 1
        return poison(chance)

    while count < 20_000:
        for view, shown in _views(text).items():
            assert raw(shown) == [], view
            if view in ("report", "explain as JSON"):
                json.loads(shown)


def test_a_poisoned_record_would_be_noticed() -> None:
    """The check itself: a view that forgets visible() fails it."""
    assert raw(f"worker {poison(random.Random(1))}\x1b") != []
    assert raw("a\nsupervisor: all is well\n") != [] and raw("our own\nlines\n") == []


@pytest.mark.parametrize("width", [40, 80, 200])
def test_marks_of_the_same_record_stay(width: int) -> None:
    """Where nothing is foreign, nothing changes."""
    assert "\\x" not in summary.text(END.with_(marks=Marks(asked=0.0, exited=3.0)), width)
