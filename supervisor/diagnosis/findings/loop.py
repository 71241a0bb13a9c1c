"""Ends that leave tasks behind: a loop closed or stopped too early, a process that left from the middle."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import waits_for_others
from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.evidence.frames import line_of, origin, place
from supervisor.diagnosis.findings.case import TOLD, Case, Claim, users
from supervisor.diagnosis.findings.tasks import lost_tasks, pending_names
from supervisor.diagnosis.phrases import at_line, instant, named, several, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from supervisor.core.record import Severity
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Note, Process, Task


def left_behind(case: Case) -> Iterable[Claim]:
    """Tasks that were pending at the end of their loop: one claim for the way it ended."""
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
        closed = any(name == "loop-close" for _, name, _ in process.phases)
        if stop is not None:
            claim = Claim("loop-stopped-with-pending-tasks", severity, cause, **words)
            by = _handler_that_stops(process, stop) or stop.get("by")
            claim.at(process, by)
            called = f"was called at {place(by)}" if by else "was a callback of the loop; who gave it is not known"
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
    """Tasks that the garbage collector took while their loop was still there."""
    for process in case.evidence.processes.values():
        for note in process.of("task-destroyed"):
            known = {task.name for task in process.tasks.values()}
            if note.get("task") in process.tasks or note.get("name") in known:
                continue
            name = note.get("name") or "?"
            words = {"tasks": f"task {name!r} was", "they": "it"}
            severity: Severity = "note" if note.get("at") is None else "error"
            claim = Claim("task-destroyed-pending", severity, ("destroyed", process.pid, name), **words)
            claim.proof.append(f"it was {at_line(note.get('at')) or 'not started'} when it was destroyed")
            yield claim.at(process, note.get("at"), name)


def exit_from_the_middle(case: Case) -> Iterable[Claim]:
    """os._exit() (or an exit that no handler of the runner followed) with work under way."""
    for process in case.evidence.processes.values():
        leave = _left_by(process)
        if leave is None or any(True for task in lost_tasks(process) if task.created_handling != "CancelledError"):
            continue  # left_behind tells it
        if leave.get("how") != "os._exit":
            continue
        jobs, threads = _at_work(leave)
        shown = [process.tasks[t["task"]] for t in leave.get("tasks") or () if t.get("task") in process.tasks]
        if not shown and not jobs and not threads:
            continue
        claim = _left(process, leave, users(shown) or shown, "error" if users(shown) or jobs else "note")
        claim.proof += [_line(task) for task in shown[:5]]
        yield claim


def _left(process: Process, leave: Note, tasks: list[Task], severity: Severity) -> Claim:
    parts = [pending_names(tasks)] if tasks else []
    jobs, threads = _at_work(leave)
    parts += [several(jobs, "pool job")] if jobs else []
    parts = [f"{' and '.join(parts)} unfinished"] if parts else []
    parts += [f"{several(threads, 'thread')} still running"] if threads else []
    lost = f" with {' and '.join(parts)}" if parts else ""
    how = f"{leave.get('how')}()"
    claim = Claim("exit-without-cleanup", severity, ("loop-end", process.pid), how=how, lost=lost)
    claim.words["who"] = "the process"
    claim.words["hint"] = f"Let main() return (cancel and await the tasks first) instead of calling {how}."
    if leave.get("by"):
        claim.proof.append(f"called at {place(leave.get('by'))}")
    return claim.at(process, leave.get("by"))


def _at_work(leave: Note) -> tuple[list[str], list[str]]:
    """Pool jobs, and threads that the end of the interpreter would have joined.

    A job is work that somebody gave. Of a thread nothing tells whether it had any: one that sits in accept(),
    sleep() or SimpleQueue.get() waits for some.
    """
    told = [told for told in leave.get("busy") or () if told]
    jobs = [one.get("name") or "?" for one in told if one.get("state") == "executor"]
    threads = [
        one.get("name") or "?"
        for one in told
        if one.get("state") == "busy" and one.get("daemon") is False and not waits_for_others(one.get("leaf"))
    ]
    return jobs, threads


def _stopped_by(process: Process) -> Note | None:
    """The loop.stop() after which no runner cancelled the tasks."""
    stops = process.of("loop-stop")
    if not stops:
        return None
    cancel = process.phase_start("cancel", after=stops[-1].at)
    return None if cancel is not None else stops[-1]


def _handler_that_stops(process: Process, stop: Note) -> Frame | None:
    """Where ``loop.stop`` itself was given to add_signal_handler(): then nobody's line calls it."""
    ran = [note for note in process.of("signal-callback") if stop.at - 0.02 < note.at <= stop.at]
    if not ran or not (ran[-1].get("name") or "").endswith(".stop"):
        return None
    handlers = [h for note in process.of("snapshot")[:1] for h in note.get("handlers") or () if h]
    installed = [h["by"] for h in handlers if h.get("signal") == ran[-1].get("signal") and h.get("by")]
    return installed[0] if installed else None


