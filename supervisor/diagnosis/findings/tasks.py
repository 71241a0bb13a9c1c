"""Tasks that held the exit, or whose work was lost."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import CANCELLED
from supervisor.diagnosis.attribution.nobody import awaited_by_maker, nobody_left
from supervisor.diagnosis.evidence.frames import line_of, user_first
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS
from supervisor.diagnosis.findings.case import ONE_LOOK, PAUSE, TOLD, Case, Claim, is_users, users
from supervisor.diagnosis.findings.children import child_hint, killed_at
from supervisor.diagnosis.findings.ladder import ladder, on_the_way
from supervisor.diagnosis.findings.swallowed import WENT_ON, caught_at, swallowed, waits_again, went_on
from supervisor.diagnosis.phrases import (  # fmt: skip
    at_line,
    capital,
    ended,
    figure,
    instant,
    job_name,
    named,
    several,
    signal_name,
    waited,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process, Task
    from supervisor.diagnosis.evidence.shapes import Generator


def held_by_tasks(case: Case) -> Iterable[Claim]:
    """Find one claim for each line of a coroutine on the critical path."""
    groups: dict[Hashable, list[Piece]] = {}
    for piece in case.pieces:
        if piece.what == "task" and piece.hold is not None and piece.hold.task is not None:
            groups.setdefault(_one_cause(case, piece, piece.hold, piece.hold.task), []).append(piece)
    for pieces in groups.values():
        seconds = sum(piece.seconds for piece in pieces)
        longest = max(pieces, key=lambda piece: piece.seconds)
        if seconds >= (TOLD if _may_be_changed(longest) else PAUSE):
            claim = _claim(case, longest, seconds)
            names = {piece.hold.task.name for piece in pieces if piece.hold and piece.hold.task}
            others = names - {longest.hold.task.name if longest.hold and longest.hold.task else ""}
            if others:
                claim.proof.append(f"and after one another at the same line: {', '.join(sorted(others)[:5])}")
            yield claim


def _one_cause(case: Case, piece: Piece, hold: Hold, task: Task) -> Hashable:
    """Return what pieces of one cause have in common.

    Several tasks one after the other at one line have one; so has what a task goes on to after the same handler took
    its cancel; wait_closed() is one whatever the line.
    """
    if hold.wait is not None and hold.wait.kind == "server":
        return hold.process.pid, "server"
    caught = caught_at(case, hold, task) if swallowed(case, piece) else None
    if caught is not None:
        return hold.process.pid, task.number, caught
    return hold.process.pid, task.coro, hold.at


def _may_be_changed(piece: Piece) -> bool:
    """Return whether the place is the user's own; a framework's pause at its own work is told only when it is
    long.
    """
    return piece.hold is not None and piece.hold.users


def _claim(case: Case, piece: Piece, seconds: float) -> Claim:
    hold = piece.hold
    assert hold is not None and hold.task is not None
    task, wait, process = hold.task, hold.wait, hold.process
    kind = wait.kind if wait else ""
    cause = ("task", process.pid, task.number, hold.at)
    last = case.to_the_end(piece)
    nobody = nobody_left(process, hold, on_the_way(step.hold for step in ladder(case, piece)))
    words = {"task": capital(named(task)), "seconds": figure(seconds)}
    severity = case.held(seconds, case.is_new(piece), last, nobody is not None)
    if piece.phase == "asyncgens" and _generators(process):
        return _asyncgen(case, piece)
    if nobody is not None and seconds >= WENT_ON and not waits_again(case, piece):
        claim = Claim("waits-for-nobody", severity, cause, **words).advise(_for_nobody(hold))
        claim.proof.append(f"{waited(wait)}: {nobody}")
    elif kind == "server":
        claim = _server(case, piece, seconds)
    elif kind == "child":
        pid = wait.on.child if wait else None
        words |= {"child": _child(pid), "signal": signal_name(case.asked_with)}
        claim = Claim("waits-for-child", severity, cause, **words).advise(child_hint(case, pid))
    elif kind == "executor":
        job = wait.on.job if wait is not None else None
        words |= {"job": job_name(job), "thread": "a thread pool"}
        claim = Claim("executor-busy", severity, cause, **words).advise("event")
    elif swallowed(case, piece):
        claim = went_on(case, piece, seconds)
        if nobody is not None:
            claim.proof.append(f"{waited(wait)}: {nobody}")
    else:
        claim = _slow(case, piece, seconds)
    if claim.frame is None:
        claim.at(process, hold.at, task.name)
    claim.seconds, claim.piece = seconds, piece
    _prove(case, claim, piece)
    return claim


def _prove(case: Case, claim: Claim, piece: Piece) -> None:
    hold = piece.hold
    assert hold is not None and hold.task is not None
    task, wait = hold.task, hold.wait
    begin, end = max(hold.start, 0.0), min(hold.end, piece.end)
    words = waited(wait)
    until = "until SIGKILL" if case.to_the_end(piece) else f"until {figure(end)} after the stop request"
    if case.marks.asked is None:
        until = f"for {figure(piece.seconds)}"
    claim.proof.insert(0, f"{named(task)} was {at_line(hold.at)}{', ' + words if words else ''}, {until}")
    if task.cancelled_at is not None:
        by = ""
        if task.cancelled_by is not None:
            own = task.cancelled_by.origin != "stdlib"
            by = f" by {line_of(task.cancelled_by)}" if own else " by the runner, at the end of main"
        claim.proof.append(f"cancelled at {instant(task.cancelled_at)}{by}, {ended(task.outcome)}")
    if wait is not None and wait.handling:
        claim.proof.append("it was in the handler or finally block that its cancellation runs")
    for other in hold.process.tasks.values():
        closing = [w for w in other.waits if w.kind == "server" and w is not wait and w.start < begin + TOLD]
        if closing and closing[-1].until(end) >= end - TOLD:
            claim.proof.append(f"meanwhile {named(other)} was in Server.wait_closed() {at_line(closing[-1].at)}")
    if begin > ONE_LOOK and task.late:
        claim.proof.append("the task was created after the stop request")
    call = case.evidence.killer(hold.process)
    if call is not None and case.to_the_end(piece):
        claim.proof.append(killed_at(call, hold.process))
    if hold.process is not case.leader:
        claim.proof.append(f"in child process {hold.process.pid}")
        likewise = [
            str(other.pid) for other in case.evidence.others(case.leader or hold.process) if _as_there(other, piece)
        ]
        if likewise:
            claim.proof.append(f"and at the same place in child process {', '.join(likewise[:5])}")


def _as_there(process: Process, piece: Piece) -> bool:
    """Return whether another child waited at the same place after the stop request, too short to be the last."""
    hold = piece.hold
    if hold is None or hold.process is process:
        return False
    ends = [
        wait.until(process.last)
        for task in process.tasks.values()
        for wait in task.waits
        if user_first(wait.at, wait.stack) == hold.at
    ]
    return max(ends, default=0.0) >= TOLD


def _slow(case: Case, piece: Piece, seconds: float) -> Claim:
    hold = piece.hold
    assert hold is not None and hold.task is not None
    task, wait = hold.task, hold.wait
    cleanup = bool(wait and wait.handling)
    new = case.is_new(piece)
    verb = "held the exit with its cleanup for" if cleanup else "held the exit for"
    severity = case.held(seconds, new, case.to_the_end(piece))
    cause = ("task", hold.process.pid, task.number, hold.at)
    words = {"task": capital(named(task)), "seconds": figure(seconds), "held": verb}
    hint = next(name for fits, name in _SLOW_HINTS if fits(case, piece, hold))
    return Claim("slow-task", severity, cause, **words).advise(hint)


# What fits first is advised (codes.py, slow-task).
_SLOW_HINTS: tuple[tuple[Callable[[Case, Piece, Hold], bool], str], ...] = (
    (lambda _, __, hold: hold.wait is not None and hold.wait.handling is not None, "cleanup"),
    (lambda _, __, hold: hold.rank == CANCELLED and _is_attempt(hold), "attempts"),
    (lambda _, __, hold: hold.rank == CANCELLED, "cut-off"),
    (lambda case, piece, _: case.to_the_end(piece), "to-the-end"),
    (lambda case, piece, _: case.is_new(piece), "new"),
    (lambda _, __, hold: hold.kind in ON_OTHERS, "others"),
    (lambda _, __, hold: hold.kind in ON_TASKS, "tasks"),
    (lambda _, __, hold: hold.start > ONE_LOOK and not hold.polls, "since"),
    (lambda _, __, ___: True, "in-flight"),
)


def _is_attempt(hold: Hold) -> bool:
    return hold.task is not None and awaited_by_maker(hold.process, hold.task)


def _for_nobody(hold: Hold) -> str:
    """Return the advice for a wait that no task was left to end, unless one was stopped that may have done it.

    Who held a lock should have released it all the same.
    """
    others = [task for task in hold.process.tasks.values() if task is not hold.task]
    stopped = any(task.cancelled_at is not None or task.outcome == "cancelled" for task in others)
    if stopped and hold.kind not in ("lock", "semaphore"):
        return "wait-first"
    return hold.kind if hold.kind in ON_OTHERS else "bound"


def _server(case: Case, piece: Piece, seconds: float) -> Claim:
    hold = piece.hold
    assert hold is not None and hold.task is not None and hold.wait is not None
    clients = hold.wait.on.clients
    count = hold.wait.on.count or len(clients)
    told = several(clients, "client", total=count) if count else "its clients"
    severity = case.held(seconds, True, case.to_the_end(piece), nobody=seconds >= 0.5)
    claim = Claim(
        "server-wait-closed", severity, ("task", hold.process.pid, hold.task.number, hold.at),
        seconds=figure(seconds), clients=told,
    )  # fmt: skip
    reading = [
        f"{named(task)} {at_line(task.open_wait.at)} reads from its client"
        for task in hold.process.tasks.values()
        if task is not hold.task and task.open_wait is not None and task.open_wait.kind == "read"
    ]
    claim.proof += reading[:3]
    return claim


def _asyncgen(case: Case, piece: Piece) -> Claim:
    hold = piece.hold
    assert hold is not None
    generators = _generators(hold.process)
    same_file = (g for g in generators if g.at and hold.at and g.at.file == hold.at.file)
    known = next(same_file, generators[0])
    frame = hold.at or known.at
    seconds = sum(p.seconds for p in case.pieces if p.phase == "asyncgens" and p.process is hold.process)
    severity = case.held(seconds, True, case.to_the_end(piece))
    claim = Claim(
        "slow-asyncgen", severity, ("asyncgens", hold.process.pid),
        generator=known.name or "left open", seconds=figure(seconds),
    )  # fmt: skip
    claim.proof.append(f"left open: {', '.join(g.name or '?' for g in generators[:5])}")
    claim.seconds = seconds
    return claim.at(hold.process, frame)


def _generators(process: Process) -> list[Generator]:
    return [generator for phase in process.phases if phase.name == "asyncgens" for generator in phase.generators]


def _child(pid: int | None) -> str:
    return f"child process {pid}" if pid else "a child process"


# ------------------------------------------------------------------ work that was lost


def shielded_cut(case: Case) -> Iterable[Claim]:
    """Find inner tasks of shield() that the end cancelled or left; what a library shields and cuts is its own
    affair.
    """
    for process in case.evidence.processes.values():
        cut = [
            task
            for task in process.tasks.values()
            if task.shielded
            and is_users(task)
            and (task.outcome == "cancelled" or (task.outcome is None and task.lost))
        ]
        for task in cut:
            claim = Claim("shielded-work-cut", "error", ("task", process.pid, task.number), task=capital(named(task)))
            claim.at(process, _last_place(task), task.name)
            claim.proof.append(f"{named(task)} was {at_line(_last_place(task))} when it was cut off")
            yield claim


def created_while_cancelled(case: Case) -> Iterable[Claim]:
    """Find tasks born in a handler of CancelledError that nobody waited for."""
    for process in case.evidence.processes.values():
        for task in process.tasks.values():
            if task.created_handling != "CancelledError" or task.outcome in ("returned", "exception"):
                continue
            cut = task.at_close or task.destroyed or task.outcome == "cancelled"
            if not cut or awaited_by_maker(process, task):
                continue
            claim = Claim(
                "task-created-in-cancel-handler",
                "error",
                ("task", process.pid, task.number),
                task=capital(named(task)),
            ).at(process, task.created_by or _last_place(task), task.name)
            if task.created_by:
                claim.proof.append(f"created at {line_of(task.created_by)} while CancelledError was handled")
            claim.proof.append(_fate(task))
            yield claim


def _fate(task: Task) -> str:
    if task.outcome == "cancelled":
        return "it was cancelled before it finished"
    return "it was destroyed while pending" if task.destroyed else "it was still pending when the loop was closed"


def _last_place(task: Task) -> Frame | None:
    return task.last_at or task.created_by


def lost_tasks(process: Process) -> list[Task]:
    """Return tasks that had not ended when their loop or the process did, the user's own first."""
    lost = [task for task in process.tasks.values() if task.lost]
    own = users(lost)
    return own + [task for task in lost if task not in own]
