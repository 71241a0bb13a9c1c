"""Why a shutdown took its time: waterfall of the phases, critical path, findings. Text and Markdown. Pure."""

from __future__ import annotations

from supervisor.diagnosis.evidence.frames import line_of, short
from supervisor.views import words
from supervisor.views.summary import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Finding, PhaseSpan, Shutdown, Stretch, Where
    from supervisor.views.summary import Style

# Phases shorter than a five-hundredth of the whole, and than a millisecond, are not worth a row.
WORTH_A_ROW = 0.002
MOST_STRETCHES = 8
MOST_PROOFS = 4
_LABEL = 13
_FIGURE = 9
_EIGHTHS = " ▏▎▍▌▋▊▉"
_TONE = {"error": "error", "warning": "warning", "note": "dim"}


def text(one: Shutdown, width: int = 80, style: Style = plain) -> str:
    """The explanation of one shutdown, lines of at most ``width`` columns, ending in a newline; may be empty."""
    told = lines(one, width, style)
    return "\n".join(told) + "\n" if told else ""


def lines(one: Shutdown, width: int = 80, style: Style = plain) -> list[str]:
    """The same as lines; empty when there is nothing to explain."""
    out = waterfall(one.phases, one.total, width, style)
    if one.critical_path:
        out += ["", f"  {style('critical path', 'bold')}"]
        for stretch in one.critical_path[:MOST_STRETCHES]:
            out += _stretch(stretch, width, style)
        if len(one.critical_path) > MOST_STRETCHES:
            rest = one.critical_path[MOST_STRETCHES:]
            out.append(f"  {words.duration(sum(s.seconds for s in rest)):>{_FIGURE}}  in {len(rest)} more stretches")
    for finding in one.findings:
        out += ["", *_finding(finding, width, style)]
    return out[1:] if out and not out[0] else out


def waterfall(phases: tuple[PhaseSpan, ...], total: float, width: int = 80, style: Style = plain) -> list[str]:
    """One row a phase, its bar where it lies between zero and the exit."""
    end = max([total, *(span.end for span in phases)], default=0.0)
    shown = [span for span in phases if span.end - span.start >= max(WORTH_A_ROW * end, 0.001)]
    if not shown or end <= 0.0:
        return []
    room = max(width - _LABEL - _FIGURE - 3, 4)
    rows = []
    for span in shown:
        bar = _bar(span.start / end, span.end / end, room)
        figure = words.duration(span.end - span.start)
        tone = "error" if span.name == "killed" else "warning" if span.end - span.start >= end / 2 else "good"
        rows.append(f"  {span.name:<{_LABEL - 2}} {style(bar, tone)} {figure:>{_FIGURE}}".rstrip())
    return rows


def _bar(start: float, end: float, room: int) -> str:
    """A bar from ``start`` to ``end`` (shares of the whole) in ``room`` columns; never invisible."""
    first = min(int(start * room), room - 1)
    eighths = max(round(end * room * 8) - first * 8, 1)
    full, part = divmod(min(eighths, (room - first) * 8), 8)
    bar = " " * first + "█" * full + (_EIGHTHS[part] if part else "")
    return f"{bar:<{room}}"


def _stretch(stretch: Stretch, width: int, style: Style) -> list[str]:
    figure = f"  {words.duration(stretch.seconds):>{_FIGURE}}  "
    indent = " " * len(figure)
    first, *more = _wrap(what(stretch), width - len(figure))
    out = [figure + first, *(indent + line for line in more)]
    source = stretch.where.source if stretch.where else None
    if source:
        out.append(indent + "  " + style(_cut(source, width - len(indent) - 2), "dim"))
    return out


def what(stretch: Stretch) -> str:
    """``task 'consume' at queue.py:41 consume``, ``the loop was blocked at …``, ``unknown: between …``."""
    where = stretch.where
    kind = stretch.what
    if kind.startswith("unknown"):
        return kind
    at = f" at {place(where)}" if where else ""
    who = _who(where)
    if kind in ("task", "task cleanup"):
        return f"{who or 'a task'}{', in its cleanup,' if kind == 'task cleanup' else ''}{at}"
    if kind == "executor":
        return f"pool job in {where.thread if where and where.thread else 'a thread'}{at}"
    if kind == "thread":
        return f"thread {where.thread if where and where.thread else '?'}{at}"
    return f"{_KINDS.get(kind, kind)}{at}"


