"""The control socket and the commands that use it, against a running fleet."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.processes import SUPERVISOR, gone, python, until
from tests.up.fleet import Client, Up, command, environment

SLEEP = 'command = "sleep 600"'
TWO = f"[worker.api]\n{SLEEP}\ninstances = 2\n[worker.mail]\n{SLEEP}"
RUNNING = {"api_1": "running", "api_2": "running", "mail": "running"}


def test_status(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(**RUNNING)
        shown = command(tmp_path, "status")
        assert shown.returncode == 0
        rows = [line.split() for line in shown.stdout.splitlines()]
        assert rows[0] == ["worker", "phase", "pid", "for", "starts"]
        assert [row[:2] for row in rows[1:]] == [["api.1", "running"], ["api.2", "running"], ["mail", "running"]]
        known = json.loads(command(tmp_path, "status", "--json").stdout)
        assert known["socket"] == str(fleet.socket)
        assert known["config"] == os.path.realpath(tmp_path / "supervisor.toml")
        assert set(known) == {"config", "socket", "fleet", "workers"}
        assert {"name", "want", "asked", "limit", "next_kill", "workers"} <= set(known["fleet"])
        assert [int(row[2]) for row in rows[1:]] == [one["pid"] for one in known["workers"]]
        assert set(known["workers"][0]) >= set(
            "index worker instance title want phase pid argv since starts restart_at stop waits outcome started"
            " exit_code signal ended".split()
        )


def test_stop_some_then_all(tmp_path: Path) -> None:
    with Up(tmp_path, TWO, "--report", "r.json") as fleet:
        fleet.phases(**RUNNING)
        assert command(tmp_path, "stop", "api.2").stdout == "stopping api.2\n"
        fleet.phases(api_2="exited", api_1="running", mail="running")
        assert fleet.state()["api.2"]["want"] == "down"
        asked = json.loads(command(tmp_path, "stop", "--json", "api", "api").stdout)
        assert asked == {"stopping": ["api.1"], "already": []}
        fleet.phases(api_1="exited", mail="running")
        wrong = command(tmp_path, "stop", "apy")
        assert wrong.returncode != 0
        assert wrong.stderr == "supervisor: no worker is named 'apy'\nhint: the fleet has: api.1, api.2, mail\n"
        assert command(tmp_path, "stop").stdout == "stopping mail\n"
        assert fleet.wait() == 0
        assert "stopping 1 worker, kill in 10.0 s" in fleet.stderr
    ends = json.loads((tmp_path / "r.json").read_text())["shutdowns"]
    assert {one["asked_by"] for one in ends} == {"command stop"}


def test_a_repeated_stop_hurries_nobody_but_with_now(tmp_path: Path) -> None:
    """A deployment that tries again must not kill a worker in the middle of its cleanup."""
    config = f"[worker.slow]\ncommand = {json.dumps(python('stubborn.py'))}\nstop.grace = 600\n"
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw("ready")
        assert command(tmp_path, "stop", "slow").stdout == "stopping slow\n"
        stop = until(lambda: fleet.state()["slow"]["stop"], "stopping")
        assert stop["signal"] == "SIGTERM"
        time.sleep(0.2)  # two requests closer than 0.1 s are one
        said = "slow: already stopping (to escalate now: --now)\n"
        assert command(tmp_path, "stop", "slow").stdout == said
        assert command(tmp_path, "stop").stdout == said
        assert fleet.state()["slow"]["stop"]["next_signal"] == "SIGKILL"
        assert command(tmp_path, "stop", "--now", "slow").stdout == "slow: escalated now\n"
        fleet.wait()
        assert "was killed (SIGKILL) before its grace period ended" in fleet.stderr
        assert "the stop was requested 2 times" in " ".join(fleet.stderr.split())
    (end,) = json.loads((tmp_path / "r.json").read_text())["shutdowns"]
    assert [one["signal"] for one in end["escalation"]] == ["SIGTERM", "SIGKILL"]
    assert end["requests"] == 2


def test_stop_takes_a_worker_out_of_its_backoff(tmp_path: Path) -> None:
    config = f'[worker.crash]\ncommand = ["sh", "-c", "exit 3"]\nbackoff.first = 600\nbackoff.max = 600\n{TWO}'
    with Up(tmp_path, config) as fleet:
        fleet.phases(crash="backoff", mail="running")
        assert command(tmp_path, "stop", "crash").stdout == "stopping crash\n"
        fleet.phases(crash="exited")
        assert command(tmp_path, "stop", "crash").stdout == "no worker is running\n"


def test_only_its_user_reaches_the_socket(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(mail="running")
        assert stat.S_IMODE(fleet.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(fleet.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(fleet.socket.parent.parent.stat().st_mode) == 0o700


def test_the_user_of_a_peer_is_checked() -> None:
    """Also where the modes, loosened by somebody, let another user through."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    with TemporaryDirectory(dir="/tmp") as name, Up(Path(name), TWO) as fleet:
        fleet.phases(mail="running")
        fleet.socket.chmod(0o777)
        for folder in (*fleet.socket.parents,)[:4]:
            folder.chmod(0o755)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups(())
                os.setresuid(65534, 65534, 65534)
                client = Client(fleet.socket)
                try:
                    client.send(b'{"v": 1, "do": "stop"}\n')
                except BrokenPipeError:
                    pass
                os.write(writer, b"refused" if client.line() is None else b"answered")
            finally:
                os._exit(0)
        os.close(writer)
        assert os.read(reader, 99) == b"refused"
        os.close(reader)
        os.waitpid(pid, 0)
        assert fleet.state()["mail"]["want"] == "up"


