"""The faults of a schedule, carried out on a scene: one function a kind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.schedule import STOPPING, UNEXPECTED, Fault
from tests.support.processes import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.scene import Scene
    from tests.faults.story import Process

# Written to, it says after which pid the next one is given (CONFIG_CHECKPOINT_RESTORE, proc(5)).
LAST_PID = "/proc/sys/kernel/ns_last_pid"


class Trouble:
    """What can be done to a scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._ways: dict[str, Callable[[Fault], None]] = {
            "signals": self._signals,
            "kill": self._kill,
            "suspend-supervisor": self._suspend_supervisor,
            "suspend": self._suspend,
            "terminate": self._terminate,
            "status": lambda _: self._ask({"v": 1, "do": "status"}),
            "stop-one": self._stop_one,
            "explain": self._explain,
            "garbage": self._garbage,
            "idle": self._idle,
            "stall": self._stall,
            "flood": self._flood,
            "reuse": self._reuse,
            "hang-up": self._hang_up,
            "kill-supervisor": self._kill_supervisor,
        }

    def make(self, fault: Fault) -> None:
        """Do it, now."""
        self._ways[fault.kind](fault)

    def _soon(self, seconds: float, do: Callable[[], None]) -> None:
        self.scene.at(time.monotonic() - self.scene.story.began + seconds, do)

    def _chosen(self, fault: Fault, *roles: str) -> Process | None:
        among = [one for one in self.scene.live.values() if one.role in (roles or ("main", "member", "escapee"))]
        return among[int(fault.pick * len(among))] if among else None

    def _signals(self, fault: Fault) -> None:
        # Each before it is sent: what follows from it cannot be earlier.
        self.scene.story.requests += [(time.monotonic(), None) for number in fault.signals if number in STOPPING]
        self.scene.send(self.scene.process.pid, *fault.signals)

    def _kill(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            process.killed = True
            self.scene.send(process.pid, signal.SIGKILL)

    def _terminate(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            process.terminated = True
            self.scene.send(process.pid, signal.SIGTERM)

    def _suspend(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            process.stopped = True
            self.scene.send(process.pid, signal.SIGSTOP)
            if fault.seconds < 0.5:  # else nobody wakes it but the supervisor
                self._soon(fault.seconds, lambda: self._wake(process))

    def _wake(self, process: Process) -> None:
        if process.gone is None:
            self.scene.send(process.pid, signal.SIGCONT)

    def _suspend_supervisor(self, fault: Fault) -> None:
        self.scene.story.supervisor_stopped = True
        self.scene.send(self.scene.process.pid, signal.SIGSTOP)
        self._soon(fault.seconds, lambda: self.scene.send(self.scene.process.pid, signal.SIGCONT))

    def _kill_supervisor(self, _fault: Fault) -> None:
        self.scene.story.supervisor_killed = True
        self.scene.send(self.scene.process.pid, signal.SIGKILL)

    def _connected(self) -> socket.socket | None:
        for path in (self.scene.folder / "r").glob("sigdrain/*/control"):
            client = socket.socket(socket.AF_UNIX)
            self.scene.things.callback(client.close)
            client.setblocking(False)
            try:
                client.connect(str(path))
            except OSError:  # not there yet, or its backlog is full
                return None
            return client
        return None

    def _ask(self, request: dict[str, Any]) -> None:
        if client := self._connected():
            client.send(json.dumps(request).encode() + b"\n")
            self.scene.read(
                client.fileno(), lambda: self.scene.story.answers.append(self.scene.taken(client.fileno()))
            )

    def _stop_one(self, fault: Fault) -> None:
        worker = self.scene.schedule.workers[int(fault.pick * len(self.scene.schedule.workers))]
        self.scene.story.requests.append((time.monotonic(), worker.name))
        self._ask({"v": 1, "do": "stop", "workers": [worker.name], "now": fault.seconds > 0.3})

    def _explain(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            self._ask({"v": 1, "do": "explain", "pid": process.pid})

    def _garbage(self, fault: Fault) -> None:
        if client := self._connected():
            text = (b"{", b"\xff\x00\n", b'{"v": 1, "do": 7}\n', b"[" * 70_000 + b"\n", b'{"v": 1, "do": "stop"')
            try:
                client.send(text[int(fault.pick * len(text))])
            except OSError:
                pass

    def _idle(self, _fault: Fault) -> None:
        for _ in range(70):
            if not self._connected():
                break

    def _stall(self, fault: Fault) -> None:
        """Nobody reads what it prints, for a while or to the end."""
        scene = self.scene
        assert scene.process.stdout is not None and scene.process.stderr is not None
        scene.story.stalled = True
        streams = {scene.process.stdout.fileno(): scene.from_stdout, scene.process.stderr.fileno(): scene.from_stderr}
        for fd, take in streams.items():
            if fd in scene.selector.get_map():
                scene.selector.unregister(fd)
                if fault.seconds < 0.5:
                    self._soon(fault.seconds, partial(self._again, fd, take))

    def _again(self, fd: int, take: Callable[[], None]) -> None:
        if fd not in self.scene.selector.get_map():
            self.scene.read(fd, take)

    def _flood(self, fault: Fault) -> None:
        """Somebody of the fleet gets many signals that it does not expect."""
        if process := self._chosen(fault):
            self.scene.send(process.pid, *[UNEXPECTED] * 40)

    def _reuse(self, fault: Fault) -> None:
        """A process of the fleet dies, and its pid is given to a stranger, as soon as it is free."""
        if not (process := self._chosen(fault)) or not os.access(LAST_PID, os.W_OK):
            return
        process.killed = True
        self.scene.send(process.pid, signal.SIGKILL)
        self._soon(0.02, lambda: self._take(process.pid, 25))

    def _take(self, pid: int, tries: int) -> None:
        if state(pid) or not tries:  # not reaped yet
            if tries:
                self._soon(0.02, lambda: self._take(pid, tries - 1))
            return
        if "PYTEST_XDIST_WORKER" not in os.environ:  # the numbers are the whole machine's: other tests run beside
            Path(LAST_PID).write_text(str(pid - 1))
        self.scene.bystand()  # in its place, unless somebody else was quicker: a bystander all the same

    def _hang_up(self, _fault: Fault) -> None:
        if (
            self.scene.schedule.terminal
            and self.scene.master >= 0
            and self.scene.master in self.scene.selector.get_map()
        ):
            self.scene.story.hung_up = True
            self.scene.story.requests.append((time.monotonic(), None))
            self.scene.selector.unregister(self.scene.master)
            os.close(self.scene.master)
            self.scene.master = -1
