"""What the processes of one worker told about their end, sorted into lives of tasks and threads. Judges nothing.

Plain classes, filled by gather.py and only read afterwards. All instants are seconds since zero (they may be
negative: before the stop); None is unknown.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.diagnosis.evidence.frames import NOBODY
from supervisor.diagnosis.evidence.notes import Ended, Eof, Exit, Hello, Phase, Ready, Snapshot
from supervisor.diagnosis.evidence.shapes import UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from supervisor.diagnosis.evidence.frames import Frame, Stack
    from supervisor.diagnosis.evidence.notes import Note
    from supervisor.diagnosis.evidence.shapes import Job, On

    _Kind = TypeVar("_Kind", bound=Note)

# Others of the same process must act: another task, or whoever sets, puts, releases (agent/wire.py, WAIT kinds).
# Every other kind ends by itself: by a clock, a file, or work of its own.
ON_TASKS = frozenset({"task", "tasks", "shield", "poll", "group"})
ON_OTHERS = frozenset({"event", "condition", "lock", "semaphore", "barrier", "queue-get", "queue-put", "queue-join"})
# Of a process that has not said hello yet.
NO_HELLO = Hello()
# The agent tells of every signal that the process sends; one to itself is its end when nothing was said for so long
# (seconds) after it. When the end itself was seen proves nothing: a busy machine sees it late.
SENDS = ("raise_signal", "os.kill")
RIGHT_BEFORE = 0.1
_HELPERS = ("multiprocessing/resource_tracker.py", "multiprocessing/forkserver.py")


class Wait:
    """A task stood at one line from ``start`` to ``end``; None: it still did when its agent last spoke."""

    __slots__ = ("at", "end", "handling", "leaf", "on", "repeats", "seen", "stack", "start", "told")

    def __init__(self, start: float, at: Frame | None, leaf: Frame | None = None, stack: Stack = ()) -> None:
        self.start = start
        self.end: float | None = None
        self.at = at
        self.leaf = leaf
        self.stack = stack
        self.on: On = UNKNOWN
        self.seen = start  # when ``on`` was true
        self.handling: str | None = None
        self.repeats = False  # a sleep that outlived its own end: another of the same line
        self.told = False  # long enough to be told by the agent, which then tells its end too

    @property
    def kind(self) -> str:
        """Return the kind of what is waited for (agent/wire.py, WAIT); empty when it is unknown."""
        return self.on.kind

    def until(self, last: float) -> float:
        """Return the instant of its end; ``last`` while it goes on."""
        return last if self.end is None else self.end


class Task:
    """A task, and what is known of its life from ``first_seen`` on."""

    __slots__ = (
        "at_cancel", "at_close", "cancel_sure", "cancelled_at", "cancelled_by", "caught", "coro", "created_by",
        "created_handling", "created_in", "destroyed", "done_at", "exception", "first_seen", "late", "moves", "name",
        "number", "outcome", "pid", "shielded", "waits",
    )  # fmt: skip

    def __init__(self, pid: int, number: int, first_seen: float) -> None:
        self.pid = pid
        self.number = number
        self.first_seen = first_seen
        self.name = "?"
        self.coro = "?"
        self.waits: list[Wait] = []
        self.late = False
        self.created_by: Frame | None = None
        self.created_handling: str | None = None
        self.created_in: Stack = ()  # the stack of whoever created it
        self.cancelled_at: float | None = None
        self.cancel_sure = False  # it was this task that was cancelled, not one that it awaited
        self.cancelled_by: Frame | None = None
        self.caught: Frame | None = None
        self.shielded = False
        self.outcome: str | None = None
        self.exception: str | None = None
        self.done_at: float | None = None
        self.moves = 0
        self.at_cancel = False  # main ended before it did
        self.at_close = False
        self.destroyed = False

    @property
    def open_wait(self) -> Wait | None:
        """Return the wait that the task is in as far as is known."""
        if self.done_at is not None or not self.waits or self.waits[-1].end is not None:
            return None
        return self.waits[-1]

    @property
    def last_at(self) -> Frame | None:
        """Return the last line at which the task was seen."""
        return next((wait.at for wait in reversed(self.waits) if wait.at), None)

    @property
    def lost(self) -> bool:
        """Return whether the task had not ended when its loop was closed, or when the garbage collector took it."""
        return self.done_at is None and (self.at_close or self.destroyed)


class Block:
    """A thread at one line. ``ended`` False: it was still there at the last word."""

    __slots__ = (
        "at", "callback", "child", "cpu", "delayed", "doing", "end", "ended", "fd", "glimpse", "importing", "job",
        "leaf", "on", "stack", "start", "state",
    )  # fmt: skip

    def __init__(self, start: float, end: float, at: Frame | None, state: str) -> None:
        self.start = start
        self.end = end
        self.ended = False
        self.glimpse = False  # seen there when a phase began, by nobody who would have told how long it stayed
        self.at = at
        self.state = state
        self.leaf: Frame | None = None
        self.stack: Stack = ()
        self.doing: str | None = None
        self.cpu: float | None = None
        self.fd: int | None = None
        self.child: int | None = None  # the pid that it waits for
        self.on: On = UNKNOWN
        self.job: Job | None = None
        self.callback: str | None = None
        self.delayed: float | None = None
        self.importing = False

    @property
    def computes(self) -> bool:
        """Return whether the thread had a processor for more than half of the time."""
        return self.cpu is not None and self.cpu > 0.5 * (self.end - self.start)


class Thread:
    """The life of one thread."""

    __slots__ = ("at_first", "blocks", "daemon", "ident", "late", "main", "name", "pid", "started_by")

    def __init__(self, pid: int, ident: int) -> None:
        self.pid = pid
        self.ident = ident
        self.name = "?"
        self.main = False
        self.daemon = False
        self.late = True
        self.started_by: Frame | None = None  # of a thread with no line of the program's own on its stack
        self.at_first: Block | None = None  # where the first snapshot found it, whatever it did
        self.blocks: list[Block] = []


class Woken(Frozen):
    """A task was made to run: by another task, by a thread, else by the loop itself (a timer, a file, a signal).

    ``how`` ended what it had awaited: returned, raised, cancelled, or step (its first, or a turn given up).
    """

    at: float
    task: int
    by_task: int | None = None
    by_thread: int | None = None
    how: str | None = None
    line: Frame | None = None
    name: str | None = None


class Process:
    """Everything one process told."""

    __slots__ = (
        "dropped", "dumps", "hello", "inherited", "last", "lost", "notes", "owner", "phases", "pid", "silence_ended",
        "silent", "tasks", "threads", "wakes", "zero",
    )  # fmt: skip

    def __init__(self, pid: int, zero: float = 0.0) -> None:
        self.pid = pid
        self.zero = zero  # monotonic seconds
        self.hello = NO_HELLO
        self.owner = NOBODY  # whose code is whose
        self.last = 0.0
        self.dropped = 0
        self.lost = 0
        self.dumps: list[tuple[float, str]] = []  # stacks that were written without Python's help, and when
        self.inherited: set[int] = set()  # tasks that belong to the process it was forked from
        self.silence_ended = float("-inf")  # when it last spoke again after a silence of its sampler
        self.silent: float | None = None  # its last word before it could only be looked at from below Python
        self.tasks: dict[int, Task] = {}
        self.threads: dict[int, Thread] = {}
        self.phases: list[Phase] = []
        self.wakes: list[Woken] = []  # in order of time
        self.notes: list[Note] = []

    @property
    def cwd(self) -> str | None:
        """Return the working directory that the process had at its start."""
        return self.hello.cwd

    @property
    def python(self) -> str | None:
        """Return the Python version of the process."""
        return self.hello.python

    @property
    def minor(self) -> int:
        """Return the minor version of its Python 3; 0 when it is not known."""
        minor = (self.python or "").split(".")[1:2]
        return int(minor[0]) if minor and minor[0].isdecimal() else 0

    @property
    def dump(self) -> str:
        """Return the last stacks that were written without Python's help; empty when there are none."""
        return self.dumps[-1][1] if self.dumps else ""

    @property
    def main_thread(self) -> Thread | None:
        """Return the main thread of the process."""
        return next((thread for thread in self.threads.values() if thread.main), None)

    @property
    def first(self) -> Snapshot | None:
        """Return the note of how things stood when the agent was armed."""
        return next(iter(self.of(Snapshot)), None)

    @property
    def sampled(self) -> bool:
        """Return whether the sampler ran: a stay that it did not tell was a short one."""
        return any(note.sampler for note in self.of(Ready))

    @property
    def ended(self) -> Eof | None:
        """Return the note that ended the channel of the process."""
        return next(iter(self.of(Eof)), None)

    @property
    def exit_status(self) -> Ended | None:
        """Return how the process ended, whoever's child it was; None where the kernel does not tell."""
        return next(iter(self.of(Ended)), None)

    @property
    def own_death(self) -> Exit | None:
        """Return the call by which the process sent itself the signal that it died of."""
        if self.phase_start("finalize") is not None:
            return None
        spoke = self.last if self.silent is None else self.silent
        last = [note for note in self.of(Exit) if note.how in SENDS and note.at > spoke - RIGHT_BEFORE]
        return last[-1] if last and last[-1].target in (None, self.pid) else None

    @property
    def is_helper(self) -> bool:
        """Return whether multiprocessing started the process for itself; it ends by itself when its parent does."""
        threads = self.first.threads if self.first is not None else ()
        return any(frame.file.endswith(_HELPERS) for told in threads for frame in told.stack)

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """Return the notes of one kind, in order of time."""
        return [note for note in self.notes if isinstance(note, kind)]

    def phase_start(self, *names: str, after: float = float("-inf")) -> float | None:
        """Return the instant at which the first of these phases began."""
        return next((phase.at for phase in self.phases if phase.name in names and phase.at >= after), None)


class Evidence:
    """All processes of one worker that have an agent, the main process first when it has one."""

    __slots__ = ("main", "processes", "zero")

    def __init__(self, zero: float, main: int) -> None:
        self.zero = zero
        self.main = main
        self.processes: dict[int, Process] = {}

    @property
    def leader(self) -> Process | None:
        """Return the process whose phases are the worker's: the main process, else the one that spoke last."""
        if self.main in self.processes:
            return self.processes[self.main]
        begun = [process for process in self.processes.values() if process.phases or process.first is not None]
        return max(begun or self.processes.values(), key=lambda process: process.last, default=None)

    def killer(self, process: Process) -> Exit | None:
        """Return the call by which another process of the worker killed this one; None when none is known."""
        status = process.exit_status
        if process.phase_start("finalize") is not None or (status is not None and status.signal != signum.KILL):
            return None
        calls = [note for other in self.processes.values() if other is not process for note in other.of(Exit)]
        return next((call for call in calls if (call.target, call.signal) == (process.pid, signum.KILL)), None)

    def others(self, process: Process) -> list[Process]:
        """Return the processes besides this one, in order of their end."""
        found = [p for p in self.processes.values() if p is not process and not p.is_helper]
        return sorted(found, key=lambda p: p.last)
