"""Starts a corpus program, waits until it is ready, prepares it, asks it to stop and waits for its end.

Knows nothing of the supervisor: ``prefix`` may put any command before the program.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.corpus.manifest import BEST_EFFORT, VERSIONS, Program, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# Seconds between the last line that was waited for and the stop signal, so that a program that prints `ready`
# and then awaits is awaiting. Work begun before the stop has had this much: the headers' seconds count it off.
SETTLE = 0.1
START_LIMIT = 20.0  # a framework's import on a busy machine; programs bound their lives by signal.alarm(20)
LEAVING = 0.5
RUN_MARK = "SIGDRAIN_CORPUS_RUN"  # in the environment of all descendants, so that those left behind are found
VENVS = "SIGDRAIN_CORPUS_VENVS"


Target = Literal["main", "group"]


class DriveError(Exception):
    """A program that could not be brought to where it may be stopped; carries what it printed."""


@dataclass(frozen=True)
class Run:
    """How one run ended. ``status`` as subprocess gives it; ``seconds`` from stop (or ready) to exit."""

    status: int
    seconds: float
    killed: bool  # by us, because `kill_after` was over
    out: str
    err: str
    answers: tuple[str, ...]  # what came back on the connections, in the order they were opened
    left: tuple[tuple[int, str], ...]  # (pid, command line) of descendants alive after the end; ended since


def label(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def interpreters(wanted: Sequence[str] = ()) -> dict[Version, Path]:
    """The Pythons under $SIGDRAIN_CORPUS_VENVS, by version; without it the running one only.

    ``wanted``: only these, and 3.14 only so.
    """
    folder = os.environ.get(VENVS)
    if not folder:
        return {sys.version_info[:2]: Path(sys.executable)}
    chosen = [v for v in (*VERSIONS, BEST_EFFORT) if (label(v) in wanted if wanted else v != BEST_EFFORT)]
    paths = {version: Path(folder, label(version), "bin", "python") for version in chosen}
    return {version: path for version, path in paths.items() if path.exists()}


def lacks(program: Program, python: Path) -> tuple[str, ...]:
    """The packages that this interpreter would need."""
    find = "import sys, importlib.util as u; print(*(n for n in sys.argv[1:] if not u.find_spec(n)))"
    if not program.packages:
        return ()
    done = subprocess.run([python, "-c", find, *program.packages], capture_output=True, text=True, check=True)
    return tuple(done.stdout.split())


def run(
    program: Program,
    python: Path,
    *,
    prefix: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    target: Target | None = None,
    kill_after: float | None = None,
) -> Run:
    """One run, its descendants ended afterwards. Raises DriveError when the program does not become ready.

    ``target``: who gets the stop signal, the ``main`` process (default with a prefix, which passes it on) or its
    whole ``group`` (default without, as the supervisor's own default is).
    ``kill_after``: seconds after the stop when the main process gets SIGKILL; ``None``: never by us.
    """
    mark = uuid.uuid4().hex
    environment = dict(os.environ if environ is None else environ) | {RUN_MARK: mark}
    environment.pop("PYTHONUNBUFFERED", None)  # with it one print() is two writes, and two writers mix lines
    with ExitStack() as stack:
        process = subprocess.Popen(
            [*prefix, str(python), str(program.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            preexec_fn=_usual_signals,  # noqa: PLW1509 - takes no lock, so threads beside it do no harm
            bufsize=0,
        )
        stack.callback(_end_left, mark)
        driver = _Driver(process, stack)
        try:
            driver.prepare(program)
            return driver.finish(program, mark, target or ("main" if prefix else "group"), kill_after)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _usual_signals() -> None:
    """Between fork and exec: a shell's background job starts with SIGINT ignored, which would be inherited."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@dataclass
class _Driver:
    process: subprocess.Popen[bytes]
    stack: ExitStack
    text: dict[str, bytearray] = field(default_factory=lambda: {"out": bytearray(), "err": bytearray()})
    answers: list[bytearray] = field(default_factory=list)
    clients: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.process.stdout and self.process.stderr
        self.selector = self.stack.enter_context(selectors.DefaultSelector())
        self.stdout = self.stack.enter_context(self.process.stdout)
        self.stderr = self.stack.enter_context(self.process.stderr)
        pidfd = os.pidfd_open(self.process.pid)
        self.stack.callback(os.close, pidfd)
        self.open = {"out", "err"}
        self.gone: float | None = None
        self.selector.register(self.stdout, selectors.EVENT_READ, "out")
        self.selector.register(self.stderr, selectors.EVENT_READ, "err")
        self.selector.register(pidfd, selectors.EVENT_READ, "gone")

    def pump(self, until: Callable[[], bool], deadline: float) -> bool:
        """Read what comes until the condition holds (True) or the deadline passes (False)."""
        while not until():
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            for key, _ in self.selector.select(rest):
                self._take(key)
        return True

    def _take(self, key: selectors.SelectorKey) -> None:
        if key.data == "gone":
            self.gone = time.monotonic()
            self.selector.unregister(key.fileobj)
        elif key.data in self.text:
            data = os.read(key.fd, 65536)
            self.text[key.data] += data
            if not data:
                self.open.discard(key.data)
                self.selector.unregister(key.fileobj)
        else:
            try:
                data = os.read(key.fd, 65536)
            except ConnectionError:
                data = b""
            self.answers[key.data] += data
            if not data:
                self.selector.unregister(key.fileobj)

    def line(self, word: str, count: int = 1) -> str:
        """Wait for so many whole lines of stdout that begin with the word; the last of them."""
        found = ""

        def seen() -> bool:
            nonlocal found
            lines = self.text["out"].decode("utf-8", "replace").split("\n")[:-1]
            lines = [line for line in lines if line.split()[:1] == [word]]
            found = lines[count - 1] if len(lines) >= count else ""
            return bool(found) or self.gone is not None

        self.pump(seen, time.monotonic() + START_LIMIT)
        if not found:
            out, err = (self.text[name].decode("utf-8", "replace") for name in ("out", "err"))
            raise DriveError(f"no line {word!r}; stdout {out[-500:]!r}; stderr {err[-500:]!r}")
        return found

    def prepare(self, program: Program) -> None:
        """Wait for `ready`, then take the header's steps."""
        ready = self.line("ready").split()
        for step in program.drive:
            verb, _, rest = step.partition(" ")
            if verb == "connect" or verb == "http":
                client = socket.create_connection(("127.0.0.1", int(ready[1])), timeout=10)
                self.stack.callback(client.close)
                if verb == "http":
                    path = rest.split()[-1]
                    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                elif rest.startswith("send "):
                    client.sendall(rest[5:].encode() + b"\n")
                self.answers.append(bytearray())
                self.clients.append(client)
                self.selector.register(client, selectors.EVENT_READ, len(self.answers) - 1)
            elif verb == "line":
                word, _, count = rest.partition(" ")
                self.line(word, int(count or 1))
            elif verb == "answered":
                self.pump(self._answered, time.monotonic() + START_LIMIT)
            elif verb == "unread":
                self.selector.unregister(self.stdout)
            elif verb not in ("hangup",):
                raise DriveError(f"unknown step {step!r}")

    def _answered(self) -> bool:
        return bool(self.answers[-1]) or self.gone is not None

    def finish(self, program: Program, mark: str, target: Target, kill_after: float | None) -> Run:
        """Stop it, or let it end by itself, and collect."""
        since = time.monotonic()
        if program.stop != "none":
            self.pump(lambda: self.gone is not None, since + SETTLE)
            since = time.monotonic()
            self._send(signal.Signals[f"SIG{program.stop}"], target)
        timers = [(since + seconds, action) for seconds, action in self._later(program)]
        if kill_after is not None:
            timers.append((since + kill_after, self.process.kill))
        killed = False
        for at, action in sorted(timers, key=lambda timer: timer[0]):
            if not self.pump(lambda: self.gone is not None, at):
                killed = action == self.process.kill
                action()
        self.pump(lambda: self.gone is not None, time.monotonic() + 60)
        if self.gone is None:
            raise DriveError(f"{program.id} has not ended 60 s after everything")
        left = self._survivors(mark)
        _end_left(mark)
        if any(step == "unread" for step in program.drive):
            self.selector.register(self.stdout, selectors.EVENT_READ, "out")
        self.pump(lambda: not self.open, time.monotonic() + 5)
        return Run(
            status=self.process.wait(),
            seconds=self.gone - since,
            killed=killed,
            out=self.text["out"].decode("utf-8", "replace"),
            err=self.text["err"].decode("utf-8", "replace"),
            answers=tuple(answer.decode("utf-8", "replace") for answer in self.answers),
            left=left,
        )

    def _survivors(self, mark: str) -> tuple[tuple[int, str], ...]:
        """Who is left, after a moment for those on their way out (multiprocessing's resource tracker)."""
        deadline = time.monotonic() + LEAVING
        while (left := tuple(_left(mark, self.process.pid))) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def _later(self, program: Program) -> Iterator[tuple[float, Callable[[], object]]]:
        """What the driver does after the stop: (seconds, action)."""
        for step in program.drive:
            verb, _, rest = step.partition(" ")
            if verb == "hangup":
                yield float(rest), self._hang_up
            elif verb == "unread" and rest:
                yield (
                    float(rest),
                    lambda: self.selector.register(self.stdout, selectors.EVENT_READ, "out"),
                )

    def _hang_up(self) -> None:
        for client in self.clients:
            if client in {key.fileobj for key in self.selector.get_map().values()}:
                self.selector.unregister(client)
            client.close()

    def _send(self, number: signal.Signals, target: Target) -> None:
        try:
            if target == "group":
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            pass


def _left(mark: str, main: int) -> Iterator[tuple[int, str]]:
    """Living processes that carry the run's mark; zombies have no environment left to read."""
    wanted = f"{RUN_MARK}={mark}".encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) not in (main, os.getpid()):
            try:
                if wanted in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                    words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
                    yield int(entry), b" ".join(words).decode("utf-8", "replace").strip()
            except OSError:
                continue


def _end_left(mark: str) -> None:
    for pid, _ in _left(mark, 0):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
