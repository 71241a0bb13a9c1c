"""What only a real Loop with real processes shows: ends in awkward moments."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import PATIENCE

PROGRAM = [sys.executable, str(Path(__file__).with_name("one_loop.py"))]
# Seizes a process, says so, and holds it without ever waiting until it is told how to let it go.
TRACER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
print(0 if libc.ptrace(0x4206, pid, None, None) == 0 else ctypes.get_errno(), flush=True)
if sys.stdin.readline() == "wait\\n":
    os.waitpid(pid, 0x40000000)
    print("waited", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("kind", ["ends", "ready"])
def test_an_end_has_the_time_at_which_it_came_not_that_of_the_next_turn(kind: str) -> None:
    """While one fact is handled, a process ends; what is handled next takes its time, which is not the process's."""
    run = subprocess.run([*PROGRAM, kind], capture_output=True, text=True, timeout=PATIENCE, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    assert len(found["ends"]) == 3
    assert found["ends"][1] <= found["second"]


@pytest.mark.parametrize("how", ["wait", "exit"])
def test_a_tracer_that_does_not_wait(how: str) -> None:
    """The worker is a zombie that cannot be waited for, and its pidfd is readable all the time."""
    with subprocess.Popen([*PROGRAM, "traced"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None and run.stdout is not None
        pid = run.stdout.readline().strip()
        with subprocess.Popen(
            [sys.executable, "-c", TRACER, pid], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as tracer:
            assert tracer.stdin is not None and tracer.stdout is not None
            refused = int(tracer.stdout.readline())
            if refused:
                run.kill()
                tracer.kill()
                assert refused in (errno.EPERM, errno.ENOSYS)
                pytest.skip("ptrace is not allowed here")
            print(file=run.stdin, flush=True)
            assert run.stdout.readline() == "kept\n"
            print(how, file=tracer.stdin, flush=True)
            if how == "wait":
                assert tracer.stdout.readline() == "waited\n"
            found: dict[str, Any] = json.loads(run.stdout.readline())
            tracer.kill()
        assert run.wait(PATIENCE) == 0
    assert len(found["ends"]) == 1, "the end is not lost"
    assert found["asked"] <= 3, "nobody asks in every turn"


def test_an_action_that_nobody_can_carry_out_is_refused() -> None:
    """An action that was added to the core alone must not be lost without a word."""
    run = subprocess.run([*PROGRAM, "unknown"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert "Strange()" in json.loads(run.stdout)["refused"]
