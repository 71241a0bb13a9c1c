"""The live phrase: what is being waited for right now."""

from __future__ import annotations

import pytest

from supervisor.diagnosis.live_wait import waiting
from tests.diagnosis.synthetic import message
from tests.diagnosis.test_graph import at, task
from tests.diagnosis.test_recordings import recording


def until(name: str, seconds: float) -> str | None:
    """What the row says ``seconds`` after the stop."""
    taken = recording(name)
    now = taken.shutdown.zero + seconds
    found = waiting([message for message in taken.messages if message.at <= now], now, taken.shutdown.pid)
    assert found is None or found.at is None or f" at {found.at}" in found.phrase
    return found.phrase if found is not None else None


@pytest.mark.parametrize(
    ("name", "seconds", "phrase"),
    [
        ("echo-3.12", 0.5, "waits for clients of its server at echo_server.py:29, echo at echo_server.py:15"),
        ("two-causes-3.9", 0.5, "event loop blocked at two_causes.py:9"),
        ("two-causes-3.9", 1.0, "waits for task 'uploader' at two_causes.py:23"),
        ("aiohttp-3.13", 0.9, "waits for task _run_app at aiohttp_slow_request.py:15"),
    ],
)  # fmt: skip
def test_phrase(name: str, seconds: float, phrase: str) -> None:
    assert until(name, seconds) == phrase


def test_a_childs_wait_is_named_when_the_parent_only_waits_for_it() -> None:
    phrase = until("uvicorn-two-workers-3.11", 0.6)
    assert phrase is not None
    assert phrase.startswith("child ") and "uvicorn_slow_request.py:10" in phrase


def test_pool_jobs_are_named() -> None:
    taken = recording("executor-3.13")
    now = taken.shutdown.zero - 0.2  # it ended by itself: zero is its exit
    said = [message for message in taken.messages if message.at <= now]
    found = waiting(said, now, taken.shutdown.pid)
    assert found is not None and found.phrase == "waits for a pool job at executor_outlives_main.py:17"


def test_who_waits_for_whom_right_now() -> None:
    taken = recording("uvicorn-two-workers-3.11")
    now = taken.shutdown.zero + 0.6
    found = waiting([message for message in taken.messages if message.at <= now], now, taken.shutdown.pid)
    assert found is not None
    first, *_, last = found.chain
    assert first.what.startswith("the main process waits for child process ")
    assert last.where is not None and last.where.file.endswith("uvicorn_slow_request.py")


def test_several_waits_that_nobody_ends_are_listed_the_users_first() -> None:
    """Each keeps the worker by itself; one that only waits for another of them is not among them."""
    library = ("/venv/lib/python3.12/site-packages/pool.py", 7, "reap")
    tasks = [
        task(1, "Task-1", at(21, "main"), "tasks", tasks=[2, 3, 4, 5]),
        task(2, "consume", at(9, "consume"), "event"),
        task(3, "reaper", library, "event"),
        task(4, "flusher", at(30, "flush"), "event"),
        task(5, "pinger", library, "event"),
    ]
    said = [
        message("snapshot", 0.0, reason="probe", first=True, tasks=tasks, n_tasks=5),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        *(message("task-waiting", 0.5, seconds=0.4, **one) for one in tasks),
    ]
    found = waiting(said, 101.0, 7)
    assert found is not None
    assert found.phrase == "waits for task 'consume' at w.py:9, 'flusher' at w.py:30, 'reaper' at pool.py:7 (1 more)"
    assert found.at == "w.py:9"


def test_nothing_known_is_none() -> None:
    assert waiting([], 5.0) is None
    assert until("tidy-3.13", -0.05) is None
