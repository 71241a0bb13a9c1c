"""The line of `run` about a command that does not end: where it waits, and what comes next. Pure."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.units import plural
from supervisor.core.visible import visible
from supervisor.views.layout import cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Masks, Waiting
    from supervisor.core.worker.life import Life
    from supervisor.diagnosis.hang import Hang

_KEYS = {signum.INT: "Ctrl-C", signum.QUIT: "Ctrl-\\"}
# Columns below which what is left of a phrase says nothing.
_LEAST = 16


def line(hang: Hang, life: Life, waiting: Waiting | None, masks: Masks | None, now: float, width: int) -> str:
    """Return one line, in ``width`` columns if it can be said so shortly, ending in a newline.

    ``masks``: what the main process does with signals, None when that could not be read or it has ended.
    """
    began = signum.name(hang.signal) if hang.requested else _KEYS[hang.signal]
    head = f"supervisor: {now - hang.since:.0f} s after {began}: "
    following = [f"; {text}" for text in (_ladder if hang.requested or life.death else _keys)(life, masks, now)]
    told = visible(waits(life, waiting))
    at = f" at {visible(waiting.at)}" if waiting is not None and waiting.at else ""
    for tail in following:
        if len(head + told + tail) <= width:
            return f"{head}{told}{tail}\n"
    return f"{head}{_cut(told, at, width - len(head) - len(following[-1]))}{following[-1]}\n"


def _cut(told: str, at: str, width: int) -> str:
    """Return what it waits for, its place whole; with less room than that says anything in, all of it."""
    before, found, _ = told.partition(at) if at else (told, "", "")
    if width - len(found) < _LEAST:
        return told
    before = before.removeprefix("waits for ").removeprefix("waits ")
    return cut(before, width - len(found)) + found


def waits(life: Life, waiting: Waiting | None) -> str:
    if life.death is not None:
        left = [member for member in life.leftovers.alive if member.state != "Z"]
        who = f", first pid {left[0].pid}" if left else ""
        return f"its main process has ended, {plural(len(left), 'process', 'processes')} of it left{who}"
    if waiting is not None:
        return waiting.phrase
    samples = life.stop.samples if life.stop is not None else ()
    if samples and samples[-1].state == "D":
        return "in the kernel, cannot be interrupted (state D)"
    if life.stopped:
        return "stopped by job control"
    if samples and samples[-1].syscall:
        return f"waits in {samples[-1].syscall}"
    return f"pid {life.last_pid} has not ended"


def _ladder(life: Life, _masks: Masks | None, now: float) -> list[str]:
    """Return what follows by itself, the longer text first."""
    following, at = life.following, life.next_rung_at
    if following is None or at is None:
        target = life.last_pid if life.death is None else next((one.pid for one in life.leftovers.alive), 0)
        return [f"no signal follows by itself, end it with: kill -KILL {target}", f"kill -KILL {target} ends it"]
    name, left = signum.name(following.signal), f"{max(at - now, 0.0):.0f} s"
    return [f"{name} follows in {left}, or with the next stop request", f"{name} in {left}"]


def _keys(life: Life, masks: Masks | None, _now: float) -> list[str]:
    """Return what the reader can do: nothing follows a key by itself."""
    if masks is None or masks.disposition(signum.QUIT) != "default" or masks.blocks(signum.QUIT):
        ends = f"kill -KILL {life.last_pid} ends it"
    else:
        ends = "Ctrl-\\ ends it"
    return [f"Ctrl-C again, or {ends} at once", ends]
