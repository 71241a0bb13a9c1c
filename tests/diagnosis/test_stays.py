"""Where a thread stayed and a task went on, where the evidence of it has holes: a busy machine, an old Python."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.diagnosis.explain import explain
from tests.diagnosis.synthetic import code, message, stopped

Place = tuple[str, int, str]
MODULE, RUN = ("/app/w.py", 56, "<module>"), ("/v/site-packages/uvicorn/server.py", 86, "run")
LEFT_OUT = ("...", 8, "")
STOP, JOIN = ("/app/w.py", 40, "stop"), ("/usr/lib/python3.12/threading.py", 1119, "join")
WORK = ("/app/w.py", 36, "hang_up")
RUNNERS = ("/usr/lib/python3.12/asyncio/runners.py", 44, "run")


def thread(at: Place, *stack: Place, **fields: Any) -> dict[str, Any]:
    return {"thread": 1, "name": "MainThread", "main": True, "state": "busy", "at": at, "leaf": stack[-1],
            "stack": list(stack)} | fields  # fmt: skip


def task(number: int, name: str, at: Place, **on: Any) -> dict[str, Any]:
    return {"task": number, "name": name, "coro": at[2], "at": at, "leaf": at, "stack": [at], "on": on}


def findings(
    *messages: Any, exited: float, killed: bool = False, lines: dict[int, str] | None = None, **changes: Any
) -> Any:
    known = lines or {}
    told = explain(stopped(exited, killed, **changes), messages, lambda _, line: known.get(line))
    return list(told.findings)


def begin(*tasks: dict[str, Any], python: str = "3.12.1") -> list[Any]:
    return [
        message("hello", -1.0, python=python, cwd="/app"),
        message("snapshot", -0.01, reason="probe", first=True, tasks=list(tasks), n_tasks=len(tasks)),
        message("ready", -0.005, sampler=True),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
    ]


@pytest.mark.parametrize(("cut", "expected"), [(LEFT_OUT, "loop-blocked"), (MODULE, "non-daemon-thread")])
def test_frames_left_out_of_a_main_thread_with_tasks_are_its_loops(cut: Place, expected: str) -> None:
    """uvloop has none of its own, and the middle of a long stack is not sent."""
    main = thread(STOP, MODULE, RUN, cut, STOP, JOIN, doing="lock", on={"kind": "join", "thread": 2})
    sender: dict[str, Any] = {
        "thread": 2,
        "name": "sender",
        "state": "busy",
        "at": WORK,
        "leaf": WORK,
        "stack": [WORK],
    }
    serve = task(1, "Task-1", ("/v/site-packages/uvicorn/server.py", 89, "serve"), kind="future")
    told = findings(
        *begin(serve),
        message("thread-waiting", 0.9, seconds=0.88, **main),
        message("thread-waiting", 0.9, seconds=0.88, **sender, daemon=True, doing="sleep"),
        message("exit", 1.0, how="raise_signal", signal=15, n_tasks=0, tasks=[]),
        exited=1.05, outcome="signalled", exit_code=None, signal=15,
    )  # fmt: skip
    assert told[0].code == expected


def test_a_stay_that_was_not_told_again_had_ended_before_the_last_look() -> None:
    idle = thread(MODULE, MODULE, RUN, RUNNERS, state="callback", doing="running")
    later = thread(MODULE, MODULE, RUN, ("/usr/lib/python3.12/asyncio/futures.py", 284, "_set"), state="callback")
    slow = task(2, "ticks", ("/app/w.py", 30, "ticks"), kind="sleep", due=60.0)
    told = findings(
        *begin(slow),
        message("thread-waiting", 0.19, seconds=0.2, **idle),
        message("task-waiting", 2.6, seconds=2.6, **slow),
        message("snapshot", 2.9, reason="probe", tasks=[slow], threads=[later], n_tasks=1),
        exited=3.0, killed=True, grace=3.0,
    )  # fmt: skip
    assert code(told, "loop-blocked") is None
    assert told[0].where is not None and told[0].where.line == 30


def lost(python: str, kind: str) -> Any:
    """Cancelled by main's line 44, and at the same line ever since: told 10 ms late, when it was asleep again."""
    main = task(1, "Task-1", ("/app/w.py", 45, "main"), kind="tasks", tasks=[2])
    feed = task(2, "feed", ("/app/w.py", 27, "poll"), kind=kind, due=0.1)
    return findings(
        *begin(main | {"on": {"kind": "event"}}, feed, python=python),
        message("task-cancelled", 0.011, task=2, name="feed", at=feed["at"], by=("/app/w.py", 44, "main"), by_task=1),
        message("wakes", 0.012, rows=[{"t": int(100.001e9), "task": 1, "name": "signal", "how": "returned"},
                                      {"t": int(100.0011e9), "task": 2, "by_task": 1, "how": "cancelled"}], missed=0),
        message("task-waiting", 1.8, seconds=1.785, **feed),
        message("task-waiting", 1.8, seconds=1.79, **main), exited=2.0, killed=True, grace=2.0,
    )[0]  # fmt: skip


def test_before_311_a_cancel_was_its_own_unless_somebody_may_have_cancelled_what_it_awaited() -> None:
    assert lost("3.8.18", "sleep").code == "cancel-swallowed"
    assert lost("3.8.18", "future").code == "slow-task"


