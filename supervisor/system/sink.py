"""Writes to our own stdout or stderr without ever blocking the loop and without changing the descriptor for others.

O_NONBLOCK belongs to the open file description, which a shell shares with us: setting it would break the shell.
So a pipe or terminal is opened a second time through /proc/self/fd; a socket is sent to with MSG_DONTWAIT; a file
never blocks. Where opening is refused (a pipe of another user), only as much is written as poll(2) promises.
"""

from __future__ import annotations

import os
import select
import stat

from supervisor.system.poller import WRITE, Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HIGH = 1 << 20  # bytes waiting at which readers are told to pause
LOW = 1 << 18  # bytes waiting at which they may go on
PIPE_BUF = 4096  # poll(2) promises that so much can be written to a pipe (pipe(7))


class Sink:
    """One way out. ``on_room`` is called when a sink that was full has room again."""

    def __init__(self, poller: Poller, fd: int, on_room: Callable[[float], None]) -> None:
        self._poller = poller
        self._fd = fd
        self._on_room = on_room
        self._waiting: list[memoryview] = []
        self.waiting = 0
        self.full = False
        self.gone = False
        self.error: OSError | None = None
        self.stalled_at: float | None = None
        self._write, self._watched = _writer(fd)

    def put(self, data: bytes, at: float) -> None:
        """Write now what can be written, keep the rest in order. Data for a reader that has gone is dropped."""
        if self.gone or not data:
            return
        if self._waiting:
            self._keep(memoryview(data))
            return
        done = self._try(data)
        if done < len(data) and not self.gone:
            self._keep(memoryview(data)[done:])
            self.stalled_at = at
            self._poller.watch(self._watched, self._writable, WRITE)

    def finish(self, patience: float) -> int:
        """Write all that waits, waiting for the reader; the bytes given up after ``patience`` s without progress."""
        poll = select.poll()
        poll.register(self._watched, select.POLLOUT)
        while self._waiting and poll.poll(patience * 1000):
            before = self.waiting
            self._flush()
            if self.waiting == before and not self.gone:
                break
        lost, self.waiting, self._waiting = self.waiting, 0, []
        self._poller.unwatch(self._watched)
        return lost

    def _keep(self, data: memoryview) -> None:
        self._waiting.append(data)
        self.waiting += len(data)
        self.full = self.full or self.waiting >= HIGH

    def _writable(self, at: float, _events: int) -> None:
        self._flush()
        if not self._waiting:
            self._poller.unwatch(self._watched)
            self.stalled_at = None
        elif not self.gone:
            self.stalled_at = at
        if self.full and self.waiting <= LOW:
            self.full = False
            self._on_room(at)

    def _flush(self) -> None:
        while self._waiting and not self.gone:
            first = self._waiting[0]
            done = self._try(first)
            self.waiting -= done
            if done < len(first):
                self._waiting[0] = first[done:]
                return
            del self._waiting[0]

    def _try(self, data: bytes | memoryview) -> int:
        try:
            return self._write(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            # The reader has closed (EPIPE), the terminal has hung up (EIO), the disk is full (ENOSPC).
            self.error, self.gone, self.full = error, True, False
            self._waiting, self.waiting = [], 0
            return 0


def same(first: int, second: int) -> bool:
    """Whether two descriptors lead to one file, so that they must share a sink for lines to stay whole."""
    try:
        one, other = os.fstat(first), os.fstat(second)
    except OSError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _writer(fd: int) -> tuple[Callable[[bytes | memoryview], int], int]:
    """(write what goes without blocking, the descriptor to watch for room)."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return (lambda data: os.write(fd, data)), fd
    if stat.S_ISFIFO(mode) or (stat.S_ISCHR(mode) and os.isatty(fd)):
        try:
            own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return _promised(fd), fd
        return (lambda data: os.write(own, data)), own
    if stat.S_ISSOCK(mode):
        import _socket

        stream = _socket.socket(fileno=os.dup(fd))
        return (lambda data: stream.send(data, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)), fd
    return (lambda data: os.write(fd, data)), fd


def _promised(fd: int) -> Callable[[bytes | memoryview], int]:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)

    def write(data: bytes | memoryview) -> int:
        done = 0
        while done < len(data) and poll.poll(0):
            done += os.write(fd, data[done : done + PIPE_BUF])
        return done

    return write
