"""Several processes: whose end a parent waited for, who killed whom, what a child inherited; work cut short."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.record import Leftover, Marks
from tests.diagnosis.synthetic import code, findings, message

Place = tuple[str, int, str]
CHILD = 8
JOB = ("/app/w.py", 12, "stream")
BOOT = ("/app/w.py", 31, "boot")
POLL = ("/app/w.py", 38, "<module>")
WAITPID = ("/usr/lib/python3.12/multiprocessing/popen_fork.py", 27, "poll")


def task(at: Place, name: str = "stream", number: int = 2, **on: Any) -> dict[str, Any]:
    return {"task": number, "name": name, "coro": at[2], "at": at, "leaf": at, "stack": [at], "on": on}


def thread(at: Place, doing: str, **fields: Any) -> dict[str, Any]:
    return {"thread": 1, "name": "MainThread", "main": True, "state": "busy", "at": at, "leaf": at, "stack": [at],
            "doing": doing} | fields  # fmt: skip


def child(*messages: Any, forked: bool = True, **first: Any) -> list[Any]:
    stream = task(JOB, kind="sleep", due=9.0)
    main = task(("/app/w.py", 21, "child_main"), "Task-1", 1, kind="task", tasks=[2])
    return [
        message("hello", -0.9, CHILD, python="3.12.1", ppid=7, forked=forked, cwd="/app", by=BOOT),
        message("snapshot", -0.01, CHILD, first=True, tasks=[main, stream], threads=[], n_tasks=2, **first),
        message("signal-received", 0.002, CHILD, signal=15, kind="loop", name="stop"),
        message("task-waiting", 0.9, CHILD, seconds=0.89, **main),
        message("task-waiting", 1.6, CHILD, seconds=1.6, **stream),
        *messages,
    ]  # fmt: skip


def parent(seconds: float, at: Place = POLL, doing: str = "sleep", **fields: Any) -> list[Any]:
    return [
        message("snapshot", -0.02, reason="probe", first=True, tasks=[], threads=[], n_tasks=0),
        message("signal-received", 0.001, signal=15, kind="python", name="term"),
        message("thread-waiting", 0.8, seconds=0.79, **thread(at, doing, **fields)),
        message("thread-moved", seconds, seconds=seconds - 0.01, **thread(at, doing, **fields)),
    ]


def test_a_child_that_its_parent_killed_is_said_to_be_killed_by_it() -> None:
    kill: dict[str, Any] = {"how": "os.kill", "target": CHILD, "signal": 9, "by": ("/app/w.py", 39, "<module>")}
    told = findings(
        *parent(2.0), message("exit", 0.005, how="os.kill", target=CHILD, signal=15, by=POLL),
        message("exit", 2.0, **kill), *child(message("eof", 2.01, CHILD), message("ended", 2.01, CHILD, signal=9)),
        message("phase", 2.02, name="finalize"), exited=2.05, grace=10.0,
    )  # fmt: skip
    first = told[0]
    assert (first.code, first.severity) == ("killed", "error")
    assert first.advice.startswith("Give the child more time before it is killed")
    assert first.where is not None and (first.where.line, first.where.function) == (12, "stream")
    assert any("its parent killed child process 8 (SIGKILL at w.py:39" in line for line in first.proof)
    assert first.chain[0].pid == 7 and first.chain[-1].pid == CHILD


def test_a_parent_that_only_slept_did_not_wait_for_a_child_that_it_never_told() -> None:
    told = findings(
        *parent(2.0), *child(message("eof", 1.99, CHILD), message("ended", 1.99, CHILD, code=0)),
        message("phase", 2.02, name="finalize"), exited=2.05, grace=10.0,
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 38


def test_the_child_that_the_parents_thread_names_is_the_one() -> None:
    told = findings(
        *parent(1.7, WAITPID, "wait-child", child=CHILD),
        *child(message("task-done", 1.65, CHILD, outcome="returned", seconds=1.65, **task(JOB))),
        message("eof", 1.69, CHILD),
        message("phase", 1.71, name="finalize"), exited=1.75, grace=10.0,
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 12


def test_a_child_is_told_by_its_own_line_where_that_is_known_and_else_by_its_parents() -> None:
    waits = ("/app/w.py", 44, "main")
    known = child(message("eof", 1.69, CHILD))
    for seen, line in ((known, 12), (known[:1], 44)):
        told = findings(
            *parent(1.7, waits, "wait-child", child=CHILD),
            *seen,
            message("phase", 1.71, name="finalize"),
            exited=1.75,
        )
        assert told[0].where is not None and told[0].where.line == line
        assert told[0].chain[0].where is not None and told[0].chain[0].where.line == 44
        assert f"child process {CHILD}" in told[0].chain[0].what


def test_a_grandchild_is_come_to_by_way_of_the_child() -> None:
    waits, batch = ("/app/w.py", 44, "main"), ("/app/w.py", 9, "batch")
    told = findings(
        *parent(1.7, waits, "wait-child", child=CHILD),
        message("hello", -0.9, CHILD, python="3.12.1", ppid=7, cwd="/app"),
        message("snapshot", -0.01, CHILD, first=True, tasks=[], threads=[], n_tasks=0),
        message("thread-waiting", 1.6, CHILD, seconds=1.6, **thread(waits, "wait-child", child=9)),
        message("eof", 1.69, CHILD),
        message("hello", -0.8, 9, python="3.12.1", ppid=CHILD, cwd="/app"),
        message("snapshot", -0.01, 9, first=True, tasks=[], threads=[], n_tasks=0),
        message("thread-waiting", 1.6, 9, seconds=1.6, **thread(batch, "sleep")),
        message("eof", 1.68, 9),
        message("phase", 1.71, name="finalize"), exited=1.75,
    )  # fmt: skip
    assert told[0].code == "waits-for-child"
    assert [link.pid for link in told[0].chain] == [7, CHILD, 9]
    assert told[0].where is not None and told[0].where.line == 9


def test_tasks_of_a_loop_that_the_child_runs_itself_are_no_inheritance() -> None:
    loop = ("/usr/lib/python3.12/asyncio/base_events.py", 640, "run_forever")
    fork = ("/usr/lib/python3.12/multiprocessing/popen_fork.py", 66, "_launch")
    inside = thread(loop, "poll", state="loop-idle", stack=[POLL, fork, loop])
    told = findings(
        *parent(1.7, WAITPID, "wait-child", child=CHILD),
        *[m for m in child(message("eof", 1.69, CHILD)) if m.event != "snapshot"],
        message("snapshot", -0.01, CHILD, first=True, tasks=[task(JOB, kind="sleep")], threads=[inside], n_tasks=1),
        message("phase", 1.71, name="finalize"), exited=1.75, grace=10.0,
    )  # fmt: skip
    assert any(link.where is not None and link.where.line == 12 for link in told[0].chain)


def left_over(handler: dict[str, Any]) -> Any:
    """A child that outlived its main process, which had drained and raised its signal again."""
    told = findings(
        message("snapshot", -0.02, reason="probe", first=True, tasks=[], threads=[], n_tasks=0),
        *child(handlers=[handler]), exited=4.0, grace=4.0,
        marks=Marks(asked=0.0, main_exited=0.1, exited=4.0),
        leftovers=(Leftover(CHILD, ("python3", "w.py"), "killed"),),
    )  # fmt: skip
    return code(told, "leaked-children")


def test_a_handler_that_a_child_inherited_by_fork_is_told() -> None:
    found = left_over({"signal": 15, "kind": "python", "name": "Server.handle_exit", "inherited": True})
    assert found.where.line == 31
    assert any("inherited the handler Server.handle_exit by fork" in line for line in found.proof)
    assert "signal.SIG_DFL" in found.advice


def test_a_childs_own_handler_is_no_inheritance() -> None:
    found = left_over({"signal": 15, "kind": "python", "name": "stop", "inherited": False})
    assert not any("inherited" in line for line in found.proof)


def test_what_our_sigkill_ended_together_outlived_nobody() -> None:
    told = findings(
        message("snapshot", -0.02, reason="probe", first=True, tasks=[], threads=[], n_tasks=0), *child(),
        exited=2.0, killed=True, grace=2.0, leftovers=(Leftover(CHILD, ("python3", "w.py"), "killed"),),
    )  # fmt: skip
    assert code(told, "leaked-children") is None


# ------------------------------------------------------------------ work cut short

MAIL = ("/app/w.py", 14, "send_mail")
WORKER = {"thread": 40, "name": "AnyIO worker thread", "state": "executor", "at": MAIL, "leaf": MAIL, "stack": [MAIL]}


def raised(exited: float = 1.15, **changes: Any) -> list[Any]:
    fields: dict[str, Any] = {
        "how": "raise_signal", "by": ("/v/site-packages/uvicorn/server.py", 328, "capture_signals"),
        "tasks": [], "n_tasks": 0, "busy": [WORKER], "signal": 15,
    } | changes  # fmt: skip
    return findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[], threads=[], n_tasks=0),
        message("signal-received", 0.001, signal=15, kind="python", name="handle_exit"),
        message("exit", 1.1, **fields), exited=exited, signal=15, exit_code=None, outcome="signalled",
    )  # fmt: skip


def test_a_job_that_the_processs_own_signal_cut_is_an_error_with_its_line() -> None:
    found = code(raised(), "work-cut-short")
    assert found is not None and found.severity == "error"
    assert found.where is not None and found.where.function == "send_mail"
    assert "send_mail()" in found.title


def test_a_signal_to_another_process_cuts_nothing() -> None:
    assert code(raised(how="os.kill", target=99), "work-cut-short") is None


def test_an_idle_pool_thread_is_no_work() -> None:
    assert code(raised(busy=[WORKER | {"state": "pool-idle"}]), "work-cut-short") is None


def test_who_waited_for_the_job_that_was_cut_is_told_with_it_and_not_apart() -> None:
    wait = ("/v/site-packages/anyio/_backends/_asyncio.py", 2779, "run_sync_in_worker_thread")
    job = {"name": "send_mail", "at": MAIL, "by": wait, "thread": 40}
    waiting = task(wait, "Task-3", 3, kind="executor", job=job)
    found = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[waiting], threads=[WORKER], n_tasks=1),
        message("signal-received", 0.001, signal=15, kind="python", name="handle_exit"),
        message("task-waiting", 0.8, seconds=0.8, **waiting),
        message("task-done", 1.0, outcome="cancelled", seconds=1.0, cancelling=1, **waiting),
        message("exit", 1.1, how="raise_signal", tasks=[], n_tasks=0, signal=15, busy=[WORKER | {"job": job}]),
        exited=1.15, signal=15, exit_code=None, outcome="signalled",
    )  # fmt: skip
    assert code(found, "executor-busy") is None
    cut = code(found, "work-cut-short")
    assert cut is not None and any(also.startswith("executor-busy: ") for also in cut.also)
    assert not any("submitted at" in line for line in cut.proof), "a library's line helps nobody"


def test_when_the_end_was_seen_does_not_matter_to_who_died_by_its_own_signal() -> None:
    late = raised(exited=2.4)
    assert code(late, "work-cut-short") is not None
    assert [one.code for one in late if one.severity == "warning"] == []


TICKS = "async def upload():\n    while True:\n        await asyncio.sleep(3)"
ONCE = "async def upload():\n    for part in parts:\n        await asyncio.sleep(3)"


@pytest.mark.parametrize(
    ("kind", "since", "told", "source"),
    [
        ("future", 0.2, True, ONCE),
        ("queue-get", -1.0, False, ONCE),
        ("sleep", -0.5, True, ONCE),
        ("sleep", -0.5, False, TICKS),
        ("sleep", -1.5, False, ONCE),
    ],
)
def test_tasks_cancelled_in_the_middle_of_something_are_one_note(
    kind: str, since: float, told: bool, source: str
) -> None:
    at = ("/app/w.py", 3, "upload")
    one = task(at, "upload", 2, kind=kind, since=0.3 - since)
    main = task(("/app/w.py", 21, "main"), "Task-1", 1, kind="event")
    found = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[main, one] if since < 0 else [main]),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-waiting", 0.3, seconds=0.3 - since, **one),
        message("task-done", 0.4, outcome="returned", seconds=0.4, **main),
        message("phase", 0.4, name="cancel", n_tasks=1, tasks=[one]),
        message("task-done", 0.401, outcome="cancelled", seconds=0.401 - since, cancelling=1, **one),
        message("phase", 0.41, name="finalize"), exited=0.45, source=source,
    )  # fmt: skip
    cut = code(found, "work-cut-short")
    assert (cut is not None) is told
    assert cut is None or cut.severity == "note"


JOB_STACK = [("/v/site-packages/huey/consumer.py", 132, "loop"), ("/app/w.py", 23, "resize")]


@pytest.mark.parametrize(
    ("stack", "daemon", "told"),
    [(JOB_STACK, True, True), (JOB_STACK[1:], True, False), (JOB_STACK, False, False)],
    ids=["a queue's job", "a daemon of the program's own", "joined"],
)
def test_a_job_in_a_librarys_daemon_thread_is_cut_by_the_interpreters_end(
    stack: list[Place], daemon: bool, told: bool
) -> None:
    worker = thread(stack[-1], "sleep", thread=9, name="Worker-1", main=False, daemon=daemon, stack=stack)
    found = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[], threads=[worker], n_tasks=0),
        message("signal-received", 0.001, signal=15, kind="python", name="stop"),
        message("thread-waiting", 0.05, seconds=0.05, **worker),
        message("phase", 0.08, name="thread-join"), message("phase", 0.09, name="atexit"),
        message("thread-moved", 0.095, seconds=0.09, **worker),
        message("phase", 0.096, name="finalize"), exited=0.12,
    )  # fmt: skip
    cut = code(found, "work-cut-short")
    assert (cut is not None) is told
    assert cut is None or (cut.severity, cut.where and cut.where.line) == ("error", 23)


def test_a_parent_that_fails_without_its_helper_process_lost_it_to_the_groups_signal() -> None:
    helper = [
        message("hello", -0.9, CHILD, python="3.12.1", ppid=7, forked=True),
        message("snapshot", -0.01, CHILD, first=True, tasks=[], handlers=[{"signal": 15, "kind": "default"}]),
        message("eof", 0.01, CHILD), message("ended", 0.01, CHILD, signal=15),
    ]  # fmt: skip
    children = [{"pid": CHILD, "name": "SyncManager-1"}]
    first = message("snapshot", -0.02, reason="probe", first=True, tasks=[], threads=[], children=children)
    ran = message("signal-received", 0.001, signal=15, kind="python", name="term")
    failed: dict[str, Any] = {"outcome": "failed", "exit_code": 1}
    found = code(findings(first, ran, *helper, exited=0.4, **failed), "no-signal-handler")
    assert found is not None and "SyncManager-1" in found.title and "--child-only" in found.advice
    assert code(findings(first, ran, *helper, exited=0.4), "no-signal-handler") is None  # it did well without


def test_a_librarys_main_loop_waits_for_the_jobs_that_it_gave_to_its_threads() -> None:
    server = ("/v/site-packages/gunicorn/workers/gthread.py", 398, "wait_for_events")
    handler, fetch = ("/v/site-packages/gunicorn/workers/gthread.py", 600, "handle"), ("/app/w.py", 23, "fetch")
    job: dict[str, Any] = {
        "thread": 2,
        "name": "pool_0",
        "state": "executor",
        "at": fetch,
        "leaf": fetch,
        "stack": [handler, fetch],
    }
    told = findings(
        message("snapshot", -0.02, reason="probe", first=True, tasks=[], threads=[job], n_tasks=0),
        message("signal-received", 0.001, signal=15, kind="python", name="handle_exit"),
        message("thread-waiting", 1.6, seconds=1.6, **thread(server, "poll")),
        message("thread-waiting", 1.6, seconds=1.6, **job, doing="sleep"), exited=2.0, killed=True, grace=2.0,
    )  # fmt: skip
    assert told[0].code == "executor-busy"
    assert told[0].where is not None and told[0].where.line == 23


def test_a_child_that_sigkill_ended_with_the_rest_may_be_seen_to_end_later() -> None:
    stop = ("/v/site-packages/gunicorn/arbiter.py", 396, "stop")
    told = findings(
        *parent(2.0, stop)[:3], *child(message("eof", 2.09, CHILD)), exited=2.1, killed=True, grace=2.0,
        marks=Marks(asked=0.0, killed=2.0, main_exited=2.09, exited=2.1),
    )  # fmt: skip
    assert told[0].where is not None and told[0].where.line == 12
