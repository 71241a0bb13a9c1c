"""Who is blamed for a wait on an event, a lock or a queue: not whoever else happens to be there."""

from __future__ import annotations

from typing import Any

from tests.diagnosis.synthetic import code, findings, message

MAIN, OTHER, JOIN = ("/app/w.py", 5, "main"), ("/app/w.py", 20, "other"), ("/app/w.py", 30, "flush")


def task(number: int, name: str, at: tuple[str, int, str], kind: str, **fields: Any) -> dict[str, Any]:
    return {"task": number, "name": name, "coro": name, "at": at, "leaf": at, "stack": [at], "cancelling": 0,
            "on": {"kind": kind}} | fields  # fmt: skip


def held(kind: str, other: dict[str, Any], *more: Any, begins: float = 0.02) -> Any:
    """Main begins to wait after the stop; the other one was there before."""
    main, long = task(1, "Task-1", MAIN, kind), 3.0
    before = task(1, "Task-1", MAIN, "event")
    return findings(
        message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[before, other], n_tasks=2),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-moved", begins, seconds=begins, was=MAIN, was_leaf=MAIN, **main),
        *more,
        message("task-waiting", 2.0, seconds=2.0 - begins, **main),
        exited=long, killed=True,
    )  # fmt: skip


def test_a_task_that_slept_since_before_the_stop_is_not_to_blame() -> None:
    found = held("event", task(2, "background", OTHER, "sleep"))
    assert found[0].where is not None and found[0].where.line == 5


def test_who_took_its_cancel_and_goes_on_may_hold_the_lock() -> None:
    moved = task(2, "holder", OTHER, "sleep", cancelling=1)
    found = held(
        "lock", task(2, "holder", ("/app/w.py", 18, "other"), "sleep"),
        message("task-cancelled", 0.01, task=2, name="holder"),
        message("task-waiting", 1.9, seconds=1.85, **moved),
    )  # fmt: skip
    assert found[0].code == "cancel-swallowed" and found[0].where is not None and found[0].where.line == 20


def test_a_wait_that_a_timeout_ended_is_the_one_to_tell() -> None:
    """asyncio.timeout() takes its own cancel back: before 3.12 nothing shows it but the TimeoutError."""
    main = task(1, "Task-1", MAIN, "task", on={"kind": "task", "name": "flush", "tasks": [3]})
    flush = task(3, "flush", JOIN, "queue-join", on={"kind": "queue-join", "unfinished": 98, "count": 0}, late=True)
    consumer = task(2, "consume", OTHER, "queue-get")
    found = findings(
        message("snapshot", -0.01, reason="probe", first=True, threads=[], n_tasks=2,
                tasks=[task(1, "Task-1", MAIN, "event"), consumer]),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-done", 0.002, outcome="cancelled", seconds=0.01, **consumer),
        message("task-waiting", 2.4, seconds=2.39, **main),
        message("task-waiting", 2.4, seconds=2.39, **flush),
        message("task-done", 2.5, outcome="exception", exception="TimeoutError", seconds=2.49, **flush),
        message("task-done", 2.501, outcome="returned", seconds=2.49, **main),
        message("phase", 2.51, name="cancel"),
        message("phase", 2.52, name="finalize"),
        exited=2.55, grace=10.0,
    )  # fmt: skip
    nobody = code(found, "waits-for-nobody")
    assert nobody is not None and nobody.where is not None and nobody.where.line == 30
    assert "before" in nobody.advice, nobody.advice
