"""The fleet as a whole: in which order the workers are shown, how many are where, and the header's sentence. Pure."""

from __future__ import annotations

import math

from rich.cells import cell_len

from supervisor.core.units import plural
from supervisor.views.dashboard.rows import STOPPING, ended_badly, says_waits, unstable, whole
from supervisor.views.dashboard.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from supervisor.views.dashboard.rows import Worker

# The order in which counts are told: what needs a look first.
_TOLD = "stuck killed draining cleaning leaving failed skipped backoff starting waiting running exited".split()
_AT_REST = frozenset(("exited", "failed", "skipped", "waiting", "backoff"))


class Roster:
    """The workers in the order of the screen, and counts; made anew when a worker changed, not for every frame."""

    def __init__(self, fleet: Mapping[str, Any], workers: Iterable[Worker]) -> None:
        self.fleet = fleet
        self.order: list[Worker] = sorted(workers, key=urgency)
        self.counts = counts(self.order)
        self.waits = sum(says_waits(worker) for worker in self.order)
        self.longest = max((cell_len(printable(str(worker["title"]))) for worker in self.order), default=0)

    @property
    def stopping(self) -> int:
        """Return how many workers are on their way down."""
        return sum(self.counts.get(phase, 0) for phase in STOPPING)

    @property
    def name(self) -> str:
        """Return the fleet's name, safe to show."""
        return printable(str(self.fleet.get("name") or "supervisor"))


def urgency(worker: Worker) -> tuple[int, float, int]:
    """Return the sort key of a row: stuck, stopping (nearest its kill first), failed, bad ends, backoff, the others.

    The others keep the order of the config, those that were stopped come last. Built on instants, not on what is
    left of them, so that rows keep their places while time passes.
    """
    phase, index = worker["phase"], int(worker["index"])
    stop = worker.get("stop")
    if phase == "stuck":
        return 0, 0.0, index
    if phase in STOPPING and stop:
        at = stop.get("next_at")
        if at is None:
            return 3, 0.0, index
        return (1 if stop.get("next_signal") in ("SIGKILL", None) else 2), float(at), index
    if phase in ("failed", "skipped"):
        return 4, 0.0, index
    if phase == "exited" and ended_badly(worker):
        return 5, 0.0, index
    if phase == "backoff":
        return 6, float(worker.get("restart_at") or 0.0), index
    return (8 if phase == "exited" and worker.get("want") == "down" else 7), 0.0, index


def counts(workers: Iterable[Worker]) -> dict[str, int]:
    """Return how many workers are in each phase."""
    found: dict[str, int] = {}
    for worker in workers:
        found[worker["phase"]] = found.get(worker["phase"], 0) + 1
    return found


def summary(found: Mapping[str, int]) -> str:
    """Return the counts as text: ``3 draining, 1 failed, 8 running``; of one phase ``all running``."""
    if len(found) == 1:
        return f"all {next(iter(found))}"
    return ", ".join(f"{found[phase]} {phase}" for phase in _in_order(found))


def hidden(above: Sequence[Worker], below: Sequence[Worker]) -> str:
    """Return what the screen has no room for: ``+ 271 more, all running``; empty when everything is shown."""
    if not above and not below:
        return ""
    found = counts([*above, *below])
    where = f"↑ {len(above)} ↓ {len(below)} more" if above else f"+ {len(below)} more"
    return f"{where}{', ' if len(found) == 1 else ': '}{summary(found)}"


def state(roster: Roster, now: float, embedded: bool, width: int) -> tuple[str, str]:
    """Return the header's sentence and its tone: ``good``, ``busy``, ``warning`` or ``error``.

    Counts that make it longer than ``width`` cells are left out, the least urgent first.
    """
    if roster.fleet.get("want") == "down":
        return _going_down(roster, now, embedded, width)
    found = roster.counts
    shaky = sum(unstable(worker, now) for worker in roster.order)
    running = sum(worker["phase"] == "running" and not unstable(worker, now) for worker in roster.order)
    coming = found.get("starting", 0) + found.get("waiting", 0)
    parts = [f"running {running}/{len(roster.order)}"]
    parts += [f"{shaky} unstable"] if shaky else []
    parts += [f"{found[phase]} {phase}" for phase in ("failed", "skipped", "backoff") if phase in found]
    parts += [f"{count} {what}" for what, count in (("stopping", roster.stopping), ("starting", coming)) if count]
    parts += [f"{found['exited']} exited"] if "exited" in found else []
    while len(parts) > 1 and len(" · ".join(parts)) > width:
        parts.pop()
    if "failed" in found or "skipped" in found or "stuck" in found:
        tone = "error"
    elif "backoff" in found or shaky or roster.stopping:
        tone = "warning"
    else:
        tone = "busy" if coming else "good"
    return " · ".join(parts), tone


def state_moves_at(roster: Roster, now: float) -> float:
    """Return when the header's sentence next changes by itself; infinity for never."""
    at: float | None = roster.fleet.get("next_kill")
    if roster.fleet.get("want") != "down":
        return min((worker["healthy_at"] for worker in roster.order if unstable(worker, now)), default=math.inf)
    if at is None or at <= now:
        return math.inf
    return at - math.ceil(at - now) + 1


def _going_down(roster: Roster, now: float, embedded: bool, width: int) -> tuple[str, str]:
    left = sum(count for phase, count in roster.counts.items() if phase not in _AT_REST)
    if not left:
        return f"stopped {plural(len(roster.order), 'worker')}", "good"
    if roster.counts.get("killed", 0) + roster.counts.get("stuck", 0) == left:
        return f"killed {plural(left, 'worker')}, waiting for the kernel to end {_them(left)}", "error"
    what = f"stopping {plural(left, 'worker')}"
    again = "; Ctrl-C again: next step now" if embedded else "; sooner: supervisor stop --now"
    at: float | None = roster.fleet.get("next_kill")
    seconds = math.inf if at is None else math.ceil(at - now)
    due = "no kill planned" if at is None else f"kill in {whole(seconds)}" if seconds > 0 else "kill now"
    if len(what + due + again) + 2 > width and not embedded:
        again = ""
    return f"{what}, {due}{again}", "error" if seconds <= 2 else "warning"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _in_order(found: Mapping[str, int]) -> list[str]:
    known = [phase for phase in _TOLD if phase in found]
    return known + [phase for phase in found if phase not in _TOLD]
