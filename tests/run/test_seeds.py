"""The four programs about asyncio cancellation that the project grew from, on every Python from 3.8 to 3.13.

What each does by itself, it does under `run` as well: same output, same exit code, same signals needed.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.support import pythons
from tests.support.processes import WORKERS, Wrapped, report

DESTROYED = "Task was destroyed but it is pending!"

each_python = pytest.mark.parametrize("version", pythons.VERSIONS)


def _program(version: str, name: str, *arguments: str) -> list[str]:
    return [pythons.find(version), str(WORKERS / name), *arguments]


@each_python
def test_a_caught_cancellation_ends_in_order_by_sigint_only(version: str, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(_program(version, "seed_cancel_caught.py"), "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGINT)
        said = wrapped.rest().split("\n")
        assert wrapped.wait() == 0
    # Since 3.11 SIGINT cancels the main task, which returns normally; before, KeyboardInterrupt is raised afterwards.
    assert said[0] == "cancelled, returning"
    assert ("interrupted" in said) == (version in ("3.8", "3.9", "3.10"))
    one = report(out)
    assert (one["outcome"], one["exit_code"], one["asked_by"]) == ("clean", 0, "signal SIGINT")

    with Wrapped(_program(version, "seed_cancel_caught.py"), "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.rest() == "", "no handler, no clean-up"
        assert wrapped.wait() == -signal.SIGTERM
    assert report(out)["outcome"] == "signalled"


def test_looking_inside_loses_no_sigint() -> None:
    """The agent's probe wakes the event loop just before the stop signal, and asyncio is deaf for an instant then:
    a SIGINT between Python's look at pending signals and epoll_wait waits for another event (4 of 100 stops did)."""
    command = [sys.executable, str(WORKERS / "seed_cancel_caught.py")]
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            runs = [stack.enter_context(Wrapped(command, "--escalation", "INT/20/KILL")) for _ in range(5)]
            for wrapped in runs:
                wrapped.ready()
                wrapped.send(signal.SIGINT)
            assert [wrapped.wait() for wrapped in runs] == [0] * len(runs)


@each_python
def test_a_task_made_while_being_cancelled_is_lost(version: str, tmp_path: Path) -> None:
    """From 3.12 on one SIGINT does not end a server that has a client: the ladder sends the others."""
    out = tmp_path / "report.json"
    one_is_enough = version in ("3.8", "3.9", "3.10", "3.11")
    wait = "20" if one_is_enough else "0.4"
    ladder = f"INT/{wait}/INT/{wait}/INT/{wait}/INT/20/KILL"
    command = _program(version, "seed_task_in_cancel.py")
    with contextlib.ExitStack() as stack:
        wrapped = stack.enter_context(Wrapped(command, "--escalation", ladder, "--report", str(out)))
        (port,) = wrapped.ready()
        client = stack.enter_context(socket.create_connection(("127.0.0.1", int(port))))
        client.sendall(b"hello\n")
        assert client.recv(100) == b"hello\n"
        wrapped.send(signal.SIGINT)
        assert wrapped.wait() == 0
        assert DESTROYED in wrapped.stderr
        assert "say_goodbye" in wrapped.stderr
    one = report(out)
    assert one["outcome"] == "clean"
    sent = [climb["signal"] for climb in one["escalation"]]
    assert set(sent) == {"SIGINT"}
    assert (len(sent) == 1) == one_is_enough, "measured: 1 up to 3.11, 3 on 3.12.1, 2 on 3.13.0"


@each_python
def test_work_in_the_executor_outlives_main(version: str) -> None:
    with Wrapped(_program(version, "seed_executor.py")) as wrapped:
        wrapped.ready()
        assert wrapped.lines(2) == ["main over", "thread over"]
        assert wrapped.wait() == 0
        assert ("RuntimeError: Event loop is closed" in wrapped.stderr) == (version == "3.8")


@each_python
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_handler_that_stops_the_loop(version: str, number: int, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(_program(version, "seed_loop_stop.py"), "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(number)
        assert wrapped.lines(2) == ["cleaning up", "stopped with 0 pending"]
        assert wrapped.wait() == 0
        assert wrapped.stderr == ""
    assert report(out)["outside"]["signals"] == {signal.Signals(number).name: "caught"}


@each_python
def test_a_handler_that_stops_the_loop_loses_the_pending_task(version: str) -> None:
    with Wrapped(_program(version, "seed_loop_stop.py", "pending")) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        said = wrapped.rest()
        assert wrapped.wait() == 0
        assert "stopped with 1 pending" in said
        assert "background cancelled" not in said, "its clean-up never runs"
        assert DESTROYED in wrapped.stderr
