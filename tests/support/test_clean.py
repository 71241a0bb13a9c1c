"""The harness itself: what it makes of the signals it was started with, and of what a failing test leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clean import nothing_left

# Under nohup, in the background, below a runner that ignores and blocks more.
_INHERITED = (
    "import os, signal\n"
    "for one in (1, 2, 3, 10, 12, 15, 17, 20, 34): signal.signal(one, signal.SIG_IGN)\n"
    "signal.pthread_sigmask(signal.SIG_SETMASK, {1, 15, 17, 40})\n"
    "os.execv(os.sys.executable, [os.sys.executable, '-c', os.environ['NEXT']])\n"
)
_NEXT = (
    "import subprocess\nfrom support.clean import signals_of_a_shell\nsignals_of_a_shell()\n"
    "print(subprocess.run(['cat', '/proc/self/status'], capture_output=True, text=True, check=True).stdout)"
)


def test_programs_of_tests_start_as_from_a_shell() -> None:
    folder = str(Path(__file__).parents[1])
    found = subprocess.run(
        [sys.executable, "-c", _INHERITED],
        env={"PYTHONPATH": folder, "NEXT": _NEXT}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    fields = dict(line.split(":\t") for line in found.stdout.splitlines() if line.startswith("Sig"))
    glibcs = 1 << 31 | 1 << 32  # 32 and 33, which its posix_spawn(3), and so subprocess from 3.13 on, ignores
    assert int(fields["SigIgn"], 16) & ~glibcs == 0
    assert int(fields["SigBlk"], 16) == 0


def test_what_a_failing_test_leaves_is_ended_and_reaped() -> None:
    left = []

    def fail() -> None:
        left.append(subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert left[0].stdin is not None
        left[0].stdin.write(b"buffered, and nobody reads it")
        raise AssertionError("as a test does")

    with pytest.raises(AssertionError, match="as a test does"), nothing_left():
        fail()
    assert left[0].returncode == -signal.SIGKILL
    assert left[0].stdin is not None and left[0].stdin.closed
    assert left[0].stdout is not None and left[0].stdout.closed


def test_what_was_started_before_stays() -> None:
    with subprocess.Popen(["sleep", "600"]) as before:
        with nothing_left():
            pass
        assert before.poll() is None
        before.kill()
