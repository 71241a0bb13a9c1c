"""Who waits for whom: from the exit down to the cause, by what the agent could see, and no further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.diagnosis.synthetic import code, findings, message

if TYPE_CHECKING:
    from supervisor.core.record import Finding

LINES = {3: "await q.get()", 8: "t.cancel()", 9: "await q.join()", 21: "await done.wait()", 30: "await pool.close()"}
Place = tuple[str, int, str]


def at(line: int, function: str) -> Place:
    return ("/app/w.py", line, function)


def task(number: int, name: str, place: Place, kind: str, **on: Any) -> dict[str, Any]:
    return {
        "task": number, "name": name, "coro": place[2], "at": place, "leaf": place, "stack": [place],
        "on": {"kind": kind, **on},
    }  # fmt: skip


def hung(*messages: Any, tasks: list[dict[str, Any]], seconds: float = 2.0) -> list[Finding]:
    """What is said of a worker whose tasks waited so until it was killed."""
    before = [one | {"at": at(5, "run"), "leaf": at(5, "run"), "stack": [], "on": {"kind": "event"}} for one in tasks]
    first = message("snapshot", -0.01, reason="probe", first=True, tasks=before, n_tasks=len(tasks))
    handler = message("signal-received", 0.001, signal=15, kind="loop", name="stop")
    last = message("snapshot", seconds - 0.1, reason="probe", first=False, tasks=tasks, n_tasks=len(tasks))
    waiting = [message("task-waiting", 0.4, seconds=0.4 - 0.02, **one) for one in tasks]
    return findings(
        first, handler, *waiting, *messages, last, exited=seconds, killed=True, grace=seconds, lines=LINES
    )


MAIN = task(1, "Task-1", at(21, "main"), "event", target=7, object="asyncio.Event")
LIFESPAN = task(2, "lifespan", at(9, "lifespan"), "queue-join", target=8, unfinished=19, count=0)
FLUSHER = {"task": 3, "name": "flusher", "coro": "flusher", "outcome": "cancelled", "cancelled_by": at(8, "lifespan")}


def test_who_names_the_setter_leads_to_the_wait_that_nobody_can_end() -> None:
    told = hung(
        message("holders", 0.3, task=1, kind="event", target=7, total=1,
                found=[{"task": 2, "how": "sets", "distance": 1}], gone=[]),
        message("holders", 0.3, task=2, kind="queue-join", target=8, total=0, found=[], gone=[FLUSHER]),
        tasks=[MAIN, LIFESPAN],
    )  # fmt: skip
    first = told[0]
    assert (first.code, first.severity) == ("waits-for-nobody", "error")
    assert first.where is not None and (first.where.line, first.where.task) == (9, "lifespan")
    assert [link.where.line for link in first.chain if link.where] == [21, 9]
    assert first.chain[-1].what == "nobody: 'flusher' was cancelled at w.py:8"
    assert "flusher" in " ".join(first.proof)


def test_several_who_can_only_reach_it_are_listed_and_none_is_picked() -> None:
    others = [task(n, f"w{n}", at(3, "worker"), "sleep", due=9.0) for n in (4, 5)]
    told = hung(
        message("holders", 0.3, task=1, kind="event", target=7, total=2, gone=[],
                found=[{"task": n, "how": "reaches", "distance": 2} for n in (4, 5)]),
        tasks=[MAIN, *others],
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 21
    assert "w4" in told[0].chain[-1].what and "w5" in told[0].chain[-1].what


def test_who_alone_can_reach_it_is_followed() -> None:
    told = hung(
        message("holders", 0.3, task=1, kind="event", target=7, total=1, gone=[],
                found=[{"task": 4, "how": "reaches", "distance": 2}]),
        tasks=[MAIN, task(4, "worker", at(3, "worker"), "sleep", due=9.0)],
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.task == "worker"


def test_a_bare_future_is_not_followed_to_who_merely_reaches_it() -> None:
    main = task(1, "Task-1", at(21, "main"), "future", target=7)
    told = hung(
        message("holders", 0.3, task=1, kind="future", target=7, total=1, gone=[],
                found=[{"task": 4, "how": "reaches", "distance": 2}]),
        tasks=[main, task(4, "worker", at(3, "worker"), "sleep", due=9.0)],
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 21


def test_the_place_is_the_innermost_line_of_the_users_and_the_librarys_leaf_is_beside_it() -> None:
    leaf = ("/v/site-packages/asyncpg/pool.py", 232, "wait_until_released")
    holder = {"task": 2, "name": "Task-9", "coro": "close", "at": leaf, "leaf": leaf, "stack": [leaf],
              "on": {"kind": "future"}}  # fmt: skip
    main = task(1, "Task-1", at(30, "main"), "tasks", tasks=[2], count=1)
    told = hung(tasks=[main, holder])
    assert told[0].where is not None and (told[0].where.line, told[0].where.function) == (30, "main")
    assert any("asyncpg/pool.py:232" in line for line in (*told[0].proof, *[link.what for link in told[0].chain]))


def test_a_job_without_a_line_of_the_users_is_placed_where_it_was_submitted() -> None:
    get = ("/usr/lib/python3.11/queue.py", 171, "get")
    job = {"job": 1, "name": "queue.Queue.get", "by": at(3, "listen"), "task": 2, "thread": 40}
    thread: dict[str, Any] = {
        "thread": 40, "name": "asyncio_0", "daemon": False, "state": "executor", "at": get, "leaf": get,
        "stack": [get], "job": job,
    }  # fmt: skip
    told = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[], threads=[thread], n_tasks=0),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("phase", 0.01, name="executor", busy=[thread]),
        message("thread-waiting", 1.6, seconds=1.6, **thread),
        exited=2.0, killed=True, grace=2.0, lines=LINES,
    )  # fmt: skip
    first = code(told, "executor-busy")
    assert first is not None and first.where is not None
    assert (first.where.line, first.where.function) == (3, "listen")
    assert "queue.Queue.get" in first.title
    assert "sentinel" in first.advice
