"""What a worker tells of its readiness by itself: a newline on a pipe of its own (fd), a line that it prints."""

from __future__ import annotations

import os
import re
import time

from supervisor.core.events import Tried
from supervisor.loop.observer import Attached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisor.core.events import Event
    from supervisor.core.readiness import Check
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.system.poller import Poller

    See = Callable[[Sequence[Event]], object]

# Bytes of a line that a pattern is searched in: what it costs is bounded by that (core/readiness.py).
MOST_LINE = 1024
CHUNK = 4096
# The first descriptor behind stdin, stdout and stderr; shells know only those of one digit.
FIRST_FREE = 3


class Signs:
    """The pipes and lines of all workers whose check is ``fd`` or ``log``. What comes before :meth:`serve` waits."""

    def __init__(self) -> None:
        self._poller: Poller | None = None
        self._see: See = lambda _: None
        self._readers: dict[WorkerId, int] = {}
        self._writers: dict[WorkerId, int] = {}

    def serve(self, poller: Poller, see: See) -> None:
        """Read from here on what is told, and let ``see`` know."""
        self._poller, self._see = poller, see
        for worker in self._readers:
            self._watch(worker)

    def attach(self, worker: WorkerId, spec: WorkerSpec) -> Attached:
        """Make the pipe of a start whose check is ``fd``; every other start gets nothing. Raises OSError."""
        self.detach(worker)
        check = spec.ready.check if spec.ready is not None else None
        if check is None or check.kind != "fd":
            return Attached()
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writer, True)
        self._readers[worker], self._writers[worker] = reader, writer
        self._watch(worker)
        if isinstance(check.fd, int):
            return Attached(descriptors=((writer, check.fd),))
        number = _free_in_child()
        return Attached(additions={check.fd: str(number)}, descriptors=((writer, number),))

    def forked(self, worker: WorkerId) -> None:
        """Close the writing end, which only the child keeps."""
        if worker in self._writers:
            os.close(self._writers.pop(worker))

    def last_words(self, worker: WorkerId, at: float) -> list[Event]:
        """Return what is in the pipe of a worker whose main process has ended: only a yes counts by now."""
        said = self._read(worker) if worker in self._readers else None
        return [_told(at, worker)] if said is not None and b"\n" in said else []

    def detach(self, worker: WorkerId) -> None:
        """Take the pipe of the last start back, if there is one."""
        self.forked(worker)
        reader = self._readers.pop(worker, None)
        if reader is not None:
            if self._poller is not None:
                self._poller.unwatch(reader)
            os.close(reader)

    def lines(self, worker: WorkerId, spec: WorkerSpec) -> Callable[[bytes], bool] | None:
        """Return what is to be called with each block of lines of a start until it returns True; None for nothing."""
        check = spec.ready.check if spec.ready is not None else None
        if check is None or check.kind != "log":
            return None
        matches = _matcher(check)

        def read(block: bytes) -> bool:
            for line in block.splitlines():
                if matches(line[:MOST_LINE]):
                    shown = line[:80].decode(errors="replace").strip()
                    self._see([Tried(time.monotonic(), worker, "ready", True, f"it printed {shown!r}")])
                    return True
            return False

        return read

    def _watch(self, worker: WorkerId) -> None:
        if self._poller is not None:
            self._poller.watch(self._readers[worker], lambda at, _: self._readable(worker, at))

    def _readable(self, worker: WorkerId, at: float) -> None:
        said = self._read(worker)
        if said is None or (said and b"\n" not in said):
            return
        self.detach(worker)
        closed = Tried(at, worker, "ready", False, "it was closed before a newline came", final=True)
        self._see([_told(at, worker) if said else closed])

    def _read(self, worker: WorkerId) -> bytes | None:
        """Return what is in the pipe; empty at its end, None when there is nothing now."""
        try:
            return os.read(self._readers[worker], CHUNK)
        except BlockingIOError:
            return None


def _passed() -> int:
    """Return how many sockets a service manager has passed to us, which a command of `run` inherits."""
    count = os.environ.get("LISTEN_FDS", "")
    return int(count) if count.isdecimal() and len(count) < 4 else 0


def _free_in_child() -> int:
    """Return the first number, behind the sockets passed to us, that is free in a child which inherits ours."""
    number = FIRST_FREE + _passed()
    while _inherited(number):
        number += 1
    return number


def _inherited(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:  # EBADF: it is not open
        return False


def _told(at: float, worker: WorkerId) -> Tried:
    return Tried(at, worker, "ready", True, "a newline")


def _matcher(check: Check) -> Callable[[bytes], bool]:
    if check.regex is None:
        wanted = check.text.encode()
        return lambda line: wanted in line
    search = re.compile(check.regex).search
    return lambda line: search(line.decode(errors="replace")) is not None
