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

from tests.faults.schedule import STOPPING, UNEXPECTED, Fault, Schedule, Worker
from tests.faults.story import Came, Process, Story
from tests.support.clean import kill_marked
from tests.support.processes import MARK, SUPERVISOR, environment, pids, state

PROGRAM = str(Path(__file__).with_name("worker.py"))
# Hang guard, seconds beyond what the contracts allow: a supervisor that meets it hangs, however slow the machine.
GUARD = 25.0
# Starting at once by a terminal's Ctrl-C would test bash; the supervisor is sent its signals by kill(2).
LAST_PID = "/proc/sys/kernel/ns_last_pid"


class Scene:
    """One schedule while it runs. Everything happens in one thread, on one selector."""

    def __init__(self, schedule: Schedule, folder: Path) -> None:
        self.schedule = schedule
        self.folder = folder
        self.story = Story()
        self._mark = uuid.uuid4().hex
        self._selector = selectors.DefaultSelector()
        self._things = ExitStack()
        self._live: dict[int, Process] = {}
        self._clients: list[socket.socket] = []
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._unread: list[int] = []
        self._bystanders: list[subprocess.Popen[bytes]] = []

    def play(self) -> Story:
        """Carry it out, whatever happens, and leave nothing behind."""
        with self._things:
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
        self._things.enter_context(listener)
        path = self.folder / "witness"
        listener.bind(str(path))
        listener.listen(512)
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        runtime = self.folder / "r"
        runtime.mkdir()
        self.environment = {
            key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "CI")
        } | {MARK: self._mark, "FAULTS_SOCKET": str(path), "XDG_RUNTIME_DIR": str(runtime), "TERM": "xterm"}
        self._bystand()
        self.story.began = time.monotonic()
        self._start()
        for fault in self.schedule.faults:
            self._at(fault.at, self._doing(fault))
        self._at(self.schedule.stop_at, self._stop)

    def _bystand(self) -> None:
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
            self._master, slave = pty.openpty()
            ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
            self._modes = termios.tcgetattr(slave)
            given |= {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
            self.process = subprocess.Popen(argv, **given)
            os.close(slave)
            self._read(self._master, self._from_terminal)
        else:
            given |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self.process = subprocess.Popen(argv, process_group=0, bufsize=0, **given)
            assert self.process.stdout is not None and self.process.stderr is not None
            self._things.enter_context(self.process.stdout)
            self._things.enter_context(self.process.stderr)
            self._read(self.process.stdout.fileno(), self._from_stdout)
            self._read(self.process.stderr.fileno(), self._from_stderr)
        self._pidfd = os.pidfd_open(self.process.pid)
        self._things.callback(os.close, self._pidfd)

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

    def _at(self, seconds: float, do: Callable[[], None]) -> None:
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
        ready = self._selector.select(seconds)
        for key, _ in ready:
            key.data()
        return bool(ready)

    def _read(self, fd: int, take: Callable[[], None]) -> None:
        os.set_blocking(fd, False)
        self._selector.register(fd, selectors.EVENT_READ, take)

    def _taken(self, fd: int) -> bytes:
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: nobody holds the terminal any more
            data = b""
        if not data:
            self._selector.unregister(fd)
        return data

    def _from_stdout(self) -> None:
        assert self.process.stdout is not None
        self.story.stdout += self._taken(self.process.stdout.fileno())

    def _from_stderr(self) -> None:
        assert self.process.stderr is not None
        self.story.stderr += self._taken(self.process.stderr.fileno())

    def _from_terminal(self) -> None:
        self.story.stdout += self._taken(self._master)

    def _accept(self, listener: socket.socket) -> None:
        stream, _ = listener.accept()
        self._things.callback(stream.close)
        stream.setblocking(False)
        pid = struct.unpack("iII", stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        self._selector.register(stream, selectors.EVENT_READ, lambda: self._hear(stream, pid))

    def _hear(self, stream: socket.socket, pid: int) -> None:
        try:
            data = stream.recv(4096)
        except ConnectionResetError:
            data = b""
        now = time.monotonic()
        process = self._live.get(stream.fileno())
        if not data:
            self._selector.unregister(stream)
            if process is not None:
                process.gone = now
                del self._live[stream.fileno()]
            stream.close()
            return
        said = json.loads(data)
        if process is None:
            process = self._live[stream.fileno()] = Process(pid, said["role"], said["name"], now, said["deaf"])
            self.story.processes.append(process)
        elif "signal" in said:
            process.signals.append(Came(said["at"], said["signal"], said["late"]))
        elif "exit" in said:
            process.announced = said["exit"]

    # ---------------------------------------------------------------- faults

    def _doing(self, fault: Fault) -> Callable[[], None]:
        table: dict[str, Callable[[Fault], None]] = {
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
        return lambda: table[fault.kind](fault)

    def _chosen(self, fault: Fault, *roles: str) -> Process | None:
        among = [one for one in self._live.values() if one.role in (roles or ("main", "member", "escapee"))]
        return among[int(fault.pick * len(among))] if among else None

    def _send(self, pid: int, *signals: int) -> None:
        for number in signals:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return

    def _stop(self) -> None:
        self.story.requests.append((time.monotonic(), None))
        self._send(self.process.pid, self.schedule.stop_by)
        # Whoever stopped it lets it go on again at the latest now.
        self._at(time.monotonic() - self.story.began + 1.0, lambda: self._send(self.process.pid, signal.SIGCONT))

    def _signals(self, fault: Fault) -> None:
        # Each before it is sent: what follows from it cannot be earlier.
        self.story.requests += [(time.monotonic(), None) for number in fault.signals if number in STOPPING]
        self._send(self.process.pid, *fault.signals)

    def _kill(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            process.killed = True
            self._send(process.pid, signal.SIGKILL)

    def _terminate(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            process.terminated = True
            self._send(process.pid, signal.SIGTERM)

    def _suspend(self, fault: Fault) -> None:
        if process := self._chosen(fault):
            process.stopped = True
            self._send(process.pid, signal.SIGSTOP)
            if fault.seconds < 0.5:  # else nobody wakes it but the supervisor
                later = time.monotonic() - self.story.began + fault.seconds
                self._at(later, lambda: self._wake(process))

    def _wake(self, process: Process) -> None:
        if process.gone is None:
            self._send(process.pid, signal.SIGCONT)

    def _suspend_supervisor(self, fault: Fault) -> None:
        self.story.supervisor_stopped = True
        self._send(self.process.pid, signal.SIGSTOP)
        later = time.monotonic() - self.story.began + fault.seconds
        self._at(later, lambda: self._send(self.process.pid, signal.SIGCONT))

    def _kill_supervisor(self, _fault: Fault) -> None:
        self.story.supervisor_killed = True
        self._send(self.process.pid, signal.SIGKILL)

    def _connected(self) -> socket.socket | None:
        for path in (self.folder / "r").glob("sigdrain/*/control"):
            client = socket.socket(socket.AF_UNIX)
            self._things.callback(client.close)
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
            self._read(client.fileno(), lambda: self.story.answers.append(self._taken(client.fileno())))

    def _stop_one(self, fault: Fault) -> None:
        worker = self.schedule.workers[int(fault.pick * len(self.schedule.workers))]
        self.story.requests.append((time.monotonic(), worker.name))
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
        assert self.process.stdout is not None and self.process.stderr is not None
        self.story.stalled = True
        streams = {self.process.stdout.fileno(): self._from_stdout, self.process.stderr.fileno(): self._from_stderr}
        for fd, take in streams.items():
            if fd in self._selector.get_map():
                self._selector.unregister(fd)
                if fault.seconds < 0.5:
                    self._at(time.monotonic() - self.story.began + fault.seconds, partial(self._again, fd, take))

    def _again(self, fd: int, take: Callable[[], None]) -> None:
        if fd not in self._selector.get_map():
            self._read(fd, take)

    def _flood(self, fault: Fault) -> None:
        """Somebody of the fleet gets many signals that it does not expect."""
        if process := self._chosen(fault):
            self._send(process.pid, *[UNEXPECTED] * 40)

    def _reuse(self, fault: Fault) -> None:
        """A process of the fleet dies, and its pid is given to a stranger, as soon as it is free."""
        if not (process := self._chosen(fault)) or not os.access(LAST_PID, os.W_OK):
            return
        process.killed = True
        self._send(process.pid, signal.SIGKILL)
        self._at(time.monotonic() - self.story.began + 0.02, lambda: self._take(process.pid, 25))

    def _take(self, pid: int, tries: int) -> None:
        if state(pid) or not tries:  # not reaped yet
            if tries:
                self._at(time.monotonic() - self.story.began + 0.02, lambda: self._take(pid, tries - 1))
            return
        Path(LAST_PID).write_text(str(pid - 1))
        self._bystand()  # in its place, unless somebody else was quicker: a bystander all the same

    def _hang_up(self, _fault: Fault) -> None:
        if self.schedule.terminal and self._master in self._selector.get_map():
            self.story.hung_up = True
            self.story.requests.append((time.monotonic(), None))
            self._selector.unregister(self._master)
            os.close(self._master)
            self._master = -1

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
            ours = {one.pid for one in self._bystanders}
            mark = f"{MARK}={self._mark}".encode()
            story.left = [pid for pid in pids() if pid not in ours and mark in environment(pid)]
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        story.cpu = usage.ru_utime + usage.ru_stime
        if self.schedule.terminal and not story.hung_up:
            self._look_at_terminal()
        path = self.folder / "r.json"
        if path.exists():
            try:
                story.report = json.loads(path.read_bytes().decode(), parse_constant=_refuse)
            except ValueError as error:
                story.report_fault = f"{error}"

    def _look_at_terminal(self) -> None:
        modes = termios.tcgetattr(self._master)
        if modes != self._modes:
            self.story.terminal_differs = f"modes {self._modes} before, {modes} after"
        shown = self.story.stdout
        for on, off, what in ((b"\x1b[?25h", b"\x1b[?25l", "cursor"), (b"\x1b[?1049l", b"\x1b[?1049h", "screen")):
            if off in shown and shown.rfind(off) > shown.rfind(on):
                self.story.terminal_differs = f"the {what} is not put back"
        os.close(self._master)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def play(schedule: Schedule, folder: Path) -> Story:
    """Carry the schedule out in an empty folder."""
    return Scene(schedule, folder).play()
