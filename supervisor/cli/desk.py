"""Answers the control socket from the loop's fleet: which states changed, who is to stop."""

from __future__ import annotations

import time

from supervisor.core import events as ev
from supervisor.core.view import fleet_view, worker_view
from supervisor.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.core.life import Life
    from supervisor.loop import Loop


class Desk:
    """Between the control socket and the loop. Frozen states make "has it changed" a comparison of identities."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._published: tuple[Life, ...] = ()
        self._head: dict[str, Any] = {}

    def status(self) -> dict[str, Any]:
        """The whole state."""
        fleet = self._loop.fleet
        return {"fleet": fleet_view(fleet), "workers": [worker_view(fleet, life) for life in fleet.lives]}

    def changes(self) -> dict[str, Any] | None:
        """What changed since the last call."""
        fleet = self._loop.fleet
        before = self._published
        changed = [life for life in fleet.lives if life.index >= len(before) or before[life.index] is not life]
        head = fleet_view(fleet)
        if not changed and head == self._head:
            return None
        self._published, self._head = fleet.lives, head
        return {"fleet": head, "workers": [worker_view(fleet, life) for life in changed]}

    def stop(self, workers: list[str] | None, pid: int) -> dict[str, Any]:
        """Ask for the stop of some workers, by name (all its instances) or title, or of everything."""
        lives = self._loop.fleet.lives
        if workers is None:
            self._loop.see(ev.StopAsked(time.monotonic(), "command stop", None, pid))
            return {"stopping": [life.spec.title for life in lives if life.alive]}
        chosen: list[int] = []
        for name in workers:
            found = [life.index for life in lives if name in (life.spec.name, life.spec.title)]
            if not found:
                names = ", ".join(dict.fromkeys(life.spec.name for life in lives))
                raise UsageError(f"no worker is named {name!r}", f"the fleet has: {names}")
            chosen += found
        stopping = [lives[index].spec.title for index in chosen if lives[index].alive]
        self._loop.see(ev.StopAsked(time.monotonic(), "command stop", tuple(chosen), pid))
        return {"stopping": stopping}
