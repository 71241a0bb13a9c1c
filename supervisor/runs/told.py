"""The command of `run` that tells by itself when it is ready: by a pipe of its own, or by a line that it prints.

Made before the fork, and only then imported. Its output passes through us byte for byte, as it comes; it is made into
lines only to look for the one that tells.
"""

from __future__ import annotations

from supervisor.core.spec import FIRST
from supervisor.loop.observer import Attachments
from supervisor.runs.signs import Signs
from supervisor.system.output.lane import Lane
from supervisor.system.output.lanes import Output
from supervisor.system.poller import Poller
from supervisor.views import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisor.core.events import Event
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.loop.loop import Loop
    from supervisor.system.output.patience import Patience


class Told(Attachments):
    """What the command gets for that is ``attached`` to its start."""

    def __init__(self, spec: WorkerSpec) -> None:
        """Make the pipes. Raises OSError."""
        self.poller = Poller()
        self._say: Callable[[str], object] = lambda _: None
        self._inner: Attachments | None = None
        self._signs = Signs()
        self._output: Output | None = None
        self._reader: Callable[[bytes], bool] | None = None
        self.attached = self._signs.attach(FIRST, spec)
        reader = self._signs.lines(FIRST, spec)
        if reader is not None:
            self._reader = reader
            self._output = output = Output(self.poller, lambda: _Through(self._read), self._tell, alone=True)
            out, err = (Lane(FIRST, stream, False, lines.Plain()) for stream in ("stdout", "stderr"))
            self._ends = output.pipes((out, err))
            self.attached = self.attached.with_(stdio=(0, *self._ends[1:]))

    def _tell(self, text: str) -> None:
        self._say(text)

    def serve(self, loop: Loop, say: Callable[[str], object], inner: Attachments | None) -> None:
        """Close what only the child keeps, and read from here on; ``inner`` is what the command has besides."""
        self._say, self._inner = say, inner
        self._signs.forked(FIRST)
        self._signs.serve(self.poller, loop.see_all)
        if self._output is not None:
            self._output.close_writers(self._ends)
            loop.sources.append(self._output)

    def last_words(self, worker: WorkerId, at: float) -> Sequence[Event]:
        """Return what was told and nobody has read."""
        inner = self._inner.last_words(worker, at) if self._inner is not None else ()
        return [*inner, *self._signs.last_words(worker, at)]

    def detach(self, worker: WorkerId) -> None:
        """Pass the last words on."""
        if self._inner is not None:
            self._inner.detach(worker)
        self._signs.detach(worker)
        if self._output is not None:
            self._reader = None
            self._output.worker_ended(worker)

    def _read(self, block: bytes) -> bool:
        """Look for the line that tells in a block of whole lines; False when no more are wanted."""
        if self._reader is not None and self._reader(block):
            self._reader = None
        return self._reader is not None

    def finish(self, patience: Patience) -> None:
        """Pass everything on, at the end."""
        if self._output is not None:
            self._output.finish(patience)


class _Through:
    """Passes the chunks of a stream on untouched; ``read`` gets their whole lines until it returns False."""

    def __init__(self, read: Callable[[bytes], bool]) -> None:
        self._read = read
        self._lines: lines.Splitter | None = lines.Splitter()

    def feed(self, chunk: bytes) -> bytes:
        """Return the chunk itself."""
        if self._lines is not None:
            self._look(self._lines.feed(chunk))
        return chunk

    def end(self) -> bytes:
        """Return nothing, for nothing is held back; an unfinished line is read as one."""
        if self._lines is not None:
            self._look(self._lines.end())
        return b""

    def _look(self, block: bytes) -> None:
        if block and not self._read(block):
            self._lines = None
