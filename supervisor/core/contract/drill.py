"""The ``drill`` part of a report: figures, causes, verdicts. The runs themselves are the report's shutdowns."""

from __future__ import annotations

from supervisor.core.contract.codec import seconds
from supervisor.core.contract.report import LINK, WHERE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from supervisor.core.drilled import Cause, Drilled, Figures, Recommendation, Trial, Verdict
    from supervisor.core.figures import Compared, Spread


def document(one: Drilled) -> dict[str, Any]:
    """Return the plain data of a drill.

    ``spans``, ``outcomes`` and ``recommend`` stand at the top too: of the only worker, else of the whole fleet.
    """
    head = next((figures for figures in one.figures if figures.worker is None), None)
    head = head or (one.figures[0] if one.figures else None)
    return {
        "runs": sum(trial.use == "measured" for trial in one.trials),
        "wanted": one.wanted,
        "ended_early": sum(trial.use == "ended early" for trial in one.trials),
        "seed": one.seed,
        "moment": {"kind": one.moment.kind, "low": seconds(one.moment.low), "high": seconds(one.moment.high)},
        "spans": _spans(head) if head else {},
        "outcomes": dict(head.outcomes) if head else {},
        "recommend": _recommend(head.recommended) if head and head.recommended else None,
        "budget": [_verdict(verdict) for verdict in one.verdicts],
        "verdict": "pass" if one.passed else "fail",
        "stopped": one.stopped,
        "notes": list(one.notes),
        "populations": [_figures(figures) for figures in one.figures],
        "trials": _trials(one.trials),
        "load": None,
    }


def _recommend(one: Recommendation) -> dict[str, Any]:
    return {"timeout_stop": one.seconds, "why": one.why}


def _spans(one: Figures) -> dict[str, dict[str, Any]]:
    return {name: _spread(spread) for name, spread in one.spans}


def _spread(one: Spread) -> dict[str, Any]:
    """Return one span: null where a figure falls on runs that were killed; ``as_max`` names what is the largest."""
    return {
        "runs": one.runs,
        "censored": one.censored,
        "beyond": _maybe(one.beyond),
        "min": _maybe(one.least),
        "mean": _maybe(one.mean),
        **{quantile.name: _maybe(quantile.value) for quantile in one.quantiles},
        "max": _maybe(one.most),
        "as_max": [quantile.name for quantile in one.quantiles if quantile.as_most],
        "p95_bound": _maybe(one.p95_bound),
        "confidence": round(one.confidence, 4),
    }


def _maybe(value: float | None) -> float | None:
    return None if value is None else seconds(value)


def _figures(one: Figures) -> dict[str, Any]:
    modes, trend = one.modes, one.trend
    return {
        "worker": one.worker,
        "population": one.population,
        "runs": one.runs,
        "spans": _spans(one),
        "outcomes": dict(one.outcomes),
        "recommend": _recommend(one.recommended) if one.recommended else None,
        "causes": [_cause(cause) for cause in one.causes],
        "outliers": list(one.outliers),
        "modes": modes and {
            "fast": seconds(modes.fast),
            "slow": seconds(modes.slow),
            "slow_runs": list(modes.slow_runs),
            "differs": list(one.differs),
        },
        "trend": trend and {"change": seconds(trend.change), "chance": trend.chance},
    }  # fmt: skip


def _cause(one: Cause) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity,
        "title": one.title,
        "advice": one.advice,
        "runs": list(one.runs),
        "where": one.where and WHERE.encode(one.where),
        "seconds": _maybe(one.seconds),
        "worst": _maybe(one.worst),
        "worst_run": one.worst_run,
        "chain": [LINK.encode(link) for link in one.chain],
    }


def _trials(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return the runs; ``shutdowns`` are the places of their ends in the report's list of that name."""
    found, place = [], 0
    for trial in trials:
        found.append(
            {
                "number": trial.number,
                "population": trial.population,
                "use": trial.use,
                "ready_by": trial.ready_by,
                "ready_after": _maybe(trial.ready_after),
                "moment": _maybe(trial.moment),
                "shutdowns": list(range(place, place + len(trial.shutdowns))),
            }
        )
        place += len(trial.shutdowns)
    return found


def _verdict(one: Verdict) -> dict[str, Any]:
    return {
        "demand": one.demand,
        "kept": one.kept,
        "found": one.found,
        "where": one.where and WHERE.encode(one.where),
    }


def compared(one: Compared) -> dict[str, Any]:
    """Return two sets of runs side by side as plain data, seconds."""
    return {
        "runs": list(one.runs),
        "killed": list(one.killed),
        "verdict": one.verdict,
        "spans": {
            span.name: {
                "runs": [span.runs_before, span.runs_after],
                "median": [seconds(span.before), seconds(span.after)],
                "shift": seconds(span.shift.seconds),
                "interval": [_maybe(span.shift.low), _maybe(span.shift.high)],
            }
            for span in one.spans
        },
        "new": list(one.new),
        "gone": list(one.gone),
    }
