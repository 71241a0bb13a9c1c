"""Records of figures: what many stops of the same program say together. All figures are seconds unless said."""

from __future__ import annotations

from supervisor.core.frozen import Frozen


class Bound(Frozen):
    """Which of the sorted runs (``rank``, from 1) bounds a quantile, and the probability that it does."""

    rank: int
    confidence: float


class Quantile(Frozen):
    """A quantile by its name (``p95``). ``value`` None: it falls on runs that were killed, so it is unknown.

    ``as_most``: there are too few runs to tell it from the largest value, which ``value`` then is.
    """

    name: str
    share: float
    value: float | None
    as_most: bool = False


class Spread(Frozen):
    """One span over the runs of a population.

    ``censored`` runs were killed before the span ended; the first of them after ``beyond`` seconds. What falls on
    them is None. ``confidence`` is the probability that the 95 % quantile is at most ``p95_bound``.
    """

    runs: int
    censored: int
    beyond: float | None
    least: float | None
    mean: float | None
    most: float | None
    quantiles: tuple[Quantile, ...]
    p95_bound: float | None
    confidence: float


class Modes(Frozen):
    """Two groups of runs: their medians, and which runs (from 0) are of the slower one."""

    fast: float
    slow: float
    slow_runs: tuple[int, ...]


class Trend(Frozen):
    """By how many seconds the stops changed from the first run to the last; ``chance`` that it is none."""

    change: float
    chance: float


class Shift(Frozen):
    """By how many seconds one set of runs is above another, with its 95 % interval; None where there is none."""

    seconds: float
    low: float | None
    high: float | None


class SpanCompared(Frozen):
    """One span in two sets of runs: how many runs have it, its medians, and the shift between them."""

    name: str
    runs_before: int
    runs_after: int
    before: float
    after: float
    shift: Shift


class Compared(Frozen):
    """Two sets of runs side by side: ``(before, after)`` in ``runs`` and ``killed``.

    ``verdict`` is about the span ``total`` alone: ``regression``, ``improvement``, ``no difference``, or ``unknown``
    where the sets are too small. ``new`` and ``gone`` are findings with their places, as texts.
    """

    runs: tuple[int, int]
    killed: tuple[int, int]
    spans: tuple[SpanCompared, ...]
    verdict: str
    new: tuple[str, ...]
    gone: tuple[str, ...]
