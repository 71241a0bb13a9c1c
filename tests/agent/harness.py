"""A real worker under the agent, and the real channel that hears it. One thread, no fixed sleeps."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.agent.wire import AgentMessage
from supervisor.system.agent import inject
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.meeting import Meeting
from supervisor.system.process.spawn import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Environment = Mapping[str, str | None]

HANG = 30.0  # seconds: a guard, never a measure


def candidates(version: str) -> list[str]:
    """The interpreters of this machine with this version ("3.8"), from PATH, pyenv's folder, the corpus' venvs."""
    folders = [
        Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry and "shims" not in entry
    ]
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    folders += [path / "bin" for path in sorted(pyenv.glob("*"))] if pyenv.is_dir() else []
    venvs = os.environ.get("SIGDRAIN_CORPUS_VENVS")
    folders += [Path(venvs, version, "bin")] if venvs else []
    paths = [str(folder / f"python{version}") for folder in folders]
    return [path for path in paths if os.access(path, os.X_OK)]


def interpreters(*wanted: str) -> list[str]:
    """One interpreter of each of these versions that are there."""
    return [found[0] for found in map(candidates, wanted) if found]


def some_of(*wanted: str) -> list[str]:
    """The same, and where none of them is (a machine with one Python), the one that runs the tests."""
    return interpreters(*wanted) or [sys.executable]


def environment(theirs: Environment | None) -> dict[str, str]:
    """Ours without what concerns Python, and with ``theirs``; None removes a variable."""
    ours = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    both: Environment = {**ours, "PYTHONUNBUFFERED": "1", **(theirs or {})}
    return {key: value for key, value in both.items() if value is not None}


def command(python: str, program: str | list[str], *flags: str) -> list[str]:
    """``program``: code, or what follows the interpreter's flags."""
    return [python, *flags, *(["-c", program] if isinstance(program, str) else program)]


def by_default(*more: Callable[[], object] | None) -> Callable[[], object]:
    """For a child: signals as at a login (a shell's background job ignores SIGINT, and so do its children)."""

    def prepare() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for one in more:
            if one is not None:
                one()

    return prepare


Outcome = tuple[int, str, str]  # exit code, out, err


def plain(
    python: str,
    program: str | list[str],
    *flags: str,
    env: Environment | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    prepare: Callable[[], object] | None = None,
) -> Outcome:
    """The program without us."""
    run = subprocess.run(
        command(python, program, *flags),
        env=environment(env),
        cwd=cwd,
        user=user,
        group=user,
        preexec_fn=by_default(prepare),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * HANG,
        check=False,
    )
    return run.returncode, run.stdout, run.stderr


def injected(
    python: str,
    program: str | list[str],
    *flags: str,
    env: Environment | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    prepare: Callable[[], object] | None = None,
    hellos: int | None = None,
) -> Outcome:
    """The program with us. ``hellos``: that many processes must have had an agent."""
    with Worker(python, program, *flags, env=env, cwd=cwd, user=user, prepare=prepare) as worker:
        worker.until(lambda: worker.process.poll() is not None and not worker.open)
        worker.pump()
        if hellos is not None:
            worker.until(lambda: len(worker.all("hello")) >= hellos)
            assert len(worker.all("hello")) == hellos
        assert not worker.all("agent-error")
        return worker.process.returncode, worker.out, worker.err


class Worker:
    """One child process, its lines and the messages of everything that connects to its channel."""

    def __init__(
        self,
        python: str,
        program: str | list[str],
        *flags: str,
        env: Environment | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        prepare: Callable[[], object] | None = None,
    ):
        whose = Identity(user, user, ()) if user is not None else None
        self.channel = Channel(Meeting(whose, env={"TMPDIR": "/tmp"}))
        self.messages: list[AgentMessage] = []
        self.out = self.err = ""
        base = environment(env)
        base |= inject.environment(base, self.channel.meeting.path, inject.home_for(whose))
        self.process = subprocess.Popen(
            command(python, program, *flags),
            env=base,
            cwd=cwd,
            user=user,
            group=user,
            preexec_fn=by_default(prepare),  # noqa: PLW1509 - we have one thread
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self.process.pid
        assert self.process.stdout and self.process.stderr
        self.stdout, self.stderr = self.process.stdout, self.process.stderr
        self.open = [self.stdout, self.stderr]  # not at their end yet
        for stream in self.open:
            os.set_blocking(stream.fileno(), False)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.stdout.close()
        self.stderr.close()
        self.channel.close()

    def pump(self) -> None:
        select.select([self.channel.fileno(), *(stream.fileno() for stream in self.open)], [], [], 0.05)
        self.messages += self.channel.read(time.monotonic())
        for stream in list(self.open):
            data = stream.read()  # None: nothing now; empty: the end
            if data == b"":
                self.open.remove(stream)
            elif stream is self.stdout:
                self.out += (data or b"").decode()
            else:
                self.err += (data or b"").decode()

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
        before, ask_at = len(self.all("ready")), 0.0

        def answered() -> bool:
            nonlocal ask_at
            if time.monotonic() >= ask_at:  # a signal right before a system call wakes nobody: it is sent again
                os.kill(self.pid, signal.SIGURG)
                ask_at = time.monotonic() + 1.0
            return len(self.all("ready")) > before

        self.until(answered)
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
