"""Sentences and the final table about a whole fleet. Pure; the colour is a function handed in."""

from __future__ import annotations

from supervisor.core import signum, verdict
from supervisor.core.contract import chains, report
from supervisor.core.contract.state import next_kill
from supervisor.core.record import Shutdown
from supervisor.core.units import duration, plural
from supervisor.core.visible import visible
from supervisor.views import starting, summary, words
from supervisor.views.layout import hanging, middle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.fleet.state import Fleet
    from supervisor.core.spec import WorkerId
    from supervisor.views.layout import Style


# A table of more rows than that would fill an 80 x 24 terminal: instances that ended alike share one.
MOST_ROWS = 12
# Columns that a name has at least; of a longer one the middle is left out.
LEAST_NAME = 16
ABOUT = 0.25  # seconds that make no difference between instances
# Of two ends for one reason the shorter took at least this part of the longer: what scheduling makes of equal work.
EQUAL = 0.95


def stopping(fleet: Fleet, at: float) -> str:
    """Return what a stop request sets going, and when that ends at the latest."""
    alive = [life for life in fleet.lives.values() if life.alive or life.stopping]
    if not alive:
        return "stopping: all workers have ended already"
    head = f"stopping {plural(len(alive), 'worker')}"
    waiting = sum(life.awaits is not None for life in alive)
    if waiting:
        head += f", {waiting} of them after those that depend on {'it' if waiting == 1 else 'them'}"
    kill_at = next_kill(fleet)
    pending = [life for life in alive if life.killed is None]
    if not pending:
        return f"{head}: SIGKILL sent"
    if fleet.requests > 1:
        now = ", ".join(sorted({signum.name(life.rung.signal) for life in alive if life.rung is not None}))
        head = f"{head}, asked again: {now} sent"
    if kill_at is None:
        return f"{head}, no kill is planned; Ctrl-C again: next step now"
    first = min((life.kill_at for life in pending if life.kill_at is not None), default=kill_at)
    last = f" to {duration(max(kill_at - at, 0.0))}" if kill_at - first > 0.5 else ""
    return f"{head}, kill in {duration(max(first - at, 0.0))}{last}; Ctrl-C again: next step now"


def unreachable(error: OSError) -> str:
    """Return why there is no control socket, and what that means."""
    where = f" at {error.filename}" if error.filename else ""
    return (
        f"no control socket{where}: {error.strerror}; `supervisor status`, `stop` and `top` cannot reach this fleet "
        '(SIGTERM stops it; [fleet] control = "off" for no socket)'
    )


def unasked_end(one: Shutdown, fleet: Fleet, worker: WorkerId, at: float, failure: str = "") -> str | None:
    """Return what to say about an end without a stop request, else None. ``failure``: why it never ran."""
    if one.asked_by != "self" and one.cause is None:
        return None
    attempts = fleet.lives[worker].attempts
    text = f"{one.title}: {failure}" if failure else f"{one.title} {words.ended(one)}"
    if one.cause is not None:
        text = f"{one.title} stopped: {words.failing(one)}"
    if attempts.due is not None:
        text += f"; restart {attempts.count} in {duration(max(attempts.due - at, 0.0))}"
    return text


def unstarted(fleet: Fleet) -> list[tuple[str, str]]:
    """Return (name, why) of the workers that were never started; instances with the same reason are one."""
    alike: dict[tuple[str, str], list[str]] = {}
    for life in fleet.lives.values():
        if life.start == 0:
            why = life.missing or "the stop came before its turn"
            alike.setdefault((life.spec.name, why), []).append(life.spec.title)
    return [(visible(titles[0] if len(titles) == 1 else f"{name} ×{len(titles)}"), visible(why))
            for (name, why), titles in alike.items()]  # fmt: skip


