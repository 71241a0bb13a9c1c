"""One epoll instance and who is to be called for each descriptor. Level-triggered; knows no meaning."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeAlias

    Handler: TypeAlias = Callable[[float, int], None]

    class Source(Protocol):
        """A part of the loop with a clock of its own: asked for its deadline, ticked when it has come."""

        @property
        def deadline(self) -> float | None:
            """Return when the source is due in monotonic seconds, None for never."""

        def tick(self, at: float) -> None:
            """Do what is due, now that the deadline has come."""


READ = select.EPOLLIN
WRITE = select.EPOLLOUT
# The other side is closed for both directions (half closed is not), or there is an error.
HANG_UP = select.EPOLLHUP | select.EPOLLERR
BATCH = 256
# Seconds of one wait: epoll_wait(2) takes milliseconds as an int, 24 days. Whoever waits longer waits again.
LONGEST = 86400.0


class Poller:
    """Handlers are called with the batch's time stamp (monotonic seconds) and the epoll events that are set."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}

    def watch(self, fd: int, handler: Handler, events: int = READ) -> None:
        """Call ``handler`` whenever ``fd`` is ready. Raises PermissionError for files that epoll does not take."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def change(self, fd: int, events: int) -> None:
        """Watch for other events; 0 leaves only errors and hang-ups."""
        self._epoll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Forget ``fd``; harmless when it was not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def watches(self, fd: int) -> bool:
        """Return whether ``fd`` is waited for."""
        return fd in self._handlers

    def close(self) -> None:
        """Give the descriptor back."""
        self._epoll.close()

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """Return the descriptors that are ready, with their events; none after ``timeout`` seconds (None: wait for
        ever).
        """
        return self._epoll.poll(-1 if timeout is None else min(max(timeout, 0.0), LONGEST), BATCH)

    def call(self, fd: int, at: float, events: int) -> None:
        """Call the handler, unless an earlier one of the batch took ``fd`` away."""
        handler = self._handlers.get(fd)
        if handler is not None:
            handler(at, events)
