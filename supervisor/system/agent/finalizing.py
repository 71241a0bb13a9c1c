"""Interpreters that take themselves down: one that still does after a while has its C-level stacks written and read.

No Python code answers there any more, but faulthandler's handler does, until late.
"""

from __future__ import annotations

from supervisor.system.proc import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.spec import WorkerId
    from supervisor.system.agent.channel import Channel

# Seconds after an interpreter began to take itself down at which its C-level stacks are written, if it still does:
# most are gone after some milliseconds, and what hangs there (``__del__``, a native library) answers nothing else.
FINALIZE_LOOKS = (0.25, 1.0, 3.0)
# Seconds that faulthandler gets to write them.
WRITING = 0.05


class Finalizing:
    """The processes whose interpreter has begun to end, and when each is looked at next."""

    def __init__(self) -> None:
        self._ends: dict[int, _End] = {}

    def due(self) -> Iterator[float]:
        """Yield when each process is looked at next (monotonic seconds)."""
        return (end.due for end in self._ends.values())

    def begin(self, worker: WorkerId, pid: int, at: float) -> None:
        """Note that the interpreter of this process has begun to take itself down."""
        self._ends[pid] = _End(worker, at + FINALIZE_LOOKS[0])

    def over(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._ends.pop(pid, None)

    def look(self, at: float, channel: Callable[[WorkerId], Channel | None]) -> list[tuple[WorkerId, AgentMessage]]:
        """Have the stacks written that are due, and return those that have been. ``channel``: of a worker, while it
        is known.
        """
        told: list[tuple[WorkerId, AgentMessage]] = []
        for pid, end in list(self._ends.items()):
            if end.due > at:
                continue
            line = channel(end.worker)
            if line is None:
                del self._ends[pid]
            elif not end.writing:
                if _sleeps_and_catches(pid, signal := line.dump_signal(pid)):
                    line.signal(pid, signal or 0)
                end.writing, end.due = True, at + WRITING
            else:
                if (message := line.new_dump(pid, at)) is not None:
                    told.append((end.worker, message))
                self._look_later(pid, end, at)
        return told

    def _look_later(self, pid: int, end: _End, at: float) -> None:
        end.looks += 1
        if end.looks == len(FINALIZE_LOOKS):
            del self._ends[pid]
        else:
            end.writing, end.due = False, at + FINALIZE_LOOKS[end.looks] - FINALIZE_LOOKS[end.looks - 1]


class _End:
    """One process. ``writing``: it was told to write its stacks, which are read at ``due``; else it is told then."""

    __slots__ = ("due", "looks", "worker", "writing")

    def __init__(self, worker: WorkerId, due: float) -> None:
        self.worker = worker
        self.due = due
        self.looks = 0
        self.writing = False


def _sleeps_and_catches(pid: int, signal: int | None) -> bool:
    """Return whether this signal makes the process write its stacks, and does not end it.

    Late in its end CPython gives the signal back to the kernel, whose default is to kill. A process that sleeps in a
    system call does not get there while we look.
    """
    found = processes.stat(pid)
    return signal is not None and found is not None and found.state == "S" and catches(pid, signal)


def catches(pid: int, signal: int) -> bool:
    """Return whether a process has a handler for this signal."""
    masks = processes.masks(pid)
    return masks is not None and masks.disposition(signal) == "caught"
