"""`run` under a service manager: what it says over $NOTIFY_SOCKET, and that the command has nothing of it."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.run.test_counts import loaded
from tests.support.manager import Manager
from tests.support.processes import WORKERS, Wrapped, python, run

if TYPE_CHECKING:
    from pathlib import Path

TOLD = "import os; print({key: os.environ[key] for key in sorted(os.environ) if key.startswith(('NOTIFY', 'WATCH'))})"


@pytest.mark.parametrize("abstract", [False, True])
def test_ready_stopping_and_status(abstract: bool, tmp_path: Path) -> None:
    with Manager(tmp_path, abstract=abstract) as manager:
        command = [sys.executable, str(WORKERS / "stubborn.py")]  # with the agent
        with Wrapped(command, "--grace", "3", env={"NOTIFY_SOCKET": manager.address}) as wrapped:
            wrapped.ready()
            assert manager.until("READY=1") == ["READY=1"]
            assert manager.until("STATUS=") == ["STATUS=running"]
            wrapped.send(signal.SIGTERM)
            stopping = manager.until("STOPPING=1")
            assert [line.partition("=")[0] for line in stopping] == ["STOPPING", "EXTEND_TIMEOUT_USEC"]
            (status,) = manager.until("STATUS=draining: main thread busy at stubborn.py:")
            assert "SIGKILL in" in status
            assert wrapped.wait() == -signal.SIGKILL
        extensions = [word for word in manager.words if word.startswith("EXTEND_TIMEOUT_USEC=")]
        assert len(extensions) >= 3, "renewed at a third, for SIGKILL, for the report"


def test_what_the_manager_told_us_is_not_for_the_command(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "9000000"}
        with Wrapped([sys.executable, "-c", TOLD], env=given) as wrapped:
            assert wrapped.line() == "{}"
            assert wrapped.wait() == 0
        assert "WATCHDOG=1" in manager.words


@pytest.mark.parametrize("pid", [None, 1])
def test_a_watchdog_that_means_another_process_hears_nothing(pid: int | None, tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"}
        with Wrapped(python("print_signals.py"), env=given | ({"WATCHDOG_PID": str(pid)} if pid else {})) as wrapped:
            wrapped.ready()
            manager.until("STATUS=")
            if pid is None:
                manager.until("WATCHDOG=1")
            wrapped.send(signal.SIGTERM)
            manager.until("STOPPING=1")
        assert ("WATCHDOG=1" in manager.words) == (pid is None)


def test_extend_off_leaves_the_units_limit(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address}
        with Wrapped(python("stubborn.py"), "--grace", "0.1", "--extend", "off", env=given) as wrapped:
            wrapped.ready()
            wrapped.send(signal.SIGTERM)
            assert wrapped.wait() == -signal.SIGKILL
        assert manager.words == ["READY=1", "STOPPING=1"]


def test_a_command_that_cannot_be_run_was_never_ready(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        code, _, said = run(["/nonexistent/program"], env={"NOTIFY_SOCKET": manager.address})
        assert code == 127 and "no such file" in said
        assert "READY=1" not in manager.words


def test_a_manager_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    address = str(tmp_path / "nobody")
    code, out, said = run(["echo", "works"], env={"NOTIFY_SOCKET": address})
    assert (code, out) == (0, "works\n")
    assert said.count(f"NOTIFY_SOCKET={address}: No such file or directory") == 1
    assert run(["true"], "--quiet", env={"NOTIFY_SOCKET": address})[2] == ""


def test_without_a_manager_nothing_of_it_is_imported(tmp_path: Path) -> None:
    _, at_end = loaded(folder=tmp_path)
    ours = [name for name in at_end if name.startswith("supervisor")]
    assert ours and not [name for name in ours if "manager" in name or "notify" in name]


def test_a_reload_signal_is_passed_on_and_stops_nothing(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address}
        with Wrapped(python("print_signals.py"), "--reload-signal", "HUP", env=given) as wrapped:
            wrapped.ready()
            manager.until("READY=1")
            wrapped.send(signal.SIGHUP)
            assert wrapped.line() == str(int(signal.SIGHUP))
            reloading = manager.until("RELOADING=1")
            assert reloading[1].startswith("MONOTONIC_USEC=")
            wrapped.send(signal.SIGTERM)
            manager.until("STOPPING=1")
        words = manager.words
        assert words[words.index("RELOADING=1") :][2] == "READY=1"


@pytest.mark.parametrize("name", ["TERM", "KILL", "TSTP", "NONE", ""])
def test_not_every_signal_can_ask_for_a_reload(name: str) -> None:
    code, _, said = run(["true"], "--reload-signal", name)
    assert code == 2 and "no signal to reload with" in said
