"""Several runs in one process: each is complete, says nothing by itself, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def test_runs_follow_one_another() -> None:
    program = [sys.executable, "-m", "tests.system.several_runs", "4"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100, check=True, env=os.environ)
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    expected = {"py": ["signalled", "drill", True, True], "sleep": ["signalled", "drill", False, False]}
    assert [ends for ends, _ in runs] == [expected] * 4
    assert len({descriptors for _, descriptors in runs}) == 1
    assert "Traceback" not in done.stderr or "KeyboardInterrupt" in done.stderr  # the worker's own
    assert "supervisor" not in done.stderr
