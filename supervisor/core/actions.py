"""What to do. The loop carries actions out in order; results come back as events."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.record import Member, Shutdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.readiness import Check
    from supervisor.core.record import Purpose, Target
    from supervisor.core.spec import WorkerId


class Action(Frozen):
    """Base of all actions."""


class WorkerAction(Action):
    """Base of the actions that concern one worker."""

    worker: WorkerId


class Spawn(WorkerAction):
    """Start the worker's process. Answered by Forked, then Started or StartFailed."""


class ReadMasks(WorkerAction):
    """Read what the main process does with signals. Answered by MasksRead."""


class Probe(WorkerAction):
    """Ask the agents to say what runs and to arm themselves (SIGURG). Answered by Probed, then ProbeAnswered."""


class Dump(WorkerAction):
    """Ask the agents that did not answer for the C-level stacks: only when SIGKILL is next."""


class Try(WorkerAction):
    """Try the worker's check once, for ``timeout`` seconds at most. Answered by Tried, unless it is reaped before."""

    purpose: Purpose
    check: Check
    timeout: float


class Locate(WorkerAction):
    """Ask the agents where the worker is at this moment: a try of its liveness has failed. Its program goes on."""


class Signal(WorkerAction):
    """Send a signal. Answered by Sent. ``wake``: SIGCONT afterwards, for a stopped process must run to die.

    Target ``main`` is the main process, ``group`` its process group, ``leftovers`` the given ``members``, each
    checked to be still what it was when surveyed; with a group, ``members`` are those of it that are known to live
    when the main process does not. ``ladder``: part of a stop, not merely passed on.
    """

    signal: int
    target: Target
    members: tuple[Member, ...] = ()
    wake: bool = False
    ladder: bool = False


class Survey(WorkerAction):
    """Find who is alive besides the main process, which may have ended long ago. Answered by Surveyed."""


class Look(WorkerAction):
    """Sample what can be seen from outside. Answered by Sampled. ``final``: the last gasp before SIGKILL."""

    final: bool = False


class Reap(WorkerAction):
    """Collect the zombie of the main process (or abandon it when stuck). Answered by Reaped."""

    stuck: bool = False


class Suspend(Action):
    """Stop the supervisor itself, the terminal taken back first (job control).

    ``job``: the terminal stopped the worker's group, so the rest of our own job has to be stopped with us.
    """

    signal: int
    job: bool


class Foreground(WorkerAction):
    """Let the worker's group lead the terminal again, if we lead it now."""


class Report(WorkerAction):
    """A worker has ended: hand its record to whoever listens."""

    shutdown: Shutdown


class Amend(WorkerAction):
    """A record that was reported before is told anew: what that start had left has been asked to end since."""

    shutdown: Shutdown


class Note(Action):
    """Something worth telling; never silence about a surprise. ``verbose``: only when asked to be talkative."""

    text: str
    verbose: bool = False