def _left_by(process: Process) -> Note | None:
    """The call that ended the process from the middle: no phase of a runner came after it."""
    for note in process.of("exit"):
        if note.get("how") == "os._exit":
            return note
        if note.get("how") == "sys.exit" and process.phase_start("cancel", "loop-close", after=note.at) is None:
            return note
    return None


def _line(task: Task) -> str:
    made = f", created at {line_of(task.created_by)}" if task.created_by else ""
    return f"{named(task)} {at_line(task.last_at) or 'had not started'}{made}"


def _automatic(handler: Mapping[str, Any]) -> bool:
    """asyncio.run installs a handler for SIGINT before the program's own code runs: replacing it is the idiom.

    Who installed it counts: the program's own handler may be a method of the standard library (``stop.set``).
    """
    by: Frame | None = handler.get("by") or handler.get("at")
    return by is not None and origin(by[0]) == "stdlib"


def displaced(case: Case) -> Iterable[Claim]:
    """A handler that another one replaced: after which nothing began to end, or which the loop has simply dropped.

    Where the default or nothing was installed in between, the program took its handler away by itself.
    """
    process, signal = case.leader, case.asked_with
    if process is None or signal is None or case.marks.asked is None:
        return
    snapshots = process.of("snapshot")
    if not snapshots:
        return
    before = [h for h in snapshots[0].get("displaced") or () if h and h.get("signal") == signal]
    removed = max((index for index, handler in enumerate(before) if _is_default(handler)), default=-1)
    earlier = before[removed + 1 :]
    earlier = [h for h in earlier if h.get("kind") in ("python", "loop") and h.get("name") and not _automatic(h)]
    now = next((h for h in snapshots[0].get("handlers") or () if h and h.get("signal") == signal), None)
    if not earlier or now is None or now.get("name") == earlier[-1].get("name"):
        return
    ran = received(process, 0.0)
    left = _left_from(process, ran)
    # add_signal_handler() gives nobody the callback that was there, so the new one cannot call it.
    unchained = earlier[-1].get("kind") == now.get("kind") == "loop" and _is_own(earlier[-1])
    # One that gets the earlier handler may well call it: then the worker has begun to end, and merely takes long.
    chains = not unchained and not left and not case.nothing_began
    stayed = case.killed or left or (len(case.shutdown.escalation) > 1 and not _ended_early(case, process))
    if (not stayed and not unchained) or chains:
        return
    name = earlier[-1].get("name") or "?"
    hurried = case.shutdown.hurried  # somebody would not wait: that SIGKILL came proves nothing
    severity: Severity = "note" if hurried or not stayed else "error" if case.killed else "warning"
    claim = Claim(
        "handler-displaced", severity, ("signal",), signal=signal_name(signal), displaced=name,
        never=" and never ran" if unchained else "",
    ).at(process, _changeable(now, earlier[-1]))  # fmt: skip
    claim.seconds = case.until if case.killed else None
    claim.proof.append(f"first {name}{_defined(earlier[-1])}, then {now.get('name')}{_defined(now)}")
    if ran is not None:
        other = ", the other never did" if unchained else ""
        claim.proof.append(f"{now.get('name') or 'the new handler'} ran at {instant(ran.at)}{other}")
    yield claim


def _is_default(handler: Mapping[str, Any]) -> bool:
    """What remove_signal_handler() leaves: the default action, for SIGINT Python's own handler."""
    return handler.get("kind") in ("default", "ignore") or handler.get("name") == "default_int_handler"


def _ended_early(case: Case, process: Process) -> bool:
    """Its teardown had begun before half of the time was over: somebody did act on the signal."""
    ended = process.phase_start("cancel", "asyncgens", "executor", "loop-close", "thread-join")
    return ended is not None and ended < case.until / 2


def _changeable(now: Mapping[str, Any], earlier: Mapping[str, Any]) -> Frame | None:
    """Where the new handler was installed, or, when a library did that, where the program's own had been."""
    at: Frame | None = earlier["by"] if _is_own(earlier) and not _is_own(now) else now.get("by") or now.get("at")
    return at


def _is_own(handler: Mapping[str, Any]) -> bool:
    """The program's own code installed it."""
    by: Frame | None = handler.get("by")
    return by is not None and origin(by[0]) == "user"


def _left_from(process: Process, ran: Note | None) -> bool:
    """The handler that ran left the process from where it stood."""
    leaves = [note for note in process.of("exit") if note.get("how") in ("sys.exit", "os._exit")]
    return ran is not None and any(0.0 <= note.at - ran.at < 0.05 for note in leaves)


def _defined(handler: dict[str, object]) -> str:
    frame = handler.get("by") or handler.get("at")
    return f" ({line_of(frame)})" if isinstance(frame, tuple) else ""
