"""A make-believe fleet on a control socket, to look at the dashboard and to measure it: ``fleet.py SOCKET COUNT``.

The workers are real processes (`sleep`), their life is not: they start, run, some fail and come back; SIGUSR1 stops
them all, each in its own time. SIGTERM ends the fleet. ``--busy``: all of them are stopping for ever and print, the
dearest screen there is.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any

from tests.top import scenes


class Fleet:
    """The server's end: the workers' views and who watches."""

    def __init__(self, path: str, count: int, busy: bool) -> None:
        self.busy = busy
        self.children = [subprocess.Popen(["sleep", "3600"]) for _ in range(count)]
        now = time.monotonic()
        self.workers = [
            scenes.worker(index, title, pid=self.children[index].pid, since=now - 40 * index)
            for index, title in enumerate(scenes.titles(count))
        ]
        self.head = scenes.fleet(self.workers)
        self.news: list[dict[str, Any]] = []
        self.ends: dict[int, float] = {}
        self.peers: list[socket.socket] = []
        self.listener = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.listener.bind(path)
        self.listener.listen(4)
        if busy:
            self.stop(110.0)

    def stop(self, wait: float = 10.0) -> None:
        now = time.monotonic()
        self.head |= {"want": "down", "asked": now, "next_kill": now + wait}
        for worker in self.workers:
            stop = {"by": "signal SIGINT", "asked": now, "signal": "SIGTERM", "since": now, "next_at": now + wait}
            stop |= {"next_signal": "SIGKILL", "leftovers": 0}
            worker |= {"want": "down", "phase": "draining", "stop": stop, "restart_at": None}
            worker.update(random.choice([*scenes.WAITS, scenes.NOTHING]))
            self.news.append(worker)
            self.ends[worker["index"]] = now + min(random.expovariate(0.5), wait + 0.05)

    def step(self) -> list[dict[str, Any]]:
        """A quarter of a second of life; the workers that changed."""
        now = time.monotonic()
        changed, self.news = self.news, []
        if self.busy:
            return random.sample(self.workers, min(8, len(self.workers)))
        for index, at in list(self.ends.items()):
            if now >= at:
                worker, killed = self.workers[index], now >= self.workers[index]["stop"]["next_at"]
                end = {"outcome": "clean", "exit_code": 0, "as_wanted": True}
                if killed:
                    end = {"outcome": "killed", "signal": "SIGKILL", "as_wanted": False}
                worker |= {"phase": "exited", "pid": None, "stop": None, "ended": now} | end
                del self.ends[index]
                changed.append(worker)
        if self.head["want"] == "up":
            changed += self._mishaps(now)
        return changed

    def _mishaps(self, now: float) -> list[dict[str, Any]]:
        changed = []
        for worker in self.workers:
            if worker["phase"] == "backoff" and now >= worker["restart_at"]:
                pid = self.children[worker["index"]].pid
                worker |= {"phase": "running", "pid": pid, "since": now, "starts": worker["starts"] + 1}
                changed.append(worker)
        if random.random() < 0.02:
            worker = random.choice(self.workers)
            end = {
                "outcome": "failed",
                "as_wanted": False,
                "exit_code": 1,
                "ended": now,
                "restart_at": now + random.uniform(1, 12),
            }
            worker |= {"phase": "backoff", "pid": None} | end
            changed.append(worker)
        return changed

    def log(self) -> dict[str, Any]:
        lines = [dict(random.choice(scenes.LOG)) for _ in range(200 if self.busy else random.randrange(3))]
        for line in lines:
            line["line"] += f" {random.randrange(10_000)}"
        return {"log": lines, "dropped": 1000 if self.busy else 0}

    def send(self, *messages: dict[str, Any]) -> None:
        data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        for peer in list(self.peers):
            try:
                peer.sendall(data)
            except OSError:
                self.peers.remove(peer)

    def serve(self) -> None:
        ready = selectors.DefaultSelector()
        ready.register(self.listener, selectors.EVENT_READ)
        while self.head["want"] == "up" or self.ends or self.busy:
            for _ in ready.select(0.25):
                peer, _ = self.listener.accept()
                self.peers.append(peer)
                self.send({"fleet": self.head, "workers": self.workers})
            self.send({"fleet": self.head, "workers": self.step()}, self.log())
        time.sleep(1)
        self.send({"over": True, "code": 0})


if __name__ == "__main__":
    fleet = Fleet(sys.argv[1], int(sys.argv[2]), "--busy" in sys.argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGUSR1, lambda *_: fleet.stop())
    try:
        fleet.serve()
    finally:
        for child in fleet.children:
            child.kill()
            child.wait()
