"""Work that was under way when its process, its loop or a cancel cut it, though nobody waited for it.

Under way is a job in a thread, and a task that awaits something else than what it rests at between two pieces of
work: the next item, connection, bytes or event.
"""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import joining
from supervisor.diagnosis.evidence.frames import line_of, place, user_first
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS
from supervisor.diagnosis.findings.case import ONE_LOOK, TOLD, Case, Claim, is_users
from supervisor.diagnosis.phrases import at_line, bare, capital, figure, named, pending_names, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.diagnosis.evidence.frames import Frame, Stack
    from supervisor.diagnosis.evidence.model import Process, Task, Wait
    from supervisor.diagnosis.evidence.shapes import ThreadTold

# What a task waits for between two pieces of work.
_RESTS = ON_OTHERS | ON_TASKS | {"read", "server", "child", "socket", "", "ready", "generator", "executor"}
MOST = 5
# Who had stood at its sleep for so long (seconds) when the stop was asked for rested there.
RESTED = 1.0
# What was seen so short a time before an end, or ended so soon after a cancel, was cut by it, seconds.
AT_END = 0.05


def jobs_cut(case: Case) -> Iterable[Claim]:
    """Find jobs in threads that were under way when the process ended itself by a signal: no thread is joined
    then.
    """
    for process in case.evidence.processes.values():
        leave = process.own_death
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
            if told.job is not None and told.job.by is not None and told.job.by.origin != "library":
                claim.proof.append(f"submitted at {place(told.job.by)}")
        if leave.by is not None:
            claim.proof.append(f"the process ended itself at {place(leave.by)}, which joins no thread")
        yield claim


def _line(told: ThreadTold) -> Frame | None:
    frame = user_first(told.at, told.stack)
    if (frame is None or not frame.users) and told.job is not None and told.job.by is not None:
        return told.job.by
    return frame


def _since(process: Process, told: ThreadTold, at: float) -> str:
    thread = process.threads.get(told.thread or 0)
    begun = min((block.start for block in thread.blocks), default=at) if thread is not None else at
    return f", for {figure(at - begun)} at least" if at - begun >= TOLD else ""


def threads_cut(case: Case) -> Iterable[Claim]:
    """Find jobs that a library had given to its daemon threads and that were under way at the interpreter's end.

    A daemon thread of the program's own is meant to be cut off; a task queue's thread is not.
    """
    for process in case.evidence.processes.values():
        end = process.phase_start("finalize")
        if end is None:
            continue
        for thread in process.threads.values():
            block = thread.blocks[-1] if thread.blocks else None
            if block is None or thread.main or not thread.daemon or block.end < end - AT_END or joining(block):
                continue
            if not _handed_out(block.stack) or block.at is None:
                continue
            frame = user_first(block.at, block.stack)
            work = f"{bare(frame.function)}()" if frame is not None else thread.name
            claim = Claim(
                "work-cut-short", "error", ("cut", process.pid, thread.ident), work=work, were="was",
                threads=", in a daemon thread", how="the interpreter's end cut it off",
            ).advise("jobs").at(process, frame, thread=thread.name)  # fmt: skip
            claim.proof.append(f"{thread.name} was {at_line(frame)} when the interpreter took itself down")
            claim.proof.append("it is a daemon thread, which nothing joins")
            yield claim


def _handed_out(stack: Stack) -> bool:
    """Return whether a library called the user's code that is on the stack."""
    own = [index for index, frame in enumerate(stack) if frame.users]
    return bool(own) and own[0] > 0 and stack[own[0] - 1].origin == "library"


def cancelled_under_way(case: Case) -> Iterable[Claim]:
    """Find tasks that were cancelled in the middle of something at the stop: in order, so one note for all of
    them.
    """
    for process in case.evidence.processes.values():
        told = {piece.hold.task for piece in case.pieces if piece.hold is not None and piece.seconds >= TOLD}
        cut = [
            (task, wait)
            for task in process.tasks.values()
            if task not in told and not task.shielded and not task.late and _was_cut(task)
            if is_users(task) and (wait := _under_way(case, process, task)) is not None
        ]  # fmt: skip
        if not cut:
            continue
        tasks = [task for task, _ in cut]
        main = all(task.at_cancel for task in tasks)
        them = "them" if len(tasks) > 1 else "it"
        claim = Claim(
            "work-cut-short", "note", ("cut", process.pid, "cancelled"), threads="",
            work=capital(pending_names(tasks)), were="were" if len(tasks) > 1 else "was",
            how=f"the end of main cancelled {them}" if main else f"the shutdown cancelled {them}",
        ).advise("tasks").at(process, cut[0][1].at, tasks[0].name)  # fmt: skip
        for task, wait in cut[:MOST]:
            by = f", cancelled at {line_of(task.cancelled_by)}" if task.cancelled_by is not None else ""
            claim.proof.append(f"{named(task)} was {at_line(wait.at)}{by}")
        yield claim


def _was_cut(task: Task) -> bool:
    """Return whether the task's cancel, at the stop or after it, was its end; what its own code did with it is
    another matter.
    """
    at = _cut_at(task)
    if at is None or at < -ONE_LOOK or task.done_at is None or task.done_at - at > AT_END:
        return False
    return task.outcome == "cancelled" or (task.outcome == "returned" and task.moves == 0)


def _cut_at(task: Task) -> float | None:
    """Return when the task was cancelled; where that was not seen, when it ended so."""
    return task.done_at if task.cancelled_at is None and task.outcome == "cancelled" else task.cancelled_at


def _under_way(case: Case, process: Process, task: Task) -> Wait | None:
    """Return where the cancel found the task, when that was no wait for the next piece of work.

    What a library had called is a piece of work itself, whatever it waits for but its next message.
    """
    at = _cut_at(task)
    before = [wait for wait in task.waits if at is not None and wait.start <= at]
    wait = before[-1] if before else None
    if wait is None or wait.kind in _RESTS or _serves(wait):
        return None
    if _handed_out(wait.stack) or _awaited_by_library(process, task):
        return wait
    return None if _is_pause(case, process, wait) or task.outcome != "cancelled" else wait


def _is_pause(case: Case, process: Process, wait: Wait) -> bool:
    """Return whether a sleep at the stop is the task's rhythm: a loop's turn has it, or it was long already."""
    if wait.kind != "sleep" or wait.start > 0.0:
        return False
    began = wait.seen - wait.on.since if wait.on.since is not None else wait.start
    if began <= -RESTED:
        return True
    from supervisor.diagnosis.evidence.enclosing import in_turn  # its parser takes 10 ms, and few ends need it

    own = user_first(wait.at, wait.stack)
    return own is None or in_turn(own, case.sources, process.cwd)


def _serves(wait: Wait) -> bool:
    """Return whether the task waits in asyncio's Server.serve_forever(), which ends by nothing but a cancel."""
    leaf = wait.leaf
    return leaf is not None and leaf.origin == "stdlib" and leaf.function == "serve_forever"


def _awaited_by_library(process: Process, task: Task) -> bool:
    """Return whether a library's task waits for the task, and no line of the program's own does: a queue's job."""
    waits = [wait for other in process.tasks.values() for wait in other.waits if task.number in wait.on.awaited]
    return bool(waits) and not any(frame.users for wait in waits for frame in (*wait.stack, wait.at) if frame)
