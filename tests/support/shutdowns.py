"""One Shutdown record for every test that needs one: an ordinary end, of which a test changes what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisor.core import signum
from supervisor.core.record import Climb, Marks, Masks, Shutdown

if TYPE_CHECKING:
    from supervisor.core.record import Outcome

# The masks of a process that handles SIGTERM and nothing else.
HANDLES_TERM = Masks(caught=1 << signum.TERM - 1, ignored=0, blocked=0)


def shutdown(outcome: Outcome = "clean", exited: float = 1.0, **changes: Any) -> Shutdown:
    """Return the end of worker ``w``, which got SIGTERM and was gone ``exited`` seconds later.

    ``outcome`` decides exit code, signal and the mark ``killed``, unless ``changes`` (fields of the record) say else.
    """
    killed = outcome == "killed"
    fields: dict[str, Any] = {
        "worker": "w", "instance": 0, "start": 1, "pid": 7, "argv": ("python3", "w.py"),
        "asked_by": "signal SIGTERM", "asked_by_pid": None, "outcome": outcome,
        "exit_code": {"clean": 0, "failed": 1}.get(outcome),
        "signal": {"killed": signum.KILL, "signalled": signum.TERM}.get(outcome),
        "grace": 10.0, "zero": 100.0,
        "marks": Marks(asked=0.0, killed=exited if killed else None, main_exited=exited, exited=exited),
        "escalation": (Climb(0.0, signum.TERM, "group"),),
    }  # fmt: skip
    return Shutdown(**(fields | changes))
