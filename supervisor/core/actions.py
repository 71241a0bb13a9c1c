"""What to do. The loop carries actions out in order; results come back as events."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.record import Member, Shutdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Target


class Action(Frozen):
    """Base of all actions."""


class Spawn(Action):
    """Start the worker's process. Answered by Forked, then Started or StartFailed."""

    worker: int


class ReadMasks(Action):
    """Read what the main process does with signals. Answered by MasksRead."""

    worker: int


class Probe(Action):
    """Ask the agents to say what runs and to arm themselves (SIGURG). Answered by Probed, then ProbeAnswered."""

    worker: int


class Dump(Action):
    """Ask the agents that did not answer for the C-level stacks: only when SIGKILL is next."""

    worker: int


class Signal(Action):
    """Send a signal. Answered by Sent. ``wake``: SIGCONT afterwards, for a stopped process must run to die.

    Target ``main`` is the main process, ``group`` its process group, ``leftovers`` the given ``members``, each
    checked to be still what it was when surveyed. ``ladder``: part of a stop, not merely passed on.
    """

    worker: int
    signal: int
    target: Target
    members: tuple[Member, ...] = ()
    wake: bool = False
    ladder: bool = False


class Survey(Action):
    """Find who is alive besides the main process. Answered by Surveyed."""

    worker: int


class Look(Action):
    """Sample what can be seen from outside. Answered by Sampled. ``final``: the last gasp before SIGKILL."""

    worker: int
    final: bool = False


class Reap(Action):
    """Collect the zombie of the main process (or abandon it when stuck). Answered by Reaped."""

    worker: int
    stuck: bool = False


class Suspend(Action):
    """Stop the supervisor itself, the terminal taken back first (job control).

    ``job``: the terminal stopped the worker's group, so the rest of our own job has to be stopped with us.
    """

    signal: int
    job: bool


class Foreground(Action):
    """Let the worker's group lead the terminal again, if we lead it now."""

    worker: int


class Report(Action):
    """A worker has ended: hand its record to whoever listens."""

    shutdown: Shutdown
    worker: int = 0


class Note(Action):
    """Something worth telling; never silence about a surprise. ``verbose``: only when asked to be talkative."""

    text: str
    verbose: bool = False
