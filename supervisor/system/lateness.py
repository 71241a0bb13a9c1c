"""When a stop request can have been sent at the earliest, if it is read now.

Two that were sent close to each other are one. A supervisor that waits for a processor, or is busy with the first of
them, reads the second late: what passed meanwhile is no distance between the two.
"""

from __future__ import annotations

from time import monotonic

from supervisor.system.proc import reading


class Lateness:
    """Knows when the last request was read, when that had been carried out, and how long we have waited since."""

    def __init__(self) -> None:
        self._read: float | None = None
        self._free = self._waited = 0.0

    def earliest(self, at: float) -> float:
        """Return since when a request that is read ``at`` may have been there: not before the last one was read."""
        if self._read is None:
            return at
        late = self._free - self._read + max(waited() - self._waited, 0.0)
        return max(self._read, at - late)

    def handled(self, at: float) -> None:
        """Take note that a request that was read ``at`` has been carried out."""
        self._read, self._free, self._waited = at, monotonic(), waited()


def waited() -> float:
    """Return the seconds that we have waited for a processor so far (proc(5), schedstat); 0 where it is not told."""
    fields = reading.read_record("/proc/thread-self/schedstat", 128).split()
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0
