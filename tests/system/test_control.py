"""The server's end of the control socket, turn by turn."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.core.contract import requests
from supervisor.system import descriptors
from supervisor.system.control import place
from supervisor.system.control.connections import MOST, RESERVE
from supervisor.system.control.server import Caller, Control
from supervisor.system.poller import Poller

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


class Desk:
    """A fleet without workers."""

    behind = False

    def __init__(self) -> None:
        self.asked: list[requests.Request] = []
        self.callers: list[Caller] = []

    def state(self) -> dict[str, Any]:
        return {"workers": []}

    def changes(self) -> dict[str, Any] | None:
        return {}

    def status(self, _request: requests.Status, caller: Caller) -> None:
        caller.answer(self.state())

    def stop(self, request: requests.Stop, caller: Caller) -> None:
        """Answered when the test says so."""
        self.asked.append(request)
        self.callers.append(caller)

    def explain(self, request: requests.Explain, _caller: Caller) -> None:
        raise ZeroDivisionError(request.pid)


class Server:
    """A control socket whose turns the test takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = place.Folder("served", str(folder / "supervisor.toml"), {"XDG_RUNTIME_DIR": str(folder)})
        self.path = self.folder.socket
        self.poller = Poller()
        self.desk = Desk()
        self.recent: list[Any] = []
        self.control = Control(self.poller, self.folder.listen(), self.desk, lambda: self.recent)

    def close(self) -> None:
        self.control.close()
        self.folder.close()

    def client(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        client.settimeout(10.0)
        self.turn()
        return client

    def ask(self, client: socket.socket, **fields: Any) -> None:
        client.sendall(json.dumps({"v": 1, **fields}).encode() + b"\n")
        self.turn()

    def turn(self) -> None:
        """One batch; something has to be ready for it."""
        for fd, events in self.poller.wait(10.0):
            self.poller.call(fd, time.monotonic(), events)

    def watcher(self) -> socket.socket:
        client = self.client()
        self.ask(client, do="watch")
        assert json.loads(client.recv(1 << 16)) == {"workers": []}
        assert self.control.watched
        return client


def test_a_watcher_that_has_closed_is_forgotten_at_once(tmp_path: Path) -> None:
    """Not only when the next update meets nobody: as long as somebody watches, updates are made."""
    server = Server(tmp_path)
    server.watcher().close()
    server.turn()
    assert not server.control.watched
    server.close()


def test_a_watcher_that_only_asks_nothing_more_goes_on_watching(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with server.watcher() as client:
        client.shutdown(socket.SHUT_WR)
        server.turn()
        assert server.control.watched
        server.control.changed(time.monotonic())
        server.control.tick(time.monotonic())
        assert client.recv(1 << 16) == b"{}\n"
    server.turn()
    assert not server.control.watched
    server.close()


def test_what_was_asked_just_before_closing_is_done(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(server.path)
        client.sendall(b'{"v": 1, "do": "stop"}\n')
    server.turn()
    server.turn()
    assert server.desk.asked == [requests.Stop()]
    assert server.desk.callers[0].pid == os.getpid()
    server.close()


def test_a_last_request_without_the_end_of_its_line(tmp_path: Path) -> None:
    """As ``printf '{"v": 1, "do": "status"}' | nc -NU`` sends it; half a request is none."""
    server = Server(tmp_path)
    for sent, ok in ((b'{"v": 1, "do": "status"}', True), (b'{"v": 1, "do": "stop"', False)):
        with server.client() as client:
            client.sendall(sent)
            server.turn()
            client.shutdown(socket.SHUT_WR)
            server.turn()
            assert json.loads(lines(client))["ok"] is ok
    assert server.desk.asked == []
    server.close()


def lines(client: socket.socket) -> bytes:
    """Everything that still comes."""
    text = b""
    while piece := client.recv(1 << 16):
        text += piece
    return text


def test_answers_come_late_and_with_their_ids(tmp_path: Path) -> None:
    """Also to a client that asks nothing more: it waits for what it is owed."""
    server = Server(tmp_path)
    with server.client() as client:
        server.ask(client, do="stop", workers=["a"], id=1)
        server.ask(client, do="stop", workers=["b"], id="two")
        server.ask(client, do="status", id=3)
        client.shutdown(socket.SHUT_WR)
        server.turn()
        first, second = server.desk.callers
        second.answer({"stopping": ["b"]})
        second.refuse("twice")
        first.refuse("no", "never")
        answers = [json.loads(line) for line in lines(client).splitlines()]
    assert answers == [
        {"v": 1, "id": 3, "ok": True, "workers": []},
        {"v": 1, "id": "two", "ok": True, "stopping": ["b"]},
        {"v": 1, "id": 1, "ok": False, "error": "no", "hint": "never"},
    ]
    server.close()


def test_a_late_answer_to_a_client_that_has_gone(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with server.client() as client:
        server.ask(client, do="stop")
    server.turn()
    with server.client() as other:  # it may get the descriptor of the first
        server.desk.callers[0].answer({})
        other.setblocking(False)
        try:
            assert not other.recv(99)
        except BlockingIOError:
            pass
    server.close()


def test_a_bug_in_an_answer_ends_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with server.client() as client:
        server.ask(client, do="explain", pid=4, id=9)
        answer = json.loads(client.recv(1 << 16))
        assert (answer["ok"], answer["id"]) == (False, 9)
        assert "ZeroDivisionError(4)" in answer["error"]
    server.close()


def test_the_desk_has_a_function_for_each_request() -> None:
    from supervisor.runs.desk import Desk as Real

    for verb in requests.VERBS:
        assert verb.name == "watch" or callable(getattr(Real, verb.name))


def test_idle_connections_shut_nobody_out(tmp_path: Path) -> None:
    """The longest silent one makes room; one that is owed an answer does not."""
    server = Server(tmp_path)
    waiting = server.client()
    server.ask(waiting, do="stop")
    idle = [server.client() for _ in range(MOST - 1)]
    server.ask(idle[0], do="status")
    with server.client() as late:
        server.ask(late, do="status")
        assert json.loads(late.recv(1 << 16))["ok"] is True
    assert idle[1].recv(1) == b"", "let go"
    assert json.loads(idle[0].recv(1 << 16))["ok"] is True
    server.desk.callers[0].answer({})
    assert json.loads(waiting.recv(1 << 16))["ok"] is True
    for client in (waiting, *idle):
        client.close()
    server.close()


@pytest.mark.parametrize(("limit", "most"), [(1 << 20, 64), (1024, 64), (256, 32), (64, 8), (20, 8)])
def test_few_descriptors_few_connections(
    limit: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stop needs must not be eaten up by those who ask."""
    monkeypatch.setattr(descriptors, "most", lambda: limit)
    monkeypatch.setattr(descriptors, "enough", lambda: True)
    server = Server(tmp_path)
    clients = [server.client() for _ in range(most + 1)]
    assert clients[0].recv(1) == b"", "made room"
    server.ask(clients[1], do="status")
    assert json.loads(clients[1].recv(1 << 16))["ok"] is True
    for client in clients:
        client.close()
    server.close()


def test_watchers_leave_room_for_requests(tmp_path: Path) -> None:
    server = Server(tmp_path)
    watchers = [server.watcher() for _ in range(48)]
    with server.client() as late:
        server.ask(late, do="watch")
        answer = json.loads(late.recv(1 << 16))
        assert answer["ok"] is False and "48 clients" in answer["error"]
        server.ask(late, do="status")
        assert json.loads(late.recv(1 << 16))["ok"] is True
    server.ask(watchers[0], do="watch", log=True)
    assert json.loads(watchers[0].recv(1 << 16)) == {"workers": []}, "the same client may ask again"
    for client in watchers:
        client.close()
    server.close()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """As `ulimit -n` with all of them taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 4, hard))
    try:
        while True:
            fillers.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    try:
        yield
    finally:
        for fd in fillers:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_some_are_served_still(tmp_path: Path) -> None:
    """The reserve serves; when it is given away the longest silent client makes room, and nothing spins."""
    server = Server(tmp_path)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(RESERVE + 2)]
    with no_descriptors():
        for client in clients:
            client.settimeout(10.0)
            client.connect(server.path)
            server.turn()
            while server.poller.wait(0.0):  # an accept that failed, then the one that has room
                server.turn()
        server.ask(clients[-1], do="status")
        assert json.loads(clients[-1].recv(1 << 16))["ok"] is True
        assert clients[0].recv(1) == b""
        assert server.poller.wait(0.0) == []
    for client in clients:
        client.close()
    server.close()


def test_what_was_shown_before_somebody_watched(tmp_path: Path) -> None:
    """The newest lines, once; what comes after that is sent to those who watch the log, and to nobody else."""
    server = Server(tmp_path)
    server.recent = [(9.0, None, "supervisor", "stderr", b"newest\n"), (8.0, 0, "api", "stdout", b"a\nb\n")]
    server.recent += [(7.0, 1, "old", "stdout", b"x\n" * 150)] * 3
    with server.client() as first, server.client() as second:
        server.control.log(10.0, 0, "api", "stdout", b"nobody watches\n")
        server.ask(first, do="watch", log=True)
        state, log = [json.loads(line) for line in first.recv(1 << 20).splitlines()]
        assert state == {"workers": []}
        assert (len(log["log"]), log["dropped"]) == (200, 0)
        assert [line["line"] for line in log["log"][-4:]] == ["x", "a", "b", "newest"]
        assert log["log"][-1] == {
            "at": 9.0, "index": None, "title": "supervisor", "stream": "stderr", "line": "newest",
        }  # fmt: skip
        server.recent = [(10.0, 0, "api", "stdout", b"pending\n")]
        server.control.log(10.0, 0, "api", "stdout", b"pending\n")
        server.ask(second, do="watch", log=True)
        server.control.tick(11.0)
        for client in (first, second):
            messages = [json.loads(line) for line in client.recv(1 << 20).splitlines()]
            lines = [line["line"] for message in messages for line in message.get("log", ())]
            assert lines == ["pending"]
    server.close()


LATE = """
import sys
from pathlib import Path
from tests.system.test_control import Server, no_descriptors
server = Server(Path(sys.argv[1]))
for name in [name for name in sys.modules if name.partition(".")[0] in ("json", "_json")]:
    del sys.modules[name]
with server.client() as client, no_descriptors():
    client.sendall(b'{"v": 1, "do": "status", "id": 7}\\n')
    server.turn()
    print(client.recv(1 << 16))
"""


def test_a_request_that_comes_when_descriptors_have_run_out(tmp_path: Path) -> None:
    """What answers is imported then; a descriptor of the reserve serves for that."""
    found = subprocess.run(
        [sys.executable, "-c", LATE, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.stdout == repr(b'{"v":1,"id":7,"ok":true,"workers":[]}\n') + "\n", found.stderr
