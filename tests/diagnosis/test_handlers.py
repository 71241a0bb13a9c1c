"""What is said of a signal handler: replaced, or kept from running."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core.record import Sample
from tests.diagnosis.synthetic import code, findings, message

STOP = ("/app/w.py", 9, "main")
CALL, PAUSE = ("/app/w.py", 20, "work"), ("/app/w.py", 21, "work")
LINES = {20: "    lib.scan(rows)", 21: "    time.sleep(5)"}


def handler(kind: str, name: str | None, line: int = 9) -> dict[str, Any]:
    return {"signal": 15, "kind": kind, "name": name, "by": ("/app/w.py", line, "main"), "at": None}


def replaced(
    *before: dict[str, Any], now: str = "loop", killed: bool = False, moved: bool = False, grace: float = 3.0
) -> Any:
    told = [
        message("snapshot", -0.01, reason="probe", first=True, threads=[], tasks=[],
                handlers=[handler(now, "stop", 12)], displaced=list(before)),
        message("signal-received", 0.001, signal=15, kind=now, name="stop"),
    ]  # fmt: skip
    if moved:
        at = ("/app/w.py", 30, "main")
        told.append(message("task-waiting", 0.5, seconds=0.4, task=1, name="Task-1", coro="main", at=at, leaf=at,
                            stack=[at], on={"kind": "sleep"}))  # fmt: skip
    if not killed:
        told.append(message("phase", 0.1, name="finalize"))
    return code(findings(*told, exited=3.0 if killed else 0.15, killed=killed, grace=grace), "handler-displaced")


def test_what_the_loop_dropped_never_ran() -> None:
    found = replaced(handler("loop", "flush"))
    assert found.severity == "note" and found.title.endswith("was replaced and never ran")


def test_what_signal_signal_returned_may_have_been_called() -> None:
    assert replaced(handler("python", "flush")) is None  # it ended in time: nothing says that anything is wrong
    found = replaced(handler("python", "flush"), now="python", killed=True)
    assert found.severity == "error" and found.title.endswith("was replaced")
    assert not any("never" in line for line in found.proof)


def test_a_chain_of_handlers_that_began_to_end_the_worker_is_not_to_blame() -> None:
    """It merely takes long; the second one may well have called the first."""
    assert replaced(handler("python", "flush"), now="python", killed=True, moved=True) is None


def test_a_kill_before_the_grace_was_over_proves_nothing() -> None:
    found = replaced(handler("python", "flush"), now="python", killed=True, grace=10.0)
    assert found is not None and found.severity == "note"


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize(
    "between", [handler("default", None), handler("ignore", None), handler("python", "default_int_handler")]
)
def test_what_was_removed_before_the_next_came_was_removed_on_purpose(between: dict[str, Any], killed: bool) -> None:
    assert replaced(handler("loop", "cancel"), between, killed=killed) is None


def late(at: float, *blocks: tuple[str, int, str], cpu: float = 0.0, found_at: Any = None, leaf: Any = None) -> Any:
    """The handler ran at ``at``; the sampler saw the main thread at ``blocks``, the snapshot at ``found_at``."""
    main: dict[str, Any] = {"thread": 1, "name": "MainThread", "main": True, "daemon": False, "state": "busy"}
    seen = [main | {"at": found_at, "leaf": leaf or found_at, "stack": [found_at]}] if found_at else []
    told = [
        message("thread-waiting", at - 0.02, seconds=at - 0.04, at=one, leaf=one, stack=[one], **main)
        for one in blocks
    ]
    told.append(message("snapshot", at if found_at else 0.0, reason="signal", first=True, threads=seen, tasks=[]))
    told.append(message("signal-received", at, signal=15, kind="python", name="stop"))
    told.append(message("phase", at + 0.05, name="finalize"))
    looks = tuple(Sample(at=t, state="S", cpu=used, threads=1) for t, used in ((0.01, 0.0), (at, cpu)))
    return code(findings(*told, exited=at + 0.1, lines=LINES, samples=looks), "handler-not-run")


def test_a_busy_machine_makes_a_handler_late() -> None:
    assert late(0.31) is None
    assert late(0.9) is None


def test_much_too_late_is_told_whatever_held_it() -> None:
    assert late(1.2) is not None


@pytest.mark.parametrize("seen", ["block", "interrupted"])
def test_the_call_that_held_it_back_is_named(seen: str) -> None:
    found = late(0.4, CALL) if seen == "block" else late(0.4, found_at=CALL)
    assert found is not None and found.where is not None and found.where.line == 20


@pytest.mark.parametrize("seen", ["block", "interrupted"])
def test_a_pause_that_the_signal_interrupts_holds_nothing_back(seen: str) -> None:
    assert (late(0.4, PAUSE) if seen == "block" else late(0.4, found_at=PAUSE)) is None


def test_a_wait_for_a_lock_is_interrupted_too() -> None:
    assert late(0.4, found_at=CALL, leaf=("/usr/lib/python3.12/threading.py", 359, "wait")) is None


def test_the_frame_of_a_later_snapshot_is_not_the_interrupted_one() -> None:
    """`_interrupted`: only where the handler and the first snapshot come together, and late."""
    main = {"thread": 1, "name": "MainThread", "main": True, "daemon": False, "state": "busy", "at": CALL,
            "leaf": CALL, "stack": [CALL]}  # fmt: skip
    told = (
        message("snapshot", 0.5, reason="signal", first=True, threads=[main], tasks=[]),
        message("signal-received", 1.2, signal=15, kind="python", name="stop"),
        message("phase", 1.25, name="finalize"),
    )
    found = code(findings(*told, exited=1.3, lines=LINES), "handler-not-run")
    assert found is not None and found.where is None


def test_computing_is_what_held_it() -> None:
    assert late(0.4, cpu=0.3) is not None
