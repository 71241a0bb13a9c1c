"""The terminal: its modes, the alternate screen, and painting only what changed. Never waits for the terminal.

Opened anew, because O_NONBLOCK belongs to the open file: on the inherited one it would also hit the shell and every
other program on this terminal. A terminal that takes nothing (Ctrl-S, a stalled connection) keeps at most one frame
here; the next one is composed when that has gone.
"""

from __future__ import annotations

import errno
import os
import select
import termios

from supervisor.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.views.dashboard.text import Line

# Alternate screen, no cursor, no wrapping at the right margin (a width that we misjudge then moves nothing).
ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J"
# The same undone; harmless where nothing of it was done. Who cleans up after a killed dashboard writes this.
LEAVE = b"\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
# Synchronised update: terminals that know it show a frame at once, all others pass it over.
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
# How long leaving waits for a terminal that takes nothing; after that only its modes are restored.
PATIENCE = 0.5


class Screen:
    """The terminal that fd 1 is. ``frames`` counts what was painted."""

    def __init__(self) -> None:
        """Open the screen. Raises UsageError when fd 1 is no terminal or cannot be opened again."""
        self.fd = _open()
        self.frames = 0
        self._modes: list[int | list[bytes | int]] | None = None
        self._painted: list[str] = []
        self._pending = b""

    @property
    def behind(self) -> bool:
        """Return whether the terminal has not taken the last frame yet."""
        return bool(self._pending)

    def size(self) -> tuple[int, int]:
        """Return columns and rows; 80 x 24 where the terminal does not know (a serial line)."""
        try:
            columns, rows = os.get_terminal_size(self.fd)
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24

    def enter(self) -> None:
        """Take the terminal over, for the first time or again. As a background job this stops us (SIGTTOU)."""
        if self._modes is None:
            self._modes = termios.tcgetattr(self.fd)
        modes = [*self._modes[:6], list(self._modes[6])]  # type: ignore[arg-type]  # the last one is the list cc
        # Keys come at once and are not shown; Ctrl-C, Ctrl-\ and Ctrl-Z stay signals of the terminal.
        modes[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)  # type: ignore[operator]  # an int
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0  # type: ignore[index]  # the list cc
        self._set(modes)
        self._pending = b""
        self._painted = []
        self._send(ENTER)

    def leave(self) -> None:
        """Give the terminal back as it was. Does nothing when it was not taken; waits at most PATIENCE seconds."""
        if self._modes is None:
            return
        self._pending = b""
        self._send(LEAVE)
        if self._pending:
            self._insist()
        self._set(self._modes)

    def repaint(self) -> None:
        """Forget what is on the screen: it was resized or somebody else wrote to it."""
        self._painted = []

    def read(self) -> bytes | None:
        """Return what was typed; None when the terminal has hung up."""
        try:
            return os.read(self.fd, 1024) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def paint(self, lines: Sequence[Line]) -> None:
        """Show these lines from the top, writing only those that differ from what is there. Not while behind."""
        width, height = self.size()
        shown = [_encode(line, width) for line in lines[:height]]
        old = self._painted
        parts = [f"\x1b[{row + 1};1H{text}" for row, text in enumerate(shown) if row >= len(old) or old[row] != text]
        if not old:
            parts.insert(0, "\x1b[2J")
        elif len(old) > len(shown):
            parts.append(f"\x1b[{len(shown) + 1};1H\x1b[J")
        self._painted = shown
        if parts:
            self.frames += 1
            self._send((BEGIN + "".join(parts) + END).encode(errors="replace"))

    def flush(self) -> None:
        """Write what the terminal takes now."""
        try:
            while self._pending:
                self._pending = self._pending[os.write(self.fd, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""  # it has hung up: read() tells

    def _send(self, data: bytes) -> None:
        self._pending += data
        self.flush()

    def _insist(self) -> None:
        """Get the rest out of a stopped terminal: throw away what is left of our frames, undo its Ctrl-S, wait."""
        try:
            termios.tcflush(self.fd, termios.TCOFLUSH)
            # TCOON alone takes back only a TCOOFF (tty_io.c, start_tty), but after both the output runs.
            termios.tcflow(self.fd, termios.TCOOFF)
            termios.tcflow(self.fd, termios.TCOON)
        except termios.error:
            return  # it has hung up
        self._pending = LEAVE
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT)
        if poll.poll(PATIENCE * 1000):
            self.flush()

    def _set(self, modes: list[int | list[bytes | int]]) -> None:
        while True:
            try:
                # At once: waiting for the output to drain would wait for a stopped terminal.
                termios.tcsetattr(self.fd, termios.TCSANOW, modes)
            except termios.error as error:
                # EINTR: continued after a stop in the background, by a signal that has a handler here.
                if error.args[0] == errno.EIO:
                    return  # it has hung up: read() tells
                if error.args[0] != errno.EINTR:
                    raise
            else:
                return


def _encode(line: Line, width: int) -> str:
    """Return a line with its colours, and erase what its row held before.

    That is erased behind the line; in front of it when it is full, because at the last column an erase takes the last
    character with it.
    """
    text = "".join([style.render(text) if style else text for text, style, _ in line])
    cells = sum(segment.cell_length for segment in line)
    return f"{text}\x1b[K" if cells < width else f"\x1b[2K{text}"


def _open() -> int:
    flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    hint = "see the fleet without one: supervisor status"
    if not os.isatty(1):
        raise UsageError("the dashboard needs a terminal, and its output is none", hint)
    try:
        return os.open(os.ttyname(1), flags)
    except OSError:
        pass  # another user's terminal (su), or another mount namespace's
    try:
        return os.open("/dev/tty", flags)
    except OSError as error:
        raise UsageError(f"cannot open the terminal: {error.strerror}", hint) from None
