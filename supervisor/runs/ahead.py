"""Imports ahead what the end of a run needs: in quiet moments, a little at a time, and never while somebody stops.

At the end there may be no descriptor and no memory left to import with, or another version of the files in its place.
Until it is quiet, and where it fails, what is missing is imported when the last worker has ended.
"""

from __future__ import annotations

from importlib import import_module
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.loop.loop import Loop

# What a stop itself may need: at the first quiet moment.
STOPPING = (
    "resource",
    "supervisor.core.visible",
    "supervisor.system.output.patience",
    "supervisor.system.output.sink",
    "supervisor.system.proc.sockets",
    "supervisor.system.proc.syscalls",
)
# What writes a report, where one is wanted, each with little that is not imported by those before it.
RECORDING = (
    "json",
    "supervisor.core.contract.report",
    "supervisor.system.writing",
    "supervisor.system.origin",
    "supervisor.views.data",
    "supervisor.runs.recording",
)
# What keeps an end in the history.
KEEPING = (
    "json",
    "sqlite3",
    "supervisor.core.contract.report",
    "supervisor.system.origin",
    "supervisor.system.history.store",
    "supervisor.runs.history",
)
# What explains and tells an end.
TELLING = (
    "shlex",
    "textwrap",
    "ast",
    "supervisor.diagnosis.evidence.enclosing",
    "supervisor.core.contract.report",
    "supervisor.system.writing",
    "supervisor.runs.recording",
    "supervisor.views.summary",
    "supervisor.views.fleet",
    "supervisor.views.lines",
    "supervisor.views.markdown",
    "supervisor.runs.telling",
    "supervisor.diagnosis.evidence.notes",
    "supervisor.diagnosis.evidence.gather",
    "supervisor.diagnosis.attribution.timeline",
    "supervisor.diagnosis.attribution.holds",
    "supervisor.diagnosis.attribution.critical",
    "supervisor.diagnosis.findings.case",
    "supervisor.diagnosis.findings.codes",
    "supervisor.diagnosis.findings",
    "supervisor.diagnosis.findings.rank",
    "supervisor.diagnosis.explain",
    "supervisor.system.sources",
    "supervisor.system.agent.absent",
)
# Seconds after the start: most short commands have ended by then, and the start of others is over.
QUIET = 1.0
# Between two imports, in which everything else has its turn; and while a worker stops.
PAUSE, BUSY = 0.02, 1.0
# Seconds of imports in a row: nobody's signal waits longer.
SLICE = 0.002


def imported(names: Iterable[str]) -> bool:
    """Import modules; False when that fails, for want of descriptors or memory or of the files."""
    try:
        for name in names:
            import_module(name)
    except (ImportError, OSError, MemoryError):
        return False
    return True


class Ahead:
    """A source of the loop that is due until everything is imported, or a first import has failed."""

    def __init__(self, loop: Loop, at: float, *, records: bool, keeps: bool) -> None:
        """Begin a while after ``at`` (monotonic seconds); ``records``: a report is wanted, ``keeps``: a history."""
        self._loop = loop
        self._left = [*(RECORDING if records else ()), *TELLING, *(KEEPING if keeps else ())]
        self.deadline: float | None = at + QUIET

    def tick(self, at: float) -> None:
        """Import the next ones, as long as that is quick."""
        fleet = self._loop.fleet
        if fleet.want == "down":
            self.deadline = None
        elif any(life.stopping for life in fleet.lives.values()):
            self.deadline = at + BUSY
        else:
            self.deadline = at + PAUSE if self._next(monotonic() + SLICE) else None

    def _next(self, until: float) -> bool:
        """Import for so long; whether something is left to import."""
        while self._left:
            if not imported([self._left.pop(0)]):
                return False
            if monotonic() >= until:
                break
        return bool(self._left)
