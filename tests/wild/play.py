"""Start one case under `supervisor run`, or bare, stop it as its header says, and keep what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wild.case import Case

START_LIMIT = 25.0  # seconds until READY; the heaviest server takes 3 s on a busy machine
SETTLE = 0.4  # seconds between READY and the stop: a client's request has to arrive, a task to reach its resting wait
CLIENT_SETTLE = 1.2  # the same where a client has to be started, connect and be answered
STOP_LIMIT = 15.0  # seconds from the stop until we end what is left ourselves
BARE_LIMIT = 6.0  # the same without a supervisor, where nothing else ends a program that hangs
AGAIN = 3.0  # seconds after which an impatient user presses Ctrl-C once more


@dataclass(frozen=True)
class Tools:
    """What the commands of the cases run with; ``supervisor`` None: bare."""

    python: Path
    supervisor: Path | None


@dataclass(frozen=True)
class Played:
    ready: bool
    code: int | None  # exit code; None: still there at the end of our patience
    seconds: float  # from the stop to the exit of the command that we started
    output: str
    shutdown: dict[str, Any] | None  # the report's last shutdown


def play(case: Case, tools: Tools) -> Played:
    ports = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="wild-") as folder:
        report = Path(folder) / "report.json"
        main = shlex.split(_filled(case.run, case, tools, ports))
        if tools.supervisor is not None:
            options = ["--escalation", case.ladder, "--report", str(report), *shlex.split(case.options)]
            main = [str(tools.supervisor), "run", *options, "--", *main]
        with _helper(case.before, case, tools, ports), _started(main, case, folder) as run:
            ready = run.until(case.ready, START_LIMIT)
            with _helper(case.client, case, tools, ports):
                run.read(CLIENT_SETTLE if case.client else SETTLE)
                code, seconds = _stop(run, case, bare=tools.supervisor is None)
        shutdown = json.loads(report.read_text("utf-8"))["shutdowns"][-1] if report.exists() else None
    return Played(ready, code, seconds, run.output.decode(errors="replace"), shutdown)


def _stop(run: _Run, case: Case, *, bare: bool) -> tuple[int | None, float]:
    """As `supervisor run` does it: the whole group, or with --child-only the main process alone."""
    begun = time.monotonic()
    if case.interrupt:
        _press_ctrl_c(run, bare=bare)
        run.read(AGAIN)
        _press_ctrl_c(run, bare=bare)
    elif bare and "--child-only" not in case.options:
        os.killpg(run.process.pid, signal.SIGTERM)
    else:
        run.process.send_signal(signal.SIGTERM)
    run.read(begun + (BARE_LIMIT if bare else STOP_LIMIT) - time.monotonic(), ended=True)
    return run.process.poll(), time.monotonic() - begun


def _press_ctrl_c(run: _Run, *, bare: bool) -> None:
    """As a terminal does: SIGINT to the foreground job, which under `run` is the command's own group."""
    for pid in list(_session(run.process.pid)):
        if bare or pid != run.process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


@dataclass
class _Run:
    process: subprocess.Popen[bytes]
    output: bytes = field(default=b"")

    def until(self, expression: str, seconds: float) -> bool:
        """Read until the output matches; False when it never did."""
        wanted = re.compile(expression.encode())
        limit = time.monotonic() + seconds
        while not (found := wanted.search(self.output)) and time.monotonic() < limit:
            if not self._some(0.1) and self.process.poll() is not None:
                break
        return found is not None

    def read(self, seconds: float, *, ended: bool = False) -> None:
        """Keep its output flowing for so long; with ``ended`` no longer than the process lives."""
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0 and not (ended and self.process.poll() is not None):
            if not self._some(min(left, 0.02 if ended else 0.1)):
                time.sleep(0.01)

    def _some(self, seconds: float) -> bool:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        self.output += data
        return bool(data)


@contextlib.contextmanager
def _started(command: list[str], case: Case, folder: str) -> Iterator[_Run]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SIGDRAIN")}
    process = subprocess.Popen(
        command,
        cwd=case.path.parent,
        env=environ | {"TMPDIR": folder},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    run = _Run(process)
    try:
        yield run
    finally:
        for pid in list(_session(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        while run._some(0.05):
            pass
        assert process.stdout is not None
        process.stdout.close()


@contextlib.contextmanager
def _helper(command: str | None, case: Case, tools: Tools, ports: tuple[int, int]) -> Iterator[None]:
    """A helper's programs are ended with its session."""
    if command is None:
        yield
        return
    null = subprocess.DEVNULL
    words = shlex.split(_filled(command, case, tools, ports))
    process = subprocess.Popen(
        words, cwd=case.path.parent, stdin=null, stdout=subprocess.PIPE, stderr=null, start_new_session=True
    )
    try:
        if command == case.before and not _Run(process).until("ready", START_LIMIT):
            raise RuntimeError(f"{words} did not say that it is ready")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _filled(command: str, case: Case, tools: Tools, ports: tuple[int, int]) -> str:
    words = {"py": tools.python, "bin": tools.python.parent, "port": ports[0], "other": ports[1]}
    return command.format(**words, file=case.path.name, name=case.path.stem)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _session(sid: int) -> Iterator[int]:
    """The living processes of a session (proc(5): state is the third field, the session the sixth)."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == sid and fields[0] != "Z":
            yield int(name)