def table(
    shutdowns: Sequence[Shutdown],
    width: int,
    style: Style,
    forgotten: int = 0,
    unstarted: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the table of a fleet's ends: the slowest first, which one came last, which ones had ended before.

    ``unstarted``: who was never started, and why.
    """
    shutdowns = _named(shutdowns)
    asked = [one for one in shutdowns if one.requested]
    rows = sorted(asked, key=lambda one: -one.total)
    if not rows:
        return ""
    earlier = _ended_before(shutdowns)
    groups = _rows(rows)
    names = [*(title for title, _ in groups), *(one.title for one in earlier), *(title for title, _ in unstarted)]
    wide = min(max(map(len, names)), max(width // 4, LEAST_NAME))
    longest = max(one.total for one in rows) or 1.0
    room = width - wide - 27 - max(len(words.ended(one)) for one in rows)
    bar = max(min(room, 30), min(8, width - wide - 27), 0)
    lines = [style(_head(rows), "bold")]
    for title, one in groups:
        tone = "error" if verdict.forced(one) else "warning" if verdict.worth_telling(one) else "good"
        grace = f"of {duration(one.grace)}" if one.grace is not None else "no limit"
        head = f"  {middle(title, wide):<{wide}}  {duration(one.total):>8} {grace:<10}  "
        filled = words.bar(one.total / longest, bar) if bar else ""
        lines += hanging(f"{head}{filled}  ", words.ended(one), width, f"{head}{style(filled, tone)}  ")
    way = chains.stop(asked)
    if len(way) > 1:
        lines += hanging("  ", starting.said(way, "one after the other"), width)
    held = report.hold(shutdowns)
    if held is not None and held.alone >= 0.01:
        lines += hanging("  ", words.finished_last(f"`{middle(held.worker, wide)}`", held), width)
    for one in earlier:
        ended, tone = words.ended(one), "good" if one.outcome == "clean" else "error"
        told = hanging(f"  {middle(one.title, wide):<{wide}}  ", _earlier(one), width)
        lines += [line.replace(ended, style(ended, tone)) for line in told]
    for title, why in unstarted:
        lines += hanging(f"  {middle(title, wide):<{wide}}  ", f"not started: {why}", width)
    if forgotten:
        lines.append(f"  {forgotten} earlier ends are not listed")
    return "\n".join(lines) + "\n"


def _head(asked: Sequence[Shutdown]) -> str:
    """Return what the table is about; a worker that was stopped and started again has several rows."""
    count = len({one.title for one in asked})
    return f"{'shutdown' if count == len(asked) else f'{len(asked)} ends'} of {plural(count, 'worker')}"


def _earlier(one: Shutdown) -> str:
    """Return how a worker had ended before the stop was requested."""
    starts = f", after {one.start} starts" if one.start > 1 else ""
    if not one.started:
        return words.ended(one) + starts
    if one.direct_signal is not None:
        return f"had ended of a {signum.name(one.direct_signal)} from elsewhere: {words.ended(one)}{starts}"
    how = "by itself" if words.by_itself(one) else "without a stop request"
    return f"had ended {how}: {words.ended(one)}{starts}"


def _named(shutdowns: Sequence[Shutdown]) -> list[Shutdown]:
    """Return the records with names that can be shown; of hundreds each text is looked at only where it is told."""
    return [one if one.worker.isprintable() else one.with_(worker=visible(one.worker)) for one in shutdowns]


def _rows(ends: Sequence[Shutdown]) -> list[tuple[str, Shutdown]]:
    """Return (name, the slowest of it) for each row; of many rows, the instances that ended alike are one."""
    if len(ends) <= MOST_ROWS:
        return [(one.title, one) for one in ends]
    groups: dict[object, list[list[Shutdown]]] = {}
    for one in ends:
        alike = groups.setdefault(_shown(one), [])
        # The slowest come first: who is too quick for the last group begins the next.
        if alike and one.total >= min(alike[-1][0].total / 2, alike[-1][0].total - ABOUT):
            alike[-1].append(one)
        else:
            alike.append([one])
    rows = [(group[0].title if len(group) == 1 else f"{group[0].worker} ×{len(group)}", group[0])
            for alike in groups.values() for group in alike]  # fmt: skip
    return sorted(rows, key=lambda row: -row[1].total)


def _shown(one: Shutdown) -> object:
    """Return what ends that share a row have in common, besides about the time of the bar: words and colour."""
    return one.worker, words.ended(one), one.grace, verdict.forced(one), verdict.worth_telling(one)


def _ended_before(shutdowns: Sequence[Shutdown]) -> list[Shutdown]:
    """Return the last end of each worker that had ended before the stop was requested."""
    last = {one.title: one for one in shutdowns}
    return [one for one in last.values() if not one.requested]


def details(shutdowns: Sequence[Shutdown], width: int, style: Style) -> str:
    """Return the remarkable ends in full, the worst first; those that ended alike are told once and counted.

    What makes one remarkable may be a threshold that its equals missed by milliseconds (half of the grace period):
    those count too, and the group has the severity of its worst.
    """
    alike: dict[object, list[Shutdown]] = {}
    for one in sorted(_named(shutdowns), key=lambda one: (-_weight(one), -one.total)):
        group = alike.get(_kind(one), [])
        if verdict.worth_telling(one) or (group and one.findings and one.total >= EQUAL * group[-1].total):
            alike.setdefault(_kind(one), []).append(one)
    told: list[str] = []
    for first, *others in alike.values():
        text = summary.text(first, width, style, first.title)
        if others:
            titles = list(dict.fromkeys(one.title for one in others))  # one that was restarted has several ends
            names = ", ".join(titles[:3]) + (" …" if len(titles) > 3 else "")
            alike_too = f"{plural(len(others), 'more end')} like this: {names}"
            text += "\n" + "\n".join(hanging("  ", alike_too, width)) + "\n"
        told.append(text)
    return "\n".join(told)


def _weight(one: Shutdown) -> int:
    severities = [finding.severity for finding in one.findings]
    return 2 if "error" in severities or verdict.forced(one) else 1 if "warning" in severities else 0


def _kind(one: Shutdown) -> object:
    """Return what makes two ends alike: how they ended, and the first reason with its place."""
    first = one.findings[0] if one.findings else None
    where = first.where if first is not None else None
    place = (where.file, where.line) if where is not None else None
    return one.worker, one.outcome, first.code if first is not None else None, place
