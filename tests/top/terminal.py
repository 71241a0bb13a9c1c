"""A terminal of our own: a pseudo-terminal, a program that leads it, and pyte to see what a person would see."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyte

from tests.support.clean import kill_marked
from tests.support.processes import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds after which a test is hung; no test depends on its length.
PATIENCE = 30.0
BEGIN = b"\x1b[?2026h"
LEAVE = b"\x1b[?1049l"
_LEAD = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A program on a terminal of ``columns`` x ``rows``; ``raw`` is all that it wrote."""

    def __init__(self, argv: list[str], columns: int = 80, rows: int = 24, **env: str) -> None:
        self.raw = b""
        self.master, self._slave = os.openpty()
        self._pyte = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._pyte)
        self._drawn = 0  # bytes of ``raw``
        self._size(columns, rows)
        self.modes = termios.tcgetattr(self._slave)
        self._mark = uuid.uuid4().hex
        known = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "CI", "FORCE_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LEAD, *argv],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env=known | {"TERM": "xterm-256color"} | env | {MARK: self._mark},
            cwd=Path(__file__).parents[2],
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and everything that it has started."""
        kill_marked(self._mark)
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Nobody is at the other side any more, as when the window or the connection goes away."""
        for fd in (self.master, self._slave):
            if fd >= 0:
                os.close(fd)
        self.master = self._slave = -1

    @property
    def _screen(self) -> pyte.Screen:
        """Drawn when somebody looks: pyte takes a megabyte a second, and who writes may not wait so long."""
        self._stream.feed(self.raw[self._drawn :])
        self._drawn = len(self.raw)
        return self._pyte

    @property
    def text(self) -> str:
        """The screen as lines without trailing blanks."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def cursor_hidden(self) -> bool:
        return bool(self._screen.cursor.hidden)

    @property
    def title(self) -> str:
        return str(self._screen.title)

    @property
    def restored(self) -> bool:
        """The modes are as they were, the cursor is there, the alternate screen has been left."""
        left = self.raw.rfind(LEAVE) > self.raw.rfind(b"\x1b[?1049h")
        return termios.tcgetattr(self._slave) == self.modes and not self.cursor_hidden and left

    @property
    def frames(self) -> int:
        return self.raw.count(BEGIN)

    def until(self, seen: str | Callable[[], Any]) -> None:
        """Read until the text is on the screen or the condition holds."""
        holds = seen if callable(seen) else lambda: seen in self.text
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise AssertionError(f"not seen: {seen!r}; the screen is\n{self.text}")
            self._read(0.05)

    def type(self, keys: str | bytes) -> None:
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        self._size(columns, rows)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def ended(self) -> int:
        """Read to the end of the program; its exit code."""
        self.until(lambda: self.process.poll() is not None)
        while self._read(0.05):
            pass
        assert self.process.returncode is not None
        return self.process.returncode

    def _read(self, wait: float) -> bool:
        if not select.select([self.master], [], [], wait)[0]:
            return False
        try:
            data = os.read(self.master, 1 << 16)
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        self.raw += data
        return True

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Server:
    """The process fake.py; see there for what it does."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "control")
        self.heard: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fake.py")), self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.hear("listening")

    def close(self) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self.process.wait()

    def send(self, *lines: bytes) -> None:
        """Lines for the client, as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(line + b"\n" for line in lines))
        self.process.stdin.flush()

    def hear(self, what: str, times: int = 1) -> None:
        """Wait until it said so, as often."""
        assert self.process.stdout is not None
        while sum(line.startswith(what) for line in self.heard) < times:
            line = self.process.stdout.readline()
            assert line, f"the server ended before {what!r}; it said {self.heard}"
            self.heard.append(line.decode().rstrip())

    def vanish(self) -> None:
        self.process.send_signal(signal.SIGKILL)
