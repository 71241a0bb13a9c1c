"""Reads the workers' output from pipes and passes it on in whole lines. Never waits: not for a reader, not for EOF.

Full pipes are the back-pressure: while our reader is slow, workers with overflow ``block`` are not read and wait in
their own write(2); those with ``drop`` are read on, their lines discarded, counted and told.
"""

from __future__ import annotations

import fcntl
import os
import time

from supervisor.core.frozen import Frozen
from supervisor.system.poller import Poller
from supervisor.system.sink import Sink, same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Format(Protocol):
        """Turns a block of whole lines into what is shown."""

        def lines(self, block: bytes, at: float) -> bytes:
            """``at`` is seconds since the epoch."""

    class Splits(Protocol):
        """Turns chunks into blocks of whole lines."""

        def feed(self, chunk: bytes) -> bytes: ...

        def end(self) -> bytes: ...


CHUNK = 1 << 18
PIPE_SIZE = 1 << 18
TELL_AFTER = 1.0  # seconds of a stalled reader until it is told
LAST_WORDS = 1 << 22  # bytes read from a pipe after its worker's death; an orphan that floods it gets no more
TAIL_BYTES = 1 << 18  # what a dashboard that comes later can still see


class Lane(Frozen):
    """How one stream of one worker is shown."""

    worker: int
    stream: str
    drop: bool
    format: Format


