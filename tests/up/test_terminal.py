"""`up` on a terminal: Ctrl-C, colours, a stopped and a vanished terminal, and a shell that gets its own back."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import SUPERVISOR, children, gone, python, state, until
from tests.support.terminal import CTRL_Z, shell
from tests.top.terminal import Terminal
from tests.up.fleet import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """`supervisor up` with lines, not the dashboard, on a terminal of its own."""
    made: list[Terminal] = []

    def start(config: str, *options: str) -> Terminal:
        path = tmp_path / "supervisor.toml"
        path.write_text(f'[fleet]\nname = "t"\n{config}')
        argv = [SUPERVISOR, "up", "-c", str(path), "--dashboard", "never", *options]
        made.append(Terminal(argv, 100, 30, **environment(tmp_path)))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_ctrl_c(up: Callable[..., Terminal]) -> None:
    """A key stops the fleet; the workers, in sessions of their own, have not had it from the terminal."""
    deaf = f'command = {python("stubborn.py")}\nstop.escalation = "TERM/0.3/KILL"'
    config = f'[worker.deaf]\n{deaf}\n[worker.w]\ncommand = "sleep 600"'
    shown = up(config)
    shown.until("ready")
    shown.type(b"\x03")
    shown.until("stopping 2 workers, kill in")
    assert shown.ended() == 137
    assert b"SIGTERM" in shown.raw and b"deaf       | \x1b[0mSIGINT" not in shown.raw
    assert "`deaf` finished last" in shown.text or b"`deaf` finished last" in shown.raw
    assert termios.tcgetattr(shown.master) == shown.modes


def test_a_terminal_that_a_worker_left_without_a_cursor_is_put_right(up: Callable[..., Terminal]) -> None:
    """A progress bar that was stopped, a full-screen program that was killed: the shell is not to suffer from it."""
    shown = up(
        """[worker.w]\ncommand = ["sh", "-c", 'printf "\\033[?25l\\033[?2004h\\033[31mhi\\n"; exec sleep 600']"""
    )
    shown.until("hi")
    shown.type(b"\x03")
    assert shown.ended() == 0
    written = shown.raw.partition(b"hi")[2]
    assert written.count(b"\x1b[?25h\x1b[?2004l") == 1
    assert written.index(b"\x1b[?25h") > written.index(b"stopping 1 worker")


def test_a_terminal_that_nobody_touched_gets_nothing(up: Callable[..., Terminal]) -> None:
    shown = up('[worker.w]\ncommand = ["sh", "-c", "echo hi; exec sleep 600"]')
    shown.until("hi")
    shown.type(b"\x03")
    assert shown.ended() == 0
    assert b"\x1b[?" not in shown.raw


def test_colour_only_here(up: Callable[..., Terminal]) -> None:
    shown = up('[worker.w]\ncommand = ["sh", "-c", "echo hi; echo ho >&2; exec sleep 600"]')
    shown.until("ho")
    for word in (b"hi", b"ho"):
        assert b"\x1b[0;36mw          | \x1b[0m" + word in shown.raw
    shown.type(b"\x03")
    assert shown.ended() == 0


def test_a_stopped_terminal_delays_nothing(up: Callable[..., Terminal]) -> None:
    """Ctrl-S, and nobody reads: the deadlines hold, and what was said is there after Ctrl-Q."""
    loud = "import signal, time; signal.signal(15, signal.SIG_IGN)\nwhile True: print('x' * 70)"
    config = f'[worker.w]\ncommand = ["{sys.executable}", "-ESc", """{loud}"""]\nstop.grace = 0.3'
    shown = up(config)
    shown.until("xxx")
    shown.type(b"\x13")
    supervisor = shown.process.pid
    (pid,) = children(supervisor)
    until(lambda: state(pid) == "S" and _writing(pid), "the worker waits for us")
    shown.signal(signal.SIGTERM)
    until(lambda: gone(pid), "killed on time")
    assert not gone(supervisor)
    shown.type(b"\x11")
    assert shown.ended() == 137
    assert b"had to be killed" in shown.raw and b"stopping 1 worker" in shown.raw


def _writing(pid: int) -> bool:
    """Whether it sleeps in write(2) (x86-64: 1, aarch64: 64)."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[:2] in (["1", "0x1"], ["64", "0x1"])


def test_a_terminal_that_goes_away(tmp_path: Path) -> None:
    """SIGHUP is a stop request, with the ladder's own signal; that nothing can be written is no reason to fail."""
    path = tmp_path / "supervisor.toml"
    path.write_text('[fleet]\nname = "t"\n[worker.w]\ncommand = ["sh", "-c", "echo hi; exec sleep 600"]')
    report = tmp_path / "r.json"
    argv = [SUPERVISOR, "up", "-c", str(path), "--dashboard", "never", "--report", str(report)]
    with Terminal(argv, 80, 24, **environment(tmp_path)) as shown:
        shown.until("hi")
        (pid,) = children(shown.process.pid)
        shown.hang_up()
        assert shown.process.wait(30) == 0
    assert gone(pid)
    (told,) = json.loads(report.read_text())["shutdowns"]
    assert told["asked_by"] == "signal SIGHUP"
    assert [one["signal"] for one in told["escalation"]] == ["SIGTERM"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash for job control")
def test_in_the_background_of_a_shell_it_runs(tmp_path: Path) -> None:
    """A dashboard there would change the terminal's modes, for which the kernel stops the whole job (SIGTTOU)."""
    path = tmp_path / "supervisor.toml"
    path.write_text('[fleet]\nname = "t"\n[worker.w]\ncommand = ["sh", "-c", "echo hi; exec sleep 600"]')
    variables = {key: value for key, value in environment(tmp_path).items() if key in ("XDG_RUNTIME_DIR", "CI")}
    with shell(**variables) as session:
        session.type(f"{SUPERVISOR} up -c {path} &\n")
        session.expect("in the background: output follows as lines. Dashboard:")
        session.expect("supervisor top -c ")
        session.expect("hi")
        session.type("jobs\n")
        session.expect(r"\]\+ +Running ")
        session.type("kill %1\n")
        session.expect("stopping 1 worker")
        session.expect("w +.*died of SIGTERM")
        session.type(f"{SUPERVISOR} up -c {path}\n")
        session.expect("hi")
        session.type(CTRL_Z)
        session.expect("Stopped")
        session.type("bg\n")
        session.expect("in the background: output follows as lines")
        session.type("jobs\n")
        session.expect(r"\]\+ +Running ")
        session.type("kill %%\n")
        session.expect("died of SIGTERM")
