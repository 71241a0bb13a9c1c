"""Ready, alive, in order: real workers under `up`, each kind of check, and what goes wrong with them."""

from __future__ import annotations

import json
import socket
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import environment, pids, until
from tests.up.fleet import Up, shutdowns

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).parent / "programs/serve.py"
SLEEP = 'command = "sleep 60"'
NEVER = 'restart = "never"'


def runs(*argv: object) -> str:
    """The TOML of a command."""
    return f"command = {json.dumps([str(word) for word in argv])}"


def script(*lines: str) -> str:
    """The TOML of a Python program that lives on after these lines."""
    return runs(sys.executable, "-ESc", "\n".join(("import os, socket, time", *lines, "time.sleep(60)")))


def server(what: str, place: object) -> str:
    """The TOML of a command that listens there and answers in one of the ways of serve.py."""
    return runs(sys.executable, "-ES", SERVER, place, what)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def stranger() -> Iterator[int]:
    """A server that belongs to no worker; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    listening.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            over.set()
            thread.join()


def test_each_kind_of_check(tmp_path: Path) -> None:
    """Whoever waits for all of them starts when the last has said yes, and not before."""
    ports = [free_port() for _ in range(2)]
    notify = 's.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])'
    checks = {
        "after": (SLEEP, '"after=200ms"'),
        "command": (SLEEP, """{ command = ["sh", "-c", "test -e flag || { touch flag; exit 1; }"] }"""),
        "fd": (script("time.sleep(0.2)", r'os.write(3, b"x\n")'), '"fd=3"'),
        "http": (server("late", ports[0]), f'{{ http = "http://localhost:{ports[0]}/ready", status = 204 }}'),
        "log": (script("time.sleep(0.2)", 'print("listening on 80", flush=True)'), '"log=/on [0-9]+$/"'),
        "named": (script(r'os.write(int(os.environ["READY"]), b"\n")'), '{ fd = "READY" }'),
        "notify": (script("s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)", notify), '"notify"'),
        "started": (SLEEP, '"started"'),
        "tcp": (server("plain", ports[1]), f'"tcp=127.0.0.1:{ports[1]}"'),
        "unix": (server("plain", "run.sock"), '{ unix = "run.sock" }'),
    }
    config = "".join(f"[worker.{name}]\n{how}\nready = {check}\n" for name, (how, check) in checks.items())
    last = f"[worker.last]\n{SLEEP}\ndepends_on = {json.dumps([*checks])}\n"
    with Up(tmp_path, config + last, "-v") as fleet:
        fleet.phases(last="running")
        assert fleet.ended() == 0
        started = [line for line in fleet.stderr.splitlines() if "started last" in line]
        assert len(started) == 1, "once"


# What a worker answers, and what is said of it when its start times out.
WRONG = {
    "redirect": "HTTP 302 to 'http://elsewhere/'; redirects are not followed",
    "garbage": "the answer is not HTTP/1: it begins with 'SSH-2.0-OpenSSH_9.2'",
    "hang": "connected, but no answer within 0.2 s",
    "gigabyte": "the answer is not HTTP/1: it begins with '\\x00",
}


def test_answers_that_are_no_yes(tmp_path: Path) -> None:
    """Each start times out, is told with what its check saw last, and the fleet has failed with timeout(1)'s code."""
    config = ""
    for what in WRONG:
        port = free_port()
        check = f'{{ http = "http://127.0.0.1:{port}/", timeout = 0.8, try_timeout = 0.2 }}'
        config += f"[worker.{what}]\n{server(what, port)}\nready = {check}\n{NEVER}\n"
    config += f'[worker.nobody]\n{SLEEP}\nready = {{ tcp = "127.0.0.1:{free_port()}", timeout = 0.8 }}\n{NEVER}\n'
    config += f'[worker.waits]\n{SLEEP}\ndepends_on = ["hang"]\n'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        assert fleet.wait() == 124
        for what, seen in WRONG.items():
            assert f"{what}: not ready within 0.8 s: http 127.0.0.1:" in fleet.stderr
            assert f": {seen}" in fleet.stderr
        assert ": connection refused; stopping it" in fleet.stderr
        assert "waits is not started: hang was not ready within 0.8 s" in fleet.stderr
    for what, (one,) in shutdowns(tmp_path / "r.json").items():
        assert one["asked_by"] == "start timeout", what
        assert one["cause"].startswith("not ready within") and one["ready"] is None


def test_a_stranger_on_the_port_is_named(tmp_path: Path) -> None:
    """Ready does not come from somebody else's server."""
    with stranger() as port:
        check = f'{{ tcp = "127.0.0.1:{port}", timeout = 0.5 }}'
        anybody = f'{{ tcp = "127.0.0.1:{port}", listener = "any" }}'
        config = f"[worker.api]\n{SLEEP}\nready = {check}\n{NEVER}\n[worker.any]\n{SLEEP}\nready = {anybody}\n"
        with Up(tmp_path, config) as fleet:
            fleet.saw("not by this worker; stopping it")
            assert f"127.0.0.1:{port} is served by " in fleet.stderr
            fleet.phases(any="running", api="failed")
            assert fleet.ended() == 124