class Output:
    """All workers' streams on their way to our stdout and stderr, or to ``tap`` while a dashboard shows them.

    ``tap(worker, stream, block, dropped)`` gets whole lines. ``tell(text)`` takes a sentence for the user.
    """

    def __init__(self, poller: Poller, splitter: Callable[[], Splits], tell: Callable[[str], None]) -> None:
        self._poller = poller
        self._splitter = splitter
        self._tell = tell
        self._out = Sink(poller, 1, self._room)
        self._err = self._out if same(1, 2) else Sink(poller, 2, self._room)
        self._open: dict[int, _Pipe] = {}
        self._of_worker: dict[int, list[_Pipe]] = {}
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._told_stall = False
        self.tap: Callable[[int, str, bytes], None] | None = None
        self.tail: list[tuple[int, str, bytes]] = []
        self._tail_bytes = 0

    # -------------------------------------------------------------- pipes of workers

    def pipes(self, lanes: tuple[Lane, Lane]) -> tuple[int, int, int]:
        """Fresh pipes for a worker about to start: its stdin (/dev/null), stdout and stderr."""
        ends = [self._null]
        for lane in lanes:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reader, False)
            try:
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
            except OSError:
                pass  # over /proc/sys/fs/pipe-user-pages-soft: the default size works too
            pipe = _Pipe(reader, lane, self._splitter())
            self._open[reader] = pipe
            self._of_worker.setdefault(lane.worker, []).append(pipe)
            self._poller.watch(reader, lambda at, _, fd=reader: self._readable(fd, at))  # type: ignore[misc]
            ends.append(writer)
        return ends[0], ends[1], ends[2]

    def close_writers(self, ends: tuple[int, int, int]) -> None:
        """After the fork: only the child holds the writing ends."""
        for fd in ends[1:]:
            os.close(fd)

    def worker_ended(self, worker: int) -> None:
        """Take its last words, also a last line without newline. The pipe stays watched while an orphan holds it."""
        at = time.monotonic()
        for pipe in list(self._of_worker.get(worker, ())):
            left = LAST_WORDS
            while left > 0 and (count := self._read(pipe, at)) > 0:
                left -= count
            if pipe.fd in self._open:
                self._show(pipe, pipe.splitter.end(), at)

    def _readable(self, fd: int, at: float) -> None:
        pipe = self._open[fd]
        if self._sink(pipe).full and self.tap is None and not pipe.lane.drop:
            self._poller.unwatch(fd)
            pipe.paused = True
            return
        self._read(pipe, at)

    def _read(self, pipe: _Pipe, at: float) -> int:
        """Bytes read; 0 when there is nothing now, or no more at all."""
        try:
            chunk = os.read(pipe.fd, CHUNK)
        except BlockingIOError:
            return 0
        if not chunk:
            self._show(pipe, pipe.splitter.end(), at)
            self._poller.unwatch(pipe.fd)
            del self._open[pipe.fd]
            self._of_worker[pipe.lane.worker].remove(pipe)
            os.close(pipe.fd)
            return 0
        block = pipe.splitter.feed(chunk)
        if block:
            self._show(pipe, block, at)
        return len(chunk)

    # -------------------------------------------------------------- the way out

    def _show(self, pipe: _Pipe, block: bytes, at: float) -> None:
        if not block:
            return
        lane = pipe.lane
        if self.tap is not None:
            self._remember(lane, block)
            self.tap(lane.worker, lane.stream, block)
            return
        sink = self._sink(pipe)
        if sink.full and lane.drop:
            pipe.dropped += block.count(b"\n")
            return
        if pipe.dropped:
            notice = b"[supervisor: %d lines dropped here, the reader was too slow]\n" % pipe.dropped
            pipe.dropped = 0
            block = notice + block
        sink.put(lane.format.lines(block, time.time()), at)
        if sink.error is not None:
            reason, sink.error = sink.error, None
            self._tell(f"cannot write our {lane.stream}: {reason.strerror}; the workers' lines for it are dropped")

    def _remember(self, lane: Lane, block: bytes) -> None:
        self.tail.append((lane.worker, lane.stream, block[-TAIL_BYTES:]))
        self._tail_bytes += len(self.tail[-1][2])
        while self._tail_bytes > TAIL_BYTES and len(self.tail) > 1:
            self._tail_bytes -= len(self.tail.pop(0)[2])

    def _sink(self, pipe: _Pipe) -> Sink:
        return self._out if pipe.lane.stream == "stdout" else self._err

    def _room(self, _at: float) -> None:
        self._told_stall = False
        for pipe in self._open.values():
            if pipe.paused:
                pipe.paused = False
                self._poller.watch(pipe.fd, lambda at, _, fd=pipe.fd: self._readable(fd, at))  # type: ignore[misc]

    def message(self, data: bytes) -> None:
        """A message of the supervisor's own, on stderr and in order with what waits there."""
        self._err.put(data, time.monotonic())

    def finish(self, patience: float) -> None:
        """Everything out, at the end; a reader that takes nothing for ``patience`` seconds is given up, and told."""
        at = time.monotonic()
        for pipe in list(self._open.values()):
            while self._read(pipe, at) > 0:
                pass
            if pipe.fd in self._open:
                self._show(pipe, pipe.splitter.end(), at)
        lost = self._out.finish(patience)
        if self._err is not self._out:
            lost += self._err.finish(patience)
        if lost:
            self._tell(f"{lost} bytes of output were given up: nobody read them for {patience:g} s")

    # -------------------------------------------------------------- a source of the loop

    @property
    def deadline(self) -> float | None:
        """When a stalled reader is to be told."""
        stalled = [sink.stalled_at for sink in (self._out, self._err) if sink.full and sink.stalled_at is not None]
        return None if self._told_stall or not stalled else min(stalled) + TELL_AFTER

    def tick(self, _at: float) -> None:
        """Tell that the reader has stalled, once until it goes on."""
        self._told_stall = True
        waiting = sum(1 for pipe in self._open.values() if pipe.paused)
        self._tell(
            f"whoever reads our output has taken nothing for {TELL_AFTER:g} s: {waiting} streams wait;"
            ' read it, or set overflow = "drop"'
        )


class _Pipe:
    def __init__(self, fd: int, lane: Lane, splitter: Splits) -> None:
        self.fd = fd
        self.lane = lane
        self.splitter = splitter
        self.paused = False
        self.dropped = 0