# ------------------------------------------------------------------ the protocol


def test_a_client_that_has_asked_everything_gets_every_answer(tmp_path: Path) -> None:
    """It shuts its sending side down (`nc -N`) while most of the answers wait for it to read."""
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(**RUNNING)
        with fleet.connect() as client:
            client.send(b'{"v": 1, "do": "status"}\n' * 600)
            client.stream.shutdown(socket.SHUT_WR)
            answers = 0
            size = 0
            while (answer := client.line()) is not None:
                assert len(answer["workers"]) == 3
                answers, size = answers + 1, size + len(json.dumps(answer))
        assert answers == 600
        assert size > 2 * 212_992, "more than the socket holds by itself"
        with fleet.connect() as watcher:
            watcher.send(b'{"v": 1, "do": "watch"}\n')
            watcher.stream.shutdown(socket.SHUT_WR)
            assert len(watcher.line()["workers"]) == 3
            fleet.send(signal.SIGTERM)
            last = None
            while (line := watcher.line()) is not None:
                last = line
        assert last == {"over": True, "code": 0}
        assert fleet.wait() == 0


def test_what_is_no_request(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(mail="running")
        for garbage in (b"\xff\xfe\n", b"stop\n", b"[1]\n", b"[" * 60_000 + b"\n", b'{"v": 1\n'):
            with fleet.connect() as client:
                client.send(garbage)
                answer = client.line()
                assert answer["ok"] is False and "no JSON object" in answer["error"]
                assert client.line() is None, "and the connection ends"
        with fleet.connect() as client:
            assert "version 1" in client.ask("status", v=2)["error"]
            assert "no request 'dance'" in client.ask("dance")["error"]
            assert client.ask("stop", workers="api")["ok"] is False
            assert client.ask("stop", workers=[1])["ok"] is False
            client.send(b"\n \n")
            assert client.ask("status")["ok"] is True, "a refused request does not end the connection"
        assert all(one["want"] == "up" for one in fleet.state().values())


def test_requests_in_pieces_and_in_heaps(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        with fleet.connect() as client:
            for byte in b'{"v": 1, "do"':
                client.send(bytes([byte]))
            client.send(b': "status"}\n' + b'{"v": 1, "do": "status"}\n' * 9)
            assert [client.line()["ok"] for _ in range(10)] == [True] * 10
        with fleet.connect() as client:
            client.send(b'{"v": 1, "do": "stop"')  # and away: half a request stops nobody
        assert fleet.state()["mail"]["want"] == "up"


def test_the_longest_request(tmp_path: Path) -> None:
    fits = b'{"v": 1, "do": "status", "x": "%s"}' % (b"x" * (65536 - 33))
    assert len(fits) == 65536
    with Up(tmp_path, TWO) as fleet:
        with fleet.connect() as client:
            client.send(fits + b"\n")
            assert client.line()["ok"] is True
        for longer in (fits.replace(b'"x": "', b'"x": "y') + b"\n", b"x" * 200_000):
            with fleet.connect() as client:
                try:
                    client.send(longer)
                except (BrokenPipeError, ConnectionResetError):
                    continue
                answer = client.line()
                assert answer is None or answer["ok"] is False
                assert client.line() is None


def test_idle_connections_do_not_shut_out_a_command(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(mail="running")
        clients = [Client(fleet.socket) for _ in range(64)]
        assert all(client.ask("status")["ok"] for client in clients)
        assert command(tmp_path, "status").returncode == 0
        assert command(tmp_path, "stop", "mail").stdout == "stopping mail\n"
        fleet.phases(mail="exited")
        for client in clients:
            client.stream.close()
        assert fleet.ended() == 0


# ------------------------------------------------------------------ the stream


def test_a_watcher_sees_everything_until_the_end(tmp_path: Path) -> None:
    with Up(tmp_path, f'[worker.chat]\ncommand = ["sh", "-c", "echo hello; exec sleep 600"]\n{TWO}') as fleet:
        with fleet.connect() as client:
            first = client.ask("watch", log=True)
            assert [one["title"] for one in first["workers"]] == ["chat", "api.1", "api.2", "mail"]
            phases = {one["title"]: one["phase"] for one in first["workers"]}
            fleet.phases(**RUNNING)
            fleet.interrupt()
            over = None
            while over is None:
                message = client.line()
                for one in message.get("workers", ()):
                    phases[one["title"]] = one["phase"]
                over = message.get("over")
            assert message == {"over": True, "code": 0}
            assert set(phases.values()) == {"exited"}
            assert client.line() is None
        assert fleet.wait() == 0


def test_a_watcher_that_reads_nothing_disturbs_nobody(tmp_path: Path) -> None:
    """It is let go when it is 4 MiB behind; the fleet and other clients do not notice."""
    loud = 'command = ["sh", "-c", "while :; do echo 0123456789; sleep 0.01; done"]'
    with Up(tmp_path, f"[worker.loud]\n{loud}\ninstances = 3", "--dashboard", "never") as fleet:
        fleet.phases(loud_1="running", loud_2="running", loud_3="running")
        lazy = fleet.connect()
        lazy.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.send(b'{"v": 1, "do": "watch", "log": true}\n')
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            lazy.send(b'{"v": 1, "do": "status"}\n' * 20_000)
        assert fleet.state()["loud.1"]["phase"] == "running"
        assert fleet.ended() == 0
        lazy.stream.close()


# ------------------------------------------------------------------ one supervisor per fleet


def test_a_second_up_is_told(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(mail="running")
        second = command(tmp_path, "up")
        assert second.returncode == 1
        config = os.path.realpath(tmp_path / "supervisor.toml")
        assert second.stderr == (
            f"supervisor: the fleet 'tested' of {config} is already running (pid {fleet.pid})\n"
            f"hint: see it with: supervisor top -c {config}\n"
        )
        assert fleet.state()["mail"]["phase"] == "running"


def test_after_sigkill_the_next_up_starts(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(**RUNNING)
        pids = [one["pid"] for one in fleet.state().values()]
        fleet.send(signal.SIGKILL)
        fleet.wait()
        for pid in pids:
            until(lambda pid=pid: gone(pid), "its workers die with it")  # type: ignore[misc]  # a default in a lambda
        assert fleet.socket.exists()
        left = command(tmp_path, "status")
        assert left.returncode == 1 and "supervisor.toml is not running" in left.stderr
        left = command(tmp_path, "status", "--fleet", "tested")
        assert left.returncode == 1 and "no fleet named 'tested' is running" in left.stderr
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(**RUNNING)
        assert fleet.ended() == 0


def test_a_stranger_on_the_socket(tmp_path: Path) -> None:
    """Somebody of this user listens where the fleet's socket was, while the lock says that the fleet runs."""
    program = (
        "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n"
        "print(1, flush=True)\n"
        "while True:\n    c, _ = s.accept()\n    c.recv(99)\n    c.sendall(b'220 hello\\r\\n')\n    c.close()"
    )
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(**RUNNING)
        fleet.socket.unlink()
        for name in ("status", "stop"):
            found = command(tmp_path, name)
            assert found.returncode == 1 and "there is no control socket at" in found.stderr
        argv = [sys.executable, "-c", program, str(fleet.socket)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as stranger:
            assert stranger.stdout is not None
            stranger.stdout.readline()
            for name in ("status", "stop"):
                found = command(tmp_path, name)
                assert found.returncode == 1
                assert "is no supervisor" in found.stderr and "Traceback" not in found.stderr
            stranger.kill()
        assert fleet.ended() == 0


def test_a_stopped_supervisor_does_not_answer_for_ever(tmp_path: Path) -> None:
    with Up(tmp_path, TWO) as fleet:
        fleet.phases(mail="running")
        fleet.send(signal.SIGSTOP)
        found = command(tmp_path, "status")
        assert found.returncode == 1 and "does not answer" in found.stderr
        fleet.send(signal.SIGCONT)


@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 125), (">&-", 0), ("| true", 0)])
def test_an_answer_that_cannot_be_shown(redirection: str, code: int, tmp_path: Path) -> None:
    """A full disk is told; a reader who has gone is not our failure. Python's own buffer must not hide the first."""
    plain = {key: value for key, value in environment(tmp_path).items() if key != "PYTHONUNBUFFERED"}
    with Up(tmp_path, TWO) as fleet:
        until(fleet.socket.exists, "a socket")
        for command in ("status", "status --json"):
            found = subprocess.run(
                ["bash", "-c", f"{SUPERVISOR} {command} {redirection}"],
                env=plain,
                capture_output=True,
                check=False,
                cwd=tmp_path,
            )
            assert found.returncode == code
            assert b"Traceback" not in found.stderr
            assert (b"cannot write the output: No space left" in found.stderr) is (code == 125)
        assert fleet.ended() == 0
