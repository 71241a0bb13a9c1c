"""Shutdowns as Markdown: a table of all, then a section for each that was remarkable. Pure."""

from __future__ import annotations

from supervisor.core import signum, verdict
from supervisor.core.contract import report
from supervisor.views import summary, why, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.contract.report import Origin
    from supervisor.core.record import Shutdown


def text(origin: Origin, shutdowns: Sequence[Shutdown]) -> str:
    """The whole report, ending in a newline."""
    lines = [
        f"# Shutdown report{f' of {origin.fleet}' if origin.fleet else ''}",
        "",
        f"{origin.started_at}, host {_cell(origin.host)}, supervisor {origin.version} on Python {origin.python}.",
        "",
        "| worker | ended | total | grace | ladder |",
        "|---|---|---:|---:|---|",
    ]
    lines += [_row(one) for one in shutdowns]
    held = report.hold(shutdowns)
    if held is not None:
        waited = f"the others waited {words.duration(held.alone)} for it"
        lines += ["", f"{held.worker} held the stop of {words.duration(held.seconds)}; {waited}."]
    for one in shutdowns:
        lines += _section(one)
    return "\n".join(lines) + "\n"


def _row(one: Shutdown) -> str:
    grace = words.duration(one.grace) if one.grace is not None else "none"
    ladder = ", ".join(f"{signum.name(climb.signal)} at {words.instant(climb.at)}" for climb in one.escalation)
    return f"| {_cell(one.title)} | {words.ended(one)} | {words.duration(one.total)} | {grace} | {ladder or '-'} |"


def _section(one: Shutdown) -> list[str]:
    lines = ["", f"## {one.title}", "", f"`{words.command(one.argv, 200)}` (pid {one.pid}), {words.asked(one)}.", ""]
    known = [(name, value) for name, value in report.spans(one.marks).items() if value is not None]
    if known:
        lines.append("Spans: " + ", ".join(f"{name} {words.duration(value)}" for name, value in known) + ".")
    facts = summary.seen(one)
    if facts:
        lines += ["", "Seen from outside: " + "; ".join(facts) + "."]
    if one.leftovers:
        lines += ["", "Left over by the main process:", ""]
        lines += [f"- `{words.command(left.argv, 200)}` (pid {left.pid}): {left.fate}" for left in one.leftovers]
    advice = summary.next_step(one)
    if advice and verdict.worth_telling(one):
        lines += ["", f"Next: {advice}."]
    return [*lines, *why.markdown(one)]


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
