"""What every rule looks at, and what it answers with. No rule."""

from __future__ import annotations

from supervisor.core.verdict import FORCED
from supervisor.diagnosis.attribution.holds import joining
from supervisor.diagnosis.attribution.load import machine_was_busy
from supervisor.diagnosis.attribution.nobody import main_task
from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.evidence.frames import user_first
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from supervisor.core.record import Marks, PhaseSpan, Severity, Shutdown
    from supervisor.diagnosis.attribution.holds import Hold, Known
    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Frame, Sources
    from supervisor.diagnosis.evidence.model import Block, Evidence, Process, Task, Thread, Wait

# A hold of the exit that is shorter is no finding: it is the price of a shutdown.
TOLD = 0.1
# A framework's pause at its own work that is shorter (seconds) is no finding.
PAUSE = 0.25
# Work that begins only after the stop request (closing handshakes, deregistering, a flush) is a drain as long as it
# takes no more than a quarter of the grace period, and no more than two seconds; where there is no grace period, two.
NEW_WORK = 2.0
NEW_SHARE = 1 / 4
# Half of the grace period, and what a busy machine adds to work that takes just that: equal endings stay equal.
HALF = 1 / 2
SLACK = 0.08
# What a worker waits for between two items of its work; an event or another task may be the stop request itself.
FOR_WORK = frozenset({"queue-get", "queue-put", "semaphore", "lock"})
# Where the agent told of no handler: a wait that began so long after the stop request began because of it.
BECAUSE = 0.06
# What lasted until so short a time before SIGKILL lasted until SIGKILL, seconds: the last look comes before it.
AT_KILL = 0.05
# Within one look of the sampler two instants cannot be told apart, seconds.
ONE_LOOK = 0.01
# Between the first snapshot and the sampler's first look on a busy machine.
UNSEEN = 0.15


