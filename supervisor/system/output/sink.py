"""Writes to our own stdout or stderr without ever blocking the loop and without changing the descriptor for others.

O_NONBLOCK belongs to the open file description, which a shell shares with us: setting it would break the shell.
So a pipe or terminal is opened a second time through /proc/self/fd; a socket is sent to with MSG_DONTWAIT; a file
never blocks. Where opening is refused (a pipe of another user), only as much is written as poll(2) promises.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time

from supervisor.system import stdio
from supervisor.system.output.patience import Patience
from supervisor.system.poller import READ, WRITE, Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HIGH = 1 << 20  # bytes waiting at which readers are told to pause
LOW = 1 << 18  # bytes waiting at which they may go on
PIPE_BUF = 4096  # poll(2) promises that so much can be written to a pipe (pipe(7))
# There may be room again: what cannot be written now is dropped, the next write is tried all the same.
PASSING = (errno.ENOSPC, errno.EDQUOT)
# A terminal can be ready for poll(2) and yet take nothing (n_tty needs room for CR and LF): seconds to the next try.
AGAIN = 0.02


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
        self.failing = False
        self.error: OSError | None = None
        self.stalled_at: float | None = None
        self._write, self._watched = writer(fd)

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

    def finish(self, patience: Patience) -> int:
        """Write all that waits, as long as there is patience with the reader; the lines that were given up."""
        self._flush()
        while self._waiting and patience.wait(self._watched):
            before = self.waiting
            self._flush()
            if self.waiting == before:
                time.sleep(AGAIN)
        lost = sum(bytes(data).count(b"\n") for data in self._waiting)
        if self._waiting and self._waiting[-1][-1] != ord("\n"):
            lost += 1  # the command of `run` has begun a line
        self.waiting, self._waiting = 0, []
        self.full, self.stalled_at = False, None
        self._poller.unwatch(self._watched)
        return lost

    def close(self) -> None:
        """Give back the descriptor of its own; nothing can be written any more."""
        if self._watched != self._fd:
            os.close(self._watched)

    def _keep(self, data: memoryview) -> None:
        self._waiting.append(data)
        self.waiting += len(data)
        self.full = self.full or self.waiting >= HIGH

    def _writable(self, at: float, _events: int) -> None:
        was_full = self.full
        self._flush()
        if self._waiting:
            self.stalled_at = at
        else:
            self._poller.unwatch(self._watched)
            self.stalled_at = None
        self.full = self.full and self.waiting > LOW
        if was_full and not self.full:
            self._on_room(at)

    def _flush(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            done = self._try(first)
            if self.gone:
                return
            self.waiting -= done
            if done < len(first):
                self._waiting[0] = first[done:]
                return
            del self._waiting[0]

    def _try(self, data: bytes | memoryview) -> int:
        try:
            done = self._write(data)
            self.failing = False
            return done
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno in PASSING:
                self.error = self.error if self.failing else error
                self.failing = True
                return len(data)
            # The reader has closed (EPIPE), the terminal has hung up (EIO).
            self.error, self.gone, self.full = error, True, False
            self._waiting, self.waiting = [], 0
            return 0


def say(text: str, fd: int, patience: Patience, priority: int = stdio.NOTICE) -> OSError | None:
    """Write all of it to ``fd``, as long as there is patience with the reader.

    Returns why it could not be written: a full disk, a reader who has gone.
    """
    sink = Sink(_Unwatched(), fd, lambda _: None)
    sink.put(stdio.marked(text, fd, priority).encode(errors="surrogateescape"), 0.0)
    sink.finish(patience)
    sink.close()
    return sink.error


class _Unwatched(Poller):
    """A poller that nobody asks: a sink that is finished at once needs none, nor a descriptor for one."""

    def __init__(self) -> None:
        pass

    def watch(self, fd: int, ready: Callable[[float, int], None], events: int = READ) -> None:
        pass

    def unwatch(self, fd: int) -> None:
        pass


def same(first: int, second: int) -> bool:
    """Return whether two descriptors lead to one file, so that they must share a sink for lines to stay whole."""
    try:
        one, other = os.fstat(first), os.fstat(second)
    except OSError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def writer(fd: int) -> tuple[Callable[[bytes | memoryview], int], int]:
    """Return (write what goes without blocking, the descriptor to watch for room), for a descriptor of ours."""
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
        try:
            import _socket

            stream = _socket.socket(fileno=os.dup(fd))
        except (ImportError, OSError):
            return _promised(fd), fd
        return (lambda data: stream.send(data, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)), fd
    return _whole(fd), fd


def _whole(fd: int) -> Callable[[bytes | memoryview], int]:
    """Return a writer for files, which never block: all or an error.

    After a line that the full disk cut off, a new one is begun.
    """
    torn = False

    def write(data: bytes | memoryview) -> int:
        nonlocal torn
        content = b"\n" + data if torn else data
        done = 0
        try:
            while done < len(content):
                done += os.write(fd, content[done:])
        except OSError:
            torn = torn or done > 0
            raise
        torn = False
        return len(data)

    return write


def _promised(fd: int) -> Callable[[bytes | memoryview], int]:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)

    def write(data: bytes | memoryview) -> int:
        done = 0
        while done < len(data) and poll.poll(0):
            done += os.write(fd, data[done : done + PIPE_BUF])
        return done

    return write
