"""Carries one schedule out on real processes and tells the story of it."""

from __future__ import annotations

import json
import os
import pty
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from fcntl import ioctl
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.schedule import Schedule, Worker
from tests.faults.story import Came, Process, Story
from tests.faults.trouble import Trouble
from tests.support.clean import kill_marked
from tests.support.processes import MARK, SUPERVISOR, environment, pids

PROGRAM = str(Path(__file__).with_name("worker.py"))
# Hang guard, seconds beyond what the contracts allow: a supervisor that meets it hangs, however slow the machine.
GUARD = 25.0
# Seconds that a process may take to die of SIGKILL on a busy machine.
DYING = 3.0


class Scene:
    """One schedule while it runs. Everything happens in one thread, on one selector."""

    def __init__(self, schedule: Schedule, folder: Path) -> None:
        self.schedule = schedule
        self.folder = folder
        self.story = Story()
        self._mark = uuid.uuid4().hex
        self.selector = selectors.DefaultSelector()
        self.things = ExitStack()
        self.live: dict[int, Process] = {}
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._unread: list[int] = []
        self._bystanders: list[subprocess.Popen[bytes]] = []

    def play(self) -> Story:
        """Carry it out, whatever happens, and leave nothing behind."""
        with self.things:
            try:
                self._begin()
                self._run()
                self._look()
            finally:
                kill_marked(self._mark)
                for process in self._bystanders:
                    process.wait()
        return self.story

    # ---------------------------------------------------------------- begin

    def _begin(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.things.enter_context(listener)
        path = self.folder / "witness"
        listener.bind(str(path))
        listener.listen(512)
        self.selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        runtime = self.folder / "r"
        runtime.mkdir()
        self.environment = {
            key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "CI")
        } | {MARK: self._mark, "FAULTS_SOCKET": str(path), "XDG_RUNTIME_DIR": str(runtime), "TERM": "xterm"}
        self.bystand()
        self.story.began = time.monotonic()
        self._start()
        trouble = Trouble(self)
        for fault in self.schedule.faults:
            self.at(fault.at, partial(trouble.make, fault))
        self.at(self.schedule.stop_at, self._stop)

    def bystand(self) -> None:
        argv = [sys.executable, "-ES", PROGRAM, "bystander", "bystander", "ignore", "0", "0", "0"]
        self._bystanders.append(subprocess.Popen(argv, env=self.environment, start_new_session=True))

    def _start(self) -> None:
        schedule = self.schedule
        argv = self._argv()

        def prepare() -> None:
            if schedule.descriptors is not None:
                _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
                resource.setrlimit(resource.RLIMIT_NOFILE, (schedule.descriptors, hard))
            if schedule.terminal:
                ioctl(0, termios.TIOCSCTTY, 0)

        given: dict[str, Any] = {"env": self.environment, "cwd": self.folder, "preexec_fn": prepare}
        if schedule.terminal:
            self.master, slave = pty.openpty()
            ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
            self._modes = termios.tcgetattr(slave)
            given |= {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
            self.process = subprocess.Popen(argv, **given)
            os.close(slave)
            self.read(self.master, self._from_terminal)
        else:
            given |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self.process = subprocess.Popen(argv, process_group=0, bufsize=0, **given)
            assert self.process.stdout is not None and self.process.stderr is not None
            self.things.enter_context(self.process.stdout)
            self.things.enter_context(self.process.stderr)
            self.read(self.process.stdout.fileno(), self.from_stdout)
            self.read(self.process.stderr.fileno(), self.from_stderr)
        self._pidfd = os.pidfd_open(self.process.pid)
        self.things.callback(os.close, self._pidfd)

    def _argv(self) -> list[str]:
        schedule = self.schedule
        reports = ["--report", "r.json"]
        if schedule.full_disk:
            reports = ["--report", "/dev/full", *reports]
        if schedule.command == "run":
            (worker,) = schedule.workers
            options = ["--escalation", worker.ladder, *([] if worker.agent else ["--no-agent"])]
            return [SUPERVISOR, "run", *options, *reports, "--", *self._command(worker)]
        (self.folder / "supervisor.toml").write_text(self._config())
        return [SUPERVISOR, "up", *reports, *(["--log-format", "json"] if schedule.json_lines else [])]

    def _command(self, worker: Worker) -> list[str]:
        if worker.missing:
            return ["/nonexistent/program"]
        children = [f"{child.birth}:{child.on_stop}" for child in worker.children]
        # An agent finds nothing to do in a program that loads no asyncio, but it is there and answers.
        flags = [] if worker.agent else ["-ES"]
        words = [PROGRAM, "main", worker.name, worker.on_stop, str(worker.lives or 0), str(worker.code)]
        return [sys.executable, *flags, *words, str(worker.lines), *children]

    def _config(self) -> str:
        lines = ["[fleet]", f'name = "faults{self.schedule.seed}"']
        for worker in self.schedule.workers:
            lines += [
                f"[worker.{worker.name}]",
                f"command = {json.dumps(self._command(worker))}",
                f"instances = {worker.instances}",
                f'stop.escalation = "{worker.ladder}"',
                f'restart = "{worker.restart}"',
                f"agent = {json.dumps(worker.agent)}",
                "backoff.first = 0.05",
                "backoff.burst = 4",
            ]
        return "\n".join(lines) + "\n"

    # ---------------------------------------------------------------- while it runs

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        self._due.append((self.story.began + seconds, do))
        self._due.sort(key=lambda one: one[0])

    def _run(self) -> None:
        guard = self.story.began + self.schedule.stop_at + self.schedule.patience + GUARD
        while self.process.poll() is None:
            now = time.monotonic()
            if now > guard:
                self.story.hung = True
                return
            if self._due and self._due[0][0] <= now:
                self._due.pop(0)[1]()
                continue
            wait = min(self._due[0][0] if self._due else guard, guard) - now
            # The supervisor's end wakes us through the streams and sockets that close; 50 ms at the latest.
            self._pump(min(max(wait, 0.0), 0.05))
        self.story.ended = time.monotonic()

    def _pump(self, seconds: float) -> bool:
        ready = self.selector.select(seconds)
        for key, _ in ready:
            key.data()
        return bool(ready)

    def read(self, fd: int, take: Callable[[], None]) -> None:
        os.set_blocking(fd, False)
        self.selector.register(fd, selectors.EVENT_READ, take)

    def taken(self, fd: int) -> bytes:
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: nobody holds the terminal any more
            data = b""
        if not data:
            self.selector.unregister(fd)
        return data

    def from_stdout(self) -> None:
        assert self.process.stdout is not None
        self.story.stdout += self.taken(self.process.stdout.fileno())

    def from_stderr(self) -> None:
        assert self.process.stderr is not None
        self.story.stderr += self.taken(self.process.stderr.fileno())

    def _from_terminal(self) -> None:
        self.story.stdout += self.taken(self.master)

    def _accept(self, listener: socket.socket) -> None:
        stream, _ = listener.accept()
        self.things.callback(stream.close)
        stream.setblocking(False)
        pid = struct.unpack("iII", stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        self.selector.register(stream, selectors.EVENT_READ, lambda: self._hear(stream, pid))

    def _hear(self, stream: socket.socket, pid: int) -> None:
        try:
            data = stream.recv(4096)
        except ConnectionResetError:
            data = b""
        now = time.monotonic()
        process = self.live.get(stream.fileno())
        if not data:
            self.selector.unregister(stream)
            if process is not None:
                process.gone = now
                del self.live[stream.fileno()]
            stream.close()
            return
        said = json.loads(data)
        if process is None:
            process = self.live[stream.fileno()] = Process(
                pid, said["role"], said["name"], now, said["token"], said["deaf"]
            )
            self.story.processes.append(process)
        elif "signal" in said:
            process.signals.append(Came(said["at"], said["signal"], said["late"]))
        elif "exit" in said:
            process.announced = said["exit"]

    # ---------------------------------------------------------------- what is done to it

    def send(self, pid: int, *signals: int) -> None:
        for number in signals:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return

    def _stop(self) -> None:
        self.story.requests.append((time.monotonic(), None))
        self.send(self.process.pid, self.schedule.stop_by)
        # Whoever stopped it lets it go on again at the latest now.
        self.at(time.monotonic() - self.story.began + 1.0, lambda: self.send(self.process.pid, signal.SIGCONT))

    # ---------------------------------------------------------------- afterwards

    def _look(self) -> None:
        """What is left when it has ended: processes, the report, the terminal."""
        story = self.story
        if story.hung:
            story.left = [self.process.pid]
        else:
            story.code = self.process.wait()
            while self._pump(0.02):  # what is in the pipes, and the deaths of the last ones
                pass
            # A main process gets SIGKILL from the kernel when we kill its supervisor: dying takes a moment.
            until = time.monotonic() + (DYING if story.supervisor_killed else 0.0)
            while (left := self._alive()) and time.monotonic() < until:
                time.sleep(0.05)
            story.left = left
        if self.schedule.terminal and not story.hung_up:
            self._look_at_terminal()
        path = self.folder / "r.json"
        if path.exists():
            try:
                story.report = json.loads(path.read_bytes().decode(), parse_constant=_refuse)
            except ValueError as error:
                story.report_fault = f"{error}"

    def _alive(self) -> list[int]:
        """Return who lives of the scene but for the bystanders."""
        ours = {one.pid for one in self._bystanders}
        mark = f"{MARK}={self._mark}".encode()
        return [pid for pid in pids() if pid not in ours and mark in environment(pid)]

    def _look_at_terminal(self) -> None:
        modes = termios.tcgetattr(self.master)
        if modes != self._modes:
            self.story.terminal_differs = f"modes {self._modes} before, {modes} after"
        shown = self.story.stdout
        for on, off, what in ((b"\x1b[?25h", b"\x1b[?25l", "cursor"), (b"\x1b[?1049l", b"\x1b[?1049h", "screen")):
            if off in shown and shown.rfind(off) > shown.rfind(on):
                self.story.terminal_differs = f"the {what} is not put back"
        os.close(self.master)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def play(schedule: Schedule, folder: Path) -> Story:
    """Carry the schedule out in an empty folder."""
    return Scene(schedule, folder).play()
