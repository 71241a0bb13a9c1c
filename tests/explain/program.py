"""Starts small real programs to be explained, and explains them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from supervisor.cli.explain import look
from tests.support.processes import PATIENCE, descendants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.record import Finding
    from supervisor.views.running import Told

# Seconds of one observation. Nothing below depends on its length: what waits, waits at every look.
BRIEFLY = 0.1
# A shell or a pytest started in the background may ignore these, and children inherit it.
DEFAULTS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)


class Program:
    """A process that says ``ready`` on its stdout, killed at the end with all that it has started."""

    def __init__(self, argv: Sequence[str], **popen: Any) -> None:
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, "preexec_fn": _as_usual}
        self.process = subprocess.Popen(argv, **(given | popen))
        self.pid = self.process.pid
        self._text = b""

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        for below in descendants(self.pid):
            with contextlib.suppress(ProcessLookupError):  # a parent that ends takes its dead children along
                os.kill(below, signal.SIGKILL)
        self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def ready(self) -> str:
        """Wait for a line that begins with ``ready``; what follows the word."""
        assert self.process.stdout is not None
        while b"\n" not in self._text:
            readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            assert readable, "never ready"
            chunk = os.read(self.process.stdout.fileno(), 4096)
            assert chunk, "it ended before it was ready"
            self._text += chunk
        line, _, self._text = self._text.partition(b"\n")
        assert line.startswith(b"ready"), line
        return line.decode()[5:].strip()


def _as_usual() -> None:
    for number in DEFAULTS:
        signal.signal(number, signal.SIG_DFL)


def python(code: str, **popen: Any) -> Program:
    """A Python program that has said ``ready``."""
    program = Program([sys.executable, "-ISc", code], **popen)
    program.ready()
    return program


def shell(script: str, **popen: Any) -> Program:
    """A bash script; whoever calls waits for what it is to reach."""
    return Program(["bash", "-c", script], **popen)


def explained(pid: int, seconds: float = BRIEFLY) -> tuple[Told, dict[str, Finding]]:
    """What is known, and the findings by code."""
    told = look(pid, seconds)
    return told, {finding.code: finding for finding in told.findings}