_KINDS = {
    "loop-blocked": "the event loop was blocked",
    "main": "the main thread",
    "atexit": "an atexit handler",
    "finalize": "the interpreter's own end",
    "killed": "from SIGKILL to the exit",
    "leftovers": "processes left by the main process",
    "computing": "computing",
    "uninterruptible": "in the kernel, not to be interrupted (state D)",
    "stopped": "stopped by a job-control signal",
}


def _who(where: Where | None) -> str:
    if where is None or not where.task:
        return ""
    automatic = where.task.startswith("Task-") and where.task[5:].isdecimal()
    return f"task {where.task}" if automatic else f"task {where.task!r}"


def place(where: Where) -> str:
    """``queue.py:41 consume``."""
    return f"{line_of(where)} {where.function}"


def _finding(finding: Finding, width: int, style: Style) -> list[str]:
    figure = f" · {words.duration(finding.seconds)}" if finding.seconds else ""
    head = f"{style(finding.severity, _TONE[finding.severity])} {style(finding.code, 'bold')}{figure}"
    out = [f"  {head}"]
    out += [f"    {line}" for line in _wrap(finding.title, width - 4)]
    if finding.where is not None:
        out += [f"    {line}" for line in _wrap(f"at {place(finding.where)}", width - 4)]
        if finding.where.source:
            out.append("      " + style(_cut(finding.where.source, width - 6), "dim"))
    for proof in finding.proof[:MOST_PROOFS]:
        out += _item("-", proof, width, style)
    if len(finding.proof) > MOST_PROOFS:
        out.append(
            style(f"    - and {words.plural(len(finding.proof) - MOST_PROOFS, 'more fact')} in the report", "dim")
        )
    out += [f"    {line}" for line in _wrap(f"→ {finding.advice}", width - 4, "  ")]
    for other in finding.also:
        out += _item("also seen:", other, width, style)
    return out


def _item(mark: str, value: str, width: int, style: Style) -> list[str]:
    return [style(f"    {line}", "dim") for line in _wrap(f"{mark} {value}", width - 4, "  ")]


def _wrap(value: str, width: int, indent: str = "") -> list[str]:
    import textwrap

    wrapped = textwrap.wrap(value, max(width, 20), subsequent_indent=indent, break_on_hyphens=False)
    return wrapped or [""]


def _cut(value: str, width: int) -> str:
    return value if len(value) <= width else value[: max(width - 1, 1)] + "…"


# ------------------------------------------------------------------ Markdown


def markdown(one: Shutdown) -> list[str]:
    """The same as Markdown lines: a table of the phases, a list of the critical path, a section a finding."""
    out: list[str] = []
    if one.phases:
        out += ["| phase | from | to | took |", "|---|---:|---:|---:|"]
        out += [
            f"| {span.name} | {words.duration(span.start)} | {words.duration(span.end)} "
            f"| {words.duration(span.end - span.start)} |"
            for span in one.phases
        ]
        out.append("")
    if one.critical_path:
        out += ["Critical path:", ""]
        for stretch in one.critical_path:
            source = f": {_code(stretch.where.source)}" if stretch.where and stretch.where.source else ""
            out.append(f"1. {words.duration(stretch.seconds)} {_plain(what(stretch))}{source}")
        out.append("")
    for finding in one.findings:
        out += _section(finding)
    return ["", *out] if out else out


def _section(finding: Finding) -> list[str]:
    figure = f", {words.duration(finding.seconds)}" if finding.seconds else ""
    out = [f"### {finding.severity}: {finding.code}{figure}", "", f"{_plain(finding.title)}.", ""]
    if finding.where is not None:
        out.append(f"At {_code(f'{short(finding.where.file)}:{finding.where.line}')} {_code(finding.where.function)}")
        if finding.where.source:
            out += ["", "```", finding.where.source, "```"]
        out.append("")
    out += [f"- {_plain(proof)}" for proof in finding.proof]
    if finding.proof:
        out.append("")
    out += [f"**What to do:** {_plain(finding.advice)}", ""]
    if finding.also:
        out += ["Also seen:", "", *(f"- {_plain(other)}" for other in finding.also), ""]
    return out


def _code(value: str) -> str:
    """As inline code, also when it holds backticks (CommonMark, code spans)."""
    fence = "`"
    while fence in value:
        fence += "`"
    pad = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def _plain(value: str) -> str:
    """Text that Markdown must not read as markup: a task may be called ``*`` or ``<b>``."""
    for char in "\\`*_<>|[]":
        value = value.replace(char, "\\" + char)
    return value
