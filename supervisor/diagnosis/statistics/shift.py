"""By how much one set of runs is slower than another, and how sure that is: Hodges-Lehmann with its rank interval.

The shift is the median of all differences between a run of one set and a run of the other. Its 95 % interval are two
of these differences, whose ranks come from the distribution of the Mann-Whitney statistic (Hollander and Wolfe,
"Nonparametric Statistical Methods", 4.2 and 4.3): exact up to 20 runs in both sets, its normal approximation above.
"""

from __future__ import annotations

from math import comb, isnan, sqrt

from supervisor.core.figures import Shift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Up to so many runs in each set the distribution of the rank statistic is counted out (400 x 20 x 20 additions).
EXACT = 20
# Two-sided 95 %.
TAIL = 0.025
NORMAL = 1.959964
# A longer stop is a regression when the interval leaves out zero and the shift is above both.
WORTH_SHARE = 0.05
WORTH_SECONDS = 0.05


def shift(before: Sequence[float], after: Sequence[float]) -> Shift:
    """Return by how many seconds ``after`` is above ``before``. Both hold at least one value, in seconds.

    ``low`` and ``high`` are None where the sets are too small for any 95 % interval (3 runs against 3, for example).
    """
    old, new = sorted(before), sorted(after)
    pairs = len(old) * len(new)
    middle = (_ranked(old, new, (pairs - 1) // 2) + _ranked(old, new, pairs // 2)) / 2
    cut = _cut(len(old), len(new))
    low = high = None
    if cut > 0:
        low, high = _ranked(old, new, cut - 1), _ranked(old, new, pairs - cut)
    return Shift(middle, low, high)


def regressed(found: Shift, median_before: float) -> bool:
    """Return whether the stop has become longer, beyond chance and beyond what anybody would mind."""
    sure = found.low is not None and found.low > 0
    return sure and found.seconds > WORTH_SECONDS and found.seconds > WORTH_SHARE * median_before


def improved(found: Shift, median_before: float) -> bool:
    """Return whether the stop has become shorter by the same measure."""
    sure = found.high is not None and found.high < 0
    return sure and -found.seconds > WORTH_SECONDS and -found.seconds > WORTH_SHARE * median_before


def _cut(old: int, new: int) -> int:
    """Return how many of the smallest and of the largest differences the 95 % interval leaves out, plus one.

    0: there is no such interval.
    """
    if max(old, new) > EXACT:
        mean, deviation = old * new / 2, sqrt(old * new * (old + new + 1) / 12)
        return max(0, int(mean - NORMAL * deviation))
    counts = _rank_sums(old, new)
    total, below, cut = comb(old + new, old), 0, 0
    for count in counts:
        below += count
        if below / total > TAIL:
            break
        cut += 1
    return cut


def _rank_sums(old: int, new: int) -> list[int]:
    """Return in how many orders of the runs the Mann-Whitney statistic is 0, 1, 2, ...: a Gaussian binomial."""
    counts = [1] + [0] * (old * new)
    for step in range(1, old + 1):
        for place in range(old * new, new + step - 1, -1):
            counts[place] -= counts[place - new - step]
        for place in range(step, old * new + 1):
            counts[place] += counts[place - step]
    return counts


def _ranked(old: Sequence[float], new: Sequence[float], rank: int) -> float:
    """Return the ``rank``-th smallest (from 0) of all differences ``new - old``, without making them all.

    Halves the range of values, counting in each step how many differences are below: 60 passes over the two sorted
    sets for a million differences. Both sets are sorted.
    """
    low, high = new[0] - old[-1], new[-1] - old[0]
    while True:
        middle = low + (high - low) / 2
        if isnan(middle) or middle <= low or middle >= high:
            break
        if _at_most(old, new, middle) > rank:
            high = middle
        else:
            low = middle
    return low if _at_most(old, new, low) > rank else high


def _at_most(old: Sequence[float], new: Sequence[float], most: float) -> int:
    """Return how many differences are at most ``most``."""
    found = place = 0
    for value in old:
        while place < len(new) and new[place] - value <= most:
            place += 1
        found += place
    return found
