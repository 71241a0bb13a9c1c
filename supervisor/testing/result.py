"""The result of a drill as a test reads it. A figure that falls on runs which were killed is infinite."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any


@dataclass(frozen=True)
class Span:
    """One span over the runs, in seconds; ``inf`` where a run was killed before its end.

    ``p90``, ``p95`` and ``p99`` are the largest value where there are too few runs to tell them from it.
    """

    runs: int
    min: float
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    @property
    def median(self) -> float:
        """Return the 50 % quantile."""
        return self.p50


@dataclass(frozen=True)
class Finding:
    """Why stops were slow or lost work: the same code at the same place, in the runs ``runs`` (numbers from 1).

    ``seconds`` is the median over these runs, ``worst`` the largest; None where the finding has no duration.
    ``chain`` says who waited for whom, from the exit down to the cause.
    """

    code: str
    severity: str
    title: str
    advice: str
    runs: tuple[int, ...]
    file: str | None = None
    line: int | None = None
    function: str | None = None
    seconds: float | None = None
    worst: float | None = None
    chain: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the finding with its place, its chain and its advice, a line each."""
        at = f" at {self.file}:{self.line} {self.function}" if self.file else ""
        steps = [f"  {'  ' * depth}{step}" for depth, step in enumerate(self.chain)]
        return "\n".join([f"{self.severity} {self.code}{at}: {self.title}", *steps, f"  -> {self.advice}"])


@dataclass(frozen=True)
class Result:
    """What many stops say together. ``text`` is the whole result as ``supervisor drill`` prints it.

    ``outcomes`` counts how the runs ended. ``findings`` are errors and warnings, ``notes`` what is worth knowing.
    ``document`` is the report as plain data, schema ``supervisor.report/1``. Of a fleet the figures are those of the
    whole.
    """

    runs: int
    outcomes: dict[str, int]
    spans: dict[str, Span]
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    timeout: float | None
    passed: bool
    text: str = field(repr=False)
    document: dict[str, Any] = field(repr=False)

    @property
    def total(self) -> Span:
        """Return the span from the stop request to the exit. Raises KeyError when no run counts."""
        return self.spans["total"]

    @property
    def drain(self) -> Span:
        """Return the span from the handler's begin to the end of the main work. Raises KeyError when unknown."""
        return self.spans["drain"]

    @property
    def ready(self) -> Span:
        """Return the span from the start to ready. Raises KeyError when unknown."""
        return self.spans["ready"]

    def __str__(self) -> str:
        """Return the whole result as text."""
        return self.text


def read(document: dict[str, Any], text: str) -> Result:
    """Return the result that a report tells of."""
    told = document["drill"]
    causes = [_finding(cause) for one in told["populations"] for cause in one["causes"]]
    recommended = told["recommend"] or {}
    return Result(
        runs=told["runs"],
        outcomes=dict(told["outcomes"]),
        spans={name: _span(span) for name, span in told["spans"].items()},
        findings=tuple(one for one in causes if one.severity != "note"),
        notes=tuple(one for one in causes if one.severity == "note"),
        timeout=recommended.get("timeout_stop"),
        passed=told["verdict"] == "pass",
        text=text,
        document=document,
    )


def _span(told: dict[str, Any]) -> Span:
    def figure(name: str) -> float:
        return inf if told[name] is None else float(told[name])

    names = ("min", "mean", "p50", "p90", "p95", "p99", "max")
    return Span(told["runs"], **{name: figure(name) for name in names})


def _finding(told: dict[str, Any]) -> Finding:
    where = told["where"] or {}
    return Finding(
        code=told["code"],
        severity=told["severity"],
        title=told["title"],
        advice=told["advice"],
        runs=tuple(told["runs"]),
        file=where.get("file"),
        line=where.get("line"),
        function=where.get("function"),
        seconds=told["seconds"],
        worst=told["worst"],
        chain=tuple(_step(link) for link in told["chain"]),
    )


def _step(link: dict[str, Any]) -> str:
    where = link["where"]
    return link["what"] if where is None else f"{link['what']} at {where['file']}:{where['line']} {where['function']}"
