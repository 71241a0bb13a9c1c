"""Where there is no dashboard: one clear message and what to use instead, never animation."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.top.terminal import Terminal

TOP = """
import sys
from supervisor.cli.top import top
from supervisor.errors import SupervisorError
try:
    sys.exit(top(sys.argv[1]))
except SupervisorError as error:
    sys.exit(f"{error.exit_code} {error.message}; {error.hint}")
"""


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({"NO_COLOR": "1"}, "NO_COLOR is set"),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "NO_COLOR is set"),
        ({"CI": "true"}, "CI is set"),
        ({"TERM": "dumb"}, "TERM=dumb"),
        ({"TERM": ""}, "TERM is not set"),
    ],
)
def test_a_terminal_that_wants_none(terminal: Callable[..., Terminal], env: dict[str, str], reason: str) -> None:
    shown = terminal(sys.executable, "-c", TOP, "/nowhere", columns=200, **env)
    assert shown.ended() == 1
    assert "2 the dashboard cannot run here: " in shown.text
    assert reason in shown.text and "supervisor status" in shown.text
    assert b"\x1b" not in shown.raw


def test_no_no_color_is_no_reason(terminal: Callable[..., Terminal]) -> None:
    shown = terminal(sys.executable, "-c", TOP, "/nowhere", columns=200, NO_COLOR="", CI="")
    shown.ended()
    assert "nobody answers at /nowhere" in shown.text


@pytest.mark.parametrize("command", [["-c", TOP], ["-P", "-m", "supervisor.top"]])
def test_no_terminal(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "/nowhere"],
        capture_output=True,
        check=False,
        text=True,
        env={"FORCE_COLOR": "1", "TERM": "xterm"},
    )
    assert done.returncode != 0 and not done.stdout
    assert "terminal" in done.stderr and "supervisor status" in done.stderr and "\x1b" not in done.stderr
