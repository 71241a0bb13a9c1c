"""Tasks born while a cancellation was handled: whose they are is told by the stack that made them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diagnosis.synthetic import code, findings, mentioned, message

USER, ACK = ("/app/w.py", 10, "session"), ("/app/w.py", 3, "ack")
TASKS = "/usr/lib/python3.10/asyncio/tasks.py"
BEGIN = (("...", 4, ""), USER)


def born(*inner: tuple[str, int, str], wait: Any = None) -> Any:
    task: dict[str, Any] = {"task": 3, "name": "Task-3", "coro": "ack"}
    session: dict[str, Any] = {
        "task": 2,
        "name": "session",
        "coro": "session",
        "at": USER,
        "leaf": USER,
        "stack": [USER],
    }
    told = [
        message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[], n_tasks=0),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-created", 0.002, by=USER, handling="CancelledError", late=True,
                stack=[*BEGIN, *inner], **task),
        message("task-waiting", 0.1, seconds=0.098, at=ACK, leaf=ACK, stack=[ACK], on={"kind": "sleep"},
                handling=None, late=True, **task),
    ]  # fmt: skip
    if wait:
        told.append(message("task-waiting", 0.1, seconds=0.09, on=wait, **session))
    told.append(message("task-done", 0.4, seconds=0.398, outcome="cancelled", at=ACK, leaf=ACK, cancelling=1,
                        since_cancel=0.001, late=True, **task))  # fmt: skip
    return findings(*told, message("phase", 0.41, name="finalize"), exited=0.45)


@pytest.mark.parametrize("name", ["wait_for", "wait"])
def test_what_wait_for_wraps_is_awaited_by_it(name: str) -> None:
    found = born((TASKS, 447, name), (TASKS, 680, "ensure_future"))
    assert not mentioned(found, "task-created-in-cancel-handler")
    slow = code(found, "slow-task")
    assert slow is not None and "more time" not in slow.advice


def test_a_task_of_the_handlers_own_is_nobodys() -> None:
    found = born((TASKS, 340, "create_task"))
    assert mentioned(found, "task-created-in-cancel-handler")


@pytest.mark.parametrize(("number", "claimed"), [(3, False), (4, True)], ids=["awaited", "another is"])
def test_a_gather_is_awaited_where_somebody_waits_at_its_line(number: int, claimed: bool) -> None:
    found = born((TASKS, 700, "gather"), wait={"kind": "tasks", "tasks": [number]})
    assert mentioned(found, "task-created-in-cancel-handler") is claimed
