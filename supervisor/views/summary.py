"""One shutdown as a short, calm text for the terminal. Pure; the colour is a function handed in."""

from __future__ import annotations

from supervisor.core import signum, verdict
from supervisor.core.contract import report
from supervisor.core.record import Climb, Leftover, Sample, Shutdown
from supervisor.views import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Style: TypeAlias = Callable[[str, str], str]

BAR = 24
_LABEL = 9


def plain(text: str, _style: str) -> str:
    """No colour."""
    return text


def ansi(text: str, style: str) -> str:
    """The eight colours that every terminal has (ECMA-48 SGR)."""
    code = {"error": "31", "warning": "33", "good": "32", "dim": "2", "bold": "1"}.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def text(one: Shutdown, width: int = 80, style: Style = plain, head: str = "supervisor") -> str:
    """The report of one shutdown, lines of at most ``width`` columns, ending in a newline."""
    lines = [f"{head}: {style(words.command(one.argv, width - len(head) - 2), 'bold')}"]
    tone = "error" if verdict.forced(one) else "warning" if verdict.worth_telling(one) else "good"
    when = _when(one)
    how = words.ended(one) + (f", {when}" if when else "")
    first, *more = _paragraph("ended", f"{how}; {words.asked(one)}", width)
    lines += [first.replace(words.ended(one), style(words.ended(one), tone)), *more]
    if one.requested and one.grace:
        share = f"{words.duration(one.total)} of {words.duration(one.grace)} grace"
        bar = max(min(BAR, width - _LABEL - 4 - len(share)), 1)
        lines.append(_line("time", f"{style(words.bar(one.total / one.grace, bar), tone)} {share}"))
    if len(one.escalation) > 1 or verdict.forced(one):
        lines += _wrapped("ladder", [_climb(climb) for climb in one.escalation], width)
    if one.leftovers:
        lines += _wrapped("left over", [_leftover(left, width) for left in one.leftovers[:8]], width, ",")
        if len(one.leftovers) > 8:
            lines.append(_line("", f"and {len(one.leftovers) - 8} more, all in the report (--report PATH)"))
    lines += _wrapped("seen", seen(one), width)
    advice = next_step(one)
    if advice:
        lines += _paragraph("next", advice, width)
    return "\n".join(lines) + "\n"


def _when(one: Shutdown) -> str:
    if one.marks.asked is None:
        main = one.marks.main_exited
        later = main is not None and one.total - main > 0.001
        return f"its last process {words.duration(one.total - (main or 0.0))} later" if later else ""
    if one.marks.exited is None:
        return f"given up after {words.duration(one.total)}"
    main = one.marks.main_exited
    if main is not None and one.total - main > 0.001:
        return f"the main process after {words.duration(main)}, all of it after {words.duration(one.total)}"
    return f"after {words.duration(one.total)}"


def _climb(climb: Climb) -> str:
    to = {"main": "the main process", "group": "the group", "leftovers": "what was left"}[climb.target]
    nobody = "" if climb.delivered else " (nobody was there)"
    return f"{words.instant(climb.at)} {signum.name(climb.signal)} to {to}{nobody}"


def _leftover(left: Leftover, width: int) -> str:
    fate = {"ended": "ended", "killed": "had to be killed", "left": "still runs"}[left.fate]
    return f"{words.command(left.argv, width - 40)} (pid {left.pid}): {fate}"


def seen(one: Shutdown) -> list[str]:
    """What was seen from outside while it stopped, in words; empty when there was no time to look."""
    facts: list[str] = []
    if one.masks is not None and one.escalation:
        first = one.escalation[0].signal
        name = signum.name(first)
        if one.masks.blocks(first):
            facts.append(f"it holds {name} blocked")
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
            else f"stopped listening on {address} within {words.duration(at)}"
            for address, at in closed[:4]
        ]
        facts += _connections([sample for sample in one.samples if sample.connections is not None])
    return facts


def _busy(one: Shutdown) -> str:
    first, last = one.samples[0], one.samples[-1]
    used, span = last.cpu - first.cpu, last.at - first.at
    if span > 0 and used / span >= 0.5:
        return f"busy: {words.duration(used)} of CPU in {words.duration(span)}"
    calls = [sample.syscall for sample in one.samples if sample.syscall is not None]
    waited = max(set(calls), key=calls.count) if calls else None
    cpu = f"{words.duration(used)} of CPU" if used else "no CPU used"
    return f"waiting{f' in {waited}' if waited else ''}, {cpu}"


def _connections(looks: list[Sample]) -> list[str]:
    counts = [sample.connections or 0 for sample in looks]
    if not counts or max(counts) == 0:
        return []
    if counts[0] == counts[-1]:
        return [f"{words.plural(counts[0], 'connection')} open all the time"]
    return [f"connections {counts[0]} → {counts[-1]}"]


def next_step(one: Shutdown) -> str:
    """What to do about a remarkable end; empty after an unremarkable one."""
    if one.findings:
        return ""
    first = signum.name(one.escalation[0].signal) if one.escalation else "the signal"
    if one.outcome == "stuck":
        return f"look where it hangs in the kernel: cat /proc/{one.pid}/stack; often a dead network file system"
    if (
        one.outcome == "killed"
        and one.masks is not None
        and one.masks.disposition(one.escalation[0].signal) == "ignored"
    ):
        return (
            f"let it handle {first}, or send one that it handles: --rewrite {first}:INT, or stop.signal in a config"
        )
    if verdict.forced(one):
        return "give it more time (--grace), or find out what it waited for: run it again with -v and --report PATH"
    if verdict.slow(one):
        return "more than half of the grace period is used: raise --grace, or make the shutdown shorter"
    return ""


def _line(label: str, value: str) -> str:
    return f"  {label:<{_LABEL}} {value}"


def _wrapped(label: str, parts: list[str], width: int, separator: str = " ·") -> list[str]:
    """Parts side by side as far as they fit, never broken inside."""
    lines: list[str] = []
    current = ""
    for index, part in enumerate(parts):
        piece = part + (separator if index < len(parts) - 1 else "")
        if current and _LABEL + 3 + len(current) + 1 + len(piece) > width:
            lines.append(current)
            current = piece
        else:
            current = f"{current} {piece}" if current else piece
    if current:
        lines.append(current)
    return [_line(label if index == 0 else "", line) for index, line in enumerate(lines)]


def _paragraph(label: str, value: str, width: int) -> list[str]:
    import textwrap

    return [
        _line(label if index == 0 else "", line)
        for index, line in enumerate(textwrap.wrap(value, max(width - _LABEL - 3, 20), break_on_hyphens=False))
    ]
