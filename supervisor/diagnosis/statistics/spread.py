"""One span over many runs: its smallest, middle and largest values, and what may be said of its tail. Pure.

A run that was killed has no value but a lower bound ("more than 10 s"): it is *censored*. Censored runs stand behind
all others, and whatever falls on one of them is not a figure.
"""

from __future__ import annotations

from statistics import fmean

from supervisor.core.figures import Quantile, Spread
from supervisor.diagnosis.statistics.confidence import bound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# The quantiles of every report, by their names in it.
SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
# The quantile that a timeout has to cover.
TAIL = 0.95


def spread(values: Sequence[float], censored: Sequence[float] = ()) -> Spread | None:
    """Return what the runs say of one span, in seconds; None without any run.

    ``values``: the runs that came to its end; ``censored``: for how long the others had lasted when they were killed.
    """
    known = sorted(values)
    runs = len(known) + len(censored)
    if not runs:
        return None
    sure = bound(runs, TAIL)
    return Spread(
        runs=runs,
        censored=len(censored),
        beyond=min(censored, default=None),
        least=known[0] if known else None,
        mean=fmean(known) if known and not censored else None,
        most=known[-1] if not censored else None,
        quantiles=tuple(_quantile(known, runs, name, share) for name, share in SHARES.items()),
        p95_bound=known[sure.rank - 1] if sure.rank <= len(known) else None,
        confidence=sure.confidence,
    )


def _quantile(known: Sequence[float], runs: int, name: str, share: float) -> Quantile:
    """Return one quantile, interpolated as ``statistics.quantiles(method="inclusive")`` does.

    Above ``1 - 1/runs`` nothing was seen that could tell it from the largest value: that one is returned, marked so.
    """
    # Rounded: 1 - 1/20 is a little above or below 0.95 in binary, and 20 runs are to have a 95 % quantile.
    as_most = runs < 2 or round(share - (1 - 1 / runs), 9) > 0
    place = (runs - 1) * (1.0 if as_most else share)
    low = int(place)
    high = min(low + 1, runs - 1) if place > low else low
    if high >= len(known):
        return Quantile(name, share, None, as_most)
    return Quantile(name, share, known[low] + (known[high] - known[low]) * (place - low), as_most)
