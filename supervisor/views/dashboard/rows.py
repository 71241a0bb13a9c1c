"""One worker as one line of the dashboard: the columns, what each phase shows, and when that next changes. Pure.

Takes workers as core/contract/state.py makes them (plain dictionaries; instants are CLOCK_MONOTONIC seconds).
"""

from __future__ import annotations

import math

from rich.segment import Segment
from rich.style import Style

from supervisor.core.frozen import Frozen
from supervisor.core.units import duration, plural, size
from supervisor.views import starting, words
from supervisor.views.dashboard import waits
from supervisor.views.dashboard.text import fit, pad, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    from supervisor.views.dashboard.text import Line

    Worker: TypeAlias = Mapping[str, Any]

DIM = Style(dim=True)
BOLD = Style(bold=True)
GOOD = Style(color="green")
BUSY = Style(color="cyan")
WARNING = Style(color="yellow")
ERROR = Style(color="red")
LOUD = Style(color="red", bold=True)
PLAIN = Style()

STYLES = {
    "waiting": DIM,
    "starting": BUSY,
    "running": GOOD,
    "draining": WARNING,
    "cleaning": WARNING,
    "leaving": WARNING,
    "killed": ERROR,
    "stuck": LOUD,
    "exited": DIM,
    "backoff": WARNING,
    "failed": ERROR,
    "skipped": ERROR,
}
STOPPING = frozenset(("draining", "cleaning", "leaving", "killed", "stuck"))
_ELAPSED, _STEP = 7, 14
# Seconds between frames while a bar or a tenth of a second is on screen.
FRAME = 0.25

PHASE, PID, AGE, CPU, MEMORY, RESTARTS, GAP = 8, 7, 10, 6, 8, 8, 2
_USAGE = AGE + CPU + MEMORY + RESTARTS + 3 * GAP
# Cells from which on a row has room for what a stop waits for beside the usage columns; below, it replaces them.
_BESIDE = 72
_LEAST_COMMAND = 16


class Usage(Frozen):
    """The resources that a worker takes now: CPU as a share of one core (None until two samples), memory in bytes."""

    cpu: float | None
    memory: int


