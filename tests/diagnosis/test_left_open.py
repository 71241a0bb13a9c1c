"""What a process left open or undone when it ended: transports, threads, jobs; and joins that nobody can end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diagnosis.synthetic import code, findings, message

WRITER = {"fd": 7, "type": "_SelectorSocketTransport", "peer": "10.0.0.1:80", "protocol": "StreamReaderProtocol"}


def closed(*transports: dict[str, Any], complaints: tuple[str, ...] = (), waited: float = 0.0) -> Any:
    told = [message("loop-exception", 0.89, message=text) for text in complaints]
    if waited:
        at = ("/app/w.py", 20, "main")
        task: dict[str, Any] = {"task": 1, "name": "Task-1", "coro": "main", "at": at, "leaf": at, "stack": [at]}
        told.append(message("task-waiting", 0.88, seconds=waited, **task, on={"kind": "socket"}))
    phase = message("phase", 0.9, name="loop-close", transports=[WRITER | one for one in transports])
    return findings(*told, phase, message("phase", 0.92, name="finalize"), exited=1.0)


@pytest.mark.parametrize(
    ("closing", "buffered", "waited", "severity"),
    [(False, 9, 0.0, "error"), (False, 0, 0.0, "note"), (True, 9, 0.8, "warning"), (True, 9, 0.1, "error")],
)
def test_who_closed_a_transport_decides_how_bad_it_is(
    closing: bool, buffered: int, waited: float, severity: str
) -> None:
    """A peer that does not read is blamed only where somebody had waited for it."""
    found = code(closed({"closing": closing, "buffered": buffered}, waited=waited), "unclosed-transport")
    assert found is not None and found.severity == severity
    assert ("did not read" in found.title) is (waited > 0.5) and ("still open" in found.title) is not closing
    assert ("abort()" in found.advice) is (waited > 0.5)
    assert (f"{buffered} bytes" in found.title) is bool(buffered)


def test_a_closed_transport_that_sent_everything_is_no_finding() -> None:
    assert closed({"closing": True, "buffered": 0}) == []


def test_a_library_that_complains_of_its_own_object_is_believed() -> None:
    found = code(closed(complaints=("Unclosed client session\nsource", "Unclosed connector")), "unclosed-transport")
    assert (
        found is not None
        and found.title == "Client session and connector were still open when the event loop was closed"
    )
    assert closed(complaints=("something else",)) == []


def left(**busy: Any) -> Any:
    at = ("/app/w.py", 5, "serve")
    thread = {"thread": 9, "name": "acceptor", "daemon": False, "state": "busy", "at": at, "leaf": at} | busy
    leave = message("exit", 0.01, how="os._exit", by=("/app/w.py", 9, "stop"), n_tasks=0, tasks=[], busy=[thread])
    return code(findings(leave, exited=0.05), "exit-without-cleanup")


def test_a_thread_that_was_still_running_is_a_note() -> None:
    found = left()
    assert found.severity == "note" and found.title.endswith("with thread acceptor still running")
    assert left(daemon=True) is None


def test_a_pool_job_that_was_cut_off_is_an_error() -> None:
    found = left(state="executor", name="pool_0")
    assert found.severity == "error" and found.title.endswith("with pool job pool_0 unfinished")


def joined(n_threads: int | None, threads: int = 1) -> Any:
    queue, wait = ("/usr/lib/python3.12/queue.py", 91, "join"), ("/usr/lib/python3.12/threading.py", 355, "wait")
    close = ("/app/w.py", 40, "close")
    main: dict[str, Any] = {"thread": 1, "name": "MainThread", "main": True, "daemon": False, "state": "busy"}
    main |= {"at": close, "leaf": wait, "stack": [("/app/w.py", 60, "<module>"), close, queue, wait]}
    listed = [main, main | {"thread": 2, "main": False, "name": "worker"}][:threads]
    told = (
        message("signal-received", 0.001, signal=15, kind="python", name="stop"),
        message("thread-waiting", 0.1, seconds=0.09, **main),
        message("snapshot", 1.0, reason="thread-join", first=False, threads=listed, n_threads=n_threads, tasks=[]),
    )
    return findings(*told, exited=2.0, killed=True)


def test_a_join_without_any_other_thread_waits_for_nobody() -> None:
    found = joined(1)[0]
    assert found.code == "waits-for-nobody" and "task_done()" in found.advice


@pytest.mark.parametrize(("counted", "listed"), [(2, 1), (None, 1), (1, 2), (2, 2)])
def test_a_snapshot_that_may_not_have_looked_proves_nothing(counted: int | None, listed: int) -> None:
    assert code(joined(counted, listed), "waits-for-nobody") is None
