"""The workers' output during a drill: read, so that nobody waits for a full pipe, and kept for a run that fails."""

from __future__ import annotations

import time

from supervisor.core.visible import visible
from supervisor.system.output.lane import Lane
from supervisor.system.output.lanes import Output
from supervisor.views import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.system.poller import Poller

# Lines shown of a run that went wrong.
MOST_LINES = 20


class Capture:
    """Shows nothing; knows when each worker has last written, and the newest lines of all."""

    def __init__(self, poller: Poller) -> None:
        self.output = Output(poller, lines.Splitter, self.say)
        self.output.hidden = True
        self.output.tap = self._heard
        self.spoke: dict[WorkerId, float] = {}

    def lanes(self, worker: WorkerId, spec: WorkerSpec) -> tuple[Lane, Lane]:
        """Return where a worker's stdout and stderr go."""
        del spec
        out, err = (Lane(worker, stream, False, lines.Plain()) for stream in ("stdout", "stderr"))
        return out, err

    def say(self, text: str) -> None:
        """Take a sentence for the user: a drill has its own words."""

    def newest(self) -> tuple[str, ...]:
        """Return the last lines that the workers wrote, oldest first."""
        found: list[str] = []
        for block in self.output.tail.newest_first():
            found[:0] = block.text.decode(errors="backslashreplace").splitlines()
            if len(found) >= MOST_LINES:
                break
        return tuple(visible(line) for line in found[-MOST_LINES:])

    def _heard(self, lane: Lane, block: bytes) -> None:
        del block
        self.spoke[lane.worker] = time.monotonic()
