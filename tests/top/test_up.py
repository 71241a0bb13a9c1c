"""The dashboard as `up` starts it: a real fleet, a real Ctrl-C, the terminal as it was."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.top.terminal import Terminal

CONFIG = """
[fleet]
name = "small"

[worker.polite]
command = ["sleep", "1000"]

[worker.stubborn]
command = ["sh", "-c", "trap '' TERM INT; echo ready; while :; do sleep 0.1; done"]
stop.escalation = "TERM/100/KILL"
"""
UP = "from supervisor.entry import main; import sys; sys.exit(main(['up', '-c', sys.argv[1]]))"


@pytest.fixture
def up(tmp_path: Path, terminal: Callable[..., Terminal]) -> Terminal:
    config = tmp_path / "small.toml"
    config.write_text(CONFIG)
    shown = terminal(sys.executable, "-P", "-c", UP, str(config), XDG_RUNTIME_DIR=str(tmp_path), rows=40)
    shown.until("running 2/2")
    shown.until("stubborn   │ ready")
    return shown


def test_ctrl_c_twice_and_the_report(up: Terminal) -> None:
    assert "q lines · Ctrl-C stop" in up.text
    up.type("\x03")
    up.until("stopping 1 worker, kill in")
    assert "KILL in" in up.text
    up.type("\x03")
    assert up.ended() == 128 + signal.SIGKILL
    assert up.restored
    # The report may be longer than the screen.
    assert b"was killed (SIGKILL) before its grace period ended" in up.raw


def test_the_log_stays_readable_after_the_end(up: Terminal) -> None:
    """What only the dashboard showed comes as lines when it has gone, ours among the workers', each once."""
    up.type("\x03")
    up.until("stopping 1 worker, kill in")
    up.type("\x03")
    up.ended()
    after = re.sub(rb"\x1b\[[0-9;]*m", b"", up.raw.rpartition(b"\x1b[?1049l")[2]).decode()
    assert after.count("stubborn   | ready\r\n") == 1
    assert after.count("supervisor | stopping 2 workers, kill in") == 1
    assert after.index("stubborn   | ready") < after.index("stopping 2 workers") < after.index("shutdown of")


def test_q_leaves_lines_and_the_fleet_running(up: Terminal) -> None:
    up.type("q")
    up.until("follows as lines")
    up.until(lambda: up.restored)
    assert "stubborn   | ready" in up.text
    assert up.process.poll() is None
    up.type("\x03")
    up.until("stopping 2 workers")


def test_a_killed_dashboard_changes_nothing_for_the_fleet(up: Terminal) -> None:
    (dashboard,) = [pid for pid in _children(up.process.pid) if b"supervisor.top" in _command(pid)]
    os.kill(dashboard, signal.SIGKILL)
    up.until("follows as lines")
    assert up.restored
    assert up.process.poll() is None


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def _command(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
