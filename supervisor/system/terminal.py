"""The controlling terminal: who leads its foreground, and stopping ourselves with a job. All signals are blocked
while these run, so tcsetpgrp(3) from the background does not stop us (SIGTTOU)."""

from __future__ import annotations

import _signal  # not in typeshed; importing `signal` costs 4 ms (system/signals.py)
import os

from supervisor.core import signum


class Terminal:
    """Our controlling terminal, opened by itself: stdin may be redirected (`run -- less < file`)."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._lent = False
        self.was_lent = False

    @classmethod
    def find(cls) -> Terminal | None:
        """Return the controlling terminal, None without one."""
        try:
            return cls(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        except OSError:
            return None

    def ours(self) -> bool:
        """Return whether our process group is the foreground one."""
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
        """Lead the foreground again if we lent it; ``was_lent`` says whether."""
        self.was_lent = self._lent
        if not self._lent:
            return
        self._lent = False
        try:
            os.tcsetpgrp(self.fd, os.getpgrp())
        except OSError:
            pass  # the terminal has hung up


def in_front(fd: int) -> bool:
    """Return whether our process group may change the terminal ``fd``: not if another leads it (SIGTTOU would stop
    us).
    """
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True  # not our controlling terminal: it stops nobody


def reads_lines(fd: int, group: int) -> bool:
    """Return whether ``fd`` is our terminal, in its ordinary mode, and the group or ours is in front.

    A line of ours disturbs no program's screen then.
    """
    try:
        if os.tcgetpgrp(fd) not in (group, os.getpgrp()):
            return False
        import termios  # a shared object of its own, needed by few

        modes: int = termios.tcgetattr(fd)[3]
    except OSError:
        return False
    except ImportError:  # no descriptor is left to import with, or a Python without it
        return False
    except termios.error:  # the terminal has hung up
        return False
    return bool(modes & termios.ICANON and modes & termios.ISIG)


def pass_on(signal: int) -> None:
    """Send a key's signal to the rest of our job. Ours is blocked.

    A terminal signals the whole foreground group, but the command has one of its own: a script around us, or the
    other processes of the pipeline, would not learn of the Ctrl-C that ended it.
    """
    try:
        os.kill(0, signal)
    except OSError:
        pass


def suspend(signal: int, job: bool) -> bool:
    """Stop this process with ``signal``, as job control does; return on SIGCONT. Whether we were stopped at all.

    The kernel stops nobody in an orphaned process group (setpgid(2)) nor PID 1: nobody could continue it. ``job``
    stops the rest of our process group too, as a terminal would have if the worker had not a group of its own: the
    other processes of a pipeline, or the script around us.
    """
    own = signal if signal in signum.SUSPENDS else signum.TSTP
    before = _signal.signal(own, _signal.SIG_DFL)
    os.kill(0 if job else os.getpid(), own)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (own,))  # here we stop
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (own,))
    if before is not None:
        _signal.signal(own, before)
    # The stop threw away every older SIGCONT (signal(7)), so one that is pending woke us.
    return signum.CONT in _signal.sigpending()
