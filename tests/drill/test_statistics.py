"""Figures of few runs, against exhaustive or simulated truth: 10 000 drills of known distributions, fixed seeds."""

from __future__ import annotations

import random
import statistics
from itertools import combinations
from math import comb, exp
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.diagnosis.statistics import shape
from supervisor.diagnosis.statistics.confidence import bound, coverage, runs_needed
from supervisor.diagnosis.statistics.shift import improved, regressed, shift
from supervisor.diagnosis.statistics.spread import spread

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = Callable[[random.Random], float]

DRILLS = 10_000


def normal(draw: random.Random) -> float:
    return max(0.0, draw.gauss(2.0, 0.3))


def bimodal(draw: random.Random) -> float:
    return draw.gauss(0.3, 0.02) if draw.random() < 0.6 else draw.gauss(2.0, 0.1)


def heavy(draw: random.Random) -> float:
    return draw.lognormvariate(0.0, 1.2)


def tied(draw: random.Random) -> float:
    """Multiples of 100 ms, as of a program that polls."""
    return round(draw.expovariate(1.0), 1)


# The true 95 % quantiles, by the inverse of each distribution.
P95: dict[Draw, float] = {
    normal: 2.0 + 0.3 * 1.644854,
    bimodal: 2.0 + 0.1 * 1.150349,  # 0.6 + 0.4 * Phi(z) = 0.95
    heavy: exp(1.2 * 1.644854),
    tied: 3.0,  # 1 - exp(-(k + 0.5) / 10) >= 0.95 first at k = 30
}


@pytest.mark.parametrize("runs", [5, 20, 59])
@pytest.mark.parametrize("draw", [normal, bimodal, heavy, tied])
def test_the_bound_of_p95_holds_as_often_as_it_says(draw: Draw, runs: int) -> None:
    """Never more than 1 point below what is stated; equal to it within 1 where no two runs are the same."""
    true = P95[draw]
    source = random.Random(runs)
    values = [draw(source) for _ in range(runs)]
    found = spread(values)
    assert found is not None
    stated, place = found.confidence, sorted(values).index(found.p95_bound or 0.0)
    held = sum(sorted(draw(source) for _ in range(runs))[place] >= true for _ in range(DRILLS))
    assert held / DRILLS >= stated - 0.01
    if draw is not tied:
        assert abs(held / DRILLS - stated) <= 0.01


def test_coverage_is_the_exact_binomial_sum() -> None:
    for runs in (1, 2, 20, 59, 100):
        sure = coverage(runs, 0.95)
        for rank in range(1, runs + 1):
            exact = sum(comb(runs, below) * 0.95**below * 0.05 ** (runs - below) for below in range(rank))
            assert sure[rank - 1] == pytest.approx(exact, abs=1e-9)
    assert bound(20, 0.95).rank == 20
    assert round(bound(20, 0.95).confidence, 2) == 0.64
    assert bound(59, 0.95).confidence >= 0.95 > bound(58, 0.95).confidence
    assert (runs_needed(0.5), runs_needed(0.9), runs_needed(0.95), runs_needed(0.99)) == (5, 29, 59, 299)
    big = bound(100_000, 0.95)
    assert 95_000 < big.rank < 95_300 and 0.95 <= big.confidence < 0.953


def test_quantiles_are_those_of_the_standard_library() -> None:
    source = random.Random(5)
    values = [source.random() for _ in range(100)]
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    found = spread(values)
    assert found is not None
    assert [one.value for one in found.quantiles] == [pytest.approx(cuts[n]) for n in (49, 89, 94, 98)]
    assert not any(one.as_most for one in found.quantiles)


@pytest.mark.parametrize(("runs", "as_max"), [(1, 4), (5, 3), (10, 2), (19, 2), (20, 1), (99, 1), (100, 0)])
def test_a_quantile_that_so_few_runs_cannot_tell_is_the_maximum(runs: int, as_max: int) -> None:
    found = spread([float(n) for n in range(runs)])
    assert found is not None
    assert sum(one.as_most for one in found.quantiles) == as_max
    assert all(one.value == runs - 1 for one in found.quantiles if one.as_most)


def test_a_killed_run_has_no_value_and_nothing_is_made_of_it() -> None:
    found = spread([1.0, 2.0, 3.0], [10.0, 9.5])
    assert found is not None
    assert (found.least, found.mean, found.most, found.beyond, found.censored) == (1.0, None, None, 9.5, 2)
    assert [one.value for one in found.quantiles] == [3.0, None, None, None]
    assert found.p95_bound is None
    only = spread([], [10.0])
    assert only is not None and only.least is None and only.quantiles[0].value is None
    assert spread([]) is None


# ------------------------------------------------------------------ shape


@pytest.mark.parametrize(
    "draw", [normal, heavy, lambda source: source.random(), lambda source: source.gauss(0.3, 0.01)]
)
@pytest.mark.parametrize("runs", [10, 20, 50])
def test_one_distribution_is_seldom_taken_for_two(draw: Draw, runs: int) -> None:
    source = random.Random(runs)
    found = sum(shape.modes([draw(source) for _ in range(runs)]) is not None for _ in range(1000))
    assert found / 1000 <= 0.03


