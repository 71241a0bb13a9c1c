"""Ends that leave tasks behind: a loop closed or stopped too early, a process that left from the middle."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import waits_for_others
from supervisor.diagnosis.evidence.frames import line_of, place
from supervisor.diagnosis.evidence.notes import Exit, HandlerRan, LoopStop, TaskDestroyed
from supervisor.diagnosis.findings.case import TOLD, Case, Claim, users
from supervisor.diagnosis.findings.tasks import lost_tasks
from supervisor.diagnosis.phrases import at_line, named, pending_names, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.core.record import Severity
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process, Task

# The loop stops in the turn in which the callback of a signal asked for it, seconds.
SAME_TURN = 0.02


def left_behind(case: Case) -> Iterable[Claim]:
    """Find tasks that were pending at the end of their loop: one claim for the way it ended."""
    for process in case.evidence.processes.values():
        told = {piece.hold.task for piece in case.pieces if piece.hold is not None and piece.seconds >= TOLD}
        lost = [task for task in lost_tasks(process) if task not in told]
        lost = [task for task in lost if task.created_handling != "CancelledError" and not task.shielded]
        if not lost:
            continue
        own = users(lost)
        severity: Severity = "error" if own else "note"
        shown = own or lost
        words = {"tasks": pending_names(shown), "they": "it" if len(shown) == 1 else "they"}
        cause = ("loop-end", process.pid)
        stop = _stopped_by(process)
        leave = _left_by(process)
        closed = any(phase.name == "loop-close" for phase in process.phases)
        if stop is not None:
            claim = Claim("loop-stopped-with-pending-tasks", severity, cause, **words)
            by = _handler_that_stops(process, stop) or stop.by
            claim.at(process, by)
            called = (
                f"was called at {place(by)}" if by else "was a callback of the loop; what scheduled it is not known"
            )
            claim.proof.append(f"loop.stop() {called}")
        elif leave is not None:
            claim = _left(process, leave, shown, severity)
        elif closed and any(task.at_close for task in shown):
            claim = Claim("loop-closed-with-pending-tasks", severity, cause, **words)
            claim.at(process, shown[0].last_at or shown[0].created_by, shown[0].name)
        else:
            words["tasks"] += " was" if len(shown) == 1 else " were"
            claim = Claim("task-destroyed-pending", severity, cause, **words)
            claim.at(process, shown[0].last_at or shown[0].created_by, shown[0].name)
        claim.proof += [_line(task) for task in shown[:5]]
        yield claim


def destroyed_early(case: Case) -> Iterable[Claim]:
    """Find tasks that the garbage collector took while their loop was still there."""
    for process in case.evidence.processes.values():
        for note in process.of(TaskDestroyed):
            told = note.told
            known = {task.name for task in process.tasks.values()}
            if told.task in process.tasks or told.name in known:
                continue
            name = told.name or "?"
            words = {"tasks": f"task {name!r} was", "they": "it"}
            severity: Severity = "note" if told.at is None else "error"
            claim = Claim("task-destroyed-pending", severity, ("destroyed", process.pid, name), **words)
            claim.proof.append(f"it was {at_line(told.at) or 'not started'} when it was destroyed")
            yield claim.at(process, told.at, name)


def exit_from_the_middle(case: Case) -> Iterable[Claim]:
    """Find os._exit() (or an exit that no handler of the runner followed) with work under way."""
    for process in case.evidence.processes.values():
        leave = _left_by(process)
        if leave is None or any(task.created_handling != "CancelledError" for task in lost_tasks(process)):
            continue  # left_behind tells it
        if leave.how != "os._exit":
            continue
        jobs, threads = _at_work(leave)
        listed = {told.task for told in leave.tasks}
        shown = [task for number, task in process.tasks.items() if number in listed]
        if not shown and not jobs and not threads:
            continue
        claim = _left(process, leave, users(shown) or shown, "error" if users(shown) or jobs else "note")
        claim.proof += [_line(task) for task in shown[:5]]
        yield claim


def _left(process: Process, leave: Exit, tasks: list[Task], severity: Severity) -> Claim:
    parts = [pending_names(tasks)] if tasks else []
    jobs, threads = _at_work(leave)
    parts += [several(jobs, "pool job")] if jobs else []
    parts = [f"{' and '.join(parts)} unfinished"] if parts else []
    parts += [f"{several(threads, 'thread')} still running"] if threads else []
    lost = f" with {' and '.join(parts)}" if parts else ""
    words = {"how": f"{leave.how}()", "lost": lost, "who": "the process"}
    claim = Claim("exit-without-cleanup", severity, ("loop-end", process.pid), **words).advise("return")
    if leave.by:
        claim.proof.append(f"called at {place(leave.by)}")
    return claim.at(process, leave.by)


def _at_work(leave: Exit) -> tuple[list[str], list[str]]:
    """Return pool jobs, and threads that the end of the interpreter would have joined.

    A job is work that somebody gave. Of a thread nothing tells whether it had any: one that sits in accept(),
    sleep() or SimpleQueue.get() waits for some.
    """
    jobs = [told.name or "?" for told in leave.busy if told.state == "executor"]
    threads = [
        told.name or "?"
        for told in leave.busy
        if told.state == "busy" and not told.daemon and not waits_for_others(told.leaf)
    ]
    return jobs, threads


def _stopped_by(process: Process) -> LoopStop | None:
    """Return the loop.stop() after which no runner cancelled the tasks."""
    stops = process.of(LoopStop)
    if not stops:
        return None
    cancel = process.phase_start("cancel", after=stops[-1].at)
    return None if cancel is not None else stops[-1]


def _handler_that_stops(process: Process, stop: LoopStop) -> Frame | None:
    """Return where ``loop.stop`` itself was given to add_signal_handler(): then no line of the program calls it."""
    ran = [note.handler for note in process.of(HandlerRan) if stop.at - SAME_TURN < note.at <= stop.at]
    if not ran or ran[-1].signal is None or process.first is None:
        return None
    installed = process.first.handler(ran[-1].signal)
    names = [one.name or "" for one in (ran[-1], installed) if one is not None]
    return installed.by if installed is not None and any(name.endswith(".stop") for name in names) else None


def _left_by(process: Process) -> Exit | None:
    """Return the call that ended the process from the middle: no phase of a runner came after it."""
    for note in process.of(Exit):
        if note.how == "os._exit":
            return note
        if note.how == "sys.exit" and process.phase_start("cancel", "loop-close", after=note.at) is None:
            return note
    return None


def _line(task: Task) -> str:
    made = f", created at {line_of(task.created_by)}" if task.created_by else ""
    return f"{named(task)} {at_line(task.last_at) or 'had not started'}{made}"
