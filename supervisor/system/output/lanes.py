"""Reads the workers' output from pipes and passes it on in whole lines. Never waits: not for a reader, not for EOF.

Full pipes are the back-pressure: while our reader is slow, workers with overflow ``block`` are not read and wait in
their own write(2); those with ``drop`` are read on, their lines discarded, counted and told. A worker keeps its two
pipes over its restarts while something is left in them or somebody holds them: what waits for a slow reader is
bounded, however often a worker crashes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import termios
import time

from supervisor.core.units import plural
from supervisor.system.output.lane import Lane
from supervisor.system.output.patience import Patience
from supervisor.system.output.sink import Sink, same
from supervisor.system.output.tail import Block, Tail
from supervisor.system.poller import Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from supervisor.core.spec import WorkerId

    class Splits(Protocol):
        """Turns chunks into what is shown at once, as a rule blocks of whole lines."""

        def feed(self, chunk: bytes) -> bytes: ...

        def end(self) -> bytes: ...


CHUNK = 1 << 18  # bytes read at once from a worker's pipe; with less, a flood takes more system calls
PIPE_SIZE = 1 << 18  # bytes that a pipe holds (pipe(7)), so that a burst does not make the worker wait for us
TELL_AFTER = 1.0  # seconds of a stalled reader until it is told
LAST_WORDS = 1 << 22  # bytes read from a pipe after its worker's death; an orphan that floods it gets no more
OWN_BYTES = 1 << 18  # messages of our own that wait for a reader who has stalled, before they are dropped and counted


class Output:
    """All workers' streams on their way to our stdout and stderr; while ``hidden``, a dashboard shows them instead.

    ``tap(lane, block)`` hears of all whole lines, ``tail`` keeps the newest. ``readers`` hear of those of a worker's
    present start until they return True. ``tell(text)`` takes a sentence for the user. ``alone``: it is all of one
    command, whose own write(2) tells it that its reader has gone, as if we were not there.
    """

    def __init__(
        self, poller: Poller, splitter: Callable[[], Splits], tell: Callable[[str], None], *, alone: bool = False
    ) -> None:
        self._alone = alone
        self._poller = poller
        self._splitter = splitter
        self._tell = tell
        self._out = Sink(poller, 1, self._room)
        self._err = self._out if same(1, 2) else Sink(poller, 2, self._room)
        self._pipes: dict[tuple[WorkerId, str], _Pipe] = {}
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._told_stall = False
        self._own = self._unsaid = 0
        self.tap: Callable[[Lane, bytes], None] | None = None
        self.readers: dict[WorkerId, Callable[[bytes], bool]] = {}
        self.hidden = False
        self.tail = Tail()

    # -------------------------------------------------------------- pipes of workers

    def pipes(self, lanes: tuple[Lane, Lane]) -> tuple[int, int, int]:
        """Make fresh pipes for a worker about to start: its stdin (/dev/null), stdout and stderr."""
        writers: list[int] = []
        try:
            for lane in lanes:
                writers.append(self._writer(lane))
        except OSError:
            for fd in writers:
                os.close(fd)
            raise
        return self._null, writers[0], writers[1]

    def _writer(self, lane: Lane) -> int:
        """Return a writing end: of the stream's pipe from an earlier start, if that is still open, or of a
        fresh one.
        """
        pipe = self._pipes.setdefault((lane.worker, lane.stream), _Pipe(lane, self._splitter()))
        if pipe.fd >= 0:
            return os.open(f"/proc/self/fd/{pipe.fd}", os.O_WRONLY | os.O_CLOEXEC)
        pipe.fd, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(pipe.fd, False)
        try:
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            pass  # over /proc/sys/fs/pipe-user-pages-soft: the default size works too
        self._watch(pipe)
        return writer

    def _watch(self, pipe: _Pipe) -> None:
        pipe.paused = False
        self._poller.watch(pipe.fd, lambda at, _: self._readable(pipe, at))

    def close_writers(self, ends: tuple[int, int, int]) -> None:
        """Close the writing ends after the fork: only the child holds them."""
        for fd in ends[1:]:
            os.close(fd)

    def worker_ended(self, worker: WorkerId) -> None:
        """Take its last words, also a last line without newline. The pipe stays watched while an orphan holds it."""
        at = time.monotonic()
        for stream in ("stdout", "stderr"):
            pipe = self._pipes.get((worker, stream))
            if pipe is not None and pipe.fd >= 0:
                self._drain(pipe, at)
            if pipe is not None and pipe.fd >= 0 and (fresh := _unread(pipe.fd) - sum(pipe.ends)) > 0:
                pipe.ends.append(fresh)  # they stay where they are until there is room

    def _open(self) -> list[_Pipe]:
        return [pipe for pipe in self._pipes.values() if pipe.fd >= 0]

    def _held(self, pipe: _Pipe) -> bool:
        """Return whether the pipe must not be read now: its lines would have to be kept, and no reader takes them."""
        return self._sink(pipe).full and not self.hidden and not pipe.lane.drop

    def _drain(self, pipe: _Pipe, at: float) -> None:
        """Show what is in the pipe now. Not for ever: an orphan may write faster than we read."""
        left = LAST_WORDS
        while left > 0 and not self._held(pipe) and (count := self._read(pipe, at)) > 0:
            left -= count
        if pipe.fd >= 0 and not (self._held(pipe) and _unread(pipe.fd)):
            self._close_line(pipe, at)

    def _close_line(self, pipe: _Pipe, at: float) -> None:
        """Show an unfinished line, and what was dropped since the last one shown."""
        self._show(pipe, pipe.splitter.end(), at)
        self._tell_dropped(pipe, at)

    def _tell_dropped(self, pipe: _Pipe, at: float) -> None:
        if pipe.dropped and not self._sink(pipe).full:
            self._sink(pipe).put(pipe.lane.format.lines(pipe.take_dropped(), time.time()), at)

    def _readable(self, pipe: _Pipe, at: float) -> None:
        if self._held(pipe):
            self._poller.unwatch(pipe.fd)
            pipe.paused = True
            return
        self._read(pipe, at)

    def _read(self, pipe: _Pipe, at: float) -> int:
        """Read and return the number of bytes; 0 when there is nothing now, or no more at all."""
        try:
            chunk = os.read(pipe.fd, min(pipe.ends[0], CHUNK) if pipe.ends else CHUNK)
        except BlockingIOError:
            return 0
        if not chunk:
            self._close_line(pipe, at)
            self._shut(pipe)
            return 0
        block = pipe.splitter.feed(chunk)
        if block:
            self._show(pipe, block, at)
        if self._alone and self._sink(pipe).gone:
            self._shut(pipe)  # the next write(2) is EPIPE, or SIGPIPE, as it is without us
            return 0
        if pipe.ends:
            pipe.ends[0] -= len(chunk)
            if pipe.ends[0] == 0:
                del pipe.ends[0]
                self._close_line(pipe, at)  # what follows was written after the restart
        return len(chunk)

    def _shut(self, pipe: _Pipe) -> None:
        self._poller.unwatch(pipe.fd)
        os.close(pipe.fd)
        pipe.fd = -1

    # -------------------------------------------------------------- the way out

    def _show(self, pipe: _Pipe, block: bytes, at: float) -> None:
        if not block:
            return
        lane = pipe.lane
        self.tail.add(Block(lane, block, at, not self.hidden))
        if self.tap is not None:
            self.tap(lane, block)
        if lane.worker in self.readers and not pipe.ends and self.readers[lane.worker](block):
            self.readers.pop(lane.worker, None)
        if self.hidden:
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
            self._tell_unwritten(lane, reason, sink.gone)

    def _tell_unwritten(self, lane: Lane, reason: OSError, gone: bool) -> None:
        if not (self._alone and gone):
            self._tell(f"cannot write our {lane.stream}: {reason.strerror}; the workers' lines for it are dropped")
        elif reason.errno != errno.EPIPE:  # no more than that the reader has gone
            self._tell(f"cannot write our {lane.stream}: {reason.strerror}; the command cannot write it either now")

    def show_tail(self) -> None:
        """Show what only the dashboard has shown as lines, each on the stream that it came from, because the
        dashboard has left.

        It is bounded, and no message of our own: a reader who stalls gets it later, and nothing of it is dropped.
        """
        at, now = time.monotonic(), time.time()
        for block in self.tail.take_unwritten():
            self._sink_of(block.lane).put(block.lane.format.lines(block.text, now - at + block.at), at)

    def _sink(self, pipe: _Pipe) -> Sink:
        return self._sink_of(pipe.lane)

    def _sink_of(self, lane: Lane) -> Sink:
        return self._out if lane.stream == "stdout" else self._err

    def _room(self, at: float) -> None:
        self._told_stall = False
        for pipe in self._open():
            if pipe.paused and not self._held(pipe):
                self._watch(pipe)
        for pipe in self._pipes.values():
            self._tell_dropped(pipe, at)
        self._tell_unsaid()

    def message(self, data: bytes) -> None:
        """Write a message of the supervisor's own, on stderr and in order with what waits there."""
        if not self._err.full:
            self._own = 0
        elif self._own + len(data) > OWN_BYTES:
            self._unsaid += 1
            return
        else:
            self._own += len(data)
        self._err.put(data, time.monotonic())

    def _tell_unsaid(self) -> None:
        if self._unsaid and not self._err.full:
            count, self._unsaid = self._unsaid, 0
            self._tell(f"{count} {'message' if count == 1 else 'messages'} dropped here, the reader was too slow")

    def finish(self, patience: Patience) -> int:
        """Pass everything on, at the end; the lines that were given up since a reader took nothing, which is told."""
        at = time.monotonic()
        sinks = (self._out,) if self._out is self._err else (self._out, self._err)
        lost = sum(self._empty(pipe, at, patience) for pipe in self._open())
        lost += sum(sink.finish(patience) for sink in sinks)
        for pipe in self._pipes.values():
            self._tell_dropped(pipe, at)
        self._tell_unsaid()
        if lost:
            self._tell(f"{plural(lost, 'line')} of output {'was' if lost == 1 else 'were'} given up: nobody read on")
        return lost + sum(sink.finish(patience) for sink in sinks)

    def _empty(self, pipe: _Pipe, at: float, patience: Patience) -> int:
        """Pass on what is in a pipe, a sink full at a time; the lines given up."""
        sink, left, lost = self._sink(pipe), LAST_WORDS, 0
        while pipe.fd >= 0 and left > 0:
            if self._held(pipe):
                lost += sink.finish(patience)
            count = self._read(pipe, at)
            if count == 0:
                break
            left -= count
        if pipe.fd >= 0:
            self._close_line(pipe, at)
        return lost

    def close(self) -> None:
        """Give all descriptors back; what nobody has read is lost."""
        for pipe in self._open():
            self._shut(pipe)
        os.close(self._null)
        for sink in {self._out, self._err}:
            sink.close()

    # -------------------------------------------------------------- a source of the loop

    @property
    def deadline(self) -> float | None:
        """Return when a stalled reader is to be told."""
        stalled = [sink.stalled_at for sink in (self._out, self._err) if sink.full and sink.stalled_at is not None]
        return None if self._told_stall or not stalled else min(stalled) + TELL_AFTER

    def tick(self, _at: float) -> None:
        """Tell that the reader has stalled, once until it goes on."""
        self._told_stall = True
        waiting = len({pipe.lane.worker for pipe in self._open() if pipe.paused})
        who = "1 worker waits" if waiting == 1 else f"{waiting} workers wait" if waiting else "who prints will wait"
        what = f"{who}; read it" + ("" if self._alone else ', or set [log] overflow = "drop"')
        if not waiting and any(pipe.dropped for pipe in self._pipes.values()):
            what = "lines are dropped"
        self._tell(f"nobody has read our output for {TELL_AFTER:g} s: {what}")


def _unread(fd: int) -> int:
    """Return the number of bytes in a pipe (pipe(7), FIONREAD)."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


class _Pipe:
    """One stream of one worker, over all its starts. ``fd`` -1: closed. ``ends``: how many of the bytes in it are of
    each start that has ended."""

    def __init__(self, lane: Lane, splitter: Splits) -> None:
        self.fd = -1
        self.lane = lane
        self.splitter = splitter
        self.paused = False
        self.dropped = 0
        self.ends: list[int] = []

    def take_dropped(self) -> bytes:
        """Return the line that tells how many lines are missing in its place."""
        count, self.dropped = self.dropped, 0
        return b"[supervisor: %d %s dropped here, the reader was too slow]\n" % (
            count,
            b"line" if count == 1 else b"lines",
        )
