"""One shutdown as a text for the terminal: what happened, then why. Pure; the colour is a function handed in."""

from __future__ import annotations

from supervisor.core import signum, verdict
from supervisor.core.contract import report
from supervisor.core.record import Climb, Leftover, Sample, Shutdown
from supervisor.core.units import duration, instant, plural
from supervisor.core.visible import shown, visible
from supervisor.diagnosis.phrases import another_signal
from supervisor.views import layout, why, words
from supervisor.views.layout import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.views.layout import Style

BAR = 24  # columns
_LABEL = 9
# What a signal that reached nobody is told with, and from how many seconds on its wait for the agent is worth a word.
RESULTS = {
    "delivered": "",
    "nobody": " (no process was left)",
    "could not look": " (could not look for its processes)",
}
NOTABLE_HOLD = 0.05  # seconds that a signal waited for the agent, from which on they are told
# Columns at which the values begin, after two of indentation, the label and a space.
_COLUMN = _LABEL + 3


def text(one: Shutdown, width: int = 80, style: Style = plain, head: str = "supervisor") -> str:
    """Return all about one shutdown in lines of at most ``width`` columns, ending in a newline."""
    one, head = shown(one), visible(head)
    reasons = why.text(one, width, style)
    return "\n".join(_happened(one, width, style, head)) + "\n" + (f"\n{reasons}" if reasons else "")


def _happened(one: Shutdown, width: int, style: Style, head: str) -> list[str]:
    """Return the short half: how it ended, its time and ladder, what was left, what to do next."""
    lines = [f"{head}: {style(words.command(one.argv, width - len(head) - 2), 'bold')}"]
    tone = "error" if verdict.forced(one) else "warning" if verdict.worth_telling(one) else "good"
    when = _when(one)
    how = words.ended(one) + (f", {when}" if when else "")
    first, *more = _row("ended", f"{how}; {words.asked(one)}", width)
    lines += [first.replace(words.ended(one), style(words.ended(one), tone)), *more]
    if one.requested and one.grace:
        share = f"{duration(one.total)} of {duration(one.grace)} grace"
        bar = max(min(BAR, width - _COLUMN - 1 - len(share)), 1)
        lines.append(f"  {'time':<{_LABEL}} {style(words.bar(one.total / one.grace, bar), tone)} {share}")
    if len(one.escalation) > 1 or verdict.forced(one):
        lines += _parts("ladder", [_climb(climb) for climb in one.escalation], width)
    if one.leftovers:
        lines += _parts("left over", [_leftover(left, width) for left in one.leftovers[:8]], width, ",")
        if len(one.leftovers) > 8:
            lines += _row("", f"and {len(one.leftovers) - 8} more, all in the report (--report PATH)", width)
    if not one.leftovers_known:
        lines += _row("left over", "not known: nobody could look (no descriptors or memory left, or no /proc)", width)
    lines += _parts("seen", seen(one), width)
    advice = next_step(one)
    return lines + (_row("next", advice, width) if advice else [])


def _when(one: Shutdown) -> str:
    if one.marks.asked is None:
        main = one.marks.main_exited
        later = main is not None and one.total - main > 0.001
        return f"its last process {duration(one.total - (main or 0.0))} later" if later else ""
    if one.marks.exited is None:
        return f"given up after {duration(one.total)}"
    main = one.marks.main_exited
    if main is not None and one.total - main > 0.001:
        return f"the main process after {duration(main)}, all of it after {duration(one.total)}"
    return f"after {duration(one.total)}"


def _climb(climb: Climb) -> str:
    to = {
        "main": "the main process",
        "group": "the group",
        "leftovers": "what was left",
        "systemd": "everything, by systemd itself",
    }[climb.target]
    held = f", held for {duration(climb.held)} for the agent" if climb.held >= NOTABLE_HOLD else ""
    result = (
        f" (not permitted: it runs as {climb.user or 'another user'})"
        if climb.result == "not permitted"
        else RESULTS[climb.result]
    )
    return f"{instant(climb.at)} {signum.name(climb.signal)} to {to}{result}{held}"


