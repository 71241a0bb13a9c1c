"""Shutdowns as Markdown: a table of all, then a section for each that was remarkable. Pure."""

from __future__ import annotations

from supervisor.core import signum, verdict
from supervisor.core.contract import chains, report
from supervisor.core.units import duration, instant
from supervisor.core.visible import shown
from supervisor.views import starting, summary, why, words
from supervisor.views.finding import code, escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.contract.report import Origin
    from supervisor.core.record import Shutdown


def text(origin: Origin, shutdowns: Sequence[Shutdown]) -> str:
    """Return the whole report, ending in a newline."""
    origin, shutdowns = shown(origin), [shown(one) for one in shutdowns]
    lines = [
        f"# Shutdown report{f' of {escaped(origin.fleet)}' if origin.fleet else ''}",
        "",
        f"{origin.started_at}, host {escaped(origin.host)}, supervisor {origin.version} on Python {origin.python}.",
        "",
        "| worker | ended | total | grace | ladder |",
        "|---|---|---:|---:|---|",
    ]
    lines += [_row(one) for one in shutdowns]
    for what, way in (("Ready", chains.start(chains.recorded(shutdowns))), ("Stopped", chains.stop(shutdowns))):
        if len(way) > 1:
            lines += ["", escaped(starting.said(way, what)) + "."]
    held = report.hold(shutdowns)
    if held is not None:
        lines += ["", f"{words.finished_last(code(held.worker), held)}."]
    for one in shutdowns:
        lines += _section(one)
    return "\n".join(lines) + "\n"


def _row(one: Shutdown) -> str:
    grace = duration(one.grace) if one.grace is not None else "none"
    ladder = ", ".join(
        f"{signum.name(climb.signal)} at {instant(climb.at)}{'' if climb.delivered else f' ({climb.result})'}"
        for climb in one.escalation
    )
    return f"| {escaped(one.title)} | {words.ended(one)} | {duration(one.total)} | {grace} | {ladder or '-'} |"


def _section(one: Shutdown) -> list[str]:
    lines = ["", f"## {escaped(one.title)}", "", f"{_command(one.argv)} (pid {one.pid}), {words.asked(one)}.", ""]
    known = [(name, value) for name, value in report.spans(one.marks).items() if value is not None]
    if known:
        lines.append("Spans: " + ", ".join(f"{name} {duration(value)}" for name, value in known) + ".")
    facts = summary.seen(one)
    if facts:
        lines += ["", "Seen from outside: " + escaped("; ".join(facts)) + "."]
    if one.leftovers:
        lines += ["", "Left over by the main process:", ""]
        lines += [f"- {_command(left.argv)} (pid {left.pid}): {left.fate}" for left in one.leftovers]
    advice = summary.next_step(one)
    if advice and verdict.worth_telling(one):
        lines += ["", f"Next: {advice}."]
    return [*lines, *why.markdown(one)]


def _command(argv: tuple[str, ...]) -> str:
    return code(words.command(argv, 200))
