"""Messages about tasks -> their lives: where each waited, from when to when, how it was cancelled and ended."""

from __future__ import annotations

from supervisor.diagnosis.evidence.model import Note, Process, Task, Wait, stack_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.diagnosis.evidence.frames import Frame

# The agent does not tell of waits shorter than this (agent/wire.py): one that it stopped mentioning ended so soon.
UNTOLD = 0.05
# Two accounts of the same wait differ by a sampler's tick at most (10 ms, 50 ms after two seconds).
SAME = 0.12
MOST_TASKS = 5000


def find(process: Process, at: float, fields: Mapping[str, Any]) -> Task | None:
    """The task that the fields are about, with what every message says of it; None when it cannot be told."""
    number = fields.get("task")
    if number is None or (number not in process.tasks and len(process.tasks) >= MOST_TASKS):
        return None
    if number in process.inherited:
        return None
    task = process.tasks.get(number)
    if task is None:
        task = process.tasks[number] = Task(process.pid, number, at)
    task.name = fields.get("name") or task.name
    task.coro = fields.get("coro") or task.coro
    task.late = task.late or bool(fields.get("late"))
    task.shielded = task.shielded or bool(fields.get("shielded"))
    task.caught = fields.get("caught") or task.caught
    cancelling = fields.get("cancelling")
    task.cancel_sure = task.cancel_sure or (cancelling is not None and cancelling > 0)
    since_cancel = fields.get("since_cancel")
    if since_cancel is not None and task.cancelled_at is None:
        task.cancelled_at = at - max(since_cancel, 0.0)
    return task


def described(process: Process, at: float, fields: Mapping[str, Any], since: float | None = None) -> Task | None:
    """A TASK: where the task is now, and (with ``since``) from when on."""
    task = find(process, at, fields)
    if task is None or task.done_at is not None:
        return task
    where = fields.get("at") or fields.get("leaf")
    if where is None:
        return task
    start = at if since is None else since
    wait = task.open_wait
    if wait is None or wait.at != where or (since is not None and since > wait.start + SAME + (at - since) * 0.05):
        if wait is not None:
            wait.end = _forgotten(wait, start)
        wait = Wait(start, where)
        task.waits.append(wait)
    _describe(wait, at, fields)
    return task


def _describe(wait: Wait, at: float, fields: Mapping[str, Any]) -> None:
    wait.leaf = fields.get("leaf") or wait.leaf
    wait.told = wait.told or fields.get("seconds") is not None
    wait.stack = stack_of(fields) or wait.stack
    wait.handling = fields.get("handling") or wait.handling
    on = fields.get("on")
    if not on:
        return
    due = wait.fields.get("due")
    # A sleep that outlives its own end is another sleep of the same line: somebody polls.
    if wait.kind == "sleep" and due is not None and at > wait.fields["seen"] + due + UNTOLD:
        wait.polled = True
    wait.fields = {**{key: value for key, value in on.items() if value is not None}, "seen": at}


def _forgotten(wait: Wait, latest: float) -> float:
    """The end of a wait that nobody reported: a short one ended within what is not told, a long one just now."""
    if wait.told:
        return max(wait.start, latest)
    seen: float = wait.fields.get("seen", wait.start)
    return max(wait.start, min(latest, seen + UNTOLD))


def waiting(process: Process, note: Note) -> None:
    """It is still where it was."""
    at, fields = note.at, note.fields
    described(process, at, fields, at - max(fields.get("seconds") or 0.0, 0.0))


def moved(process: Process, note: Note) -> None:
    """It left one place for another."""
    at, fields = note.at, note.fields
    task = find(process, at, fields)
    was = fields.get("was") or fields.get("was_leaf")
    if task is None or task.done_at is not None:
        return
    if was is not None:
        _close(task, at, was, fields.get("seconds"), fields.get("was_leaf"))
    described(process, at, fields, at)


def _close(task: Task, at: float, where: Frame, seconds: float | None, leaf: Frame | None) -> None:
    """The task's wait at ``where`` ended now, having lasted ``seconds``."""
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


def created(process: Process, note: Note) -> None:
    """It was born, by whom and while handling what."""
    at, fields = note.at, note.fields
    task = find(process, at, fields)
    if task is not None:
        task.late = True
        task.created_by = fields.get("by")
        task.created_handling = fields.get("handling")
        task.created_in = stack_of(fields)


def done(process: Process, note: Note) -> None:
    """It ended."""
    at, fields = note.at, note.fields
    task = find(process, at, fields)
    if task is None or task.done_at is not None:
        return
    where = fields.get("at") or fields.get("leaf")
    if where is not None and fields.get("seconds") is not None:
        _close(task, at, where, fields["seconds"], fields.get("leaf"))
    elif task.open_wait is not None:
        task.open_wait.end = at
    if fields.get("cancelling") == 0 and not task.cancel_sure:
        task.cancelled_at = None  # another task's cancellation, met where it was awaited
    task.done_at = at
    task.outcome = fields.get("outcome")
    task.exception = fields.get("exception")
    task.moves = fields.get("moves") or 0


def cancelled(process: Process, note: Note) -> None:
    """Its cancel() was seen."""
    at, fields = note.at, note.fields
    task = find(process, at, fields)
    if task is not None:
        if task.cancelled_at is None:
            task.cancelled_at = at
        task.cancelled_by = fields.get("by") or task.cancelled_by
        process.notes.append(note)


def destroyed(process: Process, note: Note) -> None:
    """The garbage collector took it while it was pending."""
    at, fields = note.at, note.fields
    task = find(process, at, fields) if fields.get("task") is not None else _named(process, fields.get("name"))
    if task is not None:
        task.destroyed = True
        if fields.get("at") and not task.waits:
            task.waits.append(Wait(at, fields["at"]))
    process.notes.append(note)


def _named(process: Process, name: str | None) -> Task | None:
    """The one living task of this name: of a task that was just being destroyed the agent may only have that."""
    found = [task for task in process.tasks.values() if task.name == name and task.done_at is None]
    return found[0] if len(found) == 1 else None
