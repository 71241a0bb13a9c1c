"""Drawings of shutdowns as SVG: the waterfall of one, the distribution of many; light and dark. Pure."""

from __future__ import annotations

from html import escape

from supervisor.core.units import duration
from supervisor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.record import PhaseSpan, Shutdown

WIDTH = 760
_LABEL, _FIGURE = 92, 76
_ROW, _BAR = 24, 14
# Phases shorter than this share of the whole are no visible row.
WORTH_A_ROW = 0.002

# The colours of all drawings and pages; a page that holds a drawing sets them itself.
COLORS = """
:root{--ink:#1c2430;--soft:#5b6676;--line:#d5dae2;--paper:#fff;--card:#f5f7fa;--good:#2f7d4f;--warning:#a86200;
--error:#b3261e;--bar:#3b6fb6;--mark:#7a4fb5}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b5;--line:#39424f;--paper:#14181f;--card:#1d232c;
--good:#6cc48f;--warning:#e3a84a;--error:#f2857d;--bar:#7fa9e6;--mark:#b795e8}}
"""
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:var(--ink)}.f{fill:var(--soft)}.g{stroke:var(--line)}"
    ".bar{fill:var(--bar)}.warning{fill:var(--warning)}.error{fill:var(--error)}.mark{fill:var(--mark)}"
    ".dot{fill:var(--bar);fill-opacity:.65}.q{stroke:var(--mark);stroke-width:1.5}"
)


def waterfall(one: Shutdown, *, page: bool = False) -> str:
    """Return a row for each phase between zero and the exit, with the signals that were sent and a scale.

    ``page``: the drawing stands in a page that has the colours; else it is a file of its own.
    """
    end = max([one.total, *(phase.end for phase in one.phases)], default=0.0) or 1.0
    rows = [phase for phase in one.phases if phase.end - phase.start >= WORTH_A_ROW * end]
    height = (len(rows) + 1) * _ROW + 26
    title = f"{visible(one.title)}: {one.outcome} after {duration(one.total)}"
    out = [_scale(end, height - 22)]
    for number, phase in enumerate(rows):
        out.append(_phase(phase, end, number * _ROW + 4))
    for climb in one.escalation:
        x = _x(min(max(climb.at, 0.0), end), end)
        what = _signal(climb.signal)
        anchor = "end" if x > WIDTH - 120 else "start"
        shift = -4 if anchor == "end" else 4
        y = len(rows) * _ROW
        out.append(f'<path class="mark" d="M{x:.1f} {y + 4}l4 7h-8z"/>')
        out.append(f'<text class="f" x="{x + shift:.1f}" y="{y + 20}" text-anchor="{anchor}">{what}</text>')
    return _drawing(height, title, out, page=page)


def distribution(totals: Sequence[float], killed: Sequence[float], marks: Sequence[tuple[str, float]]) -> str:
    """Return one dot for each run on a scale of seconds, killed ones as triangles, quantiles as lines; in a page.

    ``marks``: (name, seconds). Equal runs are stacked.
    """
    end = max([*totals, *killed], default=0.0) * 1.05 or 1.0
    stacks: dict[int, int] = {}
    out = []
    most = 0
    for value, dead in sorted([*((value, False) for value in totals), *((value, True) for value in killed)]):
        x = _x(value, end, label=8, figure=8)
        place = round(x / 8)
        level = stacks.get(place, 0)
        stacks[place] = level + 1
        most = max(most, level)
        out.append((x, level, dead, value))
    base = min(most, 12) * 8 + 30
    drawn = []
    for name, value in marks:
        x = _x(value, end, label=8, figure=8)
        anchor = "end" if x > WIDTH / 2 else "start"
        drawn.append(f'<path class="q" d="M{x:.1f} 14V{base + 6}"/>')
        drawn.append(
            f'<text class="f" x="{x + (-4 if anchor == "end" else 4):.1f}" y="12" text-anchor="{anchor}">'
            f"{name} {duration(value)}</text>"
        )
    for x, level, dead, value in out:
        y = base - min(level, 12) * 8
        told = f"<title>{'more than ' if dead else ''}{duration(value)}</title>"
        if dead:
            drawn.append(f'<path class="error" d="M{x:.1f} {y - 5}l5 8h-10z">{told}</path>')
        else:
            drawn.append(f'<circle class="dot" cx="{x:.1f}" cy="{y}" r="4">{told}</circle>')
    scale = _scale(end, base + 8, label=8, figure=8)
    return _drawing(base + 30, f"how long {len(totals) + len(killed)} stops took", [scale, *drawn], page=True)


def _drawing(height: int, title: str, parts: Sequence[str], *, page: bool) -> str:
    style = "" if page else f"<style>{COLORS}{_STYLE}</style>"
    ground = "" if page else f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">{style}<title>{escape(title)}</title>{ground}{"".join(parts)}</svg>\n'
    )


def style() -> str:
    """Return the rules that the drawings in a page need."""
    return _STYLE


def _x(value: float, end: float, label: float = _LABEL, figure: float = _FIGURE) -> float:
    return label + value / end * (WIDTH - label - figure)


def _phase(phase: PhaseSpan, end: float, y: float) -> str:
    first, last = _x(max(phase.start, 0.0), end), _x(phase.end, end)
    took = phase.end - phase.start
    tone = "error" if phase.name == "killed" else "warning" if took >= end / 2 else "bar"
    name = escape(visible(phase.name))
    return (
        f'<text class="f" x="{_LABEL - 8}" y="{y + 12}" text-anchor="end">{name}</text>'
        f'<rect class="{tone}" x="{first:.1f}" y="{y}" width="{max(last - first, 1.5):.1f}" height="{_BAR}" rx="2"/>'
        f'<text x="{min(last + 6, WIDTH - _FIGURE + 6):.1f}" y="{y + 12}">{duration(took)}</text>'
    )


def _scale(end: float, y: float, label: float = _LABEL, figure: float = _FIGURE) -> str:
    """Return a line with three to six ticks at round seconds."""
    step = 10.0**-3
    for factor in (2.0, 2.5, 2.0) * 9:
        if end / step <= 6:
            break
        step *= factor
    out = [f'<path class="g" d="M{label} {y}H{WIDTH - figure}"/>']
    tick = 0.0
    while tick <= end * 1.0001:
        x = _x(tick, end, label, figure)
        shown = "0" if tick == 0 else f"{tick:.3f}".rstrip("0").rstrip(".") + " s"
        out.append(f'<path class="g" d="M{x:.1f} {y}v4"/>')
        out.append(f'<text class="f" x="{x:.1f}" y="{y + 17}" text-anchor="middle">{shown}</text>')
        tick += step
    return "".join(out)


def _signal(number: int) -> str:
    from supervisor.core import signum

    return escape(signum.name(number))
