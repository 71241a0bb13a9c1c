"""Whether a hold was work in flight or began after the stop, and what little a lost word leaves known."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.agent.wire import AgentMessage
from supervisor.core.record import Finding, Shutdown
from supervisor.diagnosis.explain import explain
from tests.support.shutdowns import HANDLES_TERM, shutdown

WAIT = ("/usr/lib/python3.12/threading.py", 359, "wait")
LOOP, SIGN_OFF = ("/app/beat.py", 25, "beat"), ("/app/beat.py", 27, "beat")


def message(event: str, when: float, **fields: Any) -> AgentMessage:
    """``when`` counts from the stop."""
    return AgentMessage(event, 100.0 + when, 7, fields=fields)


def stopped(exited: float) -> Shutdown:
    return shutdown(exited=exited, masks=HANDLES_TERM)


def findings(*messages: AgentMessage, exited: float = 1.05) -> list[Finding]:
    hello = message("hello", -1.0, python="3.12.1", cwd="/app")
    return list(explain(stopped(exited), [hello, *messages], lambda _f, _l: None).findings)


def thread(at: tuple[str, int, str], leaf: tuple[str, int, str], **fields: Any) -> dict[str, Any]:
    return {"thread": 9, "name": "beat", "main": False, "daemon": False, "state": "busy", "at": at, "leaf": leaf,
            "stack": [at] if at == leaf else [at, leaf]} | fields  # fmt: skip


@pytest.mark.parametrize(
    ("before", "leaf", "severity"),
    [(LOOP, WAIT, "warning"), (SIGN_OFF, SIGN_OFF, "note")],
    ids=["waited when the stop came", "was at it when the stop came"],
)
def test_a_threads_work_is_new_when_the_stop_found_it_waiting(
    before: tuple[str, int, str], leaf: tuple[str, int, str], severity: str
) -> None:
    found = findings(
        message("snapshot", -0.01, reason="probe", first=True, threads=[thread(before, leaf)], tasks=[]),
        message("ready", 0.0, sampler=True),
        message("phase", 0.005, name="thread-join", busy=[thread(SIGN_OFF, SIGN_OFF)]),
        message("thread-waiting", 0.4, **thread(SIGN_OFF, SIGN_OFF, seconds=0.38, doing="sleep")),
        message("thread-waiting", 0.8, **thread(SIGN_OFF, SIGN_OFF, seconds=0.78, doing="sleep")),
        message("thread-waiting", 1.6, **thread(SIGN_OFF, SIGN_OFF, seconds=1.58, doing="sleep")),
        message("thread-moved", 2.4, **thread(SIGN_OFF, SIGN_OFF, seconds=2.38, doing="sleep")),
        message("phase", 2.401, name="atexit"),
        message("phase", 2.402, name="finalize"),
        exited=2.45,
    )
    assert [(one.code, one.severity) for one in found] == [("non-daemon-thread", severity)]
    assert found[0].where is not None and found[0].where.line == 27


def test_a_task_known_by_its_name_alone_when_it_was_destroyed_is_the_one_of_that_name() -> None:
    task = {"task": 2, "name": "refresh", "coro": "refresh", "at": ("/app/cache.py", 22, "refresh"),
            "leaf": ("/app/cache.py", 22, "refresh"), "on": {"kind": "future"}}  # fmt: skip
    found = findings(
        message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[task], n_tasks=1),
        message("task-destroyed", 0.02, name="refresh", coro="refresh", at=("/app/cache.py", 22, "refresh")),
        message("phase", 0.03, name="finalize"),
        exited=0.05,
    )
    assert [(one.code, one.severity) for one in found] == [("task-destroyed-pending", "error")]
    assert found[0].where is not None and found[0].where.line == 22


@pytest.mark.parametrize(("line", "blames"), [(31, False), (33, True)], ids=["not begun", "at work"])
def test_a_task_that_has_not_begun_blocks_no_loop(line: int, blames: bool) -> None:
    at = ("/app/beat.py", line, "tick")
    task = {"task": 2, "name": "Task-2", "coro": "tick", "at": at, "leaf": at, "on": {"kind": "ready"}}
    messages = [
        message("hello", -1.0, python="3.12.1", cwd="/app"),
        message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[task], n_tasks=1),
        message("task-moved", 0.3, **task | {"at": ("/app/beat.py", 34, "tick"), "was": at, "seconds": 0.31}),
        message("task-done", 0.31, task=2, name="Task-2", outcome="returned"),
        message("phase", 0.32, name="finalize"),
    ]
    shutdown = stopped(0.35)
    text = {31: "async def tick():\n", 33: "    digest(rows)\n"}
    codes = [one.code for one in explain(shutdown, messages, lambda _, line: text.get(line)).findings]
    assert ("loop-blocked" in codes) is blames


CONSUMER = """async def consumer(queue):
    while (item := await queue.get()) is not None:
        await asyncio.sleep(0.2)
    await flush()
"""


@pytest.mark.parametrize(
    ("kind", "line", "function", "seconds", "severity"),
    [
        ("queue-get", 3, "consumer", 2.4, "note"),
        ("queue-get", 3, "consumer", 6.0, "warning"),  # more than half of the grace
        ("queue-get", 4, "consumer", 1.9, "note"),  # a drain
        ("queue-get", 4, "consumer", 2.4, "warning"),
        ("queue-get", 3, "flush", 2.4, "warning"),
        ("event", 3, "consumer", 2.4, "warning"),
    ],
    ids=[
        "next item",
        "for long",
        "after its loop, soon",
        "after its loop",
        "another function",
        "was told by an event",
    ],
)
def test_the_next_item_of_a_workers_loop_is_nothing_new(
    kind: str, line: int, function: str, seconds: float, severity: str
) -> None:
    get, at = ("/app/w.py", 2, "consumer"), ("/app/w.py", line, function)
    task = {"task": 2, "name": "consumer", "coro": "consumer"}
    before = task | {"at": get, "leaf": get, "stack": [get], "on": {"kind": kind}}
    after = task | {"at": at, "leaf": at, "stack": [at], "on": {"kind": "sleep"}}
    messages = [
        message("hello", -1.0, python="3.12.1", cwd="/app"),
        message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[before], n_tasks=1),
        message("task-waiting", 0.1, seconds=0.09, **after),
        message("task-done", seconds, outcome="returned", seconds=seconds - 0.01, **after),
        message("phase", seconds + 0.01, name="finalize"),
    ]
    text = dict(enumerate(CONSUMER.split("\n"), 1))
    found = explain(stopped(seconds + 0.05), messages, lambda _, line: text.get(line)).findings
    assert [(one.code, one.severity) for one in found] == [("slow-task", severity)]
