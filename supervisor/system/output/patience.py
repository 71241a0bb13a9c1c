"""How long the readers of our output are waited for, at the very end."""

from __future__ import annotations

import select
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds for all readers together, a terminal that Ctrl-S has stopped included: so long a dead reader holds us up.
AT_THE_END = 5.0


class Patience:
    """So many seconds for all readers together, and none any more once somebody asks us to stop (again)."""

    def __init__(self, seconds: float = AT_THE_END, asked: int = -1, again: Callable[[], bool] | None = None) -> None:
        """Begin to wait; ``asked``: a descriptor that is readable when ``again()`` should be asked whether we are to
        stop.
        """
        self._until = monotonic() + seconds
        self._asked = asked
        self._again = again

    def hurry(self) -> None:
        """Wait for no reader any more."""
        self._until = 0.0

    def wait(self, fd: int) -> bool:
        """Wait until ``fd`` can be written to. False when there is no time left for that."""
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        if self._again is not None:
            poll.register(self._asked, select.POLLIN)
        while (left := self._until - monotonic()) > 0:
            ready = {found for found, _ in poll.poll(left * 1000)}
            if self._again is not None and self._asked in ready and self._again():
                self.hurry()
            elif fd in ready:
                return True
        return False
