"""The dashboard's process as `up` sees it: started on our terminal, and the terminal restored when it ends."""

from __future__ import annotations

import os
import select
import sys
import termios

from supervisor.system import signals
from supervisor.system.poller import Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Leave the alternate screen, show the cursor, plain text, no bracketed paste (xterm control sequences).
RESTORE = b"\x1b[?1049l\x1b[?25h\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?2026l"
PATIENCE_MS = 1000


class Viewer:
    """One client process at a time. ``left(failed)`` is called when it ends by itself."""

    def __init__(self, poller: Poller, kept: set[int], socket: str) -> None:
        """Prepare the dashboard; ``kept``: pids that no other part may reap; ours is added while it runs."""
        self._poller = poller
        self._kept = kept
        self._socket = socket
        self.left: Callable[[bool], None] = lambda _: None
        self._pid: int | None = None
        self._pidfd = -1
        self._modes: list[Any] | None = None

    def open(self) -> None:
        """Start it in our own process group, so that it may use the terminal while we are the foreground.

        Where the limit of processes or descriptors is reached, it has left at once: the fleet runs without it.
        """
        if self._pid is not None:
            return
        self._modes = _modes()
        # -P and PYTHONPATH: a folder named supervisor in the working folder or among the worker's must not be taken
        # for ours. Signals stay blocked in it until it is ready for them: a Ctrl-C in its first instants is for us.
        argv = [sys.executable, "-P", "-m", "supervisor.top", self._socket, "--embedded"]
        ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        try:
            pid = os.posix_spawn(sys.executable, argv, {**os.environ, "PYTHONPATH": ours})
        except OSError:
            self.left(True)
            return
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signals.KILL)
            os.waitpid(pid, 0)
            self.left(True)
            return
        self._pid = pid
        self._kept.add(pid)
        self._poller.watch(self._pidfd, self._ended)

    def close(self, told: bool) -> None:
        """End it; then the terminal is as it was. ``told``: it has had its last message and may end by itself."""
        if self._pid is None:
            return
        if not told:
            signals.pidfd_send_signal(self._pidfd, signals.TERM)
        self._poller.unwatch(self._pidfd)
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        if not poll.poll(PATIENCE_MS):
            signals.pidfd_send_signal(self._pidfd, signals.KILL)
            poll.poll()
        self._collect()

    def _ended(self, _at: float, _events: int) -> None:
        self._poller.unwatch(self._pidfd)
        self.left(self._collect())

    def _collect(self) -> bool:
        """Reap the dashboard and return whether it failed."""
        found = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)
        if self._pid is not None:
            self._kept.discard(self._pid)
        self._pid = None
        failed = found is None or found.si_code != os.CLD_EXITED or found.si_status != 0
        self._restore(failed)
        return failed

    def _restore(self, failed: bool) -> None:
        """Restore the modes always; the screen only when the client could not: leaving twice moves the cursor
        back.
        """
        if self._modes is None:
            return
        try:
            # A stopped terminal (Ctrl-S) must not stop us: no draining, no blocking write.
            fd = os.open("/dev/tty", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return  # the terminal has hung up
        try:
            termios.tcsetattr(fd, termios.TCSANOW, self._modes)
            if failed:
                os.write(fd, RESTORE)
        except (OSError, termios.error):
            pass
        finally:
            os.close(fd)


def _modes() -> list[Any] | None:
    try:
        return termios.tcgetattr(0)
    except (OSError, termios.error):
        return None
