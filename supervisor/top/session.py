"""The dashboard's loop: one poll over the control socket, the terminal and signals. One thread.

At most four frames a second of its own accord, and only when something on screen is different; a key and a new size
are answered at once. Ends with 0 when the fleet has ended or somebody left, 1 when the supervisor vanished.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time

from supervisor.errors import ControlError
from supervisor.top import usage
from supervisor.top.feed import Feed
from supervisor.top.keys import Keys
from supervisor.top.model import Model
from supervisor.top.screen import Screen
from supervisor.views.dashboard.rows import FRAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds between two frames while somebody holds a key or drags the window.
_PROMPT = 0.04
# Seconds after which a worker that has just come on screen is looked at again, to have its CPU.
_SOON = 0.5
# Signals as leaving, when the terminal is ours alone; the terminal's own keys belong to `up` when it started us.
_LEAVE = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
_KEYBOARD = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


class Client:
    """One dashboard on this process's terminal. ``embedded``: started by `up`, which leads this terminal."""

    def __init__(self, path: str, embedded: bool) -> None:
        """Connect to a supervisor. Raises ControlError without one at ``path``, UsageError without a terminal."""
        self._embedded = embedded
        self._screen = Screen()
        self._signals = _wake_by_signals(embedded)
        self._feed = Feed(path)
        self._model = Model(embedded)
        self._sampler = usage.Sampler()
        self._keys = Keys()
        self._inside = self._vanished = False
        self._left: int | None = None
        self._dirty = self._prompt = False
        self._painted_at = self._moves_at = -math.inf
        self._sample_at = math.inf
        self._sampled_at = -math.inf
        self._poll = select.poll()
        for fd in (self._feed.fileno(), self._screen.fd, self._signals):
            self._poll.register(fd, select.POLLIN)

    def run(self) -> int:
        """Show the fleet until it ends or somebody leaves; the exit code. The terminal is restored in every case."""
        try:
            while self._left is None:
                self._turn()
        finally:
            self._screen.leave()
            self._feed.close()
        return self._left

    def last_lines(self) -> list[str]:
        """Return the newest lines of output, as many as one screen shows, to stay readable; none when the user
        left.
        """
        ended = self._model.code is not None or self._vanished
        return self._model.last_lines(self._screen.size()[1]) if ended else []

    @property
    def ending(self) -> str:
        """Return what to say on the restored terminal; empty when the user left, or when `up` will say it."""
        name = f"fleet {self._model.fleet['name']}" if self._model.fleet.get("name") else "the fleet"
        if self._model.code is not None:
            return "" if self._embedded else f"{name} ended with code {self._model.code}"
        return f"the supervisor of {name} vanished without a word; was it killed?" if self._vanished else ""

    # ------------------------------------------------------------------ the loop

    def _turn(self) -> None:
        self._poll.modify(self._screen.fd, select.POLLIN | (select.POLLOUT if self._screen.behind else 0))
        due = min(self._frame_at(), self._sample_at)
        wait = None if due == math.inf else max(due - time.monotonic(), 0) * 1000
        ready = dict(self._poll.poll(wait))
        if self._signals in ready:
            self._take_signals(os.read(self._signals, 1024))
        if self._feed.fileno() in ready:
            self._take_messages()
        if self._screen.fd in ready:
            self._take_terminal(ready[self._screen.fd])
        now = time.monotonic()
        if now >= self._sample_at:
            self._sample(now)
        if self._left is None and now >= self._frame_at():
            self._paint(now)

    def _frame_at(self) -> float:
        """Return when the next frame is due; infinity while nothing can differ or the terminal takes nothing."""
        if not self._inside or self._screen.behind:
            return math.inf
        if self._prompt:
            return self._painted_at + _PROMPT
        return max(-math.inf if self._dirty else self._moves_at, self._painted_at + FRAME)

    def _paint(self, now: float) -> None:
        width, height = self._screen.size()
        frame = self._model.frame(self._sampler.usage, now, width, height)
        self._screen.paint(frame.lines)
        self._dirty = self._prompt = False
        self._painted_at, self._moves_at = now, frame.moves_at
        if any(pid not in self._sampler.usage for pid in self._model.pids):
            self._sample_at = min(self._sample_at, max(now, self._sampled_at + _SOON))
        elif self._sample_at == math.inf and self._model.pids:
            self._sample_at = now + usage.EVERY

    def _sample(self, now: float) -> None:
        pids = self._model.pids
        self._dirty |= self._sampler.look(pids, now)
        self._sampled_at = now
        incomplete = any(one.cpu is None for one in self._sampler.usage.values())
        self._sample_at = now + (_SOON if incomplete else usage.EVERY) if pids else math.inf

    # ------------------------------------------------------------------ what arrives

    def _take_messages(self) -> None:
        for message in self._feed.read():
            self._model.take(message)
            self._dirty = True
        if self._model.known and not self._inside:
            self._inside = True
            self._screen.enter()
        if self._model.code is not None:
            self._left = 0
        elif not self._feed.open:
            if not self._model.known:
                raise ControlError("the supervisor closed the connection", "is it ending? see: supervisor status")
            self._vanished, self._left = True, 1

    def _take_terminal(self, events: int) -> None:
        if events & select.POLLOUT:
            self._screen.flush()
        if not events & ~select.POLLOUT:
            return
        data = self._screen.read()
        if data is None:
            self._left = 128 + signal.SIGHUP
            return
        for key in self._keys.feed(data):
            self._model.key(key)
            self._prompt = True
        if self._model.leaving:
            self._left = 0

    def _take_signals(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number in _LEAVE:
                self._left = 0 if number == signal.SIGINT else 128 + number
            elif number == signal.SIGTSTP:
                self._suspend()
            elif number == signal.SIGCONT and self._inside:
                self._screen.enter()
            self._screen.repaint()
            self._prompt = True

    def _suspend(self) -> None:
        """Stop at Ctrl-Z as any program does, with the terminal as it was."""
        self._screen.leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        # Here again after SIGCONT; still in the background, taking the terminal stops us again.
        signal.signal(signal.SIGTSTP, _wake)
        if self._inside:
            self._screen.enter()


def _wake(*_: object) -> None:
    """Do nothing where a signal strikes: its number is in the wake-up pipe."""


def _wake_by_signals(embedded: bool) -> int:
    """Return a descriptor that becomes readable with every signal, one byte each: its number
    (signal.set_wakeup_fd).
    """
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (*_LEAVE, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH):
        ignored = embedded and number in _KEYBOARD
        signal.signal(number, signal.SIG_IGN if ignored else _wake)
    # `up` blocks all signals and may start us so: nothing strikes before we are ready.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return reading
