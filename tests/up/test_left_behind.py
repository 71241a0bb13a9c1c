"""What workers had left that ended before the fleet is stopped: it is asked to end, waited for, and named."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import until
from tests.up.fleet import Up, shutdowns

# Leaves a daemon in a session of its own that cleans up when it is asked to end, and exits.
PROGRAM = """
import os, signal, sys, time

def clean(*_):
    time.sleep(0.2)
    print("x", file=open("cleaned", "a"), flush=True)
    os._exit(0)

reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, clean)
    os.write(writer, b"up")
    while True:
        signal.pause()
os.read(reader, 2)
sys.exit(int(sys.argv[1]))
"""


def leaving(folder: Path, code: int, options: str) -> str:
    (folder / "leave.py").write_text(PROGRAM)
    return f'[worker.app]\ncommand = ["{sys.executable}", "leave.py", "{code}"]\nagent = false\n{options}\n'


def cleaned(folder: Path) -> int:
    path = folder / "cleaned"
    return path.read_text().count("x") if path.exists() else 0


def left(end: dict[str, Any]) -> list[str]:
    return [one["fate"] for one in end["leftovers"]]


@pytest.mark.skipif(not os.path.exists("/proc/thread-self/children"), reason="needs CONFIG_PROC_CHILDREN")
@pytest.mark.parametrize(
    ("phase", "code", "options"),
    [
        ("exited", 0, 'restart = "never"'),
        ("failed", 3, "backoff.burst = 0"),
        ("backoff", 3, "backoff.first = 600\nbackoff.max = 600"),
    ],
)
def test_left_by_a_worker_that_does_not_run(phase: str, code: int, options: str, tmp_path: Path) -> None:
    config = leaving(tmp_path, code, options) + '[worker.web]\ncommand = "sleep 60"'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.phases(app=phase, web="running")
        assert fleet.ended() == code
        assert fleet.alive() == []
    assert cleaned(tmp_path) == 1, "it had its time to clean up"
    (end,) = shutdowns(tmp_path / "r.json")["app"]
    assert left(end) == ["ended"]
    assert [climb["target"] for climb in end["escalation"]] == ["leftovers"]


def test_each_start_is_told_what_it_left(tmp_path: Path) -> None:
    """Two starts, both failed: the fleet is over by itself, and waits for what they have left."""
    config = leaving(tmp_path, 3, "backoff.first = 0.01\nbackoff.burst = 1")
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        assert fleet.wait() == 3
        until(lambda: fleet.alive() == [], "nobody is left")
        assert "all workers have ended; stopping 2 processes that were left behind" in fleet.stderr
    assert cleaned(tmp_path) == 2
    first, second = shutdowns(tmp_path / "r.json")["app"]
    assert (first["start"], second["start"]) == (1, 2)
    assert left(first) == left(second) == ["ended"]
    assert first["leftovers"][0]["pid"] != second["leftovers"][0]["pid"]
