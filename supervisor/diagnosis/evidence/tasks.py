"""Messages about tasks -> their lives: where each waited, from when to when, how it was cancelled and ended."""

from __future__ import annotations

from supervisor.agent.body.grain import FIRST_TOLD
from supervisor.diagnosis.evidence.model import ON_TASKS, Process, Task, Wait
from supervisor.diagnosis.evidence.notes import TaskCancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.notes import (
        TaskCreated,
        TaskDestroyed,
        TaskDone,
        TaskMoved,
        TaskWaiting,
    )
    from supervisor.diagnosis.evidence.shapes import TaskTold

# Two accounts of one wait name begins that differ by so many seconds at most: a sampler's look on a busy machine, and
# a twentieth of the wait's length, since the looks grow rarer.
SAME = 0.12
SAME_SHARE = 0.05
MOST_TASKS = 5000
# What a task waits for that somebody may cancel without cancelling the task: before Python 3.11 both look alike.
_OTHERS_TOO = ON_TASKS | {"future", "", "ready", "executor"}
# A cancel is told within so many seconds: one pause of the sampler, on a busy machine.
TOLD_LATE = 0.1


def find(process: Process, at: float, told: TaskTold, since_cancel: float | None = None) -> Task | None:
    """Return the task that is told of, with what every message says of it; None when it cannot be said which."""
    number = told.task
    if number is None or (number not in process.tasks and len(process.tasks) >= MOST_TASKS):
        return None
    if number in process.inherited:
        return None
    task = process.tasks.get(number)
    if task is None:
        task = process.tasks[number] = Task(process.pid, number, at)
    task.name = told.name or task.name
    task.coro = told.coro or task.coro
    task.late = task.late or told.late
    task.shielded = task.shielded or told.shielded
    task.caught = told.caught or task.caught
    task.cancel_sure = task.cancel_sure or (told.cancelling or 0) > 0
    if since_cancel is not None and task.cancelled_at is None:
        task.cancelled_at = at - max(since_cancel, 0.0)
    return task


def described(process: Process, at: float, told: TaskTold, since: float | None = None) -> Task | None:
    """Return where the task is now, and (with ``since``) from when on."""
    task = find(process, at, told)
    if task is not None:
        _stays(task, at, told, since)
    return task


def _stays(task: Task, at: float, told: TaskTold, since: float | None) -> None:
    where = told.at or told.leaf
    if where is None or task.done_at is not None:
        return
    start = at if since is None else since
    wait = task.open_wait
    if (
        wait is None
        or wait.at != where
        or (since is not None and since > wait.start + SAME + (at - since) * SAME_SHARE)
    ):
        if wait is not None:
            wait.end = _forgotten(wait, start)
        wait = Wait(start, where)
        task.waits.append(wait)
    _describe(wait, at, told, since is not None)


def _describe(wait: Wait, at: float, told: TaskTold, timed: bool) -> None:
    wait.leaf = told.leaf or wait.leaf
    wait.told = wait.told or timed
    wait.stack = told.stack or wait.stack
    wait.handling = told.handling or wait.handling
    if not told.on.kind:
        return
    due = wait.on.due
    # A sleep that outlives its own end is another sleep of the same line: somebody polls.
    if wait.kind == "sleep" and due is not None and at > wait.seen + due + FIRST_TOLD:
        wait.repeats = True
    wait.on, wait.seen = told.on, at


def _forgotten(wait: Wait, latest: float) -> float:
    """Return the end of a wait that was not told: a short one ended within what is not told, a long one just now."""
    if wait.told:
        return max(wait.start, latest)
    return max(wait.start, min(latest, wait.seen + FIRST_TOLD))


def waiting(process: Process, note: TaskWaiting) -> None:
    """Note that the task is still where it was."""
    task = find(process, note.at, note.told, note.since_cancel)
    if task is not None:
        _stays(task, note.at, note.told, note.at - max(note.seconds or 0.0, 0.0))


def moved(process: Process, note: TaskMoved) -> None:
    """Note that the task left one place for another."""
    task = find(process, note.at, note.told, note.since_cancel)
    was = note.was or note.was_leaf
    if task is None or task.done_at is not None:
        return
    if was is not None:
        _close(task, note.at, was, note.seconds, note.was_leaf)
    _stays(task, note.at, note.told, note.at)


def _close(task: Task, at: float, where: Frame, seconds: float | None, leaf: Frame | None) -> None:
    """End the task's wait at ``where`` now, after it has lasted ``seconds``."""
    start = at - max(seconds, 0.0) if seconds is not None else at
    wait = task.open_wait
    if wait is not None and wait.at != where:
        wait.end = _forgotten(wait, start)
        wait = None
    if wait is None:
        if task.waits and (last := task.waits[-1]).end is not None:
            start = max(start, last.end)
        wait = Wait(min(start, at), where, leaf)
        task.waits.append(wait)
    wait.end = max(at, wait.start)


def created(process: Process, note: TaskCreated) -> None:
    """Note that the task was born, by whom and while handling what."""
    task = find(process, note.at, note.told)
    if task is not None:
        task.late = True
        task.created_by = note.by
        task.created_handling = note.told.handling
        task.created_in = note.told.stack


def done(process: Process, note: TaskDone) -> None:
    """Note that the task ended."""
    at, told = note.at, note.told
    task = find(process, at, told, note.since_cancel)
    if task is None or task.done_at is not None:
        return
    where = told.at or told.leaf
    if where is not None and note.seconds is not None:
        _close(task, at, where, note.seconds, told.leaf)
    elif task.open_wait is not None:
        task.open_wait.end = at
    if told.cancelling == 0 and not task.cancel_sure:
        task.cancelled_at = None  # another task's cancellation, met where it was awaited
    task.done_at = at
    task.outcome = note.outcome
    task.exception = note.exception
    task.moves = note.moves


def cancelled(process: Process, note: TaskCancelled) -> None:
    """Note that cancel() of the task was seen."""
    task = find(process, note.at, note.told)
    if task is not None:
        if task.cancelled_at is None:
            task.cancelled_at = note.at
        task.cancelled_by = note.by or task.cancelled_by
        wait = task.open_wait
        if note.by is not None and wait is not None and wait.kind not in _OTHERS_TOO:
            task.cancel_sure = True  # what it awaited is its own: nobody cancels that but with the task
        process.notes.append(note)


def time_cancels(process: Process) -> None:
    """Set a cancel's instant to the turn in which a task called it: it is told when the agent next looks."""
    for note in process.of(TaskCancelled):
        task = process.tasks.get(note.told.task) if note.told.task is not None else None
        turns = [row.at for row in process.wakes if row.task == note.by_task and row.at <= note.at]
        if task is not None and task.cancelled_at == note.at and turns and note.at - turns[-1] <= TOLD_LATE:
            task.cancelled_at = turns[-1]


def destroyed(process: Process, note: TaskDestroyed) -> None:
    """Note that the garbage collector took the task while it was pending."""
    told = note.told
    task = find(process, note.at, told) if told.task is not None else _named(process, told.name)
    if task is not None:
        task.destroyed = True
        if told.at is not None and not task.waits:
            task.waits.append(Wait(note.at, told.at))
    process.notes.append(note)


def _named(process: Process, name: str | None) -> Task | None:
    """Return the one living task of this name: of a task that was just being destroyed the agent may only have
    that.
    """
    found = [task for task in process.tasks.values() if task.name == name and task.done_at is None]
    return found[0] if len(found) == 1 else None
