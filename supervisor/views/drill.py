"""A drill as text: a line of progress after each run, then figures, causes, timeouts and the verdict. Pure."""

from __future__ import annotations

from supervisor.core.units import duration, plural
from supervisor.core.verdict import FORCED
from supervisor.core.visible import shown, visible
from supervisor.diagnosis.statistics.confidence import runs_needed
from supervisor.diagnosis.statistics.recommend import settings
from supervisor.diagnosis.statistics.spread import TAIL
from supervisor.views import layout, why
from supervisor.views.finding import LEAST_STEPS, code, escaped, ladder, place, step
from supervisor.views.layout import TONE, plain, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.drilled import Cause, Drilled, Figures, Trial, Verdict
    from supervisor.core.figures import Quantile, Spread
    from supervisor.core.record import PhaseSpan
    from supervisor.views.layout import Style

_BARS = "▁▂▃▄▅▆▇█"
_COLUMN = 13
# Columns of a histogram.
_CLASSES = 24
MOST_CAUSES = 6
_WORDS = {
    "ended early": "ended before its stop was requested",
    "not ready": "did not get ready",
    "interrupted": "interrupted",
}


# ------------------------------------------------------------------ while it runs


def progress(trials: Sequence[Trial], wanted: int, width: int, style: Style = plain) -> str:
    """Return one line on the last run and the distribution so far, of at most ``width`` columns."""
    last = trials[-1]
    head = f"run {last.number}/{wanted}" if last.number > 0 else "warm-up"
    took = max((one.total for one in last.shutdowns), default=0.0)
    ended = next((one.outcome for one in last.shutdowns if one.outcome in FORCED), None)
    what = _WORDS.get(last.use) or f"{duration(took)} {ended or last.shutdowns[0].outcome}"
    totals = [
        max(one.total for one in trial.shutdowns) for trial in trials if trial.use == "measured" and trial.number > 0
    ]
    spread = ""
    if len(totals) > 1:
        edge = f"{duration(min(totals))} … {duration(max(totals))}"
        spread = f"  {histogram(totals)}  {edge}"
    told = f"{head:<{len(f'run {wanted}/{wanted}')}}  {what}"
    room = width - len(told)
    tone = "error" if ended or last.use != "measured" else "good"
    return f"{head:<{len(f'run {wanted}/{wanted}')}}  {style(what, tone)}" + (spread if len(spread) <= room else "")


