"""A report as one HTML file: no script, no network, light and dark, keyboard, phone and print. Pure.

What opens and closes are ``<details>``, which every browser and its keyboard know.
"""

from __future__ import annotations

from html import escape

from supervisor.core import verdict
from supervisor.core.units import duration, plural
from supervisor.core.visible import shown
from supervisor.diagnosis.statistics.recommend import settings
from supervisor.views import svg, words
from supervisor.views.drill import sureness
from supervisor.views.finding import LEAST_STEPS, place, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supervisor.core.contract.report import Origin
    from supervisor.core.drilled import Cause, Drilled, Figures
    from supervisor.core.figures import Spread
    from supervisor.core.record import Finding, Link, Shutdown, Where

_STYLE = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:880px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:19px;margin:32px 0 8px}h3{font-size:16px;margin:0}
p{margin:6px 0}.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px;margin:12px 0}
.good{color:var(--good)}.warning{color:var(--warning)}.error{color:var(--error)}
b.tag{border:1px solid currentColor;border-radius:4px;padding:0 6px;font-size:13px;margin-right:6px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:4px 8px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}.text td,.text th{text-align:left;white-space:normal}
pre,code{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--paper);border:1px solid var(--line);border-radius:4px;padding:8px;margin:6px 0;overflow-x:auto}
svg{display:block;width:100%;height:auto;min-width:420px}
ol.chain{margin:6px 0;padding-left:20px}
details{border-bottom:1px solid var(--line)}
summary{cursor:pointer;padding:6px 2px}summary:focus-visible{outline:2px solid var(--bar)}
.run{display:inline-flex;gap:12px;width:calc(100% - 24px);align-items:center;vertical-align:middle}
.run span{flex:none;min-width:64px}.run i{flex:1;display:block;height:10px;background:var(--line);border-radius:2px}
.run i u{display:block;height:10px;background:var(--bar);border-radius:2px}.run i u.error{background:var(--error)}
@media(max-width:560px){main{padding:16px 10px}.run span.soft{display:none}}
@media print{details{break-inside:avoid}.card{background:none}main{max-width:none;padding:0}}
"""
# Runs shown one by one; the figures are made of all.
MOST_RUNS = 200
MOST_CAUSES = 20


def drill(origin: Origin, one: Drilled) -> str:
    """Return the page of a drill."""
    origin, one = shown(origin), shown(one)
    out = [f"<h1>Shutdown drill{_of(origin.fleet)}</h1>", _head(origin)]
    if one.verdicts or one.stopped is not None:
        out.append(_verdicts(one))
    out += [f'<p class="warning">{escape(note)}</p>' for note in one.notes]
    for figures in one.figures:
        out += _figures(figures, one)
    return _page("Shutdown drill", out)


def shutdowns(origin: Origin, ends: Sequence[Shutdown]) -> str:
    """Return the page of one or more ends."""
    origin, ends = shown(origin), [shown(one) for one in ends]
    out = [f"<h1>Shutdown report{_of(origin.fleet)}</h1>", _head(origin)]
    if len(ends) > 1:
        longest = max(one.total for one in ends)
        out += ["<h2>All ends</h2>", *(_run(one, longest, one.title) for one in ends)]
    else:
        out += [_shutdown(one) for one in ends]
    return _page("Shutdown report", out)


def _page(title: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n<title>{title}</title>\n'
        f"<style>{svg.COLORS}{svg.style()}{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _of(fleet: str | None) -> str:
    return f" of {escape(fleet)}" if fleet else ""


def _head(origin: Origin) -> str:
    tag = f", tag {escape(origin.tag)}" if origin.tag else ""
    who = f"supervisor {escape(origin.version)} on Python {escape(origin.python)}"
    return f'<p class="soft">{escape(origin.started_at)}, host {escape(origin.host)}{tag}, {who}</p>'


# ------------------------------------------------------------------ a drill


def _verdicts(one: Drilled) -> str:
    tone, word = ("good", "Passed") if one.passed else ("error", "Failed")
    rows = []
    for demand in one.verdicts:
        at = f" at <code>{escape(place(demand.where))}</code>" if demand.where is not None and not demand.kept else ""
        kept = '<td class="good">kept</td>' if demand.kept else '<td class="error">not kept</td>'
        rows.append(f"<tr><td>{escape(demand.demand)}</td><td>{escape(demand.found)}{at}</td>{kept}</tr>")
    stopped = f'<p class="error">Stopped: {escape(one.stopped)}</p>' if one.stopped is not None else ""
    table = f'<table class="text">{"".join(rows)}</table>' if rows else ""
    return f'<div class="card"><h3 class="{tone}">{word}</h3>{stopped}{table}</div>'


def _figures(figures: Figures, one: Drilled) -> list[str]:
    name = "The whole fleet" if figures.worker is None else escape(figures.worker)
    when = " while starting" if figures.population == "starting" else ""
    out = [f"<h2>{name}{when}: {plural(figures.runs, 'run')}</h2>"]
    ends = [
        (trial.number, end)
        for trial in one.trials
        if trial.use == "measured" and trial.population == figures.population
        for end in trial.shutdowns
        if end.title == figures.worker
    ]
    total = figures.span("total")
    if ends and total is not None:
        out.append(f'<div class="wide">{_distribution(ends, total)}</div>')
    out.append(_spans(figures.spans))
    if total is not None:
        out.append(f"<p>{escape(sureness(total))}.</p>")
    out += _advice(figures)
    out += [f"<p>{line}</p>" for line in _shape(figures)]
    causes = [cause for cause in figures.causes if cause.severity != "note"] or list(figures.causes)
    out += [_cause(cause, figures.runs) for cause in causes[:MOST_CAUSES]]
    if ends:
        longest = max(end.total for _, end in ends)
        out.append("<h3>Run by run</h3>")
        out += [_run(end, longest, f"run {number}", brief=True) for number, end in ends[:MOST_RUNS]]
    return out


def _distribution(ends: Sequence[tuple[int, Shutdown]], total: Spread) -> str:
    values = [end.total for _, end in ends if not verdict.forced(end)]
    killed = [end.marks.killed or end.total for _, end in ends if verdict.forced(end)]
    wanted = [one for one in total.quantiles if one.name in ("p50", "p95") and not one.as_most]
    marks = [("median" if one.name == "p50" else one.name, one.value) for one in wanted if one.value is not None]
    return svg.distribution(values, killed, marks)


def _spans(spans: Sequence[tuple[str, Spread]]) -> str:
    heads = "".join(f"<th>{name}</th>" for name in ("span", "min", "median", "p90", "p95", "p99", "max"))
    rows = []
    for name, spread in spans:
        beyond = f"&gt; {duration(spread.beyond or 0.0)}"
        cells = [beyond if spread.least is None else duration(spread.least)]
        for one in spread.quantiles:
            cells.append("max" if one.as_most else beyond if one.value is None else duration(one.value))
        cells.append(beyond if spread.most is None else duration(spread.most))
        rows.append(f"<tr><td>{name}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'


def _advice(figures: Figures) -> list[str]:
    advice = figures.recommended
    if advice is None:
        return []
    if advice.seconds is None:
        return [f'<p class="warning">No timeout can be recommended: {escape(advice.why)}.</p>']
    lines = "\n".join(text for _, text in settings(advice.seconds))
    why = f'<p class="soft">{escape(advice.why)}</p>'
    return [f'<div class="card"><h3>Timeout: {advice.seconds} s</h3>{why}<pre>{escape(lines)}</pre></div>']


def _shape(figures: Figures) -> list[str]:
    told = [f"Ended: {', '.join(f'{count} {outcome}' for outcome, count in figures.outcomes)}."]
    if figures.outliers:
        told.append(f"Far longer than the others: run {', '.join(map(str, figures.outliers))}.")
    if figures.modes is not None:
        modes = figures.modes
        groups = f"Two groups: {duration(modes.fast)} and {duration(modes.slow)}"
        told.append(f"{groups} (run {', '.join(map(str, modes.slow_runs))}).")
        told += [f"{escape(differs)}." for differs in figures.differs]
    if figures.trend is not None:
        way = "longer" if figures.trend.change > 0 else "shorter"
        told.append(f"The stops became {way} by {duration(abs(figures.trend.change))} over the drill.")
    return told


def _cause(cause: Cause, runs: int) -> str:
    share = f"in {len(cause.runs)} of {plural(runs, 'run')}"
    if cause.seconds is not None and cause.worst is not None:
        share += f", median {duration(cause.seconds)}, worst {duration(cause.worst)} in run {cause.worst_run}"
    return _told(cause.severity, cause.code, share, cause.title, cause.where, cause.chain, (), cause.advice)


# ------------------------------------------------------------------ a shutdown


def _run(one: Shutdown, longest: float, name: str, *, brief: bool = False) -> str:
    """Return one end as a row that opens to its details."""
    share = 100 * one.total / longest if longest else 0
    tone = ' class="error"' if verdict.forced(one) else ""
    bar = f'<i><u{tone} style="width:{share:.1f}%"></u></i>'
    head = (
        f'<span>{escape(name)}</span>{bar}<span>{duration(one.total)}</span><span class="soft">{one.outcome}</span>'
    )
    details = _shutdown(one, small=True, brief=brief)
    return f'<details><summary><span class="run">{head}</span></summary>{details}</details>'


def _shutdown(one: Shutdown, *, small: bool = False, brief: bool = False) -> str:
    tone = "error" if verdict.forced(one) else "warning" if verdict.worth_telling(one) else "good"
    how = f'<span class="{tone}">{escape(words.ended(one))}</span> after {duration(one.total)}'
    out = [f"<p>{how}; {escape(words.asked(one))}</p>"]
    if not small:
        out.insert(0, f"<p><code>{escape(words.command(one.argv, 400))}</code></p>")
    if one.phases:
        out.append(f'<div class="wide">{svg.waterfall(one, page=True)}</div>')
    # In a row of a drill the causes stand above, told at length.
    out += [_short(finding) if brief else _finding(finding) for finding in one.findings]
    return "".join(out)


def _short(one: Finding) -> str:
    at = f" at {escape(place(one.where))}" if one.where is not None else ""
    figure = f", {duration(one.seconds)}" if one.seconds else ""
    return f"<p>{one.severity} {escape(one.code)}{at}{figure}</p>"


def _finding(one: Finding) -> str:
    figure = duration(one.seconds) if one.seconds else ""
    return _told(one.severity, one.code, figure, one.title, one.where, one.chain, one.proof, one.advice)


def _told(
    severity: str,
    code: str,
    figure: str,
    title: str,
    where: Where | None,
    chain: Sequence[Link],
    proof: Sequence[str],
    advice: str,
) -> str:
    tone = severity if severity in ("error", "warning") else "soft"
    out = [f'<h3><b class="tag {tone}">{severity}</b>{escape(code)} <span class="soft">{figure}</span></h3>']
    out.append(f"<p>{escape(title)}</p>")
    if where is not None:
        source = f"<pre>{escape(where.source)}</pre>" if where.source else ""
        out.append(f"<p>at <code>{escape(place(where))}</code></p>{source}")
    if len(chain) >= LEAST_STEPS:
        out.append('<p class="soft">Who waits for whom</p><ol class="chain">')
        out += [f"<li>{escape(step(link))}</li>" for link in chain]
        out.append("</ol>")
    if proof:
        out.append(f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in proof)}</ul>")
    out.append(f"<p><b>What to do:</b> {escape(advice)}</p>")
    return f'<div class="card">{"".join(out)}</div>'