def test_a_cancel_was_when_the_one_who_called_it_ran() -> None:
    proof = lost("3.8.18", "sleep").proof
    assert any("cancelled at 1.0 ms by w.py:44" in line for line in proof), proof


@pytest.mark.parametrize(("python", "line"), [("3.9.18", 30), ("3.10.1", 34)])
def test_the_end_of_a_with_block_is_at_its_with(python: str, line: int) -> None:
    lines = dict.fromkeys(range(1, 40), "") | {29: "def report():", 30: "    with pool:"}
    lines |= dict.fromkeys(range(31, 35), "        job()")
    at, leave = ("/app/w.py", 34, "report"), ("/usr/lib/python3.9/concurrent/futures/_base.py", 644, "__exit__")
    main = thread(at, MODULE, at, leave, JOIN, doing="lock", on={"kind": "join"})
    hello, *rest = begin(python=python)
    told = findings(hello, *rest, message("thread-waiting", 1.9, seconds=1.88, **main), exited=2.0, killed=True,
                    grace=2.0, lines=lines)  # fmt: skip
    assert told[0].where is not None and told[0].where.line == line


def test_a_librarys_own_thread_is_where_the_program_started_it() -> None:
    run = ("/v/site-packages/redis/client.py", 57, "run")
    by = ("/app/w.py", 19, "main")
    reader: dict[str, Any] = {
        "thread": 2, "name": "Thread-1", "daemon": False, "state": "busy", "at": run, "leaf": run, "stack": [run],
        "by": by,
    }  # fmt: skip
    told = findings(
        *begin(), message("phase", 0.01, name="thread-join", busy=[reader]),
        message("thread-waiting", 1.9, seconds=1.89, **reader, doing="poll"), exited=2.0, killed=True, grace=2.0,
    )  # fmt: skip
    assert told[0].code == "non-daemon-thread" and told[0].where is not None and told[0].where.line == 19
    assert told[0].advice.startswith("The thread is the library's: close what you opened there")


def test_of_a_task_whose_turn_it_was_the_wait_that_ends_by_itself_is_told() -> None:
    """The row that woke it is missing; what else ended at that time did not end the chain."""
    main = task(1, "Task-1", ("/app/w.py", 52, "main"), kind="future", object="lib.Server", target=5)
    one = task(2, "handler", ("/app/w.py", 32, "persist"), kind="sleep", due=0.05)
    source = {32: "await asyncio.sleep(0.05)"}
    told = findings(
        *begin(main | {"on": {"kind": "event"}}, one),
        *(message("task-waiting", 0.9, seconds=0.88, **each) for each in (main, one)),
        *(message("task-done", 1.0, outcome="returned", seconds=0.98, **each) for each in (one, main)),
        message("wakes", 1.0, rows=[{"t": int(101e9), "task": 1, "by_task": 2, "how": "returned"}], missed=0),
        message("phase", 1.001, name="finalize"), exited=1.03, lines=source,
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 32


def test_a_step_that_blocked_the_loop_is_not_its_tasks_own_time_though_a_timer_woke_it() -> None:
    at, recv = ("/app/w.py", 56, "main"), ("/app/w.py", 27, "recv")
    main = task(1, "Task-1", at, kind="ready")
    blocks = thread(recv, MODULE, at, recv, doing="read")
    told = findings(
        *begin(main), message("task-waiting", 0.9, seconds=0.91, **main),
        message("thread-waiting", 0.9, seconds=0.89, **blocks),
        message("wakes", 1.18, rows=[{"t": int(101.18e9), "task": 1, "name": "timer", "how": "returned"}], missed=0),
        message("task-done", 1.181, outcome="returned", seconds=1.19, **main),
        message("thread-moved", 1.181, seconds=1.17, **blocks),
        message("phase", 1.182, name="finalize"), exited=1.2, grace=10.0,
    )  # fmt: skip
    assert told[0].code == "loop-blocked"
    assert told[0].where is not None and told[0].where.line == 27


def test_what_took_most_of_the_time_is_why_sigkill_was_needed_though_it_had_just_ended() -> None:
    job: dict[str, Any] = {"thread": 2, "name": "asyncio_0", "state": "executor", "at": WORK, "leaf": WORK,
                           "stack": [WORK]}  # fmt: skip
    told = findings(
        *begin(), message("phase", 0.02, name="executor", busy=[job]),
        message("thread-waiting", 1.6, seconds=1.6, doing="sleep", **job),
        message("thread-moved", 1.9, seconds=1.9, **job), message("phase", 1.91, name="finalize"),
        exited=2.02, killed=True, grace=2.0,
    )  # fmt: skip
    assert (told[0].code, told[0].severity) == ("executor-busy", "error")
    assert any(also.startswith("killed: ") for also in told[0].also)


def test_a_loop_that_was_met_at_work_of_its_own_is_not_blocked() -> None:
    base, own = ("/usr/lib/python3.12/asyncio/base_events.py", 1909, "_run_once"), "/usr/lib/python3.12/asyncio"
    met = thread(MODULE, MODULE, base, (f"{own}/selector_events.py", 116, "_read_from_self"), state="callback")
    slow = task(2, "ticks", ("/app/w.py", 30, "ticks"), kind="sleep", due=60.0)
    told = findings(
        *begin(slow), message("snapshot", 0.01, reason="probe", tasks=[slow], threads=[met], n_tasks=1),
        message("task-waiting", 0.6, seconds=0.6, **slow), exited=0.7, killed=True, grace=0.7,
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 30
