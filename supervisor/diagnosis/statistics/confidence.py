"""How sure a small number of runs can make us of a quantile: order statistics, without any assumed distribution.

The k-th smallest of n independent runs is above the p-quantile with the probability that fewer than k runs fall below
that quantile, which is a binomial sum (David and Nagaraja, "Order Statistics", 7.1). Ties only raise it.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from math import ceil, exp, lgamma, log

from supervisor.core.figures import Bound

# What is called sure: the share of repetitions of the whole drill in which the bound holds.
SURE = 0.95


@cache
def coverage(runs: int, share: float) -> tuple[float, ...]:
    """Return for each rank from 1 to ``runs`` the probability that that value is above the ``share``-quantile."""

    def likely(below: int) -> float:  # by logarithms: the factors of 2 000 runs do not fit into a float
        ways = lgamma(runs + 1) - lgamma(below + 1) - lgamma(runs - below + 1)
        return exp(ways + below * log(share) + (runs - below) * log(1 - share))

    return tuple(min(1.0, total) for total in accumulate(map(likely, range(runs))))


def bound(runs: int, share: float) -> Bound:
    """Return the lowest rank that is an upper bound of the ``share``-quantile with 95 %, else the largest value's.

    ``runs`` is at least 1. Where even the largest value is not sure, its own confidence is returned with it.
    """
    sure = coverage(runs, share)
    rank = next((rank for rank, value in enumerate(sure, 1) if value >= SURE), runs)
    return Bound(rank, sure[rank - 1])


def runs_needed(share: float) -> int:
    """Return how many runs make the largest of them a 95 % upper bound of the quantile: 59 for 0.95."""
    return ceil(log(1 - SURE) / log(share))
