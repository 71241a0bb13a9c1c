"""Carries out a drill and tells it: progress on stderr, the result on stdout, report files, and notes for CI."""

from __future__ import annotations

import os
from uuid import uuid4

from supervisor.core.visible import visible
from supervisor.drill.result import drilled
from supervisor.drill.trials import trials
from supervisor.runs.history import record, said
from supervisor.system import stdio, writing
from supervisor.system.origin import origin
from supervisor.system.output import sink
from supervisor.system.output.patience import Patience
from supervisor.views import ci, formats
from supervisor.views import drill as view
from supervisor.views.data import dumps
from supervisor.views.layout import ansi, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.drilled import Drilled, Trial
    from supervisor.drill.plan import DrillPlan

# GitHub shows no more of a step's summary (1 MiB), and stops reading the step at the first byte above.
MOST_SUMMARY = 1 << 20


def carry_out(plan: DrillPlan) -> int:
    """Make all runs, tell the result; the exit code: 0 when all was kept, 1 when not. Raises SpawnError."""
    made: list[Trial] = []
    shown = Progress(plan)
    for trial in trials(plan):
        made.append(trial)
        shown.after(made)
    shown.over()
    result = drilled(plan, made)
    patience = Patience()
    failed = [path for path in plan.voice.reports if not _write(path, plan, result, patience)]
    _tell(plan, result, patience)
    _tell_ci(result, patience)
    _record(plan, result, patience)
    return 0 if result.passed and not failed else 1


class Progress:
    """A line after each run on stderr: one that is written over on a terminal, else one line each."""

    def __init__(self, plan: DrillPlan) -> None:
        self._plan = plan
        self._quiet = plan.voice.quiet
        self._terminal = os.isatty(2)
        self._style = ansi if stdio.colored(plan.voice.color, 2, os.environ) else plain

    def after(self, made: list[Trial]) -> None:
        """Tell the last run and the distribution so far."""
        if self._quiet:
            return
        line = view.progress(made, self._plan.runs, stdio.width(2) - 1, self._style)
        stdio.say(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")

    def over(self) -> None:
        """Leave no half line behind."""
        if self._terminal and not self._quiet:
            stdio.say("\r\x1b[K")


def _tell(plan: DrillPlan, result: Drilled, patience: Patience) -> None:
    if plan.voice.json:
        text = dumps(formats.document(origin(plan.fleet.name).with_(tag=plan.keeping.tag), result))
    elif plan.voice.quiet and result.passed:
        return
    else:
        text = view.text(result, stdio.width(1), ansi if stdio.colored(plan.voice.color, 1, os.environ) else plain)
    if (error := sink.say(text, 1, patience)) is not None:
        sink.say(f"supervisor: cannot write the result to stdout: {error.strerror}\n", 2, patience)


def _tell_ci(result: Drilled, patience: Patience) -> None:
    """On GitHub's runners: the failing lines at their place in the source, and a summary of the step."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    sink.say(ci.github(result, os.getcwd()), 1, patience)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with open(path, "ab") as file:
                file.write(view.markdown(result).encode(errors="replace")[:MOST_SUMMARY])
        except OSError as error:
            sink.say(f"supervisor: cannot write the step's summary: {error.strerror}\n", 2, patience)


def _record(plan: DrillPlan, result: Drilled, patience: Patience) -> None:
    """Keep the runs that count in the history, and say under which numbers."""
    counted = [trial for trial in result.trials if trial.use == "measured"]
    ends = [(one, trial.ready_after) for trial in counted for one in trial.shutdowns]
    ready = {number: after for number, (_, after) in enumerate(ends) if after is not None}
    kept = record(
        plan.keeping, [one for one, _ in ends], "drill", fleet=plan.fleet.name, ready=ready, drill=uuid4().hex[:12]
    )
    if not plan.voice.quiet and (told := said(kept)):
        sink.say(f"{told}\n", 2, patience)


def _write(path: str, plan: DrillPlan, result: Drilled, patience: Patience) -> bool:
    content = formats.drill(path, origin(plan.fleet.name).with_(tag=plan.keeping.tag), result)
    try:
        writing.write(path, content.encode(errors="replace"))
    except OSError as error:
        hint = "hint: the result is printed all the same; give another PATH"
        sink.say(f"supervisor: cannot write the report {visible(path)}: {error.strerror}\n{hint}\n", 2, patience)
        return False
    return True
