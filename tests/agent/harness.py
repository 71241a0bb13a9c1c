"""A real worker under the agent, and the real channel that hears it. One thread, no fixed sleeps."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.agent.wire import AgentMessage
from supervisor.system import inject
from supervisor.system.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

HANG = 30.0  # seconds: a guard, never a measure


def interpreters(*wanted: str) -> list[str]:
    """The interpreters of this machine with these versions ("3.8"), from PATH and from pyenv's folder."""
    found: dict[str, str] = {}
    folders = [
        Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry and "shims" not in entry
    ]
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    folders += [path / "bin" for path in sorted(pyenv.glob("*"))] if pyenv.is_dir() else []
    for folder in folders:
        for version in wanted:
            path = folder / f"python{version}"
            if version not in found and os.access(path, os.X_OK):
                found[version] = str(path)
    return [found[version] for version in wanted if version in found]


class Worker:
    """One child process, its lines and the messages of everything that connects to its channel."""

    def __init__(
        self, python: str, code: str, *flags: str, env: dict[str, str] | None = None, cwd: Path | None = None
    ):
        self.folder = inject.make_folder(env={"TMPDIR": "/tmp"})
        self.channel = Channel(self.folder)
        self.messages: list[AgentMessage] = []
        self.out = self.err = ""
        base = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        }
        base |= {"PYTHONUNBUFFERED": "1"} | (env or {})
        base |= inject.environment(base, self.folder)
        self.process = subprocess.Popen(
            [python, *flags, "-c", code],
            env=base,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self.process.pid
        for stream in (self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self.channel.close()
        assert inject.remove_folder(self.folder)

    def pump(self) -> None:
        select.select([self.channel, self.process.stdout, self.process.stderr], [], [], 0.05)
        self.messages += self.channel.read(time.monotonic())
        self.out += (self.process.stdout.read() or b"").decode()
        self.err += (self.process.stderr.read() or b"").decode()

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + HANG
        while not holds():
            assert time.monotonic() < deadline, f"hangs; out {self.out!r} err {self.err!r} events {self.events()}"
            self.pump()

    def line(self, text: str) -> Worker:
        """Wait until the worker has printed this."""
        self.until(lambda: text in self.out or self.process.poll() is not None)
        assert text in self.out, (self.out, self.err)
        return self

    def heard(self, event: str, **fields: object) -> AgentMessage:
        """Wait for the first message of this kind."""
        self.until(lambda: self.all(event, **fields))
        return self.all(event, **fields)[0]

    def all(self, event: str, **fields: object) -> list[AgentMessage]:
        return [
            message
            for message in self.messages
            if message.event == event and all(message.fields[key] == value for key, value in fields.items())
        ]

    def events(self) -> list[str]:
        return [message.event for message in self.messages]

    def phases(self) -> list[str]:
        return [message.fields["name"] for message in self.all("phase")]

    def probe(self) -> Worker:
        self.until(lambda: self.channel.live(self.pid))
        before = len(self.all("ready"))
        os.kill(self.pid, signal.SIGURG)
        self.until(lambda: len(self.all("ready")) > before)
        return self

    def send(self, number: int) -> Worker:
        os.kill(self.pid, number)
        return self

    def end(self) -> int:
        """Wait for the exit and for everything that was sent before it."""
        self.until(lambda: self.process.poll() is not None)
        self.until(lambda: not self.channel.pids())
        self.pump()
        return self.process.returncode
