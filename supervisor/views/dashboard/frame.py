"""The dashboard's whole screen: (roster, usage, log, look, now, size) -> lines of rich segments. Pure.

Never more lines than the screen has rows, never more cells in a line than it has columns, at any size.
"""

from __future__ import annotations

import math

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from supervisor.core.frozen import Frozen
from supervisor.core.units import plural
from supervisor.views import layout
from supervisor.views.dashboard import fleet, rows, text
from supervisor.views.dashboard.rows import BOLD, BUSY, DIM, ERROR, GOOD, PLAIN, WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    from rich.console import Console, ConsoleOptions

    from supervisor.views.dashboard.fleet import Roster
    from supervisor.views.dashboard.rows import Usage, Worker
    from supervisor.views.dashboard.text import Line

    Pane: TypeAlias = Literal["rows", "log"]

_TONES = {"good": GOOD, "busy": BUSY, "warning": WARNING, "error": ERROR}
# Colours that tell workers apart in the log; none that a phase uses loudly.
_NAMES = [Style(color=color) for color in ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta")]
# A log of fewer lines tells nothing; below this height the rows get everything.
_LEAST_LOG = 3
_LEAST_HEIGHT_FOR_LOG = 12
# Below this width the fixed columns do not fit either: everything is cut.
_NARROW = 30
# From this width on a row says what a stop waits for; below, the line under it does.
_WIDE = 110


class Look(Frozen):
    """What the person at the keys has chosen. ``row`` is the first row shown, ``back`` log lines below the view."""

    row: int = 0
    back: int = 0
    log: bool = True
    focus: Pane = "rows"
    help: bool = False
    embedded: bool = False


class Log:
    """The newest lines of output: mappings as docs/control.md describes them, and how many were not sent to us."""

    MOST = 2000

    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []
        self.dropped = 0

    def add(self, lines: Sequence[Mapping[str, Any]], dropped: int) -> None:
        """Add newer lines; the oldest are forgotten beyond ``MOST``."""
        self.lines += lines
        self.dropped += dropped
        if len(self.lines) > 2 * self.MOST:
            del self.lines[: -self.MOST]


class Frame:
    """One screen. ``shown`` are the workers on it, ``moves_at`` the instant at which it next changes by itself.

    ``page`` is how many rows and log lines fit; ``look`` is what was asked for, with its offsets put in range.
    Also a rich renderable.
    """

    def __init__(self, look: Look) -> None:
        self.lines: list[Line] = []
        self.shown: Sequence[Worker] = ()
        self.moves_at = math.inf
        self.page: dict[Pane, int] = {"rows": 0, "log": 0}
        self.look = look

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in self.lines:
            yield from line
            yield Segment.line()


def frame(
    roster: Roster,
    usage: Mapping[int, Usage],
    log: Log,
    look: Look,
    now: float,
    width: int,
    height: int,
) -> Frame:
    """Draw one screen of ``width`` x ``height`` cells; ``usage`` is by pid, ``now`` CLOCK_MONOTONIC seconds."""
    # On a narrow screen each wait has a line of its own, as long as everybody fits.
    waits = roster.waits if width < _WIDE else 0
    room = _divide(height, len(roster.order), waits, look)
    first = max(min(look.row, len(roster.order) - room.rows), 0)
    back = max(min(look.back, len(log.lines) - room.log), 0)
    focus = _focus(look, room, len(roster.order), len(log.lines))
    made = Frame(look.with_(row=first, back=back, focus=focus))
    made.page = {"rows": room.rows, "log": room.log}
    made.lines.append(_header(roster, look, now, width))
    made.moves_at = fleet.state_moves_at(roster, now)
    if look.help:
        made.lines += _help(width, height - 2, look.embedded)
    else:
        _body(made, room, roster, usage, now, width)
        if room.log:
            made.lines += _log_pane(roster, log, made.look, room.log, width)
    if height > 2:
        # The footer keeps its place at the bottom.
        made.lines += [()] * (height - 1 - len(made.lines))
        made.lines.append(_footer(made, room, roster, log, width))
    del made.lines[max(height, 0) :]
    if width < _NARROW:
        made.lines = [tuple(rows.cut(list(line), width)) for line in made.lines]
    return made


class _Room(Frozen):
    """How the rows of the screen are divided; ``log`` without its title line."""

    titles: bool
    rows: int
    more: bool
    log: int
    below: bool


def _divide(height: int, workers: int, waits: int, look: Look) -> _Room:
    """Divide the screen: rows first; the log gets what they leave, at least a third of a screen that is high."""
    titles = height >= 6
    free = max(height - 1 - (height > 2) - titles, 0)
    log = 0
    with_log = look.log and height >= _LEAST_HEIGHT_FOR_LOG
    # What is waited for matters more than old output.
    below = waits > 0 and workers + waits <= free - (_LEAST_LOG + 1) * with_log
    if with_log:
        log = max(free - workers - waits * below - 1, _LEAST_LOG if below else free // 3, _LEAST_LOG)
        free -= log + 1
    more = workers > free
    return _Room(titles, max(free - more, 0) if free > 1 else free, more and free > 1, log, below)


def _focus(look: Look, room: _Room, workers: int, lines: int) -> Pane:
    """Return what the arrows move: what was chosen, unless only the other one has something to move."""
    if look.focus == "rows" and room.log and room.rows >= workers and lines > room.log:
        return "log"
    return "rows" if not room.log else look.focus


def _header(roster: Roster, look: Look, now: float, width: int) -> Line:
    keys = "q quit"
    if look.embedded:
        keys = "q lines" if roster.fleet.get("want") == "down" else "q lines · Ctrl-C stop"
    name = text.fit(roster.name, max(width // 4, 4))
    room = width - cell_len(name) - len(keys) - 6
    sentence, tone = fleet.state(roster, now, look.embedded, room)
    left = [Segment(f" {name} ", BOLD), Segment(f" {sentence}", _TONES[tone] + BOLD)]
    space = room - cell_len(sentence) + 2
    if space < 2:
        return tuple(rows.cut(left, width))
    return (*left, Segment(" " * space), Segment(keys, DIM))


def _body(made: Frame, room: _Room, roster: Roster, usage: Mapping[int, Usage], now: float, width: int) -> None:
    layout = rows.columns(width, roster.longest).with_(below=room.below)
    first = made.look.row
    made.shown = roster.order[first : first + room.rows]
    if room.titles:
        made.lines.append(rows.titles(layout, made.shown))
    for worker in made.shown:
        made.lines.append(rows.row(worker, usage.get(worker.get("pid") or 0), layout, now))
        waits = rows.below(worker, layout) if room.below else None
        if waits:
            made.lines.append(waits)
        made.moves_at = min(made.moves_at, rows.moves_at(worker, now))
    if room.more:
        below = roster.order[first + room.rows :]
        hidden = fleet.hidden(roster.order[:first], below)
        made.lines.append((Segment(text.fit(" " + hidden, width), DIM),))


def _log_pane(roster: Roster, log: Log, look: Look, height: int, width: int) -> list[Line]:
    end = len(log.lines) - look.back
    shown = log.lines[max(end - height, 0) : end]
    notes = ["log"]
    if look.back:
        notes.append(f"{plural(look.back, 'newer line')} below, End follows")
    if log.dropped:
        notes.append(f"{plural(log.dropped, 'line')} left out (too fast to show)")
    title = f"─── {' · '.join(notes)} "
    lines: list[Line] = [(Segment(text.fit(title + "─" * (width - cell_len(title)), width), DIM),)]
    if not shown:
        lines.append((Segment(text.fit(" no output yet", width), DIM),))
    # Ours fits: "supervisor".
    name = min(max(roster.longest, 10), 16 if width < 100 else 24)
    below: list[Line] = []
    for one in reversed(shown):
        below = _log_lines(one, name, width) + below
        if len(below) >= height:
            break
    return lines + below[-height:]


def _log_lines(one: Mapping[str, Any], name: int, width: int) -> list[Line]:
    """Return a line of a worker cut to the screen's width, and one of ours broken between words."""
    room = width - name - 4
    if one.get("index") is not None or room < layout.NARROWEST:
        return [_log_line(one, name, width)]
    return [
        _log_line({**one, "line": piece}, name, width)
        for piece in layout.wrap(text.printable(str(one.get("line", ""))), room, "  ")
    ]


def _log_line(one: Mapping[str, Any], name: int, width: int) -> Line:
    index = one.get("index")
    ours = index is None
    title = text.printable(str(one.get("title") or "supervisor"))
    bar = Segment(" │ ", ERROR if one.get("stream") == "stderr" else DIM)
    head = Segment(" " + text.pad(title, name), BOLD if ours else _NAMES[int(index or 0) % len(_NAMES)])
    room = width - name - 4
    if room < 8:
        return text.line(str(one.get("line", "")), width)
    return (head, bar, *text.line(str(one.get("line", "")), room, BOLD if ours else PLAIN))


def _footer(made: Frame, room: _Room, roster: Roster, log: Log, width: int) -> Line:
    look = made.look
    if look.help:
        keys_line = " any key closes this"
    else:
        can = {"rows": room.rows < len(roster.order), "log": 0 < room.log < len(log.lines)}
        keys = []
        if can[look.focus]:
            keys.append(f"↑↓ PgUp PgDn {look.focus}")
        if all(can.values()):
            keys.append(f"Tab {'log' if look.focus == 'rows' else 'rows'}")
        keys += ["l hide log" if look.log else "l show log", "? help"]
        keys_line = " " + " · ".join(keys)
    return (Segment(text.fit(keys_line, width), DIM),)


_KEYS = (
    ("↑ ↓ PgUp PgDn", "move the rows, or the log; Home and End: to its ends"),
    ("Tab", "choose which of the two they move"),
    ("l", "show or hide the log"),
    ("?", "this page"),
)
_PHASES = (
    ("waiting", "it waits for what it depends on"),
    ("starting", "the process exists but is not ready yet"),
    ("running", "ready"),
    ("unstable", "running again after a failure, not yet for long"),
    ("draining", "the stop was requested; it finishes its work"),
    ("cleaning", "its work is done; it closes what it had open"),
    ("leaving", "its main process is ending or has ended; others may be left"),
    ("killed", "SIGKILL was sent"),
    ("stuck", "did not end after SIGKILL: it hangs in the kernel"),
    ("backoff", "ended without a request; it starts again soon"),
    ("failed", "could not be started, ended too often, or did not answer"),
    ("skipped", "not started: what it depends on has failed"),
    ("exited", "it has ended and is not to start again"),
)


def _help(width: int, height: int, embedded: bool) -> list[Line]:
    leave = (
        (("q", "close the dashboard; the fleet goes on, output follows as lines"), ("Ctrl-C", "stop the fleet"))
        if embedded
        else (("q Ctrl-C", "leave; the fleet goes on"),)
    )
    lines: list[Line] = []
    for title, table in (("keys", (*_KEYS, *leave)), ("phases", _PHASES)):
        lines += [(), (Segment(f" {title}", BOLD),)]
        for key, meaning in table:
            style = rows.STYLES.get(key, PLAIN)
            lines.append(tuple(rows.cut([Segment(f"  {key:<15}", style), Segment(meaning)], width)))
    tail = "  the bar of a stopping worker fills until the next step of its escalation"
    lines += [(), (Segment(text.fit(tail, width), DIM),)]
    # A low screen does without the empty lines.
    return lines if len(lines) <= height else [line for line in lines if line]
