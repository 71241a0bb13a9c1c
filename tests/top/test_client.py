"""The client as a process on a real terminal and a real socket: what a person sees, and what they get back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.top import scenes
from tests.top.conftest import log, message, state, still

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.top.terminal import Server, Terminal

    Dashboard = Callable[..., Terminal]


def test_it_asks_as_documented_shows_the_fleet_and_leaves_with_q(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    assert json.loads(server.heard[-1].removeprefix("asked ")) == {"v": 1, "do": "watch", "log": True}
    shown.until("shop  running 3/3")
    assert "mailer" in shown.text and shown.cursor_hidden
    shown.type("q")
    assert shown.ended() == 0
    assert shown.restored
    server.hear("gone")


def test_an_update_changes_only_the_workers_it_names(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    failed = scenes.worker(1, "api", "failed", outcome="failed", exit_code=3)
    server.send(message(fleet=scenes.fleet(still(3)), workers=[failed]))
    shown.until("exited with 3")
    assert "running 2/3 · 1 failed" in shown.text
    assert [line.split()[0] for line in shown.text.splitlines()[2:5]] == ["api", "web", "mailer"]


def test_the_log_and_its_switch(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    server.send(log("first line"), log("ours", index=None, title="supervisor"))
    shown.until("supervisor │ ours")
    assert "web        │ first line" in shown.text
    shown.type("l")
    shown.until("l show log")
    assert "first line" not in shown.text
    shown.type("l")
    shown.until("first line")


def test_keys_move_rows_and_log(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard(workers=still(300))
    shown.until("+ 288 more, all running")
    shown.type("\x1b[B\x1b[B")
    shown.until("↑ 2 ↓ 286 more")
    shown.type("\x1b[6~")
    shown.until("↑ 13 ↓ 275 more")
    shown.type("\x1b[F")
    shown.until("↑ 288 ↓ 0 more")
    assert "notifier.24" in shown.text
    shown.type("\x1bOH")
    shown.until("+ 288 more")
    server.send(log(*[f"line {number}" for number in range(100)]))
    shown.until("line 99")
    shown.type("\t\x1b[A")
    shown.until("1 newer line below")
    server.send(log("line 100"))
    shown.until("2 newer lines below")
    assert "line 98" in shown.text and "line 99" not in shown.text
    shown.type("\x1b[F")
    shown.until("line 100")


def test_help_is_an_overlay_that_any_key_closes(dashboard: Dashboard) -> None:
    shown = dashboard()
    shown.type("?")
    shown.until("its main process is ending")
    shown.type("\x1b")
    shown.until("mailer")


def test_a_new_size_is_a_new_layout(dashboard: Dashboard) -> None:
    shown = dashboard(workers=still(30))
    shown.until("+ ")
    assert "python -m shop.web" not in shown.text
    shown.resize(120, 40)
    shown.until("python -m shop.web")
    shown.resize(30, 4)
    shown.until("+ 29 more, all running")
    assert shown.text.splitlines()[0] == " shop  running 30/30   q quit"


@pytest.mark.parametrize("embedded", [False, True])
def test_the_end_of_the_fleet(dashboard: Dashboard, server: Server, embedded: bool) -> None:
    shown = dashboard(*["--embedded"] * embedded)
    server.send(log("first", "\x1b[31mlast\x1b[0m words"))
    shown.until("words")
    server.send(message(over=True, code=3))
    assert shown.ended() == 0
    assert shown.restored
    # `up` tells the end itself, in its report, and writes the lines.
    assert ("fleet shop ended with code 3" in shown.text) is not embedded
    assert ("web | first\nweb | last words\n" in shown.text) is not embedded


@pytest.mark.parametrize("embedded", [False, True])
def test_a_supervisor_that_vanishes(dashboard: Dashboard, server: Server, embedded: bool) -> None:
    shown = dashboard(*["--embedded"] * embedded)
    server.vanish()
    assert shown.ended() == 1
    assert shown.restored
    assert "the supervisor of fleet shop vanished" in shown.text


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131), (signal.SIGINT, 0)]
)
def test_signals_leave_a_restored_terminal(dashboard: Dashboard, number: int, code: int) -> None:
    shown = dashboard()
    shown.signal(number)
    assert shown.ended() == code
    assert shown.restored


def test_ctrl_c_leaves(dashboard: Dashboard) -> None:
    shown = dashboard()
    shown.type("\x03")
    assert shown.ended() == 0
    assert shown.restored


def test_embedded_the_terminals_keys_are_left_to_up(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard("--embedded")
    shown.until("q lines · Ctrl-C stop")
    shown.type("\x03\x1c\x1a")
    server.send(log("still here"))
    shown.until("still here")
    shown.type("q")
    assert shown.ended() == 0
    assert shown.restored


@pytest.mark.skipif(not shutil.which("bash"), reason="needs a shell with job control")
def test_ctrl_z_stops_it_with_the_terminal_restored(terminal: Dashboard, server: Server) -> None:
    shell = terminal(shutil.which("bash"), "--norc", "--noprofile", "-i", PS1="> ")
    shell.until(">")
    shell.type(f"{sys.executable} -P -m supervisor.top {server.path}\n")
    server.hear("asked")
    server.send(state(still(3)))
    shell.until("running 3/3")
    shell.type("\x1a")
    shell.until("Stopped")
    assert not shell.cursor_hidden
    shell.type("stty -a | grep -o ' .icanon'; fg\n")
    shell.until("running 3/3")
    shell.type("q")
    shell.until(lambda: not shell.cursor_hidden)
    shell.type("echo code $?\n")
    shell.until("code 0")
    assert b" -icanon" not in shell.raw


def test_what_workers_print_cannot_touch_the_screen(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    server.send(
        log(
            "\x1b[2J\x1b[1;1Hhome",
            "\x1b]0;owned\x07title",
            "\x1bc\x1b[?25h\x1b[?1049lreset",
            "\x9b2Jc1 \x90q\x9cstrings",
            "\x1b[31mred \x1b[8mno end",
            "back\x08\x08\x08\x7fspace",
            "50 %\r100 %",
            "\x1bP unfinished",
            "right\u202eto left",
            "注文" * 100,
            "\ud800 lone",
        )
    )
    shown.until("lone")
    for line in (
        "home",
        "title",
        "reset",
        "c1 strings",
        "red no end",
        "backspace",
        "100 %",
        "rightto left",
        "\ufffd lone",
    ):
        assert f"web        │ {line}\n" in shown.text
    assert shown.text.startswith(" shop  running 3/3") and "mailer" in shown.text
    assert shown.cursor_hidden and not shown.title
    wide = next(line for line in shown.text.splitlines() if "注" in line)
    assert wide.endswith("…")


def test_a_terminal_that_takes_nothing_holds_nobody_up(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    lines = 400
    # Nobody reads the terminal now; what it buffers (64 KiB at most) is full long before the end of this.
    for number in range(lines):
        server.send(log(*[f"{number} " + "x" * 400] * 40))
    server.hear("sent", lines + 1)
    assert shown.process.poll() is None
    server.send(log("the newest"))
    shown.until("the newest")
    shown.type("q")
    assert shown.ended() == 0
    assert shown.restored


def test_leaving_a_terminal_that_takes_nothing(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    shown.type("\x13")  # Ctrl-S
    server.send(*[log("x" * 70)] * 50)
    server.hear("sent", 51)
    shown.signal(signal.SIGTERM)
    shown.process.wait(30)
    assert shown.ended() == 143
    assert shown.restored


def test_a_fault_of_ours_is_told_on_a_restored_terminal(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    server.send(message(fleet={}, workers=[{"index": 0, "id": 0}]))
    assert shown.ended() == 1
    assert shown.restored
    assert shown.raw.rindex(b"\x1b[?1049l") < shown.raw.index(b"Traceback")


def test_nothing_new_paints_nothing(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    server.send(log("ready"))
    shown.until("ready")
    before = shown.frames
    for _ in range(20):
        server.send(state(still(3)))
        time.sleep(0.05)  # not to wait for anything: only so that they do not all fall into one frame
    server.send(log("done"))
    shown.until("done")
    assert shown.frames == before + 1


def test_at_most_four_frames_a_second(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard()
    began, before = time.monotonic(), shown.frames
    for number in range(60):
        server.send(log(f"line {number}"))
        time.sleep(0.02)
    server.send(log("done"))
    shown.until("done")
    assert shown.frames - before <= (time.monotonic() - began) * 4 + 2


def test_stopping_it_for_a_while_does_no_harm(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard("--embedded")
    shown.signal(signal.SIGSTOP)
    server.send(log("meanwhile"))
    server.hear("sent", 2)
    shown.signal(signal.SIGCONT)
    shown.until("meanwhile")


def test_a_hung_up_terminal_ends_it(dashboard: Dashboard, server: Server) -> None:
    shown = dashboard("--embedded")
    os.close(shown.master)
    os.close(shown._slave)
    try:
        server.hear("gone")
        assert shown.process.wait(30) == 129
    finally:
        shown.master, shown._slave = os.openpty()


def test_a_refusal_is_one_message(terminal: Dashboard, server: Server) -> None:
    shown = terminal(sys.executable, "-P", "-m", "supervisor.top", server.path)
    server.hear("asked")
    server.send(message(v=1, ok=False, error="this supervisor speaks version 2", hint="use that one"))
    assert shown.ended() == 1
    assert shown.text.rstrip().splitlines() == [
        "supervisor: the supervisor refuses: this supervisor speaks version 2",
        "hint: use that one",
    ]


@pytest.mark.parametrize("line", [b"HTTP/1.1 400 Bad Request", b"[1]", b'"x"'])
def test_a_stranger_at_the_socket(terminal: Dashboard, server: Server, line: bytes) -> None:
    shown = terminal(sys.executable, "-P", "-m", "supervisor.top", server.path)
    server.hear("asked")
    server.send(line)
    assert shown.ended() == 1
    assert "does not speak the supervisor's protocol" in shown.text


def test_nobody_at_the_socket(terminal: Dashboard, tmp_path: Path) -> None:
    shown = terminal(sys.executable, "-P", "-m", "supervisor.top", str(tmp_path / "none"), columns=200)
    assert shown.ended() == 1
    assert "nobody answers at" in shown.text and "supervisor up" in shown.text
