"""Wake-ups followed backwards: who ended what is cause where the agent saw it, whatever else ended at that time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.diagnosis.synthetic import findings, message

if TYPE_CHECKING:
    from supervisor.core.record import Finding

Place = tuple[str, int, str]
ZERO = 100.0


def at(line: int, function: str) -> Place:
    return ("/app/w.py", line, function)


def task(number: int, name: str, place: Place, kind: str, **on: Any) -> dict[str, Any]:
    return {
        "task": number, "name": name, "coro": place[2], "at": place, "leaf": place, "stack": [place],
        "on": {"kind": kind, **on},
    }  # fmt: skip


def row(when: float, woken: int, **by: Any) -> dict[str, Any]:
    return {"t": int((ZERO + when) * 1e9), "task": woken, "how": "returned", **by}


def shutdown(*rows: dict[str, Any], end: float = 1.0) -> list[Finding]:
    """Main waits for an event; two tasks end within a few milliseconds of it: one set it, the other did not."""
    main = task(1, "Task-1", at(21, "main"), "event")
    setter = task(2, "setter", at(9, "setter"), "future")
    other = task(3, "other", at(12, "other"), "sleep", due=0.9)
    before = [one | {"at": at(5, "run"), "leaf": at(5, "run"), "stack": []} for one in (main, setter, other)]
    waiting = [message("task-waiting", 0.9, seconds=0.88, **one) for one in (main, setter, other)]
    ends = [message("task-done", end - 0.002 * n, outcome="returned", seconds=end - 0.02 - 0.002 * n, **one)
            for n, one in enumerate((main, setter, other))]  # fmt: skip
    return findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=before, n_tasks=3),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        *waiting, *ends, message("wakes", end, rows=list(rows), missed=0),
        message("phase", end + 0.001, name="cancel", n_tasks=0, tasks=[]),
        message("phase", end + 0.002, name="finalize"), exited=end + 0.03,
    )  # fmt: skip


def test_without_a_wake_up_time_decides() -> None:
    first = shutdown()[0]
    assert first.where is not None and first.where.task == "other"


def test_the_task_that_woke_main_is_charged_whoever_else_ended_then() -> None:
    told = shutdown(row(0.998, 1, by_task=2), row(0.996, 2), row(0.02, 2, by_task=1))
    assert told[0].where is not None and told[0].where.task == "setter"
    assert [link.where.task for link in told[0].chain if link.where] == ["Task-1", "setter"]


def test_a_task_that_woke_nobody_is_not_charged() -> None:
    told = shutdown(row(0.998, 1, by_task=3), row(0.994, 3), row(0.02, 3, by_task=1))
    assert told[0].where is not None and told[0].where.task == "other"


def test_a_wait_that_the_loop_ended_is_the_tasks_own() -> None:
    told = shutdown(row(0.999, 1), row(0.02, 1, by_task=2))
    assert told[0].where is not None and told[0].where.task == "Task-1"


def test_a_chain_of_wake_ups_is_followed_to_its_begin() -> None:
    told = shutdown(row(0.998, 1, by_task=2), row(0.997, 2, by_task=3), row(0.994, 3), row(0.02, 3, by_task=1))
    assert told[0].where is not None and told[0].where.task == "other"


def test_rows_of_a_recorder_that_was_off_meanwhile_are_no_cause() -> None:
    """The last wake-up is older than the wait that was told: time decides again."""
    told = shutdown(row(0.3, 1, by_task=2))
    assert told[0].where is not None and told[0].where.task == "other"


def test_tasks_that_woke_one_another_at_one_instant_do_not_go_round_for_ever() -> None:
    told = shutdown(row(0.998, 1, by_task=2), row(0.998, 2, by_task=1), row(0.998, 3, by_task=1))
    assert told[0].where is not None


def test_a_task_of_asyncios_own_says_less_than_the_wait_of_who_made_it() -> None:
    """`communicate()` reads the child's output in tasks of its own; what it waits for is the child."""
    read = ("/usr/lib/python3.12/asyncio/streams.py", 540, "_wait_for_data")
    main = task(1, "Task-1", at(26, "main"), "child", child=50)
    reader = task(4, "Task-5", read, "read")
    told = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[main], n_tasks=1),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-waiting", 0.9, seconds=0.88, **main), message("task-waiting", 0.9, seconds=0.88, **reader),
        message("task-done", 0.994, outcome="returned", seconds=0.97, **reader),
        message("task-done", 1.0, outcome="returned", seconds=0.98, **main),
        message("wakes", 1.0, rows=[row(0.994, 4), row(0.995, 1, by_task=4)], missed=0),
        message("phase", 1.001, name="cancel", n_tasks=0, tasks=[]),
        message("phase", 1.002, name="finalize"), exited=1.03,
    )  # fmt: skip
    assert [(one.code, one.where.line if one.where else 0) for one in told] == [("waits-for-child", 26)]


def test_a_callback_of_a_future_hides_nobody_of_whom_it_is_known_that_he_sets_it() -> None:
    main = task(1, "Task-1", at(21, "main"), "future", object="lib.Server", target=5)
    closer = task(2, "closer", ("/v/site-packages/lib/server.py", 9, "close"), "tasks", tasks=[3])
    worker = task(3, "worker", at(12, "save"), "sleep", due=0.9)
    found = [{"task": 2, "how": "sets", "distance": 1}, {"task": 3, "how": "reaches", "distance": 1}]
    rows = [row(0.998, 3, name="timer"), row(0.999, 2, by_task=3), row(1.0, 1)]
    told = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[main, worker], n_tasks=2),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        *(message("task-waiting", 0.9, seconds=0.88, **one) for one in (main, closer, worker)),
        message("holders", 0.9, task=1, kind="future", target=5, total=2, found=found),
        *(message("task-done", 1.0, outcome="returned", seconds=0.98, **one) for one in (worker, closer, main)),
        message("wakes", 1.0, rows=rows, missed=0), message("phase", 1.01, name="finalize"), exited=1.03,
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 12
