"""Whether a worker without a check for being ready seems to be: it has nothing to do and nothing to say. Pure.

Time is an argument: monotonic seconds.
"""

from __future__ import annotations

# Quiet for so long, seconds, using less than this share of one core.
SPAN = 0.5
BUSY = 0.05
BUSY_STATES = "RD"
# A worker that is never quiet is waited for so long; then the drill goes on and says so.
MOST = 10.0
# How often to look, seconds: a look reads one line of /proc.
LOOK = 0.1
# The kernel counts CPU time in ticks of 10 ms (proc(5), _SC_CLK_TCK): one tick may be a rest of an earlier moment.
TICK = 0.0101


class Quiet:
    """What was seen of one worker since its start."""

    def __init__(self, at: float) -> None:
        self.since = at
        self._looks: list[tuple[float, float]] = []

    def look(self, at: float, cpu: float, state: str, spoke: float | None) -> bool:
        """Take in the CPU seconds used so far, the state (proc(5)) and when the worker last wrote.

        Returns whether it is quiet now. One that waits for a processor or a disk uses no CPU and is not quiet.
        """
        if state in BUSY_STATES:
            self._looks.clear()
            return False
        self._looks.append((at, cpu))
        while len(self._looks) > 1 and self._looks[1][0] <= at - SPAN:
            del self._looks[0]
        begun, used = self._looks[0]
        if at - begun < SPAN - LOOK / 2 or (spoke is not None and at - spoke < SPAN):
            return False
        return cpu - used <= max(BUSY * (at - begun), TICK)

    def overdue(self, at: float) -> bool:
        """Return whether the worker was waited for long enough."""
        return at - self.since >= MOST
