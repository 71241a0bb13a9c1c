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


GOODBYE, IMPORT = ("/app/w.py", 13, "goodbye"), ("<frozen importlib._bootstrap_external>", 1131, "get_data")
LOOP = ("/usr/lib/python3.12/asyncio/base_events.py", 641, "run_forever")


@pytest.mark.parametrize(
    ("inner", "more", "severity"),
    [
        (IMPORT, {}, "note"),
        (GOODBYE, {"delayed": 0.2, "cpu": 0.03}, "note"),
        (GOODBYE, {"delayed": 0.02, "cpu": 0.23}, "warning"),
    ],
    ids=["a first import", "it waited for a processor", "it computed"],
)
def test_a_step_that_blocks_the_loop_is_blamed_for_what_it_did_itself(
    inner: tuple[str, int, str], more: dict[str, Any], severity: str
) -> None:
    main: dict[str, Any] = {"task": 1, "name": "Task-1", "coro": "main"}
    at = ("/app/w.py", 25, "main")
    ready = main | {"at": at, "leaf": at, "stack": [at], "on": {"kind": "ready"}}
    seen: dict[str, Any] = {
        "thread": 1, "name": "MainThread", "main": True, "daemon": False, "state": "callback", "at": GOODBYE,
        "leaf": inner, "stack": [LOOP, at, GOODBYE, inner],
    }  # fmt: skip
    told = findings(
        message("snapshot", -0.01, reason="probe", first=True, n_tasks=1, tasks=[BEFORE]),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-waiting", 0.2, seconds=0.19, **ready),
        message("thread-moved", 0.26, seconds=0.25, **seen, **more),
        message("task-done", 0.26, outcome="returned", seconds=0.25, **ready),
        message("phase", 0.261, name="cancel", n_tasks=0, tasks=[]),
        message("phase", 0.27, name="finalize"), exited=0.3, grace=10.0,
    )  # fmt: skip
    found = code(told, "loop-blocked")
    assert found is not None and found.severity == severity


@pytest.mark.parametrize(
    ("state", "cpu", "severity"), [("R", 0.3, "note"), ("R", 1.5, "warning"), ("S", 0.3, "warning")],
    ids=["it waited for a processor", "it computed", "it slept"],
)  # fmt: skip
def test_an_interpreters_end_that_waits_for_a_processor_is_not_blamed(state: str, cpu: float, severity: str) -> None:
    told = findings(
        message("signal-received", 0.001, signal=15, kind="python", name="stop"),
        message("phase", 0.1, name="finalize"), exited=2.5, grace=4.0,
        samples=(looks(0.0, 0.0), Sample(2.1, state, cpu, 1)),
    )  # fmt: skip
    found = code(told, "slow-finalize")
    assert found is not None and found.severity == severity
    assert any("the machine was busy" in line for line in found.proof) is (severity == "note")
