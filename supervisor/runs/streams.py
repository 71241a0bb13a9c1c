"""The workers' output and our own words on their way out: as lines, or to the dashboard while one is shown."""

from __future__ import annotations

import os
import time

from supervisor.core.spec import WorkerId
from supervisor.core.visible import visible
from supervisor.system import stdio
from supervisor.system.output import sink
from supervisor.system.output.lane import Lane
from supervisor.system.output.lanes import Output
from supervisor.system.output.tail import Block
from supervisor.views import lines
from supervisor.views.modes import Modes, Watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol, TypeAlias

    from supervisor.core.spec import WorkerSpec
    from supervisor.runs.plan import UpPlan
    from supervisor.system.output.patience import Patience
    from supervisor.system.poller import Poller

    Format: TypeAlias = (
        lines.Journaled | lines.Json | lines.Plain | lines.Prefixed | lines.Dated | lines.Fitted | Watched
    )

    class Log(Protocol):
        """Who hears of all lines, for dashboards; without a worker they are our own."""

        def log(self, at: float, index: WorkerId | None, title: str, stream: str, block: bytes) -> None: ...


OURS = WorkerId(-1)  # no worker has it


class Streams:
    """All streams of a run of `up`."""

    def __init__(self, plan: UpPlan, poller: Poller) -> None:
        self._log = plan.log
        self._colored = {fd: stdio.colored(plan.voice.color, fd, os.environ) for fd in (1, 2)}
        self._journal = {fd: stdio.to_journal(fd, os.environ) for fd in (1, 2)}
        self._width = max(len("supervisor"), *(len(worker.title) for worker in plan.fleet.workers))
        self._titles: dict[WorkerId, str] = {}
        # The terminal that gets the lines, and what they have left it in.
        self._terminal = next((fd for fd in (2, 1) if plan.log.format != "json" and os.isatty(fd)), None)
        self._modes = Modes()
        self._listener: Log | None = None
        self._own = self._format_of_ours()
        self._ours = Lane(OURS, "stderr", False, self._own)
        self.output = Output(poller, lines.Splitter, self.say)

    def say(self, text: str) -> None:
        """Write a message of the supervisor's own, in order with the workers' lines."""
        block = visible(text).encode(errors="replace") + b"\n"
        self.output.tail.add(Block(self._ours, block, time.monotonic(), not self.output.hidden))
        self._tapped(self._ours, block)
        if not self.output.hidden:
            self.output.message(self._own.lines(block, time.time()))

    def finish(self, patience: Patience) -> None:
        """Pass everything on, at the end; then the terminal is put right that a worker has left without a cursor."""
        self.output.finish(patience)
        if self._terminal is not None and (wrong := self._modes.restore()):
            sink.say(wrong.decode(), self._terminal, patience)

    def tell(self, listener: Log) -> None:
        """Let a listener hear of all lines from here on."""
        self._listener = listener
        self.output.tap = self._tapped

    def recent(self) -> Iterator[tuple[float, WorkerId | None, str, str, bytes]]:
        """Yield the blocks of lines that are kept, the newest first, each as :meth:`Log.log` takes it."""
        return ((block.at, *self._named(block.lane), block.text) for block in self.output.tail.newest_first())

    def hide(self, hidden: bool) -> None:
        """Leave the lines to a dashboard from here on, or write them; then also what only the dashboard has shown."""
        self.output.hidden = hidden
        if not hidden:
            self.output.show_tail()

    def lanes(self, worker: WorkerId, spec: WorkerSpec) -> tuple[Lane, Lane]:
        """Return how a worker's stdout and stderr are shown."""
        self._titles[worker] = spec.title
        drop = spec.exec.overflow == "drop"
        out, err = (
            Lane(worker, stream, drop, self._format(spec, worker, stream, fd))
            for stream, fd in (("stdout", 1), ("stderr", 2))
        )
        return out, err

    def _tapped(self, lane: Lane, block: bytes) -> None:
        if self._listener is not None:
            self._listener.log(time.monotonic(), *self._named(lane), block)

    def _named(self, lane: Lane) -> tuple[WorkerId | None, str, str]:
        if lane is self._ours:
            return None, "supervisor", "stderr"
        return lane.worker, self._titles[lane.worker], lane.stream

    def _format(self, spec: WorkerSpec, worker: WorkerId, stream: str, fd: int) -> Format:
        if self._log.format == "json":
            return lines.Json(spec.name, spec.instance, stream, self._log.time)
        time = self._stamps(fd)
        if self._log.prefix or (time is not None and self._log.stamps == "always"):
            title = spec.title if self._log.prefix else ""
            shown: lines.Prefixed | lines.Plain = lines.Prefixed(title, self._width, worker, self._colored[fd], time)
        else:
            shown = lines.Plain()
        if self._journal[fd]:
            return lines.Journaled(shown)
        return Watched(shown, self._modes) if os.isatty(fd) else shown

    def _format_of_ours(self) -> Format:
        if self._log.format == "json":
            return lines.Json("supervisor", 0, "stderr", self._log.time)
        shown = lines.Prefixed("supervisor", self._width, -1, self._colored[2], self._stamps(2))
        if os.isatty(2):
            # Before them stand the time, the name, and what is between.
            before = self._width + 3 + (9 if self._stamps(2) else 0)
            return lines.Fitted(shown, lambda: stdio.width(2) - before)
        if self._journal[2]:
            return lines.Journaled(shown, stdio.NOTICE)
        if self._log.stamps == "auto":
            return lines.Dated(shown, self._log.time)
        return shown

    def _stamps(self, fd: int) -> lines.Time | None:
        """Return how lines on ``fd`` say their time; None where they do not."""
        if os.isatty(fd):
            return lines.clock(self._log.time) if self._log.stamps != "never" else None
        return lines.date(self._log.time) if self._log.stamps == "always" else None
