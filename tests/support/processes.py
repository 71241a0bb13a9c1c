"""Starts `supervisor run` as a real process and talks to it. Every wait has a hang guard; none measures time."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Hang guard in seconds: a test that meets it has failed, however slow the machine.
PATIENCE = 30.0
WORKERS = Path(__file__).parents[1] / "workers"
SUPERVISOR = str(Path(sys.executable).with_name("supervisor"))
# Every process of a test carries a variable of this name in its environment, by which the last ones are found.
MARK = "SIGDRAIN_TEST_RUN"


def python(program: str, *arguments: str) -> list[str]:
    """The command line of one of our worker programs, on the Python that runs the tests."""
    return [sys.executable, "-ES", str(WORKERS / program), *arguments]


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for ``condition`` to become true; its value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)
    return value


class Wrapped:
    """`supervisor run OPTIONS -- COMMAND`, in a process group of its own, stdout and stdin piped, stderr kept."""

    def __init__(
        self,
        command: Sequence[str],
        *options: str,
        env: Mapping[str, str] | None = None,
        argv: Sequence[str] | None = None,
        **popen: Any,
    ) -> None:
        self._mark = uuid.uuid4().hex
        self._stderr = TemporaryFile()  # noqa: SIM115 - closed at exit
        self._text = b""
        environ = os.environ | dict(env or {}) | {MARK: self._mark}
        given: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": self._stderr,
            "process_group": 0,
        }
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            argv or [SUPERVISOR, "run", *options, "--", *command], env=environ, bufsize=0, **(given | popen)
        )
        self.pid = self.process.pid

    def __enter__(self) -> Wrapped:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: object) -> None:
        if kind is not None:
            print(f"--- stderr of {self.process.args!r}\n{self.stderr}", file=sys.stderr)
        for pid in self.alive():
            _kill(pid)
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self._stderr):
            if stream is not None:
                stream.close()

    @property
    def stderr(self) -> str:
        """What came on stderr so far, of the supervisor and of the command."""
        self._stderr.seek(0)
        return self._stderr.read().decode()

    @property
    def main(self) -> int:
        """The pid of the command's main process."""
        return int(until(lambda: children(self.pid), "a child of the supervisor")[0])

    def line(self) -> str:
        """The next line of stdout, without its end."""
        while b"\n" not in self._text:
            chunk = self._read()
            assert chunk, f"stdout ended after {self._text!r}; stderr: {self.stderr}"
            self._text += chunk
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def lines(self, count: int) -> list[str]:
        """The next lines of stdout."""
        return [self.line() for _ in range(count)]

    def rest(self) -> str:
        """Everything on stdout until nobody holds it any more."""
        while chunk := self._read():
            self._text += chunk
        return self._text.decode()

    def ready(self) -> list[str]:
        """Wait until the worker says ``ready``; the words after it."""
        line = self.line()
        assert line.startswith("ready"), line
        return line.split()[1:]

    def send(self, *signals: int) -> None:
        """Signals to the supervisor, in order."""
        for one in signals:
            self.process.send_signal(one)

    def wait(self) -> int:
        """Exit code of the supervisor, -n when it died of signal n."""
        return self.process.wait(PATIENCE)

    def alive(self) -> list[int]:
        """Every process of this run, the supervisor included, zombies not."""
        mark = f"{MARK}={self._mark}".encode()
        return [pid for pid in pids() if mark in environment(pid)]

    def _read(self) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, f"no output; so far {self._text!r}; stderr: {self.stderr}"
        return os.read(self.process.stdout.fileno(), 65536)


def run(command: Sequence[str], *options: str, **popen: Any) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a whole `supervisor run`."""
    with Wrapped(command, *options, **popen) as wrapped:
        out = wrapped.rest()
        return wrapped.wait(), out, wrapped.stderr


def report(path: Path) -> dict[str, Any]:
    """The one shutdown of a JSON report."""
    document = json.loads(path.read_text())
    assert document["schema"] == "supervisor.report/1"
    (shutdown,) = document["shutdowns"]
    assert isinstance(shutdown, dict)
    return shutdown


# ------------------------------------------------------------------ /proc


def pids() -> list[int]:
    """Every process that can be seen."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def environment(pid: int) -> list[bytes]:
    """The environment a process was started with; empty for a zombie or one that is gone."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def children(pid: int) -> list[int]:
    """Direct children, oldest first."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """All processes below one, parents before their children."""
    return [one for child in children(pid) for one in (child, *descendants(child))]


def status(pid: int) -> dict[str, str]:
    """The fields of /proc/pid/status; empty when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def state(pid: int) -> str:
    """``R``, ``S``, ``T``, ``Z`` …; empty when it is gone."""
    return status(pid).get("State", "")[:1]


def gone(pid: int) -> bool:
    """Whether the process runs no more; a zombie that somebody else has to reap counts as gone."""
    return state(pid) in ("", "Z", "X")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def next_request_counts(supervisor: int) -> None:
    """Sleep until a further stop request is one of its own: requests within 0.1 s of each other count as one.

    The time that the supervisor works or waits for a processor meanwhile is no distance between two requests.
    """

    def occupied() -> float:
        worked, waited, _ = Path(f"/proc/{supervisor}/schedstat").read_text().split()
        return (int(worked) + int(waited)) / 1e9

    began, before = time.monotonic(), occupied()
    until(lambda: time.monotonic() - began - (occupied() - before) > 0.12, "the supervisor had nothing to do")
