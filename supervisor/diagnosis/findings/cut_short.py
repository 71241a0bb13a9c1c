"""Work that was under way when its process, its loop or a cancel cut it, though nobody waited for it.

Under way is a job in a thread, and a task that awaits something else than what it rests at between two pieces of
work: the next item, connection, bytes or event.
"""

from __future__ import annotations

from supervisor.diagnosis.evidence.frames import place, user_first
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS
from supervisor.diagnosis.evidence.notes import Exit
from supervisor.diagnosis.findings.case import TOLD, Case, Claim, is_users
from supervisor.diagnosis.findings.signals import RIGHT_BEFORE, SENDS
from supervisor.diagnosis.phrases import at_line, bare, figure, named, pending_names, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process, Task, Wait
    from supervisor.diagnosis.evidence.shapes import ThreadTold

# What a task waits for between two pieces of work.
_RESTS = ON_OTHERS | ON_TASKS | {"read", "server", "child", "socket", "", "ready", "generator"}
MOST = 5


def jobs_cut(case: Case) -> Iterable[Claim]:
    """Jobs in threads that were under way when the process ended itself by a signal: no thread is joined then."""
    for process in case.evidence.processes.values():
        leave = _own_death(process)
        jobs = [told for told in leave.busy if told.state == "executor"] if leave is not None else []
        if leave is None or not jobs:
            continue
        frames = [_line(told) for told in jobs]
        own = [frame for frame in frames if frame is not None and frame.users]
        names = [f"{bare(frame.function)}()" for frame in own] or [told.name or "?" for told in jobs]
        claim = Claim(
            "work-cut-short", "error" if own else "note", ("cut", process.pid),
            work=several(names, "job") if len(names) > 1 else names[0], were="were" if len(names) > 1 else "was",
            how=f"{leave.how}() ended the process", threads=", in a thread" if len(jobs) == 1 else ", in threads",
        ).advise("jobs").at(process, own[0] if own else frames[0], thread=jobs[0].name)  # fmt: skip
        for told, frame in list(zip(jobs, frames, strict=True))[:MOST]:
            claim.proof.append(f"{told.name} was {at_line(frame)}{_since(process, told, leave.at)}")
            if told.job is not None and told.job.by is not None:
                claim.proof.append(f"submitted at {place(told.job.by)}")
        if leave.by is not None:
            claim.proof.append(f"the process ended itself at {place(leave.by)}, which joins no thread")
        yield claim


def _own_death(process: Process) -> Exit | None:
    """The signal that the process sent to itself and died of."""
    if process.phase_start("finalize") is not None:
        return None
    last = [note for note in process.of(Exit) if note.how in SENDS and note.at > process.last - RIGHT_BEFORE]
    return last[-1] if last and last[-1].target in (None, process.pid) else None


def _line(told: ThreadTold) -> Frame | None:
    frame = user_first(told.at, told.stack)
    if (frame is None or not frame.users) and told.job is not None and told.job.by is not None:
        return told.job.by
    return frame


def _since(process: Process, told: ThreadTold, at: float) -> str:
    thread = process.threads.get(told.thread or 0)
    begun = min((block.start for block in thread.blocks), default=at) if thread is not None else at
    return f", for {figure(at - begun)} at least" if at - begun >= TOLD else ""


def cancelled_under_way(case: Case) -> Iterable[Claim]:
    """Tasks that the end of main cancelled in the middle of something: in order, so one note for all of them."""
    for process in case.evidence.processes.values():
        told = {piece.hold.task for piece in case.pieces if piece.hold is not None and piece.seconds >= TOLD}
        cut = [
            (task, wait)
            for task in process.tasks.values()
            if task.at_cancel and task.outcome == "cancelled" and not task.shielded and not task.late
            if task not in told and is_users(task) and (wait := _under_way(task)) is not None
        ]  # fmt: skip
        if not cut:
            continue
        tasks = [task for task, _ in cut]
        claim = Claim(
            "work-cut-short", "note", ("cut", process.pid, "cancelled"), work=pending_names(tasks), threads="",
            were="were" if len(tasks) > 1 else "was", how="the end of main cancelled it" if len(tasks) == 1 else
            "the end of main cancelled them",
        ).advise("tasks").at(process, cut[0][1].at, tasks[0].name)  # fmt: skip
        claim.proof += [f"{named(task)} was {at_line(wait.at)}" for task, wait in cut[:MOST]]
        yield claim


def _under_way(task: Task) -> Wait | None:
    """Where the cancel found the task, when that was no wait for the next piece of work."""
    at = task.cancelled_at
    before = [wait for wait in task.waits if at is not None and wait.start <= at]
    wait = before[-1] if before else None
    if wait is None or wait.kind in _RESTS:
        return None
    # A pause of its own (sleep) at which it already stood when the stop was asked for is its rhythm.
    return None if wait.kind == "sleep" and wait.start <= 0.0 else wait
