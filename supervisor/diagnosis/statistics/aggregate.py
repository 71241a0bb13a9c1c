"""From the runs of a drill to the figures of each worker: spans, outcomes, causes, outliers, modes, trend."""

from __future__ import annotations

from collections import Counter

from supervisor.core.contract.report import SPANS, TOTAL, spans
from supervisor.core.drilled import Cause, Figures, Trial
from supervisor.core.verdict import forced
from supervisor.diagnosis.statistics import shape
from supervisor.diagnosis.statistics.recommend import recommended
from supervisor.diagnosis.statistics.spread import spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supervisor.core.drilled import Population
    from supervisor.core.figures import Modes, Spread
    from supervisor.core.record import Finding, Shutdown

# The span that the drill adds: from the start of the worker until it was ready.
READY = "ready"
# What the slower mode has and the faster has not: in so much larger a share of its runs.
DIFFERENCE = 0.6
_WORST = {"error": 0, "warning": 1, "note": 2}


def figures(trials: Sequence[Trial], titles: Sequence[str]) -> tuple[Figures, ...]:
    """Return the figures of each worker and, of a fleet, of the whole, for each population that has runs.

    Only runs that count are in them (``use`` is ``measured``). ``titles``: of the workers, in the order to show.
    """
    counted = [trial for trial in trials if trial.use == "measured"]
    found: list[Figures] = []
    populations: tuple[Population, ...] = ("ready", "starting")
    for population in populations:
        runs = [trial for trial in counted if trial.population == population]
        ended = {one.title for trial in runs for one in trial.shutdowns}
        found += [_of_worker(title, population, runs) for title in titles if title in ended]
        if len(ended) > 1:
            found.append(_of_fleet(population, runs))
    return tuple(found)


def _of_worker(title: str, population: Population, trials: Sequence[Trial]) -> Figures:
    pairs = [(trial, one) for trial in trials for one in trial.shutdowns if one.title == title]
    ends = [one for _, one in pairs]
    measured = [(name, _span(name, ends)) for name in (*SPANS, TOTAL)]
    ready = [value for value in map(_ready, *zip(*pairs, strict=True)) if value is not None]
    totals = [one.total for one in ends]
    numbers = [trial.number for trial, _ in pairs]
    modes = shape.modes(totals)
    return Figures(
        worker=title,
        population=population,
        runs=len(ends),
        outcomes=tuple(Counter(one.outcome for one in ends).most_common()),
        spans=tuple((name, one) for name, one in [*measured, (READY, spread(ready))] if one is not None),
        causes=causes(pairs),
        outliers=tuple(numbers[place] for place in shape.outliers(totals)),
        modes=None if modes is None else modes.with_(slow_runs=tuple(numbers[place] for place in modes.slow_runs)),
        differs=() if modes is None else differences(pairs, modes),
        trend=shape.trend(totals),
        recommended=recommended(_span("total", ends)),
    )


def _ready(trial: Trial, one: Shutdown) -> float | None:
    """Return the seconds from a worker's own start to ready, where a check told; else those of all workers."""
    return one.ready.waited if trial.ready_by == "check" and one.ready is not None else trial.ready_after


def _of_fleet(population: Population, trials: Sequence[Trial]) -> Figures:
    """Return the figures of the whole fleet: from the first request to the last end."""
    known: list[float] = []
    censored: list[float] = []
    for trial in trials:
        total = max(one.zero + one.total for one in trial.shutdowns) - min(one.zero for one in trial.shutdowns)
        (censored if trial.killed else known).append(total)
    total_spread = spread(known, censored)
    ready = spread([trial.ready_after for trial in trials if trial.ready_after is not None])
    outcomes = Counter("killed" if trial.killed else "ended" for trial in trials)
    return Figures(
        worker=None,
        population=population,
        runs=len(trials),
        outcomes=tuple(outcomes.most_common()),
        spans=tuple((name, one) for name, one in (("total", total_spread), (READY, ready)) if one is not None),
        trend=shape.trend([*known, *censored]) if not censored else None,
        recommended=recommended(total_spread),
    )