def test_a_command_that_hangs_is_killed_with_all_it_leaves(tmp_path: Path) -> None:
    """Its own group, and who has left that."""
    mine = "sleep 4711.25"
    hang = f"{mine} & setsid {mine} & exec {mine}"
    check = f'{{ command = ["sh", "-c", "{hang}"], timeout = 1, try_timeout = 0.2 }}'
    with Up(tmp_path, f"[worker.api]\n{SLEEP}\nready = {check}\n{NEVER}\n") as fleet:
        assert fleet.wait() == 124
        assert "sh did not end within 0.2 s" in fleet.stderr
        left = [pid for pid in pids() if b"SIGDRAIN_MARK=%d." % fleet.pid in b"".join(environment(pid))]
        assert left == []


def test_liveness_restarts_who_does_not_answer(tmp_path: Path) -> None:
    """It says yes five times, then no more: it is stopped, explained and started again."""
    port = free_port()
    check = f'{{ http = "http://127.0.0.1:{port}/live", interval = 0.1, try_timeout = 0.1, failures = 3 }}'
    with Up(tmp_path, f"[worker.api]\n{server('sick', port)}\nliveness = {check}\n", "--report", "r.json") as fleet:
        fleet.saw("did not answer 3 times in")
        until(lambda: fleet.state()["api"]["starts"] == 2, "a second start")
        fleet.ended()
    first = shutdowns(tmp_path / "r.json")["api"][0]
    assert (first["asked_by"], first["outcome"]) == ("liveness", "clean")
    assert [one["seen"] for one in first["tries"]] == ["connected, but no answer within 0.1 s"] * 3


def test_liveness_says_where_the_loop_was(tmp_path: Path) -> None:
    """At each look; the start that follows is another matter."""
    port = free_port()
    check = f'{{ http = "http://127.0.0.1:{port}/live", interval = 0.3, try_timeout = 0.2 }}'
    blocked = runs(sys.executable, SERVER.with_name("blocks.py"), port)
    config = f'[worker.api]\n{blocked}\nready = "tcp=127.0.0.1:{port}"\nliveness = {check}\nstop.grace = 1\n{NEVER}\n'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        assert fleet.wait() == 124
        assert "; the event loop was blocked at blocks.py:14 in fetch at 3 of 3 looks" in fleet.stderr
    (one,) = shutdowns(tmp_path / "r.json")["api"]
    assert [(tried["what"], tried["where"]["line"]) for tried in one["tries"]] == [
        ("the event loop was blocked", 14)
    ] * 3


def test_a_start_timeout_says_where_the_worker_was(tmp_path: Path) -> None:
    config = f"[worker.api]\n{script('def load():', '    time.sleep(60)', 'load()').replace('-ESc', '-c')}\n"
    config += f'ready = {{ tcp = "127.0.0.1:{free_port()}", timeout = 1.5 }}\n{NEVER}\n'
    with Up(tmp_path, config) as fleet:
        assert fleet.wait() == 124
        assert ": connection refused; the main thread was at <string>:3 in load" in fleet.stderr


def test_names_bring_what_they_need(tmp_path: Path) -> None:
    """`up web` starts db too; with --no-deps web stands alone, and waits for nobody."""
    config = "".join(f"[worker.{name}]\n{SLEEP}\n" for name in ("cron", "db"))
    config += f'[worker.web]\n{SLEEP}\ndepends_on = ["db"]\n'
    for options, titles in ((("web",), ["db", "web"]), (("--no-deps", "web"), ["web"])):
        with Up(tmp_path, config, *options) as fleet:
            fleet.phases(web="running")
            assert list(fleet.state()) == titles
            assert fleet.ended() == 0


def test_the_order_of_a_stop(tmp_path: Path) -> None:
    """web, then api, then db: each asked when the one before has ended."""
    slow = script("import signal", "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), os._exit(0)))")
    needs = {"db": "", "api": 'depends_on = ["db"]', "web": 'depends_on = ["api"]'}
    config = "".join(f'[worker.{name}]\n{slow}\n{more}\nstop.signal = "TERM"\n' for name, more in needs.items())
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.phases(web="running")
        assert fleet.ended() == 0
    ends = {title: one for title, (one,) in shutdowns(tmp_path / "r.json").items()}
    asked = {title: one["zero"] for title, one in ends.items()}
    over = {title: one["zero"] + one["spans"]["total"] for title, one in ends.items()}
    assert asked["web"] < over["web"] <= asked["api"] < over["api"] <= asked["db"]
    assert (ends["api"]["after"], ends["db"]["after"]) == (["web"], ["api"])
