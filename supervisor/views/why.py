"""Why a shutdown took its time: waterfall of the phases, critical path, findings. Text and Markdown. Pure."""

from __future__ import annotations

from supervisor.core.units import duration
from supervisor.diagnosis.phrases import is_automatic
from supervisor.views import finding
from supervisor.views.finding import place
from supervisor.views.layout import cut, plain, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import PhaseSpan, Shutdown, Stretch, Where
    from supervisor.views.layout import Style

# Phases shorter than a five-hundredth of the whole, and than a millisecond, are not worth a row.
WORTH_A_ROW = 0.002
MOST_STRETCHES = 8
_LABEL = 13
_FIGURE = 9
_EIGHTHS = " ▏▎▍▌▋▊▉"


def text(one: Shutdown, width: int = 80, style: Style = plain) -> str:
    """Return the explanation in lines of at most ``width`` columns, ending in a newline; empty without any."""
    told = lines(one, width, style)
    return "\n".join(told) + "\n" if told else ""


def lines(one: Shutdown, width: int = 80, style: Style = plain) -> list[str]:
    """Return the explanation as lines; none when there is nothing to explain."""
    out = waterfall(one.phases, one.total, width, style)
    if one.critical_path:
        out += ["", f"  {style('critical path', 'bold')}"]
        for stretch in one.critical_path[:MOST_STRETCHES]:
            out += _stretch(stretch, width, style)
        if len(one.critical_path) > MOST_STRETCHES:
            rest = one.critical_path[MOST_STRETCHES:]
            out.append(f"  {duration(sum(s.seconds for s in rest)):>{_FIGURE}}  in {len(rest)} more stretches")
    for found in one.findings:
        out += ["", *finding.text(found, width, style)]
    return out[1:] if out and not out[0] else out


def waterfall(phases: tuple[PhaseSpan, ...], total: float, width: int = 80, style: Style = plain) -> list[str]:
    """Return a row for each phase, its bar placed between zero and the exit."""
    end = max([total, *(span.end for span in phases)], default=0.0)
    shown = [span for span in phases if span.end - span.start >= max(WORTH_A_ROW * end, 0.001)]
    if not shown or end <= 0.0:
        return []
    room = max(width - _LABEL - _FIGURE - 3, 4)
    rows = []
    for span in shown:
        bar = _bar(span.start / end, span.end / end, room)
        figure = duration(span.end - span.start)
        tone = "error" if span.name == "killed" else "warning" if span.end - span.start >= end / 2 else "good"
        rows.append(f"  {span.name:<{_LABEL - 2}} {style(bar, tone)} {figure:>{_FIGURE}}".rstrip())
    return rows


def _bar(start: float, end: float, room: int) -> str:
    """Return a bar from ``start`` to ``end`` (shares of the whole) in ``room`` columns; never an invisible one."""
    first = min(int(start * room), room - 1)
    eighths = max(round(end * room * 8) - first * 8, 1)
    full, part = divmod(min(eighths, (room - first) * 8), 8)
    bar = " " * first + "█" * full + (_EIGHTHS[part] if part else "")
    return f"{bar:<{room}}"


def _stretch(stretch: Stretch, width: int, style: Style) -> list[str]:
    figure = f"  {duration(stretch.seconds):>{_FIGURE}}  "
    indent = " " * len(figure)
    first, *more = wrap(what(stretch), width - len(figure))
    out = [figure + first, *(indent + line for line in more)]
    source = stretch.where.source if stretch.where else None
    if source:
        out.append(indent + "  " + style(cut(source, width - len(indent) - 2), "dim"))
    return out


def what(stretch: Stretch) -> str:
    """Return what a stretch was: ``task 'consume' at queue.py:41 consume``, ``unknown: between …``."""
    where, kind = stretch.where, stretch.kind
    if kind in ("unknown", "system call", "child main"):
        return stretch.what + (f" at {place(where)}" if where else "")
    at = f" at {place(where)}" if where else ""
    who = _who(where)
    if kind in ("task", "task cleanup"):
        return f"{who or 'a task'}{', in its cleanup,' if kind == 'task cleanup' else ''}{at}"
    if kind == "executor":
        thread = f"thread {where.thread}" if where and where.thread else "a thread"
        return f"pool job in {thread}{at}"
    if kind == "thread":
        return f"thread {where.thread if where and where.thread else '?'}{at}"
    return f"{_KINDS.get(kind, kind)}{at}"


_KINDS = {
    "loop-blocked": "the event loop was blocked",
    "main": "the main thread",
    "atexit": "an atexit handler",
    "finalize": "the finalization of the interpreter",
    "killed": "from SIGKILL to the exit",
    "leftovers": "processes left by the main process",
    "computing": "computing",
    "uninterruptible": "in the kernel, cannot be interrupted (state D)",
    "stopped": "stopped by a job-control signal",
}


def _who(where: Where | None) -> str:
    if where is None or not where.task:
        return ""
    return f"task {where.task}" if is_automatic(where.task) else f"task {where.task!r}"


# ------------------------------------------------------------------ Markdown


def markdown(one: Shutdown) -> list[str]:
    """Return the explanation as Markdown: a table of phases, a list of the critical path, a section a finding."""
    out: list[str] = []
    if one.phases:
        out += ["| phase | from | to | took |", "|---|---:|---:|---:|"]
        out += [
            f"| {span.name} | {duration(span.start)} | {duration(span.end)} | {duration(span.end - span.start)} |"
            for span in one.phases
        ]
        out.append("")
    if one.critical_path:
        out += ["Critical path:", ""]
        for stretch in one.critical_path:
            source = f": {finding.code(stretch.where.source)}" if stretch.where and stretch.where.source else ""
            out.append(f"1. {duration(stretch.seconds)} {finding.escaped(what(stretch))}{source}")
        out.append("")
    for found in one.findings:
        out += finding.markdown(found)
    return ["", *out] if out else out
