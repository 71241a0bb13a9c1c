"""The ends of our main processes, stamped when they are seen and handled when there is time.

Handling one end takes a third of a millisecond, and a hundred workers may leave in one: stamped as they are handled,
the last would seem to have taken 30 ms longer. So between any two facts the loop asks who has ended since, 1 us.
"""

from __future__ import annotations

import select
from time import monotonic

# A process ends once: its descriptor fires once, or a kept zombie would be ready for ever.
_ONCE = select.EPOLLIN | select.EPOLLONESHOT
_BATCH = 1024


class Exits:
    """Watches pidfds (pidfd_open(2): readable when the process has ended). An epoll for the caller's epoll."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._seen: dict[int, float] = {}  # pidfd -> when
        self._aside: set[int] = set()

    def fileno(self) -> int:
        """Return a descriptor that is ready while an end waits for its stamp."""
        return self._epoll.fileno()

    def close(self) -> None:
        """Give the descriptor back."""
        self._epoll.close()

    def watch(self, pidfd: int) -> None:
        """Tell the end of this process, once."""
        self._epoll.register(pidfd, _ONCE)

    def set_aside(self, pidfd: int) -> None:
        """Set aside an end that was told but that waitid(2) does not know yet: a tracer has not let it go, and may
        keep it for hours.

        The descriptor is readable all that time, so nobody asks it before :meth:`again`.
        """
        self._aside.add(pidfd)

    def again(self) -> None:
        """Look again at what was set aside: when a tracer lets a process go, the kernel sends SIGCHLD to the real
        parent (ptrace(2)).
        """
        while self._aside:
            self._epoll.modify(self._aside.pop(), _ONCE)

    def unwatch(self, pidfd: int) -> None:
        """Forget the descriptor before it is closed."""
        self._epoll.unregister(pidfd)
        self._seen.pop(pidfd, None)
        self._aside.discard(pidfd)

    def stamp(self) -> None:
        """Note who has ended since the last call, as of now (CLOCK_MONOTONIC seconds)."""
        ended = self._epoll.poll(0, _BATCH)
        if ended:
            at = monotonic()
            self._seen.update((pidfd, at) for pidfd, _ in ended)

    def __len__(self) -> int:
        """Return how many ends wait to be handled."""
        return len(self._seen)

    def take(self) -> tuple[int, float]:
        """Return the oldest end: (pidfd, when it was seen)."""
        pidfd = next(iter(self._seen))
        return pidfd, self._seen.pop(pidfd)
