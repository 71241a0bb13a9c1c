"""The controlling terminal: who leads its foreground, and stopping ourselves with a job. All signals are blocked
while these run, so tcsetpgrp(3) from the background does not stop us (SIGTTOU)."""

from __future__ import annotations

import os

from supervisor.core import signals


class Terminal:
    """Our controlling terminal, opened by itself: stdin may be redirected (`run -- less < file`)."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._lent = False

    @classmethod
    def find(cls) -> Terminal | None:
        """The controlling terminal, None without one."""
        try:
            return cls(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        except OSError:
            return None

    def ours(self) -> bool:
        """Whether our process group is the foreground one."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return False

    def lend(self, group: int) -> bool:
        """Make ``group`` the foreground if we lead it now. Whether it was done."""
        if not self.ours():
            return False
        try:
            os.tcsetpgrp(self.fd, group)
        except OSError:
            return False
        self._lent = True
        return True

    def lent(self) -> None:
        """Note that the child took the foreground itself, between fork and exec."""
        self._lent = True

    def take_back(self) -> None:
        """Lead the foreground again if we lent it."""
        if not self._lent:
            return
        self._lent = False
        try:
            os.tcsetpgrp(self.fd, os.getpgrp())
        except OSError:
            pass  # the terminal has hung up


def suspend(signal: int) -> None:
    """Stop this process as ``signal`` stopped the worker, and the rest of our own job with it. Returns on SIGCONT.

    A terminal would have stopped the whole foreground group, so the other processes of a pipeline or the script
    around us get the signal as well. Ours is blocked, hence SIGSTOP for ourselves.
    """
    if signal in signals.SUSPENDS:
        try:
            os.kill(0, signal)
        except OSError:
            pass
    os.kill(os.getpid(), signals.STOP)