def test_two_modes_are_found_and_the_slow_runs_named() -> None:
    source = random.Random(3)
    found = sum(shape.modes([bimodal(source) for _ in range(20)]) is not None for _ in range(500))
    assert found / 500 >= 0.95
    values = [0.3, 2.0, 0.31, 2.1, 0.29, 0.3, 1.95, 0.32, 0.3, 0.31]
    told = shape.modes(values)
    assert told is not None and told.slow_runs == (1, 3, 6) and told.slow == 2.0
    assert told.fast == pytest.approx(0.3)


def test_outliers_are_far_from_the_rest_and_a_regular_drill_has_few() -> None:
    assert shape.outliers([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.02, 5.0, 0.98]) == [8]
    source = random.Random(4)
    assert sum(bool(shape.outliers([normal(source) for _ in range(20)])) for _ in range(1000)) / 1000 <= 0.03
    assert shape.outliers([1.0] * 9 + [1.04]) == [], "40 ms are no matter"


def test_a_trend_is_told_when_there_is_one() -> None:
    source = random.Random(6)
    rising = [1.0 + 0.05 * n + source.gauss(0, 0.05) for n in range(20)]
    told = shape.trend(rising)
    assert told is not None and told.change == pytest.approx(0.95, abs=0.15) and told.chance < 0.01
    assert sum(shape.trend([normal(source) for _ in range(20)]) is not None for _ in range(500)) / 500 <= 0.03
    assert shape.trend([1.0] * 30) is None


# ------------------------------------------------------------------ two sets


def all_differences(before: list[float], after: list[float]) -> list[float]:
    return sorted(b - a for a in before for b in after)


def test_the_shift_is_the_median_of_all_differences() -> None:
    source = random.Random(7)
    for old, new in ((1, 1), (3, 4), (7, 10), (20, 20), (40, 31)):
        before = [tied(source) for _ in range(old)]
        after = [normal(source) for _ in range(new)]
        assert shift(before, after).seconds == pytest.approx(statistics.median(all_differences(before, after)))


@pytest.mark.parametrize(("old", "new"), [(4, 4), (5, 6), (6, 5)])
def test_the_interval_of_small_sets_is_exact(old: int, new: int) -> None:
    """By counting out all orders of the runs: the interval misses zero in some of them, in at most 5 %."""
    missed = 0
    orders = list(combinations(range(old + new), old))
    for first in orders:
        before = [float(n) for n in first]
        after = [float(n) for n in range(old + new) if n not in first]
        found = shift(before, after)
        assert found.low is not None and found.high is not None
        missed += not found.low <= 0.0 <= found.high
    assert missed / len(orders) <= 0.05
    assert missed > 0
    assert shift([1.0, 2.0, 3.0], [5.0, 6.0, 7.0]).low is None, "3 against 3 allow no 95 % interval"


@pytest.mark.parametrize(("old", "new"), [(10, 10), (20, 20), (25, 40)])
@pytest.mark.parametrize("draw", [normal, heavy, bimodal])
def test_the_interval_covers_the_true_shift(draw: Draw, old: int, new: int) -> None:
    source = random.Random(old)
    held = 0
    for _ in range(400):
        found = shift([draw(source) for _ in range(old)], [draw(source) + 0.4 for _ in range(new)])
        held += found.low is not None and found.high is not None and found.low <= 0.4 <= found.high
    assert held / 400 >= 0.92, "95 %, less what 400 repetitions may be off"


def test_a_regression_is_sure_and_worth_minding() -> None:
    before = [1.0 + n / 100 for n in range(20)]
    slower = shift(before, [value + 0.2 for value in before])
    assert regressed(slower, statistics.median(before)) and not improved(slower, statistics.median(before))
    little = shift(before, [value + 0.04 for value in before])
    assert not regressed(little, statistics.median(before)), "below 50 ms and 5 %"
    long = [100.0 + n / 100 for n in range(20)]
    assert not regressed(shift(long, [value + 1.0 for value in long]), 100.0), "1 % of the whole"
    assert improved(shift(before, [value - 0.2 for value in before]), statistics.median(before))
    assert not regressed(shift([1.0, 2.0, 3.0], [5.0, 6.0, 7.0]), 2.0), "nobody can be sure with 3 runs"


def test_a_thousand_runs_each_need_no_million_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: passes over the two sets; a wall clock would depend on the machine."""
    from supervisor.diagnosis.statistics import shift as module

    passes = 0
    counted = module._at_most

    def counting(*given: Any) -> int:
        nonlocal passes
        passes += 1
        return counted(*given)

    monkeypatch.setattr(module, "_at_most", counting)
    source = random.Random(8)
    sets = [[normal(source) for _ in range(1000)] for _ in range(2)]
    found = shift(*sets)
    assert found.low is not None and found.high is not None and found.low < found.seconds < found.high
    assert 0 < passes < 4 * 70
