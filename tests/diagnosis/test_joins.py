"""A join is told by the thread that it waits for, however late a busy machine lets either of them be seen."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.agent.wire import AgentMessage
from supervisor.diagnosis.explain import explain
from tests.support.shutdowns import HANDLES_TERM, shutdown

THREADING = "/usr/lib/python3.11/threading.py"
POOL = "/usr/lib/python3.11/concurrent/futures/thread.py"
JOB = ("/app/w.py", 7, "export")
WAIT = (THREADING, 1139, "_wait_for_tstate_lock")


def message(event: str, when: float, **fields: Any) -> AgentMessage:
    """``when`` counts from the stop."""
    return AgentMessage(event, 100.0 + when, 7, fields=fields)


def job(**fields: Any) -> dict[str, Any]:
    return {"thread": 9, "name": "asyncio_0", "main": False, "daemon": False, "state": "executor", "at": JOB,
            "leaf": JOB, "stack": [(POOL, 58, "run"), JOB]} | fields  # fmt: skip


def main(**fields: Any) -> dict[str, Any]:
    stack = [(THREADING, 1560, "_shutdown"), (POOL, 31, "_python_exit"), (THREADING, 1119, "join"), WAIT]
    return {"thread": 8, "name": "MainThread", "main": True, "daemon": False, "state": "join-executor", "at": WAIT,
            "leaf": WAIT, "stack": stack} | fields  # fmt: skip


def told(
    *messages: AgentMessage, exited: float, killed: bool = False, place: bool = False
) -> list[tuple[str, float]]:
    """Codes and seconds of the findings, or (``place``) lines."""
    ended = shutdown("killed" if killed else "clean", exited, masks=HANDLES_TERM)
    hello = message("hello", -1.0, python="3.11.7", cwd="/app")
    found = explain(ended, [hello, *messages], lambda _f, _l: None).findings
    if place:
        return [(one.code, one.where.line if one.where else 0) for one in found]
    return [(one.code, round(one.seconds or 0.0, 2)) for one in found]


def closing() -> list[AgentMessage]:
    return [
        message("snapshot", -0.01, reason="probe", first=True, threads=[job()], tasks=[], n_tasks=0),
        message("phase", 0.002, name="loop-close", busy=[job()]),
        message("phase", 0.003, name="loop-closed"),
        message("phase", 0.009, name="thread-join", busy=[job()]),
    ]


@pytest.mark.parametrize("first_look", [0.012, 0.03, 0.3])
def test_a_job_seen_when_the_loop_was_closed_outlived_it_however_late_the_sampler_began(first_look: float) -> None:
    found = told(
        *closing(),
        message("thread-waiting", first_look + 0.05, seconds=0.05, **job()),
        message("thread-waiting", first_look + 0.05, seconds=0.05, **main()),
        message("thread-moved", 0.8, seconds=0.8 - first_look, **job()),
        message("thread-moved", 0.8, seconds=0.8 - first_look, **main()),
        message("phase", 0.801, name="atexit"),
        message("phase", 0.802, name="finalize"),
        exited=0.82,
    )
    assert found == [("executor-outlives-loop", 0.8)]


def test_another_job_of_the_thread_began_later() -> None:
    other = ("/app/w.py", 20, "tidy")
    found = told(
        *closing(),
        message("thread-waiting", 0.2, seconds=0.05, **job(at=other, leaf=other, stack=[other])),
        message("thread-moved", 0.8, seconds=0.65, **job(at=other, leaf=other, stack=[other])),
        message("phase", 0.801, name="finalize"),
        exited=0.82,
    )
    assert ("executor-busy", 0.65) in found


@pytest.mark.parametrize("late", [0.0, 0.05, 0.09, 0.3])
def test_a_join_that_notices_late_is_not_the_one_that_held_the_exit(late: float) -> None:
    found = told(
        *closing(),
        message("thread-waiting", 0.07, seconds=0.06, **job()),
        message("thread-waiting", 0.07, seconds=0.06, **main()),
        message("thread-moved", 0.8, seconds=0.79, **job()),
        message("thread-moved", 0.8 + late, seconds=0.79 + late, **main()),
        message("phase", 0.801 + late, name="atexit"),
        message("phase", 0.802 + late, name="finalize"),
        exited=0.82 + late,
    )
    assert found[0][0] == "executor-outlives-loop" and found[0][1] == pytest.approx(0.8, abs=0.1)
    assert all(seconds <= late + 0.01 for _, seconds in found[1:])


@pytest.mark.parametrize(("daemons", "code"), [(1, "non-daemon-thread"), (2, "main-thread-busy")])
def test_of_several_daemon_threads_none_is_named_as_the_joined_one(daemons: int, code: str) -> None:
    """The interpreter joins no daemon thread, the program may: which of them nothing tells."""
    stop = ("/v/lib/python3.11/site-packages/pool/pool.py", 585, "stop")
    begin = ("/app/w.py", 3, "<module>")
    join = main(state="busy", at=stop, stack=[begin, stop, (THREADING, 1119, "join"), WAIT])
    messages = [
        message("signal-received", 0.0, signal=15, kind="python", name="stop"),
        message("thread-waiting", 1.6, seconds=1.5, **join),
    ]
    for ident in range(20, 20 + daemons):
        at = ("/v/lib/python3.11/site-packages/pool/pool.py", ident, "body")
        where = {"thread": ident, "daemon": True, "state": "busy", "at": at, "leaf": at, "stack": [at]}
        messages.append(message("thread-waiting", 1.6, seconds=1.5, **job(**where)))
    assert told(*messages, exited=2.0, killed=True)[0][0] == code


@pytest.mark.parametrize("late", [0.0, 0.04, 0.1])
def test_the_job_is_told_rather_than_the_line_that_awaits_it(late: float) -> None:
    await_job = ("/app/w.py", 16, "main")
    task = {"task": 1, "name": "Task-1", "coro": "main", "at": await_job, "leaf": await_job}
    found = told(
        message("snapshot", -0.01, reason="probe", first=True, threads=[job()], tasks=[], n_tasks=0),
        message("task-waiting", 0.1, seconds=0.05, **task | {"on": {"kind": "executor"}}),
        message("thread-waiting", 0.1, seconds=0.05, **job()),
        message("thread-moved", 0.7, seconds=0.65, **job()),
        message("task-done", 0.7 + late, outcome="returned", seconds=0.65 + late, **task),
        message("phase", 0.72 + late, name="cancel"),
        message("phase", 0.73 + late, name="finalize"),
        exited=0.75 + late,
        place=True,
    )
    assert found[0] == ("executor-busy", 7)
