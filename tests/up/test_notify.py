"""Workers of `up` that speak sd_notify(3): heard on a socket of their own, believed as far as they may be."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import SUPERVISOR, WORKERS, environment, gone, until
from tests.up.fleet import Up, command, shutdowns

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL = shutil.which("systemd-notify")


def config(**workers: Sequence[str]) -> str:
    """A worker for each name, which takes these steps (tests/workers/speaks.py)."""
    program = [sys.executable, "-ES", str(WORKERS / "speaks.py")]
    return "".join(
        f"[worker.{name}]\ncommand = {[*program, *steps]}\nnotify = true\n" for name, steps in workers.items()
    )


def saying(fleet: Up, title: str, text: str | None) -> dict[str, Any]:
    """Wait until the worker says so of itself; its state then."""
    until(lambda: fleet.state()[title]["status_text"] == text, f"{title} says {text!r}")
    return fleet.state()[title]


def stopped(fleet: Up) -> int:
    """Ask for its stop; its exit code."""
    fleet.send(signal.SIGTERM)
    return fleet.wait()


def address(pid: int) -> str:
    """Where a process was told to send its messages."""
    (found,) = [entry for entry in environment(pid) if entry.startswith(b"NOTIFY_SOCKET=")]
    return found.partition(b"=")[2].decode()


def test_what_a_worker_says_is_in_the_status(tmp_path: Path) -> None:
    with Up(tmp_path, config(api=["say:READY=1|STATUS=serving 3 clients|MAINPID=1|X_OWN=7"], other=[])) as fleet:
        state = saying(fleet, "api", "serving 3 clients")
        assert state["pid"] in fleet.alive() and state["phase"] == "running"
        said = command(tmp_path, "status").stdout
        assert "serving 3 clients" in said
        sockets = {title: address(one["pid"]) for title, one in fleet.state().items()}
        assert len(set(sockets.values())) == 2, "each has a socket of its own"
        assert stopped(fleet) == 0
    assert not [path for path in sockets.values() if os.path.exists(path)]


def test_only_who_speaks_has_a_socket(tmp_path: Path) -> None:
    text = f"[worker.a]\ncommand = {[sys.executable, '-c', 'import time; time.sleep(60)']}\n"
    with Up(tmp_path, text, env={"NOTIFY_SOCKET": "/run/of-somebody-else", "WATCHDOG_USEC": "9"}) as fleet:
        fleet.phases(a="running")
        names = {entry.partition(b"=")[0] for entry in environment(fleet.state()["a"]["pid"])}
        assert not names & {b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID"}
        assert stopped(fleet) == 0


def test_a_stranger_is_not_heard(tmp_path: Path) -> None:
    """Also one of the same user, and also another worker of the fleet."""
    with Up(tmp_path, config(api=["say:STATUS=mine"], other=[])) as fleet:
        state = saying(fleet, "api", "mine")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(address(state["pid"]))
            line.send(b"STATUS=forged")
            line.send(b"STATUS=forged again")
        assert saying(fleet, "api", "mine")["errno"] is None
        assert stopped(fleet) == 0
        fleet.saw("api: 2 messages over its notify socket came from other processes: dropped")


def test_what_was_said_before_the_end_is_known_at_the_end(tmp_path: Path) -> None:
    never = "[defaults]\nrestart = 'never'\n"
    steps = ["say:STATUS=cannot bind port 80|ERRNO=98", "exit:3"]
    with Up(tmp_path, never + config(api=steps, other=[])) as fleet:
        fleet.phases(api="exited")
        state = fleet.state()["api"]
        assert (state["status_text"], state["errno"], state["exit_code"]) == ("cannot bind port 80", 98, 3)
        assert (
            "exited with 3: cannot bind port 80; error 98: Address already in use"
            in command(tmp_path, "status").stdout
        )
        assert stopped(fleet) == 3


def test_a_stop_is_given_the_time_that_its_worker_asks_for(tmp_path: Path) -> None:
    steps = ["say:STATUS=up", "term", "say:STOPPING=1|EXTEND_TIMEOUT_USEC=3000000", "sleep:1.5"]
    text = config(api=steps) + "stop.grace = 0.5\nextend_max = 10\n"
    with Up(tmp_path, text, "--report", str(tmp_path / "report.json")) as fleet:
        saying(fleet, "api", "up")
        assert stopped(fleet) == 0
        (ended,) = shutdowns(tmp_path / "report.json")["api"]
        assert ended["outcome"] == "clean" and ended["marks"]["exited"] >= 1.5 > 0.5


def test_a_worker_that_asks_for_ever_is_ended_all_the_same(tmp_path: Path) -> None:
    """Every message asks for more; together they give what extend_max allows."""
    steps = ["say:STATUS=up", "term", *["say:EXTEND_TIMEOUT_USEC=99000000", "sleep:0.1"] * 200]
    with Up(tmp_path, config(api=steps) + "stop.grace = 0.3\nextend_max = 0.5\n") as fleet:
        saying(fleet, "api", "up")
        assert stopped(fleet) == 137
        fleet.saw("api asked for 1 min 39 s more to stop; extend_max allows 500 ms in all")


def test_a_flood_hurts_nobody_else(tmp_path: Path) -> None:
    """A million messages: read in portions between which the fleet is asked for its state, and stops in time."""
    with Up(tmp_path, config(api=["flood:1000000", "say:STATUS=done"], other=["say:STATUS=calm"])) as fleet:
        flooding = fleet.state()["api"]["pid"]
        saying(fleet, "other", "calm")
        answers: set[str | None] = set()
        while len(answers) < 6:
            answers.add(fleet.state()["api"]["status_text"])
        assert "done" not in answers, "asked while it floods"
        assert stopped(fleet) == 0
        assert gone(flooding)


@pytest.mark.skipif(TOOL is None, reason="needs systemd-notify (Debian package systemd)")
def test_the_tool_of_systemd_waits_for_nothing(tmp_path: Path) -> None:
    """`systemd-notify` sends BARRIER, and waits 5 s for the end of its descriptor where nobody knows that word."""
    script = "systemd-notify --ready --status='by the tool' && echo told && exec sleep 60"
    text = f'[worker.api]\ncommand = ["sh", "-c", "{script}"]\nnotify = true\n'
    with Up(tmp_path, text) as fleet:
        fleet.saw("told")
        saying(fleet, "api", "by the tool")
        assert stopped(fleet) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run workers as others")
@pytest.mark.skipif(TOOL is None, reason="needs systemd-notify (Debian package systemd)")
def test_a_worker_of_another_user_reaches_its_socket_and_nobody_else_does(tmp_path: Path) -> None:
    command = ["sh", "-c", "systemd-notify --status='as nobody' && exec sleep 60"]
    text = f'[worker.api]\ncommand = {command}\nnotify = true\nuser = "nobody"\ncwd = "/"\n'
    with Up(tmp_path, text) as fleet:
        state = saying(fleet, "api", "as nobody")
        path = Path(address(state["pid"]))
        assert path.stat().st_mode & 0o077 == 0
        other = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "systemd-notify", "--status=forged"]
        refused = subprocess.run(
            other, env=os.environ | {"NOTIFY_SOCKET": str(path)}, capture_output=True, text=True, check=False, cwd="/"
        )
        assert refused.returncode != 0 and "Permission denied" in refused.stderr
        assert saying(fleet, "api", "as nobody")["pid"] == state["pid"]
        assert stopped(fleet) == 0


def test_sockets_that_systemd_passed_to_us_are_no_workers(tmp_path: Path) -> None:
    """None of many is the one that they are for; `run` passes them on."""
    show = "import os; print(*map(os.environ.get, ('LISTEN_PID', 'LISTEN_FDS')), os.path.exists('/proc/self/fd/3'))"
    (tmp_path / "supervisor.toml").write_text(
        f"[fleet]\nname = 'sockets'\ncontrol = 'off'\n[worker.a]\ncommand = {[sys.executable, '-ESc', show]}\n"
        "restart = 'never'\nenv = { OWN = 'x' }\n"
    )
    script = f"exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec {SUPERVISOR} up -c supervisor.toml"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert "None None False" in done.stdout, done
