"""What can be seen of a running process from outside: the records that system/ fills and diagnosis/ reads. No logic.

Sources are proc(5) and its sub-pages. None is unknown (not readable, or this kernel does not tell), never 0.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Kind: TypeAlias = Literal["pipe", "socket", "terminal", "file", "other"]
    Way: TypeAlias = Literal["child", "lock", "writer", "reader"]


class Relative(Frozen):
    """Another process that has to do with this one. ``state`` as in proc_pid_stat(5)."""

    pid: int
    argv: tuple[str, ...]
    state: str


class Step(Frozen):
    """A process for which the one before it waits.

    ``way``: it is the other's child, holds the file lock that the other wants, or is the only one that could write
    into, or read from, its pipe. ``call``: in which its main thread sleeps; None when it runs or cannot be seen.
    """

    pid: int
    argv: tuple[str, ...]
    state: str
    way: Way
    call: str | None


class Call(Frozen):
    """A system call in which a thread sleeps, with its raw arguments (proc_pid_syscall(5))."""

    name: str
    args: tuple[int, ...] = ()


class Thread(Frozen):
    """One thread. ``cpu`` is the seconds it used while we looked; ``calls`` what it was in at each look (None: it
    ran, or cannot be seen); ``states`` likewise; ``pending`` and ``blocked`` are signal sets of this thread alone."""

    tid: int
    name: str
    states: tuple[str, ...]
    calls: tuple[Call | None, ...] = ()
    cpu: float | None = None
    wchan: str | None = None
    pending: int = 0
    blocked: int = 0

    @property
    def state(self) -> str:
        """Return the state of the thread: the last look's when it then could not run (stopped, a zombie), else the
        most frequent one.
        """
        last = self.states[-1] if self.states else "?"
        return last if last in "TtZX" else max(self.states, key=self.states.count, default="?")


class End(Frozen):
    """What a descriptor leads to. ``holders``: the processes at the other end of a pipe, None when not looked for;
    ``all_seen``: whether every process could be looked into. ``peer`` is the other address of a socket."""

    fd: int
    kind: Kind
    target: str
    holders: tuple[Relative, ...] | None = None
    all_seen: bool = False
    peer: str | None = None


class Connection(Frozen):
    """One TCP connection. ``unsent`` and ``unread``: bytes in the kernel's queues, ours not acknowledged by the
    peer, and the peer's not read by the process."""

    local: str
    peer: str
    state: str
    unsent: int
    unread: int


class Sockets(Frozen):
    """``listening``: local addresses; ``connections``: at most some hundred of the ``count`` there are."""

    listening: tuple[str, ...]
    connections: tuple[Connection, ...]
    count: int


class Facts(Frozen):
    """A process, looked at for ``observed`` seconds. Signal sets: bit n-1 for signal n."""

    pid: int
    argv: tuple[str, ...]
    age: float
    observed: float
    looks: int
    user: str
    ours: bool  # it runs as the user who asks, or root asks: what is missing is missing for another reason
    cpu: float | None  # seconds of all threads while we looked
    parent: Relative | None
    parent_masks: tuple[int, int] | None  # its caught and ignored signals
    n_threads: int
    threads: tuple[Thread, ...]  # the main thread first
    caught: int
    ignored: int
    shared_pending: int
    mates: tuple[Relative, ...] = ()  # of the group that it led; only looked for when it is a zombie
    children: tuple[Relative, ...] = ()
    exe: str | None = None
    kernel: bool = False
    namespace_init: bool = False  # it is PID 1 of its PID namespace
    tracer: Relative | None = None
    frozen: str | None = None  # the cgroup that holds it
    stack: tuple[str, ...] | None = None  # kernel functions of the main thread, innermost first; root only
    accepted: int = 0  # signals that it reads from signalfds
    fds: int | None = None
    fd_limit: int | None = None
    sockets: Sockets | None = None
    outputs: tuple[End, ...] = ()  # its stdout and stderr
    end: End | None = None  # what the main thread's call reads or writes
    lock_holder: Relative | None = None  # who has the file lock that it waits for
    awaited: Relative | None = None  # the one child that its main thread waits for by pid
    waits_for: tuple[Step, ...] = ()  # from that process on, each waiting for the next
    ended: bool = False  # while we looked
    hidden: tuple[str, ...] = ()  # what could not be read, in words

    @property
    def main(self) -> Thread:
        """Return the main thread."""
        return self.threads[0]


class Frame(Frozen):
    """A line of a Python stack."""

    file: str
    line: int
    function: str


class PyThread(Frozen):
    """A Python thread's stack, outermost frame first."""

    tid: int | None
    name: str
    frames: tuple[Frame, ...]
    active: bool = False


class Inside(Frozen):
    """What a look into a Python process gave. ``threads`` None: no look was possible, ``why`` says so, ``hint``
    what to do about it. ``tree`` is what `asyncio pstree` printed."""

    python: str | None
    how: str | None = None
    threads: tuple[PyThread, ...] | None = None
    tree: tuple[str, ...] | None = None
    why: str | None = None
    hint: str | None = None
