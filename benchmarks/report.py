"""Medians, ranges, paired ratios and verdicts of an experiment, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, Literal, TypeVar

Values = Mapping[str, float]
Context = TypeVar("Context")


@dataclass(frozen=True)
class Column:
    """A measured quantity. ``beside`` names the (subject, column) of the same round that it is divided by."""

    key: str
    title: str
    beside: tuple[str, str] | None = None


@dataclass(frozen=True)
class Target:
    """What the project set itself, for one column of one of our subjects.

    ``ratio``: median of the paired ratios <= limit. ``more``: median of the paired differences <= limit.
    ``value``: median <= limit. ``least``: median of the paired ratios >= limit.
    """

    subject: str
    column: str
    kind: Literal["ratio", "more", "value", "least"]
    limit: float


@dataclass(frozen=True)
class Experiment(Generic[Context]):
    """``subjects`` in the order of the table; ``measure`` runs one round and gives values or a failure for each."""

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    targets: tuple[Target, ...]
    subjects: tuple[str, ...]
    measure: Callable[[Context, list[str]], Mapping[str, Values | str]]
    rounds: int = 10


@dataclass
class Results:
    """The values of all rounds, and what failed."""

    rounds: list[dict[str, Values]] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, measured: Mapping[str, Values | str]) -> None:
        """Takes one round."""
        self.rounds.append({key: value for key, value in measured.items() if not isinstance(value, str)})
        for key, value in measured.items():
            if isinstance(value, str):
                self.failures.setdefault(key, []).append(value)

    def values(self, subject: str, column: str) -> list[float]:
        """One value per round in which it was measured."""
        return [taken[subject][column] for taken in self.rounds if column in taken.get(subject, {})]

    def paired(self, subject: str, column: Column) -> list[tuple[float, float]]:
        """(value, reference value) per round that has both."""
        if column.beside is None:
            return []
        other, key = column.beside
        return [
            (taken[subject][column.key], taken[other][key])
            for taken in self.rounds
            if column.key in taken.get(subject, {}) and key in taken.get(other, {})
        ]

    def ratios(self, subject: str, column: Column) -> list[float]:
        """Paired ratios; a reference of 0 has none."""
        return [value / reference for value, reference in self.paired(subject, column) if reference]


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: list[float]) -> str:
    """``median [min .. max]``; one figure when all are the same."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if low == high:
        return number(low)
    return f"{number(median(values))} [{number(low)} .. {number(high)}]"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(experiment: Experiment[Context], results: Results) -> list[str]:
    """The experiment's Markdown table: one row per subject, beside each compared column its paired ratio."""
    heads = [""]
    for column in experiment.columns:
        heads.append(column.title)
        if column.beside:
            heads.append(f"x {_reference(experiment, column)}")
    lines = [_row(heads), "|" + "---|" * len(heads)]
    for subject in experiment.subjects:
        cells = [subject]
        for column in experiment.columns:
            cells.append(spread(results.values(subject, column.key)))
            if column.beside:
                cells.append(
                    "1" if column.beside == (subject, column.key) else spread(results.ratios(subject, column))
                )
        if any(cells[1:]):
            lines.append(_row(cells))
    return lines


def _reference(experiment: Experiment[Context], column: Column) -> str:
    assert column.beside
    subject, key = column.beside
    if key == column.key:
        return subject
    title = next(other.title for other in experiment.columns if other.key == key)
    return f"{subject}, {title}"


def verdict(experiment: Experiment[Context], results: Results, target: Target) -> str | None:
    """``pass`` or ``miss`` with the figures; None when it was not measured."""
    column = next(column for column in experiment.columns if column.key == target.column)
    wanted = f"target {'>=' if target.kind == 'least' else '<='} {target.limit:g}"
    if target.kind == "value":
        seen = results.values(target.subject, target.column)
    elif target.kind == "more":
        seen = [value - reference for value, reference in results.paired(target.subject, column)]
        wanted += f" more than {_reference(experiment, column)}"
    else:
        seen = results.ratios(target.subject, column)
        wanted += f" x {_reference(experiment, column)}"
    if not seen:
        return None
    met = median(seen) >= target.limit if target.kind == "least" else median(seen) <= target.limit
    return f"- **{'pass' if met else 'miss'}** {target.subject}, {column.title}: {spread(seen)}, {wanted}"


def report(experiment: Experiment[Context], results: Results, absent: list[str]) -> str:
    """Markdown of one experiment: what was done, the table, the verdicts, who was missing and what failed."""
    parts = [f"### {experiment.name}: {experiment.title}", ""]
    parts += [f"{experiment.about} {len(results.rounds)} rounds.", ""]
    parts += [*table(experiment, results), ""]
    parts += [line for target in experiment.targets if (line := verdict(experiment, results, target))]
    parts += [f"- absent: {text}" for text in absent]
    for subject, failures in results.failures.items():
        parts.append(f"- failed: {subject}, {len(failures)} of {len(results.rounds)} rounds: {failures[-1]}")
    return "\n".join(parts) + "\n"
