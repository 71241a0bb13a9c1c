"""Whether the runs of a drill keep to a budget, and which line of the program is to blame where they do not."""

from __future__ import annotations

from supervisor.core.drilled import Verdict
from supervisor.core.units import duration, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supervisor.core.drilled import Cause, Demand, Figures
    from supervisor.core.figures import Spread
    from supervisor.core.record import Where


def judge(demands: Iterable[Demand], figures: Sequence[Figures]) -> tuple[Verdict, ...]:
    """Return a verdict for each demand. One about no worker in particular is judged by the worst of them.

    A figure that is not known (runs were killed, or there are none) does not keep a demand.
    """
    return tuple(_judge(demand, figures) for demand in demands)


def _judge(demand: Demand, figures: Sequence[Figures]) -> Verdict:
    if demand.kind == "fleet":  # one of a single worker has no figures of its own
        chosen = [one for one in figures if one.worker is None] or list(figures)
    else:
        chosen = [one for one in figures if _concerns(demand, one)]
    if not chosen:
        return Verdict(demand.text, False, "no run counts")
    if demand.kind == "outcome":
        count = sum(dict(one.outcomes).get(demand.subject, 0) for one in chosen)
        return Verdict(demand.text, count <= demand.limit, plural(count, "run"), _blamed(chosen))
    if demand.kind == "code":
        found = [cause for one in chosen for cause in one.causes if cause.code == demand.subject]
        count = len({run for cause in found for run in cause.runs})
        blamed = found[0].where if found else None
        return Verdict(demand.text, count <= demand.limit, f"in {plural(count, 'run')}", blamed)
    verdicts = [_of_span(demand, one) for one in chosen]
    return next((verdict for verdict in verdicts if not verdict.kept), verdicts[0])


def _concerns(demand: Demand, figures: Figures) -> bool:
    if figures.worker is None:
        return False
    return demand.worker is None or demand.worker in (figures.worker, figures.worker.partition(".")[0])


def _of_span(demand: Demand, figures: Figures) -> Verdict:
    spread = figures.span(demand.subject)
    if spread is None:
        return Verdict(demand.text, False, f"no run has the span {demand.subject}", _blamed([figures]))
    value = statistic(spread, demand.stat)
    if value is None:
        beyond = f"> {duration(spread.beyond or 0.0)}, {spread.censored} of {spread.runs} were killed"
        return Verdict(demand.text, False, beyond, _blamed([figures]))
    return Verdict(demand.text, value <= demand.limit, duration(value), _blamed([figures]))


def statistic(spread: Spread, name: str) -> float | None:
    """Return one statistic by its name in a budget; None where it falls on runs that were killed."""
    plainly = {"min": spread.least, "mean": spread.mean, "max": spread.most}
    if name in plainly:
        return plainly[name]
    return next(one.value for one in spread.quantiles if one.name == name)


def _blamed(figures: Iterable[Figures]) -> Where | None:
    """Return the place of the gravest and slowest cause that has one."""
    causes: list[Cause] = [cause for one in figures for cause in one.causes]
    return next(
        (cause.where for cause in causes if cause.where is not None and cause.severity != "note"), None
    ) or next((cause.where for cause in causes if cause.where is not None), None)
