"""One service of a test: its unit written, and systemd asked what became of it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.support.processes import SUPERVISOR, WORKERS, until

if TYPE_CHECKING:
    from tests.support.systemd import Bed

_NUMBERS = itertools.count()
SPEAKS = f"{sys.executable} -ES {WORKERS / 'speaks.py'}"
STUBBORN = f"{sys.executable} {WORKERS / 'stubborn.py'}"


class Service:
    """``run``: what `supervisor run` gets, its options and the command; or else ``command``, all of ExecStart."""

    def __init__(self, bed: Bed, run: str = "", *, command: str = "", **settings: Any) -> None:
        self.bed = bed
        self.name = f"t{next(_NUMBERS)}.service"
        start = command or f"{SUPERVISOR} run {run}"
        lines = {"Type": "notify", "NotifyAccess": "main", "KillMode": "mixed", "ExecStart": start, **settings}
        body = "\n".join(f"{key}={value}" for key, value in lines.items() if value is not None)
        bed.unit(self.name, f"[Service]\n{body}\n")

    def systemctl(self, verb: str, *options: str) -> int:
        """`systemctl VERB`, waited for; its exit code."""
        with self.bed.popen("systemctl", *options, verb, self.name) as process:
            process.communicate()
        return process.returncode

    def begin(self, verb: str) -> subprocess.Popen[str]:
        """`systemctl VERB`, not waited for."""
        return self.bed.popen("systemctl", verb, self.name)

    def show(self, name: str) -> str:
        """One property."""
        return self.bed.show(self.name, name)[name]

    def until(self, name: str, value: str) -> None:
        """Wait for a property to begin with this value."""
        until(lambda: self.show(name).startswith(value), f"{self.name}: {name}={value}, not {self.show(name)}")

    def logged(self, text: str) -> str:
        """Wait until the journal of the service has this text; all of the journal."""
        until(lambda: text in self.bed.journal(self.name), f"{text!r} in {self.bed.journal(self.name)}")
        return self.bed.journal(self.name)

    def started(self) -> Service:
        """Start it, which has to work."""
        assert self.systemctl("start") == 0, self.bed.journal(self.name)
        return self

    @property
    def result(self) -> str:
        """How it ended: success, exit-code, signal, timeout, watchdog …"""
        return self.show("Result")

    def kill(self, signal: str, whom: str = "main") -> None:
        """Send a signal past systemd's own logic."""
        self.bed("systemctl", "kill", f"--kill-who={whom}", f"--signal={signal}", self.name)
