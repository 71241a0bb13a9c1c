"""The parts of what a process can tell, as typed records: one class per shape of agent/wire.py.

Every field may be unknown: a message may be of an older agent, or its sender could not look. A place is a
:class:`Frame`.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.evidence.frames import Frame, frame_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar, TypeVar

    from supervisor.diagnosis.evidence.frames import Owner, Stack

    _Told = TypeVar("_Told", bound="Told")


class Told(Frozen):
    """A shape of the wire. ``inner``: the class of each field that is a shape, a place or a list of them."""

    inner: ClassVar[dict[str, type]] = {}


class Job(Told):
    """JOB: a callable that a thread does, or is to do."""

    job: int | None = None
    name: str | None = None
    at: Frame | None = None
    by: Frame | None = None
    task: int | None = None
    thread: int | None = None
    done: bool = False
    inner: ClassVar = {"at": Frame, "by": Frame}


class On(Told):
    """WAIT: what a task or a thread waits for."""

    kind: str = ""
    task: int | None = None
    name: str | None = None
    tasks: tuple[int, ...] = ()
    count: int | None = None
    due: float | None = None
    since: float | None = None
    peer: str | None = None
    child: int | None = None
    clients: tuple[str, ...] = ()
    unfinished: int | None = None
    object: str | None = None
    target: int | None = None
    job: Job | None = None
    thread: int | None = None
    threads: tuple[int, ...] = ()
    inner: ClassVar = {"job": Job}

    @property
    def awaited(self) -> tuple[int, ...]:
        """Return the numbers of all tasks that are waited for."""
        return self.tasks if self.task is None or self.task in self.tasks else (self.task, *self.tasks)


UNKNOWN = On()


class TaskTold(Told):
    """TASK: one task at an instant."""

    task: int | None = None
    name: str | None = None
    coro: str | None = None
    at: Frame | None = None
    leaf: Frame | None = None
    stack: Stack = ()
    on: On = UNKNOWN
    cancelling: int | None = None
    handling: str | None = None
    shielded: bool = False
    caught: Frame | None = None
    late: bool = False
    inner: ClassVar = {"at": Frame, "leaf": Frame, "stack": Frame, "on": On, "caught": Frame}


class ThreadTold(Told):
    """THREAD: one thread at an instant."""

    thread: int | None = None
    tid: int | None = None
    name: str | None = None
    main: bool = False
    daemon: bool = False
    state: str = "busy"
    at: Frame | None = None
    leaf: Frame | None = None
    stack: Stack = ()
    doing: str | None = None
    fd: int | None = None
    child: int | None = None
    on: On = UNKNOWN
    job: Job | None = None
    callback: str | None = None
    delayed: float | None = None
    importing: bool = False
    by: Frame | None = None
    inner: ClassVar = {"at": Frame, "leaf": Frame, "stack": Frame, "on": On, "job": Job, "by": Frame}

    @property
    def rests(self) -> bool:
        """Return whether it waits for work and is at nothing; what its loop's tasks wait for, they tell."""
        return self.state in ("loop-idle", "pool-idle")


class Handler(Told):
    """HANDLER: what a signal does; ``at`` is its definition, ``by`` who installed it."""

    signal: int | None = None
    kind: str | None = None
    name: str | None = None
    at: Frame | None = None
    by: Frame | None = None
    inherited: bool = False
    inner: ClassVar = {"at": Frame, "by": Frame}


class Loop(Told):
    """LOOP: an event loop, and what could still wake it."""

    loop: int | None = None
    type: str | None = None
    running: bool | None = None
    closed: bool | None = None
    n_tasks: int | None = None
    timers: int | None = None
    next_timer: float | None = None
    ready: int | None = None
    watched: int | None = None
    asyncgens: int | None = None


class Transport(Told):
    """TRANSPORT: an open connection or pipe of a loop."""

    fd: int | None = None
    type: str | None = None
    peer: str | None = None
    protocol: str | None = None
    closing: bool = False
    buffered: int = 0


class Generator(Told):
    """An asynchronous generator that was left open."""

    name: str | None = None
    at: Frame | None = None
    inner: ClassVar = {"at": Frame}


class ChildTold(Told):
    """CHILD: a child process as its parent knows it."""

    pid: int | None = None
    name: str | None = None
    target: str | None = None
    how: str | None = None
    by: Frame | None = None
    daemon: bool = False
    alive: bool | None = None
    inner: ClassVar = {"by": Frame}


class Candidate(Told):
    """Who may end a wait. ``how``: holds, sets, names, reaches, in this order of belief."""

    task: int | None = None
    thread: int | None = None
    how: str = "reaches"
    distance: int | None = None
    at: Frame | None = None
    inner: ClassVar = {"at": Frame}


class Gone(Told):
    """A task that used what is waited for, and has ended."""

    task: int | None = None
    name: str | None = None
    coro: str | None = None
    outcome: str | None = None
    cancelled_by: Frame | None = None
    inner: ClassVar = {"cancelled_by": Frame}


class Wake(Told):
    """A row of ``wakes``: who woke a task, when (``t``: monotonic nanoseconds), and how what it awaited had ended."""

    t: int | None = None
    task: int | None = None
    by_task: int | None = None
    by_thread: int | None = None
    how: str | None = None
    at: Frame | None = None
    name: str | None = None
    inner: ClassVar = {"at": Frame}


class Group(Told):
    """How many tasks are at one place."""

    count: int = 0
    coro: str | None = None
    at: Frame | None = None
    inner: ClassVar = {"at": Frame}


def build(cls: type[_Told], fields: Mapping[str, Any], owner: Owner) -> _Told:
    """Return the record of the fields that are known. A list may have holes: wire.decode lets null through."""
    found: dict[str, Any] = {}
    names: tuple[str, ...] = cls.__match_args__
    for name in names:
        value = fields.get(name)
        if value is not None:
            found[name] = _value(cls.inner.get(name), value, owner)
    return cls(**found)


def _value(shape: type | None, value: Any, owner: Owner) -> Any:
    if type(value) is list:
        return tuple(_value(shape, item, owner) for item in value if item is not None)
    if shape is Frame:
        return frame_of((value[0] or "?", value[1] or 0, value[2] or ""), owner)
    return build(shape, value, owner) if shape is not None else value
