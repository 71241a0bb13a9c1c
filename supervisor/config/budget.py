"""Demands of a budget as a user writes them: ``total.p95=5s``, ``api.drain.max=2s``, ``outcome.killed=0``. Pure."""

from __future__ import annotations

from supervisor.config.durations import WANTED
from supervisor.config.durations import parse as duration
from supervisor.config.problems import nearest
from supervisor.core.contract import report
from supervisor.core.drilled import Demand
from supervisor.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

SPANS = (*report.SPANS, report.TOTAL, "ready")
STATS = ("min", "p50", "median", "mean", "p90", "p95", "p99", "max")
OUTCOMES = ("clean", "failed", "signalled", "killed", "stuck")
GRAMMAR = "write [WORKER.]SPAN.STAT=DURATION, as in total.p95=5s, or outcome.killed=0, or CODE=0"


def parse(text: str, codes: Collection[str], workers: Collection[str]) -> Demand:
    """Return the demand. ``codes``: of findings; ``workers``: names and titles. Raises UsageError."""
    key, equals, limit = text.partition("=")
    if not equals or not key or not limit:
        raise UsageError(f"--budget {text}: no demand", GRAMMAR)
    parts = key.split(".")
    if parts[-1] in codes and parts[-2:-1] != ["outcome"]:  # "killed" is both
        return Demand(text, "code", parts[-1], _count(text, limit), _worker(text, parts[:-1], workers))
    if len(parts) < 2:
        meant = nearest(key, [*codes, *(f"{span}.p95" for span in SPANS)])
        raise UsageError(f"--budget {text}: {key!r} is neither a span with a statistic nor a code", _hint(meant))
    *before, subject, stat = parts
    if subject == "outcome":
        _known(text, stat, OUTCOMES, "outcome")
        return Demand(text, "outcome", stat, _count(text, limit), _worker(text, before, workers))
    if subject == report.TOTAL and before == ["fleet"]:
        _known(text, stat, STATS, "statistic")
        return Demand(text, "fleet", report.TOTAL, _seconds(text, limit), stat=_stat(stat))
    _known(text, subject, SPANS, "span")
    _known(text, stat, STATS, "statistic")
    return Demand(text, "span", subject, _seconds(text, limit), _worker(text, before, workers), _stat(stat))


def forbidden(code: str, codes: Collection[str]) -> Demand:
    """Return the demand that a code does not occur (``--forbid CODE``). Raises UsageError."""
    if code not in codes:
        raise UsageError(f"--forbid {code}: no finding has this code", _hint(nearest(code, codes)))
    return Demand(f"forbid {code}", "code", code, 0)


def _stat(name: str) -> str:
    return "p50" if name == "median" else name


def _known(text: str, word: str, known: Collection[str], what: str) -> None:
    if word not in known:
        meant = nearest(word, known)
        hint = f"did you mean {meant}?" if meant else f"use one of {', '.join(known)}"
        raise UsageError(f"--budget {text}: {word!r} is no {what}", hint)


def _worker(text: str, parts: list[str], workers: Collection[str]) -> str | None:
    if not parts:
        return None
    name = ".".join(parts)
    if name not in workers:
        meant = nearest(name, workers)
        hint = f"did you mean {meant}?" if meant else f"the workers are: {', '.join(sorted(workers))}"
        raise UsageError(f"--budget {text}: no worker is named {name!r}", hint)
    return name


def _hint(meant: str | None) -> str:
    return f"did you mean {meant}?" if meant else GRAMMAR


def _seconds(text: str, value: str) -> float:
    found = duration(value)
    if found is None:
        raise UsageError(f"--budget {text}: {value!r} is not {WANTED}", "write seconds, as in 5s, 500ms, 1m30s")
    return found


def _count(text: str, value: str) -> float:
    if not (value.isascii() and value.isdecimal() and len(value) <= 6):
        raise UsageError(f"--budget {text}: {value!r} is not a count", "write a whole number, as in outcome.killed=0")
    return float(value)
