"""A pool's child that the group's signal ended in the middle of its job: a loss only when the parent waited."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diagnosis.synthetic import code, findings, message

JOB = ("/app/w.py", 9, "factor")
POOL = "/usr/lib/python3.12/multiprocessing/pool.py"
MAIN = ("/app/w.py", 30, "<module>")
NAP = ("/app/w.py", 40, "drain")


def main(*stack: tuple[str, int, str]) -> dict[str, Any]:
    return {"thread": 1, "name": "MainThread", "main": True, "daemon": False, "state": "busy", "at": MAIN,
            "leaf": stack[-1], "stack": [MAIN, *stack], "doing": "lock"}  # fmt: skip


def left(*stack: tuple[str, int, str], died: bool = False, lives: float = 1.9, caller: str = POOL) -> Any:
    """``stack``: where the parent's main thread was seen after the stop."""
    thread = {"thread": 2, "name": "MainThread", "main": True, "state": "busy", "at": JOB, "leaf": JOB}
    handler = {"signal": 15, "kind": "default" if died else "python"}
    told = [
        message("signal-received", 0.001, signal=15, kind="python", name="stop"),
        message("hello", -1.0, 8, python="3.12.1", ppid=7),
        message("snapshot", -0.01, 8, first=True, handlers=[handler],
                threads=[thread | {"stack": [(caller, 125, "worker"), JOB]}], tasks=[]),
    ]  # fmt: skip
    if not died:
        told.append(message("signal-received", 0.002, 8, signal=15, kind="python", name="term"))
        told.append(message("exit", 0.003, 8, how="sys.exit", by=("/app/w.py", 4, "term")))
    told.append(message("eof", 0.01, 8, rejected=0, lost=0))
    if stack:
        told.append(message("thread-waiting", min(0.9, lives), seconds=min(0.85, lives), **main(*stack)))
    found = findings(*told, message("phase", lives, name="finalize"), exited=lives + 0.05)
    return code(found, "no-signal-handler" if died else "exit-without-cleanup")


@pytest.mark.parametrize("died", [False, True], ids=["left", "died"])
def test_a_parent_that_waits_for_the_result_needed_the_child(died: bool) -> None:
    found = left((POOL, 774, "get"), (POOL, 765, "wait"), died=died)
    assert found is not None and found.severity == "error" and "factor()" in found.title


@pytest.mark.parametrize("died", [False, True], ids=["left", "died"])
def test_a_parent_that_terminates_its_pool_did_not(died: bool) -> None:
    assert left((POOL, 654, "terminate"), (POOL, 700, "_terminate_pool"), died=died) is None


def test_a_parent_that_was_at_something_else_is_no_evidence() -> None:
    assert left(NAP) is None
    died = left(NAP, died=True)
    assert died is not None and died.severity == "warning"


def test_a_parent_that_ended_at_once_did_not_need_it() -> None:
    assert left((POOL, 774, "get"), lives=0.05) is None


def test_a_task_queue_finishes_what_it_hands_out() -> None:
    found = left(NAP, caller="/v/lib/python3.12/site-packages/billiard/pool.py")
    assert found is not None and found.severity == "error"
