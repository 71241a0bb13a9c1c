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
        pairs: list[tuple[int, int]] = []
        try:
            for _ in lanes:
                pairs.append(os.pipe2(os.O_CLOEXEC))
        except OSError:
            for pair in pairs:
                for fd in pair:
                    os.close(fd)
            raise
        for (reader, writer), lane in zip(pairs, lanes, strict=True):
            os.set_blocking(reader, False)
            try:
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
            except OSError:
                pass  # over /proc/sys/fs/pipe-user-pages-soft: the default size works too
            pipe = _Pipe(reader, lane, self._splitter())
            self._open[reader] = pipe
            self._of_worker.setdefault(lane.worker, []).append(pipe)
            self._poller.watch(reader, lambda at, _, fd=reader: self._readable(fd, at))  # type: ignore[misc]
        return self._null, pairs[0][1], pairs[1][1]

    def close_writers(self, ends: tuple[int, int, int]) -> None:
        """After the fork: only the child holds the writing ends."""
        for fd in ends[1:]:
            os.close(fd)

    def worker_ended(self, worker: int) -> None:
        """Take its last words, also a last line without newline. The pipe stays watched while an orphan holds it."""
        for pipe in list(self._of_worker.get(worker, ())):
            self._drain(pipe, time.monotonic())

    def _drain(self, pipe: _Pipe, at: float) -> None:
        """What is in the pipe now. Not for ever: an orphan may write faster than we read."""
        left = LAST_WORDS
        while left > 0 and (count := self._read(pipe, at)) > 0:
            left -= count
        if pipe.fd in self._open:
            self._close_line(pipe, at)

    def _close_line(self, pipe: _Pipe, at: float) -> None:
        """Show an unfinished line, and what was dropped since the last one shown."""
        self._show(pipe, pipe.splitter.end(), at)
        if pipe.dropped:
            self._sink(pipe).put(pipe.lane.format.lines(pipe.take_dropped(), time.time()), at)

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
            self._close_line(pipe, at)
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
            block = pipe.take_dropped() + block
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

    def finish(self) -> None:
        """Everything out, at the end; a reader that takes nothing for too long is given up, and told."""
        at = time.monotonic()
        for pipe in list(self._open.values()):
            self._drain(pipe, at)
        lost = self._out.finish()
        if self._err is not self._out:
            lost += self._err.finish()
        if lost:
            self._tell(f"{lost} bytes of output were given up: nobody read them")

    # -------------------------------------------------------------- a source of the loop

    @property
    def deadline(self) -> float | None:
        """When a stalled reader is to be told."""
        stalled = [sink.stalled_at for sink in (self._out, self._err) if sink.full and sink.stalled_at is not None]
        return None if self._told_stall or not stalled else min(stalled) + TELL_AFTER

    def tick(self, _at: float) -> None:
        """Tell that the reader has stalled, once until it goes on."""
        self._told_stall = True
        waiting = len({pipe.lane.worker for pipe in self._open.values() if pipe.paused})
        who = "1 worker waits" if waiting == 1 else f"{waiting} workers wait"
        what = f'{who}; read it, or set [log] overflow = "drop"' if waiting else "lines are dropped"
        self._tell(f"nobody has read our output for {TELL_AFTER:g} s: {what}")


class _Pipe:
    def __init__(self, fd: int, lane: Lane, splitter: Splits) -> None:
        self.fd = fd
        self.lane = lane
        self.splitter = splitter
        self.paused = False
        self.dropped = 0

    def take_dropped(self) -> bytes:
        """The line that tells how many are missing in its place."""
        count, self.dropped = self.dropped, 0
        return b"[supervisor: %d %s dropped here, the reader was too slow]\n" % (
            count,
            b"line" if count == 1 else b"lines",
        )
