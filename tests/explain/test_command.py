"""The command itself: exit codes, messages, text and JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.explain.program import Program, shell
from tests.support.processes import PATIENCE, SUPERVISOR, state, status, until


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SUPERVISOR, "explain", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_json_is_all_there_is_and_holds_no_secret() -> None:
    with Program(["bash", "-c", "trap '' TERM; sleep 300; true", "x", "--password", "hunter2"]) as program:
        until(lambda: int(status(program.pid)["SigIgn"], 16) & 1 << 14, "the trap is set")
        done = _run(str(program.pid), "--json", "--for", "0.1")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        assert told["schema"] == "supervisor.explain/1"
        assert told["pid"] == program.pid
        assert told["signals"]["SIGTERM"] == "ignored"
        assert "SIGTERM" in told["ignored"]
        assert told["findings"][0]["code"] == "signal-ignored"
        assert told["fleet"] is None
        assert "hunter2" not in done.stdout
        assert "hunter2" not in _run(str(program.pid), "--for", "0.1").stdout


def test_text_is_narrow_plain_and_has_the_next_step() -> None:
    with shell("kill -STOP $$") as program:
        until(lambda: state(program.pid) == "T", "it is stopped")
        done = _run(str(program.pid), "--for", "0.1")
        assert max(len(line) for line in done.stdout.splitlines()) <= 80
        assert "\x1b" not in done.stdout
        assert f"→ Continue it: kill -CONT {program.pid}" in done.stdout
        assert "\x1b[31merror" in _run(str(program.pid), "--for", "0.1", "--color", "always").stdout


def test_nobody_there() -> None:
    with Program(["true"]) as program:
        program.process.wait(PATIENCE)
        done = _run(str(program.pid))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"supervisor: there is no process {program.pid}\nhint: see what runs with: ps -ef\n"


def test_a_thread_points_to_its_process() -> None:
    code = "import threading as t, time; print('ready', flush=True); t.Thread(target=time.sleep, args=[300]).start()"
    with Program([sys.executable, "-c", code]) as program:
        program.ready()
        threads = until(
            lambda: [tid for tid in os.listdir(f"/proc/{program.pid}/task") if tid != str(program.pid)], "it"
        )
        done = _run(threads[0])
        assert done.returncode == 1
        assert f"supervisor explain {program.pid}" in done.stderr


@pytest.mark.parametrize("wrong", [("0",), ("x",), ("1", "--for", "61"), ("1", "--color", "red")])
def test_usage(wrong: tuple[str, ...]) -> None:
    done = _run(*wrong)
    assert (done.returncode, done.stdout) == (2, "")
