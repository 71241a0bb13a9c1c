"""What every run stands on: our signals taken over, orphans adopted, and enough room to watch and to report.

A process does this once, before its first run; several runs may follow one another on the same ground.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.runs.room import check_room
from supervisor.system import signals, stdio


class Ground(Frozen):
    """``inherited``: the signal state for every worker. ``subreaper``: orphans of the workers come to us."""

    inherited: signals.Inherited
    subreaper: bool


def prepare(room: int, *, subreaper: bool, init: bool = False) -> Ground:
    """Block all signals, become the subreaper if wanted, and make sure that ``room`` descriptors can be opened.

    ``init``: we are PID 1, to which orphans come anyway. Raises SpawnError when there is no room.
    """
    stdio.reserve()
    check_room(room)
    inherited = signals.take_over()
    if subreaper and not init:
        from supervisor.system import libc

        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    return Ground(inherited, subreaper or init)
