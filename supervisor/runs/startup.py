"""Watches a fleet come up, and says in the end who waited for whom, if that took long."""

from __future__ import annotations

from supervisor.core.contract import chains, state
from supervisor.loop.observer import Observer
from supervisor.views import starting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.loop.loop import Loop

# Seconds from which on a start is told although nobody asked: whoever waits for it wonders by then.
SLOW = 5.0
_COMING = frozenset(("forking", "starting", "unready"))


class Startup(Observer):
    """Tells the start once. Who was seen to be up is not looked at again."""

    def __init__(self, loop: Loop, say: Callable[[str], object], *, always: bool) -> None:
        """Watch from the beginning; ``always``: also a quick start is told."""
        self._loop = loop
        self._say = say
        self._always = always
        self._left: list[WorkerId] | None = None
        self._over = False

    def changed(self, at: float) -> None:
        """Look whether the last one is up, or will not come."""
        del at
        if self._over:
            return
        fleet = self._loop.fleet
        left = list(fleet.lives) if self._left is None else self._left
        while left and not _coming(fleet.lives[left[-1]]):
            left.pop()
        self._left = left
        self._over = not left or fleet.want == "down"
        way = chains.start(state.starts(fleet)) if not left else ()
        if way and (self._always or starting.took(way) >= SLOW):
            self._say(starting.said(way, "ready"))


def _coming(life: Life) -> bool:
    """Return whether a worker is on its way up."""
    return life.state in _COMING or (life.state == "waiting" and life.queued is not None)
