"""The messages of a process as typed records, one class per message of agent/wire.py.

Instants (``at``) are seconds since zero. Every other field may be unknown.
"""

from __future__ import annotations

from supervisor.diagnosis.evidence.frames import Frame
from supervisor.diagnosis.evidence.shapes import (
    Candidate,
    ChildTold,
    Generator,
    Gone,
    Group,
    Handler,
    Loop,
    TaskTold,
    ThreadTold,
    Told,
    Transport,
    Wake,
    build,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.evidence.frames import Owner


class Note(Told):
    """A message: when, and what. ``whole``: the field that takes the message's own shape, with its class."""

    at: float = 0.0
    whole: ClassVar[dict[str, type[Told]]] = {}


class Hello(Note):
    """The first word of a process."""

    python: str | None = None
    ppid: int | None = None
    forked: bool = False
    cwd: str | None = None
    monitoring: bool = False
    cancelling: bool = False
    by: Frame | None = None
    inner: ClassVar = {"by": Frame}


class HandlerRan(Note):
    """Python acts on a signal."""

    handler: Handler = Handler()
    whole: ClassVar = {"handler": Handler}


class SignalReceived(HandlerRan):
    """A Python-level handler begins."""


class SignalCallback(HandlerRan):
    """The event loop runs what add_signal_handler() was given."""


class Snapshot(Note):
    """How things stand."""

    reason: str | None = None
    first: bool = False
    signal: int | None = None
    handlers: tuple[Handler, ...] = ()
    displaced: tuple[Handler, ...] = ()
    loops: tuple[Loop, ...] = ()
    n_tasks: int | None = None
    tasks: tuple[TaskTold, ...] = ()
    threads: tuple[ThreadTold, ...] = ()
    n_threads: int | None = None
    running: str | None = None
    children: tuple[ChildTold, ...] = ()
    own: tuple[str, ...] = ()
    started: str | None = None
    inner: ClassVar = {
        "handlers": Handler, "displaced": Handler, "loops": Loop, "tasks": TaskTold, "threads": ThreadTold,
        "children": ChildTold,
    }  # fmt: skip

    def handler(self, signal: int) -> Handler | None:
        """Return what the signal does now."""
        return next((handler for handler in self.handlers if handler.signal == signal), None)


class Ready(Note):
    """The agent is in place. ``sampler``: it looks at tasks and threads from now on."""

    sampler: bool | None = None


class Phase(Note):
    """A step of the teardown begins."""

    name: str = ""
    n_tasks: int | None = None
    tasks: tuple[TaskTold, ...] = ()
    by: Frame | None = None
    exception: str | None = None
    busy: tuple[ThreadTold, ...] = ()
    queued: int | None = None
    generators: tuple[Generator, ...] = ()
    transports: tuple[Transport, ...] = ()
    loops: tuple[Loop, ...] = ()
    inner: ClassVar = {
        "tasks": TaskTold, "by": Frame, "busy": ThreadTold, "generators": Generator, "transports": Transport,
        "loops": Loop,
    }  # fmt: skip


class LoopStop(Note):
    """Somebody called loop.stop()."""

    by: Frame | None = None
    n_tasks: int | None = None
    tasks: tuple[TaskTold, ...] = ()
    inner: ClassVar = {"by": Frame, "tasks": TaskTold}


class Exit(Note):
    """The process ends itself, or sends a signal (to ``target``)."""

    how: str = ""
    by: Frame | None = None
    n_tasks: int | None = None
    tasks: tuple[TaskTold, ...] = ()
    busy: tuple[ThreadTold, ...] = ()
    target: int | None = None
    signal: int | None = None
    inner: ClassVar = {"by": Frame, "tasks": TaskTold, "busy": ThreadTold}


class TaskWaiting(Note):
    """A task is still where it was, for ``seconds``."""

    told: TaskTold = TaskTold()
    seconds: float | None = None
    since_cancel: float | None = None
    whole: ClassVar = {"told": TaskTold}


class TaskMoved(Note):
    """A task left one place for another."""

    told: TaskTold = TaskTold()
    seconds: float | None = None
    since_cancel: float | None = None
    was: Frame | None = None
    was_leaf: Frame | None = None
    whole: ClassVar = {"told": TaskTold}
    inner: ClassVar = {"was": Frame, "was_leaf": Frame}


class TaskCreated(Note):
    """A task was born."""

    told: TaskTold = TaskTold()
    by: Frame | None = None
    whole: ClassVar = {"told": TaskTold}
    inner: ClassVar = {"by": Frame}


class TaskDone(Note):
    """A task ended."""

    told: TaskTold = TaskTold()
    outcome: str | None = None
    exception: str | None = None
    seconds: float | None = None
    since_cancel: float | None = None
    moves: int = 0
    whole: ClassVar = {"told": TaskTold}


class TaskCancelled(Note):
    """A cancel() was seen."""

    told: TaskTold = TaskTold()
    by: Frame | None = None
    by_task: int | None = None
    whole: ClassVar = {"told": TaskTold}
    inner: ClassVar = {"by": Frame}


class TaskDestroyed(Note):
    """The garbage collector took a pending task."""

    told: TaskTold = TaskTold()
    whole: ClassVar = {"told": TaskTold}


class TaskCensus(Note):
    """What too many tasks are doing."""

    n_tasks: int | None = None
    groups: tuple[Group, ...] = ()
    inner: ClassVar = {"groups": Group}


class LoopException(Note):
    """loop.call_exception_handler() was called."""

    message: str = ""
    exception: str | None = None


class LoopIdle(Note):
    """A loop has nothing to run."""

    loop: Loop = Loop()
    whole: ClassVar = {"loop": Loop}


class ThreadWaiting(Note):
    """A thread is still where it was, for ``seconds``; ``cpu`` of them on a processor."""

    told: ThreadTold = ThreadTold()
    seconds: float | None = None
    cpu: float | None = None
    whole: ClassVar = {"told": ThreadTold}


class ThreadMoved(Note):
    """A thread left the place where it was for ``seconds``."""

    told: ThreadTold = ThreadTold()
    seconds: float | None = None
    cpu: float | None = None
    whole: ClassVar = {"told": ThreadTold}


class Holders(Note):
    """Who may end a wait that nothing links to its end, the most believable first."""

    task: int | None = None
    thread: int | None = None
    kind: str | None = None
    object: str | None = None
    target: int | None = None
    fellows: int = 0
    total: int = 0
    found: tuple[Candidate, ...] = ()
    gone: tuple[Gone, ...] = ()
    inner: ClassVar = {"found": Candidate, "gone": Gone}


class Wakes(Note):
    """Who woke whom since the last of these; ``missed``: how often the recorder had to leave out some."""

    rows: tuple[Wake, ...] = ()
    missed: int = 0
    inner: ClassVar = {"rows": Wake}


class Fork(Note):
    """The process made a child."""

    child: int | None = None
    by: Frame | None = None
    how: str | None = None
    inner: ClassVar = {"by": Frame}


class SamplerEnd(Note):
    """The sampler has ended: how often it looked, and the CPU seconds that took."""

    ticks: int = 0
    cpu: float = 0.0


class AgentError(Note):
    """A part of the agent failed."""

    where: str | None = None
    error: str | None = None


class Dump(Note):
    """Stacks that were written without Python's help."""

    text: str = ""


class Eof(Note):
    """The process ended, or became another program."""

    rejected: int = 0
    lost: int = 0


class Ended(Note):
    """The process has ended and was waited for: exactly one of ``code`` and ``signal`` is set (Linux 6.15+)."""

    code: int | None = None
    signal: int | None = None


class Other(Note):
    """A message that says nothing to diagnosis but that the process lives."""


_NOTES: dict[str, type[Note]] = {
    "hello": Hello, "signal-received": SignalReceived, "signal-callback": SignalCallback, "snapshot": Snapshot,
    "phase": Phase, "loop-stop": LoopStop, "exit": Exit, "task-waiting": TaskWaiting, "task-moved": TaskMoved,
    "task-created": TaskCreated, "task-done": TaskDone, "task-cancelled": TaskCancelled, "ready": Ready,
    "task-destroyed": TaskDestroyed, "task-census": TaskCensus, "loop-exception": LoopException,
    "loop-idle": LoopIdle, "thread-waiting": ThreadWaiting, "thread-moved": ThreadMoved, "holders": Holders,
    "wakes": Wakes, "fork": Fork, "agent-error": AgentError, "sampler-end": SamplerEnd, "dump": Dump, "eof": Eof,
    "ended": Ended,
}  # fmt: skip


def note_of(message: AgentMessage, at: float, owner: Owner) -> Note:
    """Return the message as a note at that instant. ``owner``: whose code is whose in its process."""
    cls = _NOTES.get(message.event, Other)
    fields = message.fields
    made = build(cls, {key: value for key, value in fields.items() if key != "at"}, owner)
    changes: dict[str, Any] = {"at": at}
    for name in cls.whole:
        changes[name] = build(cls.whole[name], fields, owner)
    return made.with_(**changes)