class Columns(Frozen):
    """Widths in cells. ``rest`` is what follows name, phase and pid: usage columns, details, or (``beside``) both.

    ``below``: what a stop waits for has a line of its own, because the row has too little room to say it.
    """

    name: int
    pid: bool
    rest: int
    beside: bool
    total: int
    below: bool = False

    @property
    def detail(self) -> int:
        """Return the number of cells for details."""
        return self.rest - _USAGE - GAP if self.beside else self.rest

    @property
    def bar(self) -> int:
        """Return the number of cells of a stop's bar."""
        room = self.detail - _ELAPSED - _STEP
        return max(min(room - 2 if self.below else room // 6, 30), 6)


def columns(width: int, longest: int) -> Columns:
    """Return the layout of a screen of ``width`` cells whose longest worker's name has ``longest`` cells."""
    cap = max(width // 4, 16)
    name = max(min(longest, cap, width - PHASE - GAP - 1), 6)
    rest = width - 1 - name - GAP - PHASE - GAP
    pid = rest >= PID + GAP + 20
    if pid:
        rest -= PID + GAP
    return Columns(name=name, pid=pid, rest=max(rest, 0), beside=rest - _USAGE - GAP >= _BESIDE, total=width)


def titles(layout: Columns, shown: Sequence[Worker]) -> Line:
    """Return the line of titles above the rows."""
    text = " " + pad("worker", layout.name) + " " * GAP + pad("phase", PHASE)
    if layout.pid:
        text += " " * GAP + pad("pid", PID, right=True)
    stopping = any(_stops(worker) for worker in shown)
    usage = layout.beside or any(worker["phase"] in ("running", "starting") for worker in shown)
    if usage and layout.rest >= _USAGE:
        text += " " * GAP + _usage_cells("uptime", "CPU", "memory", "restarts")
    if stopping and (layout.beside or not usage):
        text += " " * GAP + pad("elapsed", _ELAPSED, right=True) + " "
        text += pad("next step", layout.bar + 1 + _STEP + GAP) + ("" if layout.below else "waits for")
    return (Segment(fit(text.rstrip(), layout.total), DIM),)


def row(worker: Worker, usage: Usage | None, layout: Columns, now: float) -> Line:
    """Return the row of one worker."""
    phase = str(worker["phase"])
    quiet = phase in ("exited", "waiting")
    name = _short(printable(str(worker["title"])), layout.name)
    segments = [
        Segment(" " + pad(name, layout.name) + " " * GAP, DIM if quiet else PLAIN),
        Segment(
            pad(_shown_phase(worker, now), PHASE), WARNING if unstable(worker, now) else STYLES.get(phase, PLAIN)
        ),
    ]
    if layout.pid:
        pid = worker.get("pid")
        segments.append(Segment(" " * GAP + pad("–" if pid is None else str(pid), PID, right=True), DIM))
    detail = details(worker, now, layout)
    if layout.beside or (not detail and layout.rest >= _USAGE):
        segments += _usage(worker, usage, now, quiet)
    if detail:
        segments += [Segment(" " * GAP), *detail]
    elif layout.rest - _USAGE - GAP >= _LEAST_COMMAND:
        argv = tuple(printable(str(word)) for word in worker.get("argv") or ())
        room = layout.rest - _USAGE - GAP
        segments.append(Segment(" " * GAP + fit(words.command(argv, room), room), DIM))
    return tuple(segments)


def below(worker: Worker, layout: Columns) -> Line | None:
    """Return the line below a stopping worker that says what the worker waits for; None when nothing is known."""
    if not says_waits(worker):
        return None
    indent = layout.name + GAP
    return (Segment(" " * indent + "└ " + waits.said(worker, layout.total - indent - 2), DIM),)


def says_waits(worker: Worker) -> bool:
    """Return whether the line :func:`below` has something to say."""
    return _stops(worker) and bool(waits.outside(worker) or worker.get("waits"))


def unstable(worker: Worker, now: float) -> bool:
    """Return whether a worker runs again after a failure, not yet for long enough to count as healthy."""
    return (worker.get("healthy_at") or 0.0) > now


def _shown_phase(worker: Worker, now: float) -> str:
    """Return the phase; a worker in a loop of crashes is not called ``running`` between two of them."""
    return "unstable" if unstable(worker, now) else str(worker["phase"])


def details(worker: Worker, now: float, layout: Columns) -> list[Segment]:
    """Return what there is to say of a worker that does not simply run; nothing of one that does."""
    phase, width = worker["phase"], layout.detail
    if width < 8:
        return []
    if _stops(worker):
        return _stopping(worker, now, layout)
    if phase == "backoff":
        return cut(_waiting_to_start(worker, now, width), width)
    if phase == "failed":
        text = _end(worker) or "could not be started"
        given_up = f", given up after {plural(int(worker['starts']), 'start')}" if worker["starts"] > 1 else ""
        return cut([Segment(text + given_up, ERROR)], width)
    if phase in ("exited", "killed", "stuck"):
        style = ERROR if ended_badly(worker) else DIM
        return cut([Segment(_end(worker), style), Segment(_when(worker, now), DIM)], width)
    if text := starting.standing(worker, now):
        style = {"skipped": ERROR, "running": WARNING}.get(phase, DIM)
        return cut([Segment(text, style)], width)
    told = words.said(worker.get("status_text"), worker.get("errno"), worker.get("reloading"))
    return cut([Segment(told, DIM)], width) if told else []


def _waiting_to_start(worker: Worker, now: float, width: int) -> list[Segment]:
    """Return when a worker starts again, how it ended, and how often it was started, as far as there is room."""
    at = worker.get("restart_at")
    when = "" if at is None else countdown(at - now)
    ended = _end(worker)
    for head, tail in ((f"restart {when}", f" · {plural(int(worker['starts']), 'start')}"), (f"restart {when}", "")):
        if len(f"{head} · {ended}{tail}") <= width:
            break
    else:
        head = when
    return [Segment(f"{head} · " if when else "", WARNING), Segment(ended + tail, DIM)]


def ended_badly(worker: Worker) -> bool:
    """Return whether a worker ended otherwise than was wanted."""
    return worker.get("as_wanted") is False


def moves_at(worker: Worker, now: float) -> float:
    """Return the instant at which the text of the row next changes by itself; infinity for never."""
    phase = worker["phase"]
    if _stops(worker) or phase == "backoff":
        return now + FRAME
    since = worker.get("ended") if phase == "exited" else worker.get("since")
    if worker.get("trying"):
        return now + FRAME
    if since is None or phase in ("failed", "waiting", "skipped") or worker.get("took") is not None:
        return math.inf
    at = now + _age_step(now - since)
    return min(at, worker["healthy_at"]) if unstable(worker, now) else at


def age(seconds: float) -> str:
    """Return a duration in units that rarely change: ``42 s``, ``12 min``, ``3 h 07 min``, ``2 d 04 h``."""
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes // 60 % 24:02} h"


def _age_step(seconds: float) -> float:
    """Return the seconds until :func:`age` says something else."""
    step = 1.0 if seconds < 60 else 60.0 if seconds < 86400 else 3600.0
    return step - seconds % step


def countdown(seconds: float) -> str:
    """Return a time to come: ``in 6.8 s``, ``in 42 s``, ``in 3 min``, ``in 5 h``; ``now`` when it is due."""
    if seconds <= 0.05:
        return "now"
    return f"in {seconds:.1f} s" if seconds < 9.95 else f"in {whole(seconds)}"


def whole(seconds: float) -> str:
    """Return a time to come in one unit, rounded up: it never promises an earlier end than comes."""
    for unit, scale, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds <= scale * most:
            return f"{math.ceil(seconds / scale)} {unit}"
    return f"{math.ceil(seconds / 86400)} d"


def _stops(worker: Worker) -> bool:
    return worker["phase"] in STOPPING and bool(worker.get("stop"))


def _stopping(worker: Worker, now: float, layout: Columns) -> list[Segment]:
    stop = worker["stop"]
    asked = stop.get("asked")
    elapsed = now - (stop["since"] if asked is None else asked)
    style = STYLES.get(worker["phase"], WARNING)
    segments = [Segment(pad(_elapsed(elapsed), _ELAPSED, right=True) + " ")]
    following = _next_step(stop)
    at = stop.get("next_at")
    if at is None:
        segments.append(Segment(pad("no further step", layout.bar + 1 + _STEP), style))
    else:
        span = at - stop["since"]
        share = (now - stop["since"]) / span if span > 0 else 1.0
        near = at - now < 2 and following in ("KILL", "stuck")
        segments.append(Segment(words.bar(share, layout.bar) + " ", style))
        segments.append(Segment(pad(f"{following} {countdown(at - now)}", _STEP), LOUD if near else style))
    if not layout.below:
        room = layout.detail - sum(segment.cell_length for segment in segments) - GAP
        segments.append(Segment(" " * GAP + waits.said(worker, room, "waits for "), DIM))
    return cut(segments, layout.detail)


def _next_step(stop: Mapping[str, Any]) -> str:
    """Return the next rung's signal as the escalation is written; after the last rung the verdict *stuck*."""
    signal = stop.get("next_signal")
    return str(signal).removeprefix("SIG") if signal else "stuck"


def _elapsed(seconds: float) -> str:
    return f"{max(seconds, 0):.1f} s" if seconds < 99.95 else age(seconds)


def _end(worker: Worker) -> str:
    """Return how a worker ended last, as words.ended says it."""
    if worker.get("outcome") == "stuck":
        return "did not die of SIGKILL"
    if worker.get("started") is False:
        return f"could not be started ({worker.get('exit_code')})"
    if worker.get("signal"):
        killed = worker.get("outcome") == "killed"
        return "had to be killed (SIGKILL)" if killed else f"died of {worker['signal']}"
    if worker.get("exit_code") is not None:
        return f"exited with {worker['exit_code']}"
    return ""


def _when(worker: Worker, now: float) -> str:
    took = worker.get("took")
    if took is not None:
        return f" after {duration(took)}"
    ended = worker.get("ended")
    return f", {age(now - ended)} ago" if ended is not None else ""


def _usage(worker: Worker, usage: Usage | None, now: float, quiet: bool) -> list[Segment]:
    since = worker.get("since") if worker.get("pid") is not None else None
    cpu = "–" if usage is None or usage.cpu is None else f"{usage.cpu * 100:.0f} %"
    text = _usage_cells(
        "–" if since is None else age(now - since),
        cpu,
        "–" if usage is None else size(usage.memory),
        "",
    )[:-RESTARTS]
    restarts = max(int(worker["starts"]) - 1, 0)
    return [
        Segment(" " * GAP + text, DIM if quiet else PLAIN),
        Segment(pad(str(restarts), RESTARTS, right=True), WARNING if restarts else DIM),
    ]


def _usage_cells(uptime: str, cpu: str, memory: str, restarts: str) -> str:
    widths = ((uptime, AGE), (cpu, CPU), (memory, MEMORY), (restarts, RESTARTS))
    return (" " * GAP).join(pad(text, width, right=True) for text, width in widths)


def _short(title: str, width: int) -> str:
    """Return a name cut in its middle, so that the instance's number stays."""
    if len(title) <= width and title.isascii():
        return title
    head, dot, tail = title.rpartition(".")
    if fit(title, width) != title and dot and tail.isdecimal() and len(tail) + 3 < width:
        return fit(head, width - len(tail) - 1) + dot + tail
    return fit(title, width)


def cut(segments: list[Segment], width: int) -> list[Segment]:
    """Return at most ``width`` cells of the segments."""
    kept: list[Segment] = []
    for text, style, _ in segments:
        shown = fit(text, width)
        if shown:
            kept.append(Segment(shown, style))
        width -= Segment(shown).cell_length
        if shown != text or width <= 0:
            break
    return kept
