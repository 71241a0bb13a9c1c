"""The server's end of the control socket, turn by turn."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from supervisor.system.control.server import Control
from supervisor.system.poller import Poller

if TYPE_CHECKING:
    from pathlib import Path


class Desk:
    """A fleet without workers."""

    behind = False

    def status(self) -> dict[str, Any]:
        return {"workers": []}

    def changes(self) -> dict[str, Any] | None:
        return {}

    def stop(self, workers: list[str] | None, now: bool, pid: int) -> dict[str, Any]:
        return {"stopping": workers, "now": now, "pid": pid}

    def explain(self, pid: int, since: float | None) -> dict[str, Any]:
        return {"pid": pid, "since": since}


class Server:
    """A control socket whose turns the test takes."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "c")
        self.poller = Poller()
        self.control = Control(self.poller, self.path, Desk())

    def turn(self) -> None:
        """One batch; something has to be ready for it."""
        for fd, events in self.poller.wait(10.0):
            self.poller.call(fd, time.monotonic(), events)

    def watcher(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        self.turn()
        client.sendall(b'{"v": 1, "do": "watch"}\n')
        self.turn()
        assert json.loads(client.recv(1 << 16)) == {"workers": []}
        assert self.control.watched
        return client


def test_a_watcher_that_has_closed_is_forgotten_at_once(tmp_path: Path) -> None:
    """Not only when the next update meets nobody: as long as somebody watches, updates are made."""
    server = Server(tmp_path)
    server.watcher().close()
    server.turn()
    assert not server.control.watched
    server.control.close()


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
    server.control.close()


def test_what_was_asked_just_before_closing_is_done(tmp_path: Path) -> None:
    server = Server(tmp_path)
    asked: list[tuple[object, ...]] = []

    def stop(*what: object) -> dict[str, object]:
        asked.append(what)
        return {}

    server.control._desk.stop = stop  # type: ignore[assignment, method-assign]  # the desk of this server alone
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(server.path)
        client.sendall(b'{"v": 1, "do": "stop"}\n')
    server.turn()
    server.turn()
    assert asked == [(None, False, os.getpid())]
    server.control.close()