class Case:
    """One shutdown with everything known about it."""

    __slots__ = ("environ", "evidence", "known", "leader", "marks", "pieces", "shutdown", "sources", "spans")

    def __init__(
        self,
        shutdown: Shutdown,
        evidence: Evidence,
        known: Known,
        marks: Marks,
        spans: tuple[PhaseSpan, ...],
        pieces: list[Piece],
        sources: Sources,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Join what is known; of ``environ``, the worker's environment, only options of servers are read."""
        self.shutdown = shutdown
        self.environ = environ
        self.evidence = evidence
        self.known = known
        self.leader = evidence.leader
        self.marks = marks
        self.spans = spans
        self.pieces = pieces
        self.sources = sources

    @property
    def killed(self) -> bool:
        """Return whether the worker did not end by itself."""
        return self.shutdown.outcome in FORCED

    @property
    def asked_with(self) -> int | None:
        """Return the signal of the first rung that was sent."""
        return next((climb.signal for climb in self.shutdown.escalation), None)

    @property
    def until(self) -> float:
        """Return when the wait was over: SIGKILL, else the exit; seconds since zero."""
        for mark in (self.marks.killed, self.marks.exited, self.marks.main_exited):
            if mark is not None:
                return mark
        return 0.0

    def held(self, seconds: float, new_work: bool, to_the_end: bool = False, nobody: bool = False) -> Severity:
        """Return how bad it is to hold the exit for so long (docs/findings.md, "How bad is it").

        ``new_work``: it began only after the stop request; ``to_the_end``: it still held when SIGKILL came;
        ``nobody``: nobody was left who could end it.
        """
        if to_the_end and not (self.killed and self.shutdown.hurried):
            return "error"
        grace = self.shutdown.grace
        if nobody or (grace is not None and seconds > grace * HALF + SLACK):
            return "warning"
        allowed = NEW_WORK if grace is None else min(grace * NEW_SHARE, NEW_WORK)
        return "warning" if new_work and seconds > allowed + SLACK and not self.busy_machine else "note"

    @property
    def busy_machine(self) -> bool:
        """Return whether the machine had no processor to spare for the worker: what took long may have waited for
        one.
        """
        return self.leader is not None and machine_was_busy(self.leader, self.shutdown.samples)

    @property
    def nothing_began(self) -> bool:
        """Return whether no task moved and no teardown began after the handler ran, or should have run."""
        process = self.leader
        if process is None or process.phases:
            return False
        ran = received(process, 0.0)
        began = ran.at if ran is not None else BECAUSE
        return not any(
            (task.done_at or 0.0) > 0.0
            or task.cancelled_at is not None
            or task.late
            or any(wait.start > began for wait in task.waits)
            for task in process.tasks.values()
        )

    def to_the_end(self, piece: Piece) -> bool:
        """Return whether SIGKILL cut the piece short: our own, or that of another process to the piece's."""
        process = piece.process
        if self.killed and piece.end >= self.until - AT_KILL:
            return True
        cut = process is not None and piece.end >= process.last - AT_KILL and piece.what != "finalize"
        return cut and process is not None and self.evidence.killer(process) is not None

    def is_new(self, piece: Piece) -> bool:
        """Return whether the work of this piece began only after the stop request.

        A task that did work of its own at zero (slept, read, computed) goes on with it, and so does one that takes
        the next item in the same loop. One that waited for somebody, the main task, and a task in the cleanup after
        its cancel, begin something new.
        """
        hold = piece.hold
        if self.marks.asked is None or hold is None or hold.start <= 0.0:
            return False
        if hold.at is not None and hold.at.origin == "library":
            return False  # a framework at its own work: no line of the user's could have begun it sooner
        if hold.thread is not None:
            return _is_new_there(hold, hold.thread)
        task = hold.task
        if task is None or task.late or task is main_task(hold.process):
            return True
        if task.cancelled_at is not None and hold.start >= task.cancelled_at - ONE_LOOK:
            return True
        at_zero = next((wait for wait in task.waits if wait.end is None or wait.end > 0.0), None)
        if at_zero is not None and at_zero.kind in FOR_WORK and self._goes_round(at_zero, hold):
            return False
        return at_zero is None or at_zero.kind in ON_TASKS or at_zero.kind in ON_OTHERS

    def _goes_round(self, at_zero: Wait, hold: Hold) -> bool:
        """Return whether the task does a turn of the loop in which it was at zero, and not what follows the loop."""
        from supervisor.diagnosis.evidence.enclosing import (
            same_loop,  # its parser takes 10 ms to load, and few ends need it
        )

        before = user_first(at_zero.at, at_zero.stack)
        if before is None or hold.at is None:
            return False
        return same_loop(before, hold.at, self.sources, hold.process.cwd)


def _is_new_there(hold: Hold, thread: Thread) -> bool:
    """Return whether a thread's work is new: the first snapshot shows where it was at the stop request."""
    first = thread.at_first
    if thread.late or first is None:
        return thread.late or (thread.main and hold.start > ONE_LOOK)
    if hold.start < UNSEEN and not joining(first) and _goes_on(hold, first):
        return False
    return thread.main or first.state == "pool-idle" or joining(first)


def _goes_on(hold: Hold, first: Block) -> bool:
    """Return whether a thread is where it was; a computing loop is one place, whichever line of it was seen."""
    if first.at is None or hold.at is None or hold.block is None:
        return False
    same_function = (first.at.file, first.at.function) == (hold.at.file, hold.at.function)
    return first.at == hold.at or (hold.block.computes and same_function)


class Claim:
    """What a rule found, put together by that rule and not changed afterwards.

    Claims of the same ``cause`` become one finding; ``words`` fill the code's templates, ``hint`` names its advice.
    ``unanswered``: the program did nothing at all with the stop request, so nothing that it waited for is to blame.
    """

    __slots__ = (
        "cause", "code", "frame", "hint", "piece", "process", "proof", "seconds", "severity", "task", "thread",
        "unanswered", "words",
    )  # fmt: skip

    def __init__(self, code: str, severity: Severity, cause: Hashable, **words: str) -> None:
        self.code = code
        self.severity: Severity = severity
        self.cause = cause
        self.words = words
        self.hint = ""
        self.unanswered = False
        self.piece: Piece | None = None  # the stretch that it explains, whose chain is told with it
        self.seconds: float | None = None
        self.frame: Frame | None = None
        self.process: Process | None = None
        self.task: str | None = None
        self.thread: str | None = None
        self.proof: list[str] = []

    def advise(self, hint: str) -> Claim:
        """Choose which of the code's pieces of advice fits; return the claim."""
        self.hint = hint
        return self

    def at(
        self, process: Process | None, frame: Frame | None, task: str | None = None, thread: str | None = None
    ) -> Claim:
        """Return the place of the claim."""
        self.process, self.frame, self.task, self.thread = process, frame, task, thread
        return self


def users(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that run code of the user's own as far as is known."""
    return [task for task in tasks if is_users(task)]


def is_users(task: Task) -> bool:
    """Return whether some frame of the task, or of its creator, is the user's own code."""
    frames = [frame for wait in task.waits for frame in (*wait.stack, wait.at) if frame]
    if task.created_by is not None and not frames:
        frames = [task.created_by]
    return any(frame.users for frame in frames)
