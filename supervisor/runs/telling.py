"""Says how a finished run has ended, as text or JSON. Imported when there is something to say, or ahead of it."""

from __future__ import annotations

import os
import time

from supervisor.core import verdict
from supervisor.runs.recording import json_text
from supervisor.system import stdio
from supervisor.system.output import sink
from supervisor.views import fleet, summary
from supervisor.views.layout import ansi, plain
from supervisor.views.lines import Json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.fleet.state import Fleet
    from supervisor.core.record import Shutdown
    from supervisor.runs.plan import UpPlan, Voice
    from supervisor.system.output.patience import Patience
    from supervisor.views.layout import Style


def tell(voice: Voice, one: Shutdown, patience: Patience, *, always: bool) -> None:
    """Tell how the command of `run` has ended: ``always``, or when that is worth a word."""
    if voice.json:
        sink.say(json_text([one]), 2, patience)
    elif voice.verbose or always or (not voice.quiet and verdict.worth_telling(one)):
        text = summary.text(one, stdio.width(2), _style(voice.color))
        sink.say(text, 2, patience, stdio.WARNING if verdict.worth_telling(one) else stdio.NOTICE)


def tell_fleet(plan: UpPlan, state: Fleet, shutdowns: Sequence[Shutdown], forgotten: int, patience: Patience) -> None:
    """Tell on stderr the remarkable ends and, where the eye rests, the table; with --json the record on stdout.

    ``state`` is the fleet's last.
    """
    if plan.voice.json and (error := sink.say(json_text(shutdowns, plan.fleet.name), 1, patience)) is not None:
        sink.say(f"supervisor: cannot write the report to stdout: {error.strerror}\n", 2, patience)
    if plan.voice.quiet:
        return
    json = plan.log.format == "json"
    width, style = stdio.width(2), plain if json else _style(plan.voice.color)
    details = fleet.details(shutdowns, width, style)
    table = fleet.table(shutdowns, width, style, forgotten, fleet.unstarted(state))
    text = "\n".join(filter(None, (details, table)))
    if json and text:  # who reads the log line by line is not to meet anything else
        lines = Json("supervisor", 0, "stderr", plan.log.time)
        text = lines.lines(text.encode(errors="surrogateescape"), time.time()).decode()
    told = any(verdict.worth_telling(one) for one in shutdowns)
    sink.say(text, 2, patience, stdio.WARNING if told else stdio.NOTICE)


def _style(color: str) -> Style:
    return ansi if stdio.colored(color, 2, os.environ) else plain
