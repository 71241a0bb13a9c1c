"""What a stopping worker waits for, in as many cells as there are: its place is kept longest. Pure."""

from __future__ import annotations

from rich.cells import cell_len

from supervisor.core.contract.state import chain
from supervisor.core.units import plural
from supervisor.core.visible import shown
from supervisor.views import finding
from supervisor.views.dashboard.text import fit, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Cells before the place of a wait, below which they say nothing.
_LEAST_HEAD = 6


def said(worker: Mapping[str, Any], width: int, head: str = "") -> str:
    """Return what a stopping worker waits for in at most ``width`` cells, as much of it as there is room for.

    The whole chain of who waits for whom; else its last wait and why that does not end; else that wait, of which the
    file and the line are kept longest. ``head``: words that the column's title says already.
    """
    before = "".join(f"{part}, " for part in outside(worker))
    phrase = printable(str(worker.get("waits") or "")).removeprefix(head)
    if not phrase:
        return fit(before.removesuffix(", "), width)
    room = width - cell_len(before)
    steps = chain(worker)
    told = [finding.step(shown(step)) for step in steps]
    at = printable(str(worker.get("waits_at") or ""))
    ways = [" → ".join(told)] if len(steps) > 1 else []
    if len(steps) > 1 and steps[-1].where is None:
        ways += [f"{known} → {told[-1]}" for known in (phrase, _without_tail(phrase, at), at) if known]
    fitting = next((text for text in ways if cell_len(text) <= room), None)
    return before + (fitting if fitting is not None else _with_place(phrase, at, room))


def _without_tail(phrase: str, at: str) -> str:
    """Return a phrase up to its place."""
    head, found, _ = phrase.partition(f" at {at}")
    return head + found


def _with_place(phrase: str, at: str, width: int) -> str:
    """Return a phrase cut to ``width`` cells, its place (``queue.py:41``) whole as long as there is room for it, at
    last alone.
    """
    place = f" at {at}" if at else ""
    head, found, _ = phrase.partition(place) if place else (phrase, "", "")
    room = width - cell_len(place)
    if cell_len(head + found) <= width or not found:
        return fit(phrase, width)  # what is cut stands behind the place
    if room < _LEAST_HEAD:
        return fit(at if cell_len(at) <= width else f"…{at[1 - width :]}", width)
    return fit(head, room) + place


def outside(worker: Mapping[str, Any]) -> list[str]:
    """Return what a stopping worker waits for that no agent needs to tell."""
    parts: list[str] = []
    if worker["phase"] == "killed":
        parts.append("SIGKILL sent")
    if worker["stop"].get("leftovers"):
        left = plural(int(worker["stop"]["leftovers"]), "leftover")
        parts.append(f"{left} of its exited main process")
    return parts
