"""dumb-init's own test suite, with `dumb-init` on PATH being an adapter to `supervisor run`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.outside import adapters, suites

# cli_test asserts dumb-init's help and debug texts; cwd_test its chdir("/"), which would break a relative --report;
# the session-leader case its debug text about a TIOCNOTTY that we do not need.
NOT_OURS = ["--ignore=tests/cli_test.py", "--ignore=tests/cwd_test.py"]
NOT_OURS += ["--deselect", "tests/tty_test.py::test_sighup_sigcont_ignored_if_was_session_leader"]
BEHAVIOURAL = 182 - 70 - 4 - 1


@pytest.mark.outside
def test_dumb_inits_suite_passes(tmp_path: Path) -> None:
    suite = suites.find("dumb-init")
    adapters.install("dumb-init", tmp_path)
    done = subprocess.run(
        [*_reaper(), sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *NOT_OURS, "tests"],
        cwd=suite,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) == BEHAVIOURAL, done.stdout


def _reaper() -> list[str]:
    """The suite counts zombies as alive, and not every PID 1 reaps what is orphaned to it: give it one that does."""
    if tini := shutil.which("tini"):
        return [tini, "-s", "--"]
    return [sys.executable, "-c", _REAPER]


_REAPER = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
main = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
while (ended := os.wait())[0] != main:
    pass
sys.exit(os.waitstatus_to_exitcode(ended[1]))
"""
