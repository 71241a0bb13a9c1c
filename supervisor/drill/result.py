"""Puts the runs of a drill together: figures, verdicts, notes, and why it ended before its time."""

from __future__ import annotations

from supervisor.core.drilled import Drilled, Verdict
from supervisor.core.units import duration, plural
from supervisor.diagnosis.statistics.aggregate import figures
from supervisor.diagnosis.statistics.budget import judge
from supervisor.diagnosis.statistics.recommend import PLATFORMS, fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supervisor.core.drilled import Figures, Trial
    from supervisor.drill.plan import DrillPlan


def drilled(plan: DrillPlan, trials: Sequence[Trial]) -> Drilled:
    """Return the result. ``trials`` are all that were yielded, the warm-up too."""
    counted = [trial for trial in trials if trial.number > 0]
    made = figures(counted, [worker.title for worker in plan.fleet.workers])
    verdicts = (*judge(plan.demands, made), *_early(plan, counted), *_platform(plan, made))
    moment = plan.moment
    if moment.kind == "during start-up":
        moment = moment.with_(low=0.0, high=max((trial.moment or 0.0 for trial in counted), default=0.0))
    return Drilled(
        trials=tuple(counted),
        figures=made,
        wanted=plan.runs,
        seed=plan.seed,
        moment=moment,
        verdicts=verdicts,
        notes=tuple(_notes(counted)),
        stopped=_stopped(plan, trials),
    )


def _early(plan: DrillPlan, trials: Sequence[Trial]) -> tuple[Verdict, ...]:
    early = sum(trial.use == "ended early" for trial in trials)
    if not early or plan.allow_early:
        return ()
    return (Verdict("every worker lives until its stop is requested", False, f"{plural(early, 'run')} ended early"),)


def _platform(plan: DrillPlan, made: Sequence[Figures]) -> Iterator[Verdict]:
    """Yield whether the stop fits into the limit that was asked about."""
    platform = PLATFORMS[plan.platform] if plan.platform else None
    limit = plan.limit if plan.limit is not None else platform.seconds if platform else None
    if limit is None:
        return
    where = f"{duration(limit)} of {platform.name}" if platform else duration(limit)
    for one in made:
        if one.population != "ready" or (one.worker is not None and any(other.worker is None for other in made)):
            continue
        total = one.span("total")
        fit = fits(total, limit)
        advice = one.recommended
        needs = (
            f"needs {advice.seconds} s" if advice and advice.seconds is not None else "not known: runs were killed"
        )
        setting = f"; set {platform.setting}" if platform and fit is False and platform.setting != "none" else ""
        yield Verdict(f"the stop fits into {where}", bool(fit), needs + setting)


def _notes(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield what a reader of the figures has to know about how they were made."""
    noisy = sum(trial.ready_by == "never quiet" for trial in trials)
    if noisy:
        yield (
            f"in {plural(noisy, 'run')} the worker was not quiet for 10 s, and the stop was requested all the same: "
            "say with --ready when it is ready"
        )


def _stopped(plan: DrillPlan, trials: Sequence[Trial]) -> str | None:
    last = trials[-1] if trials else None
    if last is None:
        return "no run was made"
    if last.use == "interrupted":
        return f"interrupted after {plural(sum(one.number > 0 and one.use == 'measured' for one in trials), 'run')}"
    if last.use == "not ready":
        late = next((one for one in last.shutdowns if one.asked_by == "start timeout"), None)
        return "a worker did not get ready" if late is None else f"{late.title} did not get ready: {late.cause}"
    if last.use == "ended early" and last.number < plan.runs:
        return "three runs in a row ended before the stop was requested: the program does not stay"
    return None