def _span(name: str, ends: Iterable[Shutdown]) -> Spread | None:
    """Return one span over the ends of a worker. What SIGKILL cut short is censored: longer than it was."""
    known: list[float] = []
    censored: list[float] = []
    for one in ends:
        if name == TOTAL:
            (censored if forced(one) else known).append((one.marks.killed or one.total) if forced(one) else one.total)
            continue
        value = spans(one.marks)[name]
        if forced(one):
            begun: float | None = getattr(one.marks, SPANS[name][0])
            ended = name != "teardown" and value is not None
            if begun is not None and not ended:
                censored.append(max((one.marks.killed or one.total) - begun, 0.0))
                continue
        if value is not None:
            known.append(value)
    return spread(known, censored)


# ------------------------------------------------------------------ causes


def causes(pairs: Iterable[tuple[Trial, Shutdown]]) -> tuple[Cause, ...]:
    """Return the findings of all runs, those of the same code and place as one; the gravest and slowest first."""
    groups: dict[tuple[str, str | None, int | None], list[tuple[int, Finding]]] = {}
    for trial, one in pairs:
        for finding in one.findings:
            where = finding.where
            key = (finding.code, where.file if where else None, where.line if where else None)
            groups.setdefault(key, []).append((trial.number, finding))
    made = [_cause(group) for group in groups.values()]
    return tuple(sorted(made, key=lambda cause: (_WORST[cause.severity], -(cause.worst or 0.0), -len(cause.runs))))


def _cause(group: Sequence[tuple[int, Finding]]) -> Cause:
    number, worst = max(group, key=lambda pair: (-_WORST[pair[1].severity], pair[1].seconds or 0.0))
    figures = sorted(finding.seconds for _, finding in group if finding.seconds is not None)
    return Cause(
        code=worst.code,
        severity=worst.severity,
        title=worst.title,
        advice=worst.advice,
        runs=tuple(dict.fromkeys(one for one, _ in group)),
        where=worst.where,
        seconds=figures[len(figures) // 2] if figures else None,
        worst=worst.seconds,
        worst_run=number,
        chain=worst.chain,
    )


def differences(pairs: Sequence[tuple[Trial, Shutdown]], modes: Modes) -> tuple[str, ...]:
    """Return in sentences what the runs of the slower mode have that those of the faster have not."""
    slow = [pair for place, pair in enumerate(pairs) if place in modes.slow_runs]
    fast = [pair for place, pair in enumerate(pairs) if place not in modes.slow_runs]
    told: list[str] = []
    marks = dict.fromkeys(mark for pair in pairs for mark in _features(pair))
    for mark in marks:
        more = sum(mark in _features(pair) for pair in slow) / len(slow)
        less = sum(mark in _features(pair) for pair in fast) / len(fast)
        if abs(more - less) >= DIFFERENCE:
            which, share = ("slower", more) if more > less else ("faster", less)
            told.append(f"{mark} in {share:.0%} of the {which} runs, in {min(more, less):.0%} of the others")
    moments = [sorted(trial.moment for trial, _ in group if trial.moment is not None) for group in (fast, slow)]
    if all(moments) and (moments[0][-1] < moments[1][0] or moments[1][-1] < moments[0][0]):
        when = "later" if moments[0][-1] < moments[1][0] else "earlier"
        told.append(f"the slower runs were asked to stop {when}: {moments[1][0]:.2f} to {moments[1][-1]:.2f} s")
    return tuple(told)


def _features(pair: tuple[Trial, Shutdown]) -> list[str]:
    _, one = pair
    found = [f"outcome {one.outcome}"]
    for finding in one.findings:
        at = f" at {finding.where.file.rpartition('/')[2]}:{finding.where.line}" if finding.where else ""
        found.append(f"{finding.code}{at}")
    return found