def _leftover(left: Leftover, width: int) -> str:
    fate = {"ended": "ended", "killed": "had to be killed", "left": "still running"}[left.fate]
    if left.fate == "left" and left.user:
        fate += f", {words.not_permitted(left.user)}"
    return f"{words.command(left.argv, width - 40)} (pid {left.pid}): {fate}"


def seen(one: Shutdown) -> list[str]:
    """Return what was seen from outside while it stopped; empty when there was no time to look."""
    facts: list[str] = []
    if one.masks is not None and one.escalation and one.escalation[0].signal not in (signum.KILL, signum.STOP):
        first = one.escalation[0].signal
        name = signum.name(first)
        if one.masks.blocks(first):
            facts.append(f"it blocks {name}")
        else:
            what = one.masks.disposition(first)
            facts.append(
                {
                    "caught": f"it handles {name}",
                    "ignored": f"it ignores {name}",
                    "default": f"it has no handler for {name}",
                }[what]
            )
    if len(one.samples) >= 2:
        facts.append(_busy(one))
        closed = report.listening(one)
        facts += [
            f"listened on {address} to the end"
            if at is None
            else f"stopped listening on {address} within {duration(at)}"
            for address, at in closed[:4]
        ]
        facts += _connections([sample for sample in one.samples if sample.connections is not None])
    return facts


def _busy(one: Shutdown) -> str:
    first, last = one.samples[0], one.samples[-1]
    used, span = last.cpu - first.cpu, last.at - first.at
    if span > 0 and used / span >= 0.5:
        return f"busy: {duration(used)} of CPU in {duration(span)}"
    calls = [sample.syscall for sample in one.samples if sample.syscall is not None]
    waited = max(set(calls), key=calls.count) if calls else None
    cpu = f"{duration(used)} of CPU" if used else "no CPU used"
    return f"waiting{f' in {waited}' if waited else ''}, {cpu}"


def _connections(looks: list[Sample]) -> list[str]:
    counts = [sample.connections or 0 for sample in looks]
    if not counts or max(counts) == 0:
        return []
    if counts[0] == counts[-1]:
        return [f"{plural(counts[0], 'connection')} open all the time"]
    return [f"connections {counts[0]} → {counts[-1]}"]


def next_step(one: Shutdown) -> str:
    """Return what to do about a remarkable end; empty after an unremarkable one, and where a finding says it."""
    if one.findings:
        return ""
    if not one.leftovers_known:
        return "look yourself what is left (ps -ef), and raise the limit of open files (ulimit -n, LimitNOFILE=)"
    if one.outcome == "stuck":
        return (
            f"see where it hangs in the kernel: sudo cat /proc/{one.pid}/stack; often a network file system is gone"
        )
    first = one.escalation[0].signal if one.escalation else None
    if one.outcome == "killed" and first is not None and one.masks and one.masks.disposition(first) == "ignored":
        return f"handle {signum.name(first)} in the program, {another_signal(one.masks, first)}"
    if verdict.forced(one):
        return "give it more time with --grace, or run it again with -v --report PATH to see what it waits for"
    if verdict.slow(one):
        return "it used more than half of its grace period: raise --grace, or make the shutdown shorter"
    return ""


def _row(label: str, value: str, width: int) -> list[str]:
    return layout.row(label, value, _COLUMN, width, indent="  ")


def _parts(label: str, parts: list[str], width: int, separator: str = " ·") -> list[str]:
    """Return parts side by side as far as they fit; only one that fits no line is broken inside."""
    lines: list[str] = []
    for index, part in enumerate(parts):
        piece = part + (separator if index < len(parts) - 1 else "")
        if lines and _COLUMN + len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines += layout.wrap(piece, width - _COLUMN)
    return [f"  {label if index == 0 else '':<{_LABEL}} {line}" for index, line in enumerate(lines)]
