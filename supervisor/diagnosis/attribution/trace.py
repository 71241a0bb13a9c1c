"""The critical path by cause: from a task backwards to who woke it, as the agent saw it happen. Pure.

A wake-up that another task caused leads on to that task, at that instant: nothing is charged, for until then the
other one was what the time went by. Where the loop woke a task (a timer, a file, a signal) or a job's thread did, the
task's own wait, or the job, took the time since its wake-up before.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.attribution.holds import ALIVE, BLOCKED, CLOSE, LIBRARY, POLL, Hold
from supervisor.diagnosis.attribution.nobody import holders, main_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.diagnosis.evidence.model import Process, Task, Woken

# A thread's last step in a job, and the wake-up that it causes, are so far apart on a busy machine (seconds).
JOB_TO_LOOP = 0.12
# The stamps of a wake-up and of the end of the task that it wakes are taken so close together (seconds).
STAMPS = 0.001
# A task that ran for longer (seconds) since it was woken did not run: the recorder left something out, or the loop
# was blocked. Coincidence in time has to tell.
RAN = 0.05


class Back(Frozen):
    """One step backwards: to the instant ``at``, where it was ``task``'s turn; ``hold`` took the time since."""

    at: float
    task: Task
    hold: Hold | None = None


class Trace:
    """The wake-ups of one process, by the task that was woken."""

    __slots__ = ("_mine", "_process", "_rows")

    def __init__(self, process: Process, mine: Sequence[Hold]) -> None:
        self._process = process
        self._mine = mine
        self._rows: dict[int, list[Woken]] = {}
        for row in process.wakes:
            self._rows.setdefault(row.task, []).append(row)

    def ended_at(self, at: float) -> Task | None:
        """Return the task whose end at this instant was waited for: the main one, else the last that was
        cancelled.
        """
        if not self._rows:
            return None
        ended = [task for task in self._process.tasks.values() if abs((task.done_at or -1.0) - at) <= CLOSE]
        main = main_task(self._process)
        if main in ended:
            return main
        swept = [task for task in ended if task.cancelled_at is not None]
        return max(swept, key=lambda task: task.done_at or 0.0, default=None)

    def back(self, task: Task, at: float) -> Back | None:
        """Return what came before the task at that instant; None where the evidence has a gap."""
        row = self._last(task, at + STAMPS)
        if row is None or at - row.at > RAN:
            return None
        before = self._last(task, row.at - STAMPS)
        since = before.at if before is not None else task.first_seen
        if row.by_task is not None and row.by_task != task.number and row.by_task in self._process.tasks:
            waker = self._process.tasks[row.by_task]
            said = self._said_by(task, waker, row.at)
            return Back(min(row.at, at), waker) if said is None else Back(said.start, task, said)
        job = self._job(task, row, since)
        if job is not None:
            return Back(max(job.start, since), task, job)
        return self._own(task, row, since)

    def _said_by(self, task: Task, waker: Task, at: float) -> Hold | None:
        """Return the task's own wait, where it says more than that of the one who woke it.

        A task that asyncio made to wait in its stead (`wait_for`, `communicate`) has no line but the standard
        library's.
        """
        theirs = [hold for hold in self._mine if hold.task is waker and hold.start < at <= hold.end + CLOSE]
        if not theirs or any(hold.at is None or hold.at.origin != "stdlib" for hold in theirs):
            return None
        mine = [
            hold for hold in self._mine if hold.task is task and hold.users and hold.start < at <= hold.end + CLOSE
        ]
        told = [hold for hold in mine if hold.wait is not None and hold.end - hold.start > CLOSE]
        return max(told, key=lambda hold: hold.start, default=None)

    def _last(self, task: Task, until: float) -> Woken | None:
        rows = self._rows.get(task.number, ())
        return next((row for row in reversed(rows) if row.at <= until), None)

    def _job(self, task: Task, row: Woken, since: float) -> Hold | None:
        """Return the job whose end woke the task: in its own thread, or by the loop, to which the thread gave its
        result.
        """
        ident = row.by_thread
        if ident is None and row.name == "executor":
            jobs_of = (
                wait.on.job for wait in reversed(task.waits) if wait.start <= row.at and wait.on.job is not None
            )
            job = next(jobs_of, None)
            ident = job.thread if job is not None else None
        if ident is None:
            return None
        jobs = (hold for hold in self._mine if hold.thread is not None and hold.thread.ident == ident)
        near = [hold for hold in jobs if since - CLOSE < hold.end and abs(hold.end - row.at) <= JOB_TO_LOOP]
        return min(near, key=lambda hold: abs(hold.end - row.at), default=None)

    def _own(self, task: Task, row: Woken, since: float) -> Back | None:
        mine = [hold for hold in self._mine if hold.task is task and hold.wait is not None]
        over = [hold for hold in mine if hold.start < row.at and since - CLOSE < hold.end]
        hold = max(over, key=lambda hold: hold.end, default=None)
        if hold is None or hold.end < row.at - RAN:  # waits too short to be told
            if any(one.rank == BLOCKED and since < one.end and one.start < row.at for one in self._mine):
                return None  # the loop was blocked meanwhile, by a step of this task or of another
            alive = Hold(self._process, "task", ALIVE, since, row.at, task.last_at, task=task)
            return Back(since, task, alive) if row.at - since > 0.0 else None
        if hold.rank == POLL:
            return self._polled(hold, row.at)
        if row.name == "timer" and (hold.rank > LIBRARY or hold.kind in ("future", "")):
            return None  # a time limit ended it: whoever it waited for until then is not on this trace
        setter = self._setter(hold, row) if row.name is None else None
        if setter is not None:
            return Back(row.at, setter)
        begin = max(hold.start, since)
        return Back(begin, task, hold) if begin < row.at else None

    def _setter(self, hold: Hold, row: Woken) -> Task | None:
        """Return the one task whose code sets what was waited for, if it ran just before the wake-up."""
        told = holders(hold)
        sets = [one.task for one in told.found if one.how == "sets"] if told is not None else []
        setter = self._process.tasks.get(sets[0]) if len(sets) == 1 and sets[0] is not None else None
        ran = self._last(setter, row.at) if setter is not None else None
        return setter if ran is not None and row.at - ran.at <= RAN else None

    def _polled(self, hold: Hold, at: float) -> Back | None:
        """Return whom a poller looked for: the last of those it can see to end, within the time that it sleeps."""
        if hold.wait is None:
            return None
        seen = [self._process.tasks[number] for number in hold.wait.on.tasks if number in self._process.tasks]
        ended = [task for task in seen if task.done_at is not None and at - hold.period - CLOSE <= task.done_at <= at]
        last = max(ended, key=lambda task: task.done_at or 0.0, default=None)
        return Back(last.done_at, last, hold) if last is not None and last.done_at is not None else None
