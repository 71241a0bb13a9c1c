"""What happened. Every event has ``at``: CLOCK_MONOTONIC seconds, stamped where the fact was seen."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.record import Masks, Member, Rusage, Sample, Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from supervisor.core.notify import Message
    from supervisor.core.record import Key, Purpose, Reach, Target
    from supervisor.core.spec import WorkerId

    Said: TypeAlias = Literal["hello", "noticed", "drained", "cleaned"]


ENOENT, ENOTDIR = 2, 20


class Event(Frozen):
    """Base of all events."""

    at: float


class WorkerEvent(Event):
    """Base of the events that concern one worker."""

    worker: WorkerId


class Forked(WorkerEvent):
    """The process exists; exec has not happened yet. ``terminal``: it may lead our terminal's foreground."""

    pid: int
    terminal: bool = False


class Started(WorkerEvent):
    """exec succeeded."""


class StartFailed(WorkerEvent):
    """The child could not become the command: ``stage`` of the set-up (``exec``, ``cwd``, ``user`` ...), errno."""

    stage: str
    errno: int
    detail: str = ""

    @property
    def code(self) -> int:
        """Return the exit code that the failure stands for, as in a shell: 127 not found, 126 not executable, 125 our
        own set-up.
        """
        if self.stage != "exec":
            return 125
        return 127 if self.errno in (ENOENT, ENOTDIR) else 126


class SignalReceived(Event):
    """A signal reached the supervisor. ``kernel``: sent by the kernel (SI_KERNEL), so from the terminal.

    ``sender_pid`` 0 stands for a process outside our PID namespace. ``ignored``: it was ignored when we were started
    (nohup), so it asks for nothing; the command may have a handler of its own for it.
    """

    signal: int
    sender_pid: int = 0
    sender_uid: int = 0
    kernel: bool = False
    ignored: bool = False


class StopAsked(Event):
    """A stop that no signal asked for. ``workers`` None: all. ``by`` as in Shutdown.asked_by.

    ``insists``: who is being stopped already takes its next step now.
    """

    by: str
    workers: tuple[WorkerId, ...] | None = None
    by_pid: int | None = None
    insists: bool = True


class UnitKnown(Event):
    """systemd has told about the unit that we are the main process of."""

    unit: Unit


class StartAsked(Event):
    """A worker shall run (again)."""

    workers: tuple[WorkerId, ...] | None = None


class MainExited(WorkerEvent):
    """The main process is dead and kept as a zombie. Exactly one of ``code`` and ``signal`` is set.

    ``alone``: it is known that nobody else of the worker was alive then, so that nobody has to look.
    """

    code: int | None
    signal: int | None
    alone: bool = False


class MainStopped(WorkerEvent):
    """The main process was stopped by a job-control signal (state T)."""

    signal: int


class MainContinued(WorkerEvent):
    """The main process runs again after a stop."""


class OrphansChanged(Event):
    """A process that is not a main process ended, or may have: who is left must be looked at again."""


class Surveyed(WorkerEvent):
    """Who is alive of a worker besides its main process. None: nobody could look (no descriptors, no /proc)."""

    members: tuple[Member, ...] | None


class Sent(WorkerEvent):
    """A signal was sent: kill(2) has returned, and the wait of its rung counts from now. The other fields are the
    action's.

    ``began`` is just before the call, None for at the same instant. ``hit``: those of the action's members that were
    there; ``missed``: those whom nobody could look for; ``refused``: those that we are not permitted to signal, each
    with the user as whom it runs; ``user``: that of the first process where nobody got it. ``newest``, for a group:
    pid of the process that was created last before the signal was sent, if known.
    """

    signal: int
    target: Target
    result: Reach
    hit: tuple[Key, ...] = ()
    ladder: bool = False
    newest: int | None = None
    began: float | None = None
    missed: tuple[Key, ...] = ()
    refused: tuple[tuple[Key, str], ...] = ()
    user: str | None = None

    @property
    def delivered(self) -> bool:
        """Return whether a process got the signal."""
        return self.result == "delivered"


class AgentSaid(WorkerEvent):
    """An agent in one of its processes is there (``hello``), or its main process has reached a mark.

    ``noticed``: the worker's handler began; ``drained``: its main work ended; ``cleaned``: its event loop is closed.
    """

    what: Said


class Notified(WorkerEvent):
    """A process of the worker has said something over its notify socket (sd_notify(3))."""

    message: Message


class Probed(WorkerEvent):
    """The agents of a worker were asked to look and to arm themselves; so many will answer."""

    asked: int


class ProbeAnswered(WorkerEvent):
    """All agents that were asked have answered."""


class Tried(WorkerEvent):
    """A try of the worker's check was answered, or the worker has told by itself (a line of its log, its pipe).

    ``seen`` says in words what the try saw. ``note`` is worth telling although the answer counts. ``final``: no
    further try can say anything else. ``unknown``: we could not ask (no descriptor, no process is left), which says
    nothing about the worker.
    """

    purpose: Purpose
    ok: bool
    seen: str
    note: str | None = None
    final: bool = False
    unknown: bool = False


class MasksRead(WorkerEvent):
    """The main process's signal masks, read just before the stop signal."""

    masks: Masks | None


class Sampled(WorkerEvent):
    """One look from outside while the worker stops."""

    sample: Sample | None


class Reaped(WorkerEvent):
    """The main process's zombie is gone; its pid and group number may be used again. ``chance`` is in [0, 1)."""

    rusage: Rusage | None
    chance: float = 0.5


class Tick(Event):
    """The deadline was reached."""
