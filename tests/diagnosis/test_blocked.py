"""A blocked loop: by a pool of processes, by the signal handler itself; and children whose own path is told."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.record import Climb
from supervisor.diagnosis.explain import explain
from tests.diagnosis.synthetic import code, findings, message, stopped

EVENTS, BASE = "/usr/lib/python3.12/asyncio/events.py", "/usr/lib/python3.12/asyncio/base_events.py"
POOL, THREADING = "/usr/lib/python3.12/concurrent/futures/process.py", "/usr/lib/python3.12/threading.py"
TOP, MAIN = ("/app/w.py", 30, "<module>"), ("/app/w.py", 10, "main")
CRUNCH, IDLE = ("/app/w.py", 5, "crunch"), ("/usr/lib/python3.12/multiprocessing/connection.py", 395, "_recv")
JOIN = (THREADING, 1149, "_wait_for_tstate_lock")


def thread(*stack: tuple[str, int, str], at: tuple[str, int, str], **fields: Any) -> dict[str, Any]:
    return {"thread": 1, "name": "MainThread", "main": True, "daemon": False, "state": "busy", "at": at,
            "leaf": stack[-1], "stack": list(stack), "doing": "lock"} | fields  # fmt: skip


def child(
    pid: int, *stack: tuple[str, int, str], at: tuple[str, int, str], until: float, handlers: Any = ()
) -> list[Any]:
    return [
        message("hello", -1.0, pid, python="3.12.1", ppid=7, forked=True),
        message(
            "snapshot", -0.01, pid, first=True, handlers=list(handlers), tasks=[], threads=[thread(*stack, at=at)]
        ),
        message("thread-waiting", until - 0.1, pid, seconds=until - 0.15, **thread(*stack, at=at, doing="sleep")),
        message("thread-moved", until, pid, seconds=until - 0.05, **thread(*stack, at=at)),
        message("eof", until + 0.01, pid, rejected=0, lost=0),
    ]


def waits_in(*stack: tuple[str, int, str], at: tuple[str, int, str]) -> list[Any]:
    where = thread(*stack, at=at, state="callback" if (EVENTS, 84, "_run") in stack else "busy")
    return [
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("thread-waiting", 1.9, seconds=1.88, **where),
        message("thread-moved", 2.02, seconds=2.0, **where),
        message("phase", 2.03, name="finalize"),
    ]


def test_the_parents_line_is_named_where_a_pool_blocks_its_loop() -> None:
    inside = (TOP, (BASE, 641, "run_forever"), (EVENTS, 84, "_run"), MAIN, (POOL, 849, "shutdown"), JOIN)
    worker = child(8, (POOL, 250, "_process_worker"), CRUNCH, at=CRUNCH, until=2.0)
    found = findings(*waits_in(*inside, at=MAIN), *worker, exited=2.05)
    assert found[0].code == "loop-blocked" and found[0].where is not None and found[0].where.line == 10
    assert "pool of processes" in found[0].title
    assert any("child process 8 was at w.py:5 crunch" in line for line in found[0].proof)


def joined() -> list[Any]:
    """A parent whose main program joins its pool: there the children's own path is told."""
    return waits_in(TOP, (POOL, 849, "shutdown"), JOIN, at=TOP)


def test_a_childs_main_thread_is_never_the_main_thread() -> None:
    worker = child(8, (POOL, 250, "_process_worker"), CRUNCH, at=CRUNCH, until=2.0)
    hello = message("hello", -1.0, python="3.12.1", cwd="/app")
    told = explain(stopped(2.05), [hello, *joined(), *worker], lambda _f, _l: None)
    assert any(part.what == "the main thread of child process 8" for part in told.critical_path)
    found = code(list(told.findings), "waits-for-child")
    assert found is not None and any("the main thread of child process 8 was" in line for line in found.proof)


@pytest.mark.parametrize(
    ("handler", "target", "advice"),
    [
        ("ignore", "group", "The child ignores SIGTERM"),
        ("default", "group", "A child in its process group received SIGTERM too"),
        ("default", "main", "Pass the stop on to the child"),
    ],
)
def test_the_advice_is_about_what_the_child_did_with_the_signal(handler: str, target: Any, advice: str) -> None:
    told = [{"signal": 15, "kind": handler, "name": None, "at": None, "by": None}]
    worker = child(8, (POOL, 250, "_process_worker"), CRUNCH, at=CRUNCH, until=2.0, handlers=told)
    found = findings(*joined(), *worker, exited=2.05, escalation=(Climb(0.0, 15, target),))
    waits = code(found, "waits-for-child")
    assert waits is not None and waits.advice.startswith(advice)


