"""docs/report.md names every field of the report, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.core.contract import report
from supervisor.core.record import (
    AgentFacts,
    Begun,
    FailedTry,
    Finding,
    Leftover,
    PhaseSpan,
    Ready,
    Rusage,
    Sample,
    Stretch,
    Where,
)
from tests.support.shutdowns import HANDLES_TERM, shutdown

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs/report.md"
PLACE = Where("/app/w.py", 9, "poll")
WHOLE = shutdown(
    rusage=Rusage(0.1, 0.1, 1), leftovers=(Leftover(8, ("y",), "ended"),), masks=HANDLES_TERM,
    samples=(Sample(0.1, "S", 0.0, 1, listening=("127.0.0.1:80",)),),
    phases=(PhaseSpan("drain", 0.0, 1.0),), agent=AgentFacts(True), critical_path=(Stretch(1.0, "task", PLACE),),
    begun=Begun(0.5, 0.5), after=("z",), ready=Ready(1.0, "started", 0.1), tries=(FailedTry(1.0, "refused"),),
    findings=(Finding("slow-task", "note", "…", "…", 1.0, PLACE),),
)  # fmt: skip
NO_FIELDS = {"SIGTERM"}  # keys by value: signals that were sent


def _keys(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _keys(value)
    elif isinstance(data, list):
        for item in data:
            yield from _keys(item)


def test_the_page_and_the_fields_are_equal() -> None:
    document = report.document(report.Origin("1", "3", "t", "h"), [WHOLE, WHOLE.with_(worker="v")])
    fields = {*_keys(document)} - NO_FIELDS
    assert document["hold"] is not None
    page = PAGE.read_text()
    named = set(re.findall(r"`([a-z_]+)`", page))
    assert fields - named == set()
    values = set(re.findall(r"\(((?:`[a-z]+`(?:, )?)+)\)", page))
    allowed = {word for text in values for word in re.findall(r"`([a-z]+)`", text)}
    allowed |= {
        "liveness",
        "watchdog",
        "timeout",
        "run",
        "up",
        "null",
        "self",
        "dependency",
        "clean",
        "failed",
        "signalled",
        "killed",
        "stuck",
    }
    assert named - fields - allowed == set()
