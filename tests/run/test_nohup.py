"""A hang-up under nohup: ignored when we were started, so it asks for nothing, and is the command's to handle."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.processes import SUPERVISOR


def _under_nohup(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", SUPERVISOR, "run", "-g", "0.2", "--", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_starts_no_ladder() -> None:
    with _under_nohup(["sh", "-c", "echo ready; sleep 100"]) as wrapped:
        assert wrapped.stdout is not None and wrapped.stdout.readline() == "ready\n"
        wrapped.send_signal(signal.SIGHUP)
        # SIGKILL would come 0.2 s later; a stop request that counts ends it at once.
        try:
            wrapped.wait(1.0)
            raise AssertionError("the hang-up ended it")
        except subprocess.TimeoutExpired:
            wrapped.send_signal(signal.SIGTERM)
        assert wrapped.wait(60) == -signal.SIGTERM


def test_a_command_with_a_handler_of_its_own_hears_it() -> None:
    code = (
        "import signal, sys\nsignal.signal(signal.SIGHUP, lambda *_: sys.exit(3))\nprint('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    with _under_nohup([sys.executable, "-c", code]) as wrapped:
        assert wrapped.stdout is not None and wrapped.stdout.readline() == "ready\n"
        wrapped.send_signal(signal.SIGHUP)
        assert wrapped.wait(60) == 3
