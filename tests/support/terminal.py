"""A program on a terminal of its own: a pty whose session it leads, typed at and read from."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import uuid
from fcntl import ioctl

from tests.support.clean import kill_marked
from tests.support.processes import MARK, PATIENCE

CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x04", "\x1a", "\x1c"

# Escape sequences (ECMA-48 CSI), carriage returns and the echo of control keys say nothing about what is shown.
_CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|[\r\x03\x04\x1a\x1c]")


class Session:
    """``argv`` as the leader of a new session with a controlling terminal of 80 x 24."""

    def __init__(self, argv: list[str], **env: str) -> None:
        self._mark = uuid.uuid4().hex
        environ = os.environ | {"TERM": "xterm", "PS1": "P> ", "HISTFILE": ""} | env | {MARK: self._mark}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ignored by our Python
                os.execvpe(argv[0], argv, environ)
            finally:
                os._exit(127)
        modes = termios.tcgetattr(self.fd)
        modes[3] &= ~termios.ECHOCTL  # the echo of Ctrl-C is one character, which is left out below
        modes[3] |= termios.NOFLSH  # Ctrl-C and Ctrl-Z throw nothing away that is under way to us
        termios.tcsetattr(self.fd, termios.TCSANOW, modes)
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = ""
        self._raw = b""
        self._at = 0
        self._code: int | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: object) -> None:
        if kind is not None:
            print(f"--- terminal\n{self.seen}", file=sys.stderr)
        kill_marked(self._mark)
        self.hang_up()
        if self._code is None:
            os.waitpid(self.pid, 0)

    def hang_up(self) -> None:
        """Close our side, as when the window or the connection goes away."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self.fd, text.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait until the pattern is shown after what was expected before."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.compile(pattern, re.MULTILINE).search(self.seen, self._at)):
            assert self._read(deadline), f"the terminal closed without {pattern!r}; shown:\n{self.seen[self._at :]}"
        self._at = found.end()
        return found

    def exit_code(self) -> int:
        """Read until the session is over; as subprocess does, -n for signal n."""
        while self.fd >= 0 and self._read(time.monotonic() + PATIENCE):
            pass
        self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def foreground(self) -> int:
        """The process group that gets the keys."""
        return struct.unpack("i", ioctl(self.fd, termios.TIOCGPGRP, b"\0" * 4))[0]  # type: ignore[no-any-return]  # struct

    def echoes(self) -> bool:
        """Whether the terminal is in its ordinary mode: line by line, with echo."""
        flags = termios.tcgetattr(self.fd)[3]
        return bool(flags & termios.ECHO and flags & termios.ICANON)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.fd], [], [], max(deadline - time.monotonic(), 0))
        assert ready, f"nothing more is shown; so far:\n{self.seen}"
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody holds the terminal any more
            return False
        self._raw += data
        self.seen = _CONTROL.sub("", self._raw.decode(errors="replace"))
        return bool(data)


def shell(**env: str) -> Session:
    """An interactive bash with job control and the prompt ``P> ``."""
    session = Session(["bash", "--norc", "--noprofile", "--noediting", "-i"], **env)
    session.expect(r"P> ")
    return session
