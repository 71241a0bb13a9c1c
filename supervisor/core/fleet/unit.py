"""What the unit of systemd that we are in means for a stop: who signals whom. Pure."""

from __future__ import annotations

from supervisor.core.actions import Note
from supervisor.core.worker import escalation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.events import SignalReceived, UnitKnown
    from supervisor.core.fleet.state import Turn
    from supervisor.core.record import Unit


def known(turn: Turn, event: UnitKnown) -> None:
    """Take in what systemd has told, and say what to do about a unit whose stop is not left to us."""
    turn.unit = unit = event.unit
    if unit.kill_mode == "control-group":
        text = f"{unit.name}: with KillMode=control-group systemd signals every process itself, beside us"
        turn.actions.append(Note(f"{text}. Set KillMode=mixed, so that we alone pass the stop signal on"))


def told_all(unit: Unit | None, event: SignalReceived) -> bool:
    """Return whether the signal has gone to every process of the unit, and not to us alone."""
    return unit is not None and unit.kill_mode == "control-group" and event.sender_pid == unit.manager


def stop(turn: Turn, event: SignalReceived, by: str) -> None:
    """Begin the stop of everything that systemd has signalled itself: nobody gets the signal twice, nor in turn."""
    turn.each(lambda life: escalation.told(life, event.at, by, event.sender_pid, event.signal))
