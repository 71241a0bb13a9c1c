"""Recorded runs as a table, and two sets of them side by side. Pure."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.spec import title
from supervisor.core.units import duration, plural
from supervisor.core.visible import shown, visible
from supervisor.views.layout import cut, plain, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from supervisor.core.figures import Compared, Shift
    from supervisor.views.layout import Style

_TONES = {"clean": "good", "killed": "error", "stuck": "error", "failed": "warning", "signalled": "warning"}
_VERDICTS = {"regression": "error", "improvement": "good", "no difference": "dim", "unknown": "warning"}


def table(
    runs: Sequence[tuple[int, dict[str, Any], Sequence[str]]],
    when: Callable[[float], str],
    width: int = 80,
    style: Style = plain,
) -> str:
    """Return a row for each run: number, time, worker, how it ended, its total, its gravest finding; the newest last.

    ``runs``: (number, values by column, findings as texts). ``when`` writes an instant (seconds since 1970).
    """
    if not runs:
        return "no run is recorded that matches\n"
    names = [visible(_title(values)) for _, values, _ in runs]
    room = min(max(map(len, names)), max(width - 60, 8))
    digits = max(len(str(number)) for number, _, _ in runs)
    out = []
    for (number, values, findings), name in sorted(zip(runs, names, strict=True), key=lambda one: one[0][0]):
        head = f"{number:>{digits}}  {when(values['at'])}  {values['kind']:<5}  {cut(name, room):<{room}}  "
        ended = _ended(values)
        took = f"{'> ' if values['outcome'] in ('killed', 'stuck') else ''}{duration(values['total'])}"
        line = f"{head}{style(f'{ended:<9}', _TONES.get(values['outcome'], 'dim'))} {took:>10}"
        left = width - len(head) - 22
        why = f"  {cut(visible(findings[0]), left)}" if findings and left >= 12 else ""
        out.append((line + why).rstrip())
    return "\n".join(out) + "\n"


def _title(values: dict[str, Any]) -> str:
    name = title(values["worker"], values["instance"])
    return f"{name} {values['tag']}" if values["tag"] else name


def _ended(values: dict[str, Any]) -> str:
    if values["outcome"] == "signalled" and values["signal"] is not None:
        return signum.name(values["signal"])
    return str(values["outcome"])


def comparison(one: Compared, names: tuple[str, str], width: int = 80, style: Style = plain) -> str:
    """Return medians, shifts with their 95 % intervals, the verdict, and which findings are new or gone."""
    one = shown(one)
    a, b = (visible(name) for name in names)
    out = [f"before: {a}, {plural(one.runs[0], 'run')}{_killed(one.killed[0])}"]
    out += [f"after:  {b}, {plural(one.runs[1], 'run')}{_killed(one.killed[1])}", ""]
    out.append(f"  {'':<9}{'before':>10}{'after':>10}{'shift':>11}   95 % interval")
    for span in one.spans:
        figures = f"{duration(span.before):>10}{duration(span.after):>10}{_signed(span.shift.seconds):>11}"
        out.append(f"  {span.name:<9}{figures}   {_interval(span.shift)}")
    out += ["", f"{style(one.verdict, _VERDICTS[one.verdict])}{_reason(one)}"]
    for label, causes in (("new", one.new), ("gone", one.gone)):
        for cause in causes:
            first, *more = wrap(cause, width - 8)
            out += [f"  {label:<5} {first}", *(f"        {line}" for line in more)]
    return "\n".join(out) + "\n"


def _killed(count: int) -> str:
    return f", {count} of them killed: in no figure" if count else ""


def _signed(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else ''}{duration(seconds)}"


def _interval(shift: Shift) -> str:
    if shift.low is None or shift.high is None:
        return "none: too few runs"
    return f"{_signed(shift.low)} to {_signed(shift.high)}"


def _reason(one: Compared) -> str:
    if one.verdict == "regression":
        return ": the stop takes longer, beyond chance, by more than 5 % and 50 ms"
    if one.verdict == "improvement":
        return ": the stop takes less time, beyond chance, by more than 5 % and 50 ms"
    if one.verdict == "unknown":
        return ": too few runs to tell; 5 in each set are the least"
    return " that is beyond chance and above 5 % and 50 ms"
