"""The command of `run` that tells by itself when it is ready: by a pipe of its own, or by a line that it prints.

Made before the fork, and only then imported. Its lines pass through us, whole, as they came.
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
    """What the command gets for that: ``stdio``, ``descriptors`` and ``additions`` of its start."""

    def __init__(self, spec: WorkerSpec) -> None:
        """Make the pipes. Raises OSError."""
        self.poller = Poller()
        self.stdio: tuple[int, int, int] | None = None
        self._say: Callable[[str], object] = lambda _: None
        self._inner: Attachments | None = None
        self._signs = Signs()
        self._output: Output | None = None
        told = self._signs.attach(FIRST, spec)
        self.descriptors, self.additions = told.descriptors, told.additions
        reader = self._signs.lines(FIRST, spec)
        if reader is not None:
            self._output = output = Output(self.poller, lines.Splitter, self._tell)
            out, err = (Lane(FIRST, stream, False, lines.Plain()) for stream in ("stdout", "stderr"))
            self._ends = output.pipes((out, err))
            self.stdio = (0, *self._ends[1:])
            output.readers[FIRST] = reader

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
        """Pass the last lines on."""
        if self._inner is not None:
            self._inner.detach(worker)
        self._signs.detach(worker)
        if self._output is not None:
            self._output.readers.pop(worker, None)
            self._output.worker_ended(worker)

    def finish(self, patience: Patience) -> None:
        """Pass everything on, at the end."""
        if self._output is not None:
            self._output.finish(patience)