def histogram(values: Sequence[float], classes: int = _CLASSES) -> str:
    """Return how often values fall into each of equally wide classes, as bars of one column each."""
    low, high = min(values), max(values)
    counts = [0] * classes
    for value in values:
        counts[min(int((value - low) / (high - low) * classes), classes - 1) if high > low else 0] += 1
    most = max(counts)
    return "".join(_BARS[(count * (len(_BARS) - 1)) // most] if count else " " for count in counts)


# ------------------------------------------------------------------ the result


def text(one: Drilled, width: int = 80, style: Style = plain) -> str:
    """Return the whole result in lines of at most ``width`` columns, ending in a newline."""
    one = shown(one)
    lines: list[str] = []
    for figures in one.figures:
        lines += [*_figures(figures, one, width, style), ""]
    lines += [line for note in one.notes for line in wrap(f"note: {note}", width, "      ")]
    lines += [line for verdict in one.verdicts for line in _verdict(verdict, width, style)]
    if one.stopped is not None:
        lines += wrap(style(f"stopped: {one.stopped}", "error"), width, "  ")
        lines += [f"  | {layout.cut(line, width - 4)}" for line in (one.trials[-1].output if one.trials else ())]
    elif one.verdicts:
        lines.append(style("passed", "good") if one.passed else style("failed", "error"))
    return "\n".join(lines).rstrip("\n") + "\n"


def _figures(one: Figures, drill: Drilled, width: int, style: Style) -> list[str]:
    name = "the whole fleet" if one.worker is None else one.worker
    when = " while starting" if one.population == "starting" else ""
    out = [style(f"{name}{when}: {plural(one.runs, 'run')}", "bold"), *_table(one, width)]
    total = one.span("total")
    if total is not None:
        out += ["", *_row("sure", sureness(total), width)]
    if one.recommended is not None:
        seconds = one.recommended.seconds
        out += _row("timeout", f"{seconds} s: {one.recommended.why}" if seconds else one.recommended.why, width)
        if seconds and drill.stopped is None and one.population == "ready":
            out += [f"  {'':<{_COLUMN - 2}}{visible(text)}" for _, text in settings(seconds)]
    ended = ", ".join(f"{count} {outcome}" for outcome, count in one.outcomes)
    out += _row("ended", ended, width)
    if one.outliers:
        out += _row("outliers", f"{_numbers(one.outliers)} took far longer than the others", width)
    if one.modes is not None:
        counts = f"{one.runs - len(one.modes.slow_runs)} around {duration(one.modes.fast)}, "
        counts += f"{len(one.modes.slow_runs)} around {duration(one.modes.slow)}"
        out += _row("two groups", f"{counts} ({_numbers(one.modes.slow_runs)})", width)
        out += [line for differs in one.differs for line in _row("", differs, width)]
    if one.trend is not None:
        way = "longer" if one.trend.change > 0 else "shorter"
        change = duration(abs(one.trend.change))
        out += _row("trend", f"the stops became {way} by {change} from the first run to the last", width)
    causes = [cause for cause in one.causes if cause.severity != "note"] or list(one.causes)
    for cause in causes[:MOST_CAUSES]:
        out += ["", *_cause(cause, one.runs, width, style)]
    if len(causes) > MOST_CAUSES:
        out.append(f"  and {plural(len(causes) - MOST_CAUSES, 'more cause')} in the report (--report PATH)")
    worst = _worst(one, drill)
    if worst is not None:
        number, phases, took = worst
        drawn = why.waterfall(phases, took, width, style)
        out += ["", f"  the longest, run {number}:", *drawn] if drawn else []
    return out


def _table(one: Figures, width: int) -> list[str]:
    """Return a row for each span, as many columns as there is room for."""
    heads = ["min", "median", "mean", "p90", "p95", "p99", "max"]
    rows = [(name, _cells(spread)) for name, spread in one.spans]
    keep = list(range(len(heads)))
    for dropped in (2, 5, 3):  # mean, then p99, then p90 have to go where it is narrow
        if _COLUMN + 10 * len(keep) <= width:
            break
        keep.remove(dropped)
    out = ["  " + f"{'':<{_COLUMN - 2}}" + "".join(f"{heads[n]:>10}" for n in keep)]
    out += ["  " + f"{name:<{_COLUMN - 2}}" + "".join(f"{cells[n]:>10}" for n in keep) for name, cells in rows]
    return out


def _cells(spread: Spread) -> list[str]:
    def figure(value: float | None) -> str:
        return duration(value) if value is not None else f"> {duration(spread.beyond or 0.0)}"

    def quantile(one: Quantile) -> str:
        return "max" if one.as_most else figure(one.value)

    p50, p90, p95, p99 = spread.quantiles
    least, mean = spread.least, spread.mean
    return [
        figure(least),
        figure(p50.value),
        "-" if mean is None else duration(mean),
        quantile(p90),
        quantile(p95),
        quantile(p99),
        figure(spread.most),
    ]


def sureness(total: Spread) -> str:
    """Return what so few runs let us say of the 95 % quantile, and how many would let us say it for sure."""
    runs = plural(total.runs, "run")
    if total.p95_bound is None:
        killed = f"{total.censored} of {total.runs} {'was' if total.censored == 1 else 'were'} killed"
        return f"{runs}: nothing about p95 above {duration(total.beyond or 0.0)} ({killed})"
    needed = runs_needed(TAIL)
    more = f"; {needed} runs for 95 %" if total.runs < needed else ""
    return f"{runs}: {int(total.confidence * 100)} % sure that p95 <= {duration(total.p95_bound)}{more}"


def _cause(cause: Cause, runs: int, width: int, style: Style) -> list[str]:
    share = f"in {len(cause.runs)} of {plural(runs, 'run')}"
    figure = ""
    if cause.seconds is not None and cause.worst is not None:
        figure = f", median {duration(cause.seconds)}, worst {duration(cause.worst)} in run {cause.worst_run}"
    out = [f"  {style(cause.severity, TONE[cause.severity])} {style(cause.code, 'bold')} {share}{figure}"]
    out += [f"    {line}" for line in wrap(cause.title, width - 4)]
    if cause.where is not None:
        out += [f"    {line}" for line in wrap(f"at {place(cause.where)}", width - 4)]
        if cause.where.source:
            out.append("      " + style(layout.cut(cause.where.source, width - 6), "dim"))
    out += ladder(cause.chain, width, style)
    return out + [f"    {line}" for line in wrap(f"→ {cause.advice}", width - 4, "  ")]


def _worst(one: Figures, drill: Drilled) -> tuple[int, tuple[PhaseSpan, ...], float] | None:
    """Return the longest run of a worker: its number, its phases, its total; None without phases."""
    ends = [
        (shutdown.total, trial.number, shutdown)
        for trial in drill.trials
        if trial.use == "measured" and trial.population == one.population
        for shutdown in trial.shutdowns
        if shutdown.title == one.worker
    ]
    if not ends:
        return None
    took, number, shutdown = max(ends, key=lambda end: end[:2])
    return (number, shutdown.phases, took) if shutdown.phases else None


def _verdict(verdict: Verdict, width: int, style: Style) -> list[str]:
    mark = style("kept", "good") if verdict.kept else style("not kept", "error")
    at = f", at {place(verdict.where)}" if verdict.where is not None and not verdict.kept else ""
    first, *more = wrap(f"{verdict.demand}: {verdict.found}{at}", width - 11, "")
    return [f"{mark}{' ' * (11 - len('kept' if verdict.kept else 'not kept'))}{first}", *(" " * 11 + x for x in more)]


def _numbers(numbers: Sequence[int], most: int = 8) -> str:
    listed = ", ".join(map(str, numbers[:most])) + (", …" if len(numbers) > most else "")
    return f"run {listed}" if len(numbers) == 1 else f"runs {listed}"


def _row(label: str, value: str, width: int) -> list[str]:
    return layout.row(label, value, _COLUMN, width, indent="  ")


# ------------------------------------------------------------------ Markdown


def markdown(one: Drilled) -> str:
    """Return the result as Markdown: a table of spans, the causes, the verdict."""
    one = shown(one)
    out = ["# Shutdown drill", ""]
    if one.verdicts:
        out += [f"**{'Passed' if one.passed else 'Failed'}.**", "", "| demand | found | kept |", "|---|---|---|"]
        for verdict in one.verdicts:
            at = f" at {code(place(verdict.where))}" if verdict.where is not None and not verdict.kept else ""
            kept = "yes" if verdict.kept else "**no**"
            out.append(f"| {escaped(verdict.demand)} | {escaped(verdict.found)}{at} | {kept} |")
        out.append("")
    if one.stopped is not None:
        out += [f"**Stopped: {escaped(one.stopped)}.**", ""]
    for figures in one.figures:
        out += _markdown_of(figures)
    return "\n".join(out + [f"- {escaped(note)}" for note in one.notes]).rstrip("\n") + "\n"


def _markdown_of(figures: Figures) -> list[str]:
    name = "The whole fleet" if figures.worker is None else escaped(figures.worker)
    when = " while starting" if figures.population == "starting" else ""
    out = [f"## {name}{when}: {plural(figures.runs, 'run')}", ""]
    out += ["| span | min | median | mean | p90 | p95 | p99 | max |", "|---|" + "---:|" * 7]
    out += [f"| {span} | {' | '.join(_cells(spread)).replace('>', '&gt;')} |" for span, spread in figures.spans]
    total = figures.span("total")
    out += ["", f"{sureness(total).replace('<', '&lt;')}.", ""] if total is not None else [""]
    if figures.recommended is not None:
        seconds, why_so = figures.recommended.seconds, escaped(figures.recommended.why)
        out += [f"Timeout: **{seconds} s** ({why_so})." if seconds else f"Timeout: {why_so}.", ""]
    for cause in figures.causes:
        share = f"in {len(cause.runs)} of {plural(figures.runs, 'run')}"
        worst = f", worst {duration(cause.worst)}" if cause.worst is not None else ""
        out += [f"### {cause.severity}: {cause.code}, {share}{worst}", "", f"{escaped(cause.title)}.", ""]
        if cause.where is not None:
            out += [f"At {code(place(cause.where))}: {code(cause.where.source or '')}", ""]
        if len(cause.chain) >= LEAST_STEPS:
            out += ["Who waits for whom:", "", *(f"1. {escaped(step(link))}" for link in cause.chain), ""]
        out += [f"**What to do:** {escaped(cause.advice)}", ""]
    return out
