"""Writes what a finished run has to say: report files, text or JSON. Imported only when there is any."""

from __future__ import annotations

import os
import time

from supervisor.core import verdict
from supervisor.core.contract import report
from supervisor.core.visible import visible
from supervisor.system import stdio, writing
from supervisor.system.output import sink
from supervisor.views import fleet, markdown, summary
from supervisor.views.data import dumps
from supervisor.views.layout import ansi, plain
from supervisor.views.lines import Json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.contract.report import Origin
    from supervisor.core.record import Shutdown
    from supervisor.runs.plan import UpPlan, Voice
    from supervisor.system.output.patience import Patience
    from supervisor.views.layout import Style


def tell(voice: Voice, one: Shutdown, patience: Patience) -> None:
    """Tell after `run`: files first, then the text; a file that cannot be written is told and loses nothing."""
    failed = [path for path in voice.reports if not write(path, [one], patience)]
    if voice.json:
        sink.say(_json([one]), 2, patience)
    elif voice.verbose or failed or (not voice.quiet and verdict.worth_telling(one)):
        sink.say(summary.text(one, stdio.width(2), _style(voice.color)), 2, patience)


def record_fleet(plan: UpPlan, shutdowns: Sequence[Shutdown], patience: Patience) -> None:
    """Write the report files after `up`, before anything that a reader could hold up."""
    for path in plan.voice.reports:
        write(path, shutdowns, patience, plan.fleet.name)


def tell_fleet(plan: UpPlan, shutdowns: Sequence[Shutdown], forgotten: int, patience: Patience) -> None:
    """Tell on stderr the remarkable ends and, where the eye rests, the table; with --json the record on stdout."""
    if plan.voice.json and (error := sink.say(_json(shutdowns, plan.fleet.name), 1, patience)) is not None:
        sink.say(f"supervisor: cannot write the report to stdout: {error.strerror}\n", 2, patience)
    if plan.voice.quiet:
        return
    json = plan.log.format == "json"
    width, style = stdio.width(2), plain if json else _style(plan.voice.color)
    details = fleet.details(shutdowns, width, style)
    text = "\n".join(filter(None, (details, fleet.table(shutdowns, width, style, forgotten))))
    if json and text:  # who reads the log line by line is not to meet anything else
        lines = Json("supervisor", 0, "stderr", plan.log.time)
        text = lines.lines(text.encode(errors="surrogateescape"), time.time()).decode()
    sink.say(text, 2, patience)


def write(path: str, shutdowns: Sequence[Shutdown], patience: Patience, fleet: str | None = None) -> bool:
    """Write one report file and return whether that worked; if not, it is told."""
    if path.endswith(".json"):
        content = _json(shutdowns, fleet)
    else:
        content = markdown.text(_origin(fleet), shutdowns)
    try:
        writing.write(path, content.encode())
    except OSError as error:
        hint = "hint: the report follows here; give another PATH"
        sink.say(f"supervisor: cannot write the report {visible(path)}: {error.strerror}\n{hint}\n", 2, patience)
        return False
    return True


def _origin(fleet: str | None) -> Origin:
    """Return the head of a report; only a report has one: asking for our version takes 30 ms, which a text on stderr
    saves.
    """
    from supervisor.system.origin import origin

    return origin(fleet)


def _json(shutdowns: Sequence[Shutdown], fleet: str | None = None) -> str:
    return dumps(report.document(_origin(fleet), shutdowns))


def _style(color: str) -> Style:
    return ansi if stdio.colored(color, 2, os.environ) else plain