@pytest.mark.parametrize("idle_until", [2.0, 2.015])
def test_of_several_children_the_one_at_the_users_code_is_told(idle_until: float) -> None:
    """`_at_users_code`: a pool's idle children end with, or after, the last one that works."""
    told = child(8, (POOL, 250, "_process_worker"), CRUNCH, at=CRUNCH, until=2.0)
    told += child(9, (POOL, 240, "_process_worker"), IDLE, at=IDLE, until=idle_until)
    found = code(findings(*joined(), *told, exited=2.05), "waits-for-child")
    assert found is not None and found.where is not None and found.where.line == 5


def test_what_a_forked_child_has_on_its_stack_of_its_parent_is_not_where_it_is() -> None:
    told = child(8, (POOL, 250, "_process_worker"), CRUNCH, at=CRUNCH, until=2.0)
    told += child(9, (POOL, 240, "_process_worker"), IDLE, at=IDLE, until=2.015)
    stack = [TOP, (POOL, 809, "submit"), ("...", 4, ""), (POOL, 240, "_process_worker"), IDLE]
    thread = {
        "thread": 1,
        "name": "MainThread",
        "main": True,
        "state": "busy",
        "at": TOP,
        "leaf": IDLE,
        "stack": stack,
    }
    told.insert(3, message("snapshot", 0.5, 9, first=False, threads=[thread], tasks=[]))
    found = code(findings(*joined(), *told, exited=2.05), "waits-for-child")
    assert found is not None and found.where is not None and found.where.line == 5


def test_a_function_that_a_handler_calls_is_not_the_handler() -> None:
    on_term, flush = ("/app/w.py", 4, "on_term"), ("/app/w.py", 14, "flush")
    told = waits_in(TOP, (BASE, 641, "run_forever"), (BASE, 1948, "_run_once"), on_term, flush, at=flush)
    told[0] = message("signal-received", 0.001, signal=15, kind="python", name="on_term",
                      at=("/app/w.py", 3, "on_term"))  # fmt: skip
    found = code(findings(*told, exited=2.05), "loop-blocked")
    assert found is not None and "flush(), called by the signal handler on_term()" in found.title


@pytest.mark.parametrize(("kind", "says"), [("python", True), ("loop", False)])
def test_a_handler_that_waits_blocks_its_loop_itself(kind: str, says: bool) -> None:
    on_term = ("/app/w.py", 4, "on_term")
    stack = (TOP, (BASE, 641, "run_forever"), (BASE, 1948, "_run_once"), on_term, (THREADING, 355, "wait"))
    told = waits_in(*stack, at=on_term)
    told[0] = message("signal-received", 0.001, signal=15, kind=kind, name="on_term", at=("/app/w.py", 3, "on_term"))
    found = code(findings(*told, exited=2.05), "loop-blocked")
    assert found is not None and ("the signal handler on_term()" in found.title) is says
    assert ("set an event and return" in found.advice) is says


@pytest.mark.parametrize(
    ("moved", "received", "blames"),
    [(0.03, None, False), (0.09, None, True), (0.09, 0.08, True), (0.09, 0.1, False), (0.03, 0.001, True)],
)
def test_that_nothing_began_is_judged_from_when_the_handler_ran(
    moved: float, received: float | None, blames: bool
) -> None:
    """`_nothing_began`: what moved before the handler ran did not move because of it."""
    at = ("/app/w.py", 20, "main")
    task: dict[str, Any] = {
        "task": 1,
        "name": "Task-1",
        "coro": "main",
        "at": at,
        "leaf": at,
        "stack": [at],
        "on": {"kind": "event"},
    }
    other: dict[str, Any] = task | {
        "task": 2,
        "name": "tick",
        "coro": "tick",
        "at": ("/app/w.py", 30, "tick"),
        "on": {"kind": "sleep"},
    }
    told = [message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[task, other], n_tasks=2)]
    if received is not None:
        told.append(message("signal-received", received, signal=15, kind="loop", name="stop"))
    told.append(message("loop-idle", 0.5, timers=1, watched=0, ready=0))
    other |= {"at": ("/app/w.py", 31, "tick"), "leaf": ("/app/w.py", 31, "tick")}
    told.append(message("task-moved", moved, was=("/app/w.py", 30, "tick"), seconds=moved, **other))
    found = findings(*told, exited=1.0, killed=True)
    nothing = any("no task moved" in line for one in found for line in one.proof)
    assert nothing is not blames
