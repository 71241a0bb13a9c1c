"""A wait that nobody was left to end, and a cancel that was taken by whoever then waits again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diagnosis.synthetic import code, findings, message

AT = ("/app/w.py", 4, "consume")
AFTER = ("/app/w.py", 8, "consume")
RETRY = """async def consume(q):
    while True:
        try:
            item = await q.get()
            print(item)
        except BaseException as error:
            print("retry")
    await done.wait()
"""


def waiting(at: tuple[str, int, str], kind: str, cancelling: int | None, **fields: Any) -> dict[str, Any]:
    return {"task": 2, "name": "consumer", "coro": "consume", "at": at, "leaf": at, "stack": [at],
            "on": {"kind": kind}, "cancelling": cancelling} | fields  # fmt: skip


def held(
    at: tuple[str, int, str], kind: str, cancelling: int | None, *more: Any, source: str = RETRY, **fields: Any
) -> Any:
    task = waiting(AT, "queue-get", 0)
    told = [message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[task], n_tasks=1)]
    told.append(message("signal-received", 0.001, signal=15, kind="loop", name="stop"))
    if cancelling:
        told.append(message("task-cancelled", 0.002, task=2, name="consumer"))
    told.append(message("task-waiting", 0.1, seconds=0.09, **waiting(at, kind, cancelling, **fields)))
    told.append(message("loop-idle", 0.2, timers=0, watched=0, ready=0))
    return findings(*told, *more, exited=3.0, killed=True, source=source)


@pytest.mark.parametrize("caught", [("/app/w.py", 6, "consume"), None], ids=["told", "by the source"])
def test_who_takes_its_cancel_and_waits_again_has_swallowed_it(caught: tuple[str, int, str] | None) -> None:
    found = held(AT, "queue-get", 1, caught=caught)
    assert found[0].code == "cancel-swallowed" and found[0].severity == "error"
    assert found[0].where is not None and found[0].where.line == 6
    assert any("no timer, no file" in line for line in found[0].proof)


@pytest.mark.parametrize(
    ("clause", "advice"), [("BaseException as error", "Catch `Exception`"), ("CancelledError", "End that handler")]
)
def test_the_advice_is_about_what_the_handler_says_it_takes(clause: str, advice: str) -> None:
    source = RETRY.replace("BaseException as error", clause)
    found = held(AT, "queue-get", 1, caught=("/app/w.py", 6, "consume"), source=source)
    assert found[0].advice.startswith(advice)


def test_a_wait_after_the_handler_is_one_for_nobody() -> None:
    assert held(AFTER, "event", 1, caught=("/app/w.py", 6, "consume"))[0].code == "waits-for-nobody"


def test_who_was_not_cancelled_waits_for_nobody() -> None:
    assert held(AFTER, "event", 0)[0].code == "waits-for-nobody"


def test_a_cancel_that_is_not_sure_was_not_swallowed() -> None:
    assert code(held(AT, "queue-get", None, caught=None), "cancel-swallowed") is None


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("semaphore", "Release the semaphore in a finally block"),
        ("condition", "Notify"),
        ("queue-put", "maxsize"),
        ("event", "Set the event"),
        ("queue-join", "task_done()"),
    ],
)
def test_the_advice_is_what_would_end_this_kind_of_wait(kind: str, advice: str) -> None:
    found = code(held(AFTER, kind, 0), "waits-for-nobody")
    assert found is not None and advice in found.advice


def test_where_others_were_cancelled_the_order_was_wrong() -> None:
    other: dict[str, Any] = {"task": 3, "name": "worker", "coro": "work"}
    told = (message("task-cancelled", 0.05, **other), message("task-done", 0.06, outcome="cancelled", **other))
    found = code(held(AFTER, "event", 0, *told), "waits-for-nobody")
    assert found is not None and "before you cancel" in found.advice
