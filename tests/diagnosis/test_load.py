"""What a busy machine makes slow is not the program's fault; what the program itself computes is."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.record import Sample
from tests.diagnosis.synthetic import code, findings, message

AT = ("/app/w.py", 34, "close")
TASK: dict[str, Any] = {
    "name": "Task-1", "coro": "main", "at": AT, "leaf": AT, "stack": [AT], "on": {"kind": "future"}
}  # fmt: skip
BEFORE = TASK | {"task": 1, "at": ("/app/w.py", 9, "main"), "leaf": None, "stack": [], "on": {"kind": "event"}}


def looks(at: float, cpu: float) -> Sample:
    return Sample(at, "S", cpu, 1)


@pytest.mark.parametrize(
    ("ticks", "cpu", "severity"),
    [(230, 0.0, "warning"), (40, 0.0, "note"), (40, 2.0, "warning")],
    ids=["it could look", "it was kept from looking", "by the program itself"],
)
def test_new_work_that_took_long_is_blamed_unless_the_machine_was_busy(ticks: int, cpu: float, severity: str) -> None:
    told = findings(
        message("snapshot", -0.01, reason="probe", first=True, n_tasks=1, tasks=[BEFORE]),
        message("ready", -0.005, sampler=True),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-waiting", 2.0, task=1, seconds=1.98, **TASK),
        message("task-done", 2.4, task=1, outcome="returned", seconds=2.38, **TASK),
        message("phase", 2.401, name="cancel", n_tasks=0, tasks=[]),
        message("sampler-end", 2.41, ticks=ticks, cpu=0.02),
        message("phase", 2.42, name="finalize"), exited=2.45, grace=10.0,
        samples=(looks(0.0, 0.0), looks(2.4, cpu)),
    )  # fmt: skip
    found = code(told, "slow-task")
    assert found is not None and found.severity == severity
