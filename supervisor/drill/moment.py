"""When each run asks for its stop: drawn before the run, from a seed that is told, so that it can be repeated."""

from __future__ import annotations

from random import Random
from statistics import median

from supervisor.core.drilled import Moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Moments:
    """Draws the moment of one run after the other."""

    def __init__(self, moment: Moment, seed: int) -> None:
        self.moment = moment
        self._random = Random(seed)

    def learn(self, times_to_ready: Sequence[float]) -> None:
        """Take over from the warm-up until when a worker starts, for stops while it does."""
        if self.moment.kind == "during start-up" and times_to_ready:
            self.moment = self.moment.with_(low=0.0, high=median(times_to_ready))

    def next(self) -> float:
        """Return the seconds from ready (while starting: from the start) to the stop request of the next run."""
        return self._random.uniform(self.moment.low, self.moment.high)
