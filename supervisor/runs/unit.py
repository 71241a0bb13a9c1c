"""Asks systemd about the unit that we are the main process of, in a quiet moment after the start."""

from __future__ import annotations

import os

from supervisor.core.actions import Note
from supervisor.core.events import UnitKnown
from supervisor.core.record import Unit
from supervisor.system import unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisor.loop.loop import Loop


def ask(loop: Loop, extends: bool, note: Callable[[Note], object], at: float) -> None:
    """Ask, if there is such a unit; ``extends``: its manager gives us the time that our ladders take.

    What cannot be asked is not known, and told only when we are to be talkative.
    """
    found = unit.name(os.environ)
    if found is None:
        return
    name, user = found

    def answered(told: Mapping[str, str], at: float) -> None:
        if "KillMode" not in told:
            note(
                Note(f"systemctl says nothing of {name}: its KillMode and TimeoutStopSec are not known", verbose=True)
            )
            return
        loop.see(UnitKnown(at, Unit(name, told["KillMode"], os.getppid() if user else 1)))
        from supervisor.diagnosis import limits

        short = limits.outer(loop.fleet.spec, limits.timespan(told.get("TimeoutStopUSec", "")))
        if short is not None and not extends:
            note(Note(short))

    try:
        question = unit.Question(loop.poller, loop.running.kept, name, user=user, answered=answered, at=at)
    except OSError:
        answered({}, at)
    else:
        loop.sources.append(question)
