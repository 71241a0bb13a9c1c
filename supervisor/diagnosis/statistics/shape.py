"""What a list of runs shows besides its quantiles: outliers, two modes, a trend. Pure.

Each is told only where chance seldom makes it: the tests simulate how often one shape is taken for two.
"""

from __future__ import annotations

from math import erfc, sqrt
from statistics import median, quantiles

from supervisor.core.figures import Modes, Trend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# An outlier is so many interquartile ranges above the upper quartile (Tukey's far fence) and so many seconds.
FENCE = 3.0
APART = 0.05
# Fewer runs than this show no shape.
FEWEST = 10
# Two modes: each has so large a share of the runs, and the gap between them is so many times the wider one's spread.
SMALLEST_MODE = 0.15
GAP = 1.5
# A trend: Kendall's tau would be so far from zero by chance in one of a hundred drills, and the change is that large.
CHANCE = 0.01
CHANGE_SHARE = 0.1
CHANGE_SECONDS = 0.02


def outliers(values: Sequence[float]) -> list[int]:
    """Return the positions of the runs that took far longer than the rest, in the order of the runs."""
    if len(values) < FEWEST:
        return []
    low, _, high = quantiles(values, n=4, method="inclusive")
    limit = max(high + FENCE * (high - low), high + APART)
    return [place for place, value in enumerate(values) if value > limit]


def modes(values: Sequence[float]) -> Modes | None:
    """Return the two groups that the runs fall into, or None when they are one.

    The groups are split where the gap is widest; each is dense, and empty space of 1.5 times the wider group's own
    spread, and of 50 ms at least, lies between them.
    """
    if len(values) < FEWEST:
        return None
    order = sorted(values)
    fewest = max(3, round(SMALLEST_MODE * len(order)))
    places = range(fewest, len(order) - fewest + 1)
    split = max(places, key=lambda place: order[place] - order[place - 1], default=None)
    if split is None:
        return None
    fast, slow = order[:split], order[split:]
    gap = slow[0] - fast[-1]
    if gap < APART or gap < GAP * max(fast[-1] - fast[0], slow[-1] - slow[0]):
        return None
    limit = (fast[-1] + slow[0]) / 2
    return Modes(
        fast=median(fast), slow=median(slow), slow_runs=tuple(n for n, value in enumerate(values) if value > limit)
    )


def trend(values: Sequence[float]) -> Trend | None:
    """Return by how much the stops became longer or shorter from the first run to the last, None when they did not.

    Mann-Kendall's test over the order of the runs, and Theil and Sen's slope (median of all pairs).
    """
    count = len(values)
    if count < FEWEST:
        return None
    pairs = [(values[b] - values[a], b - a) for a in range(count) for b in range(a + 1, count)]
    score = sum((rise > 0) - (rise < 0) for rise, _ in pairs)
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    likely = erfc(max(0.0, abs(score) - 1) / deviation / sqrt(2))
    change = median(rise / apart for rise, apart in pairs) * (count - 1)
    if likely > CHANCE or abs(change) < max(CHANGE_SECONDS, CHANGE_SHARE * median(values)):
        return None
    return Trend(change, likely)
