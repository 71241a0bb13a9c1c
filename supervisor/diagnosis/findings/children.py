"""Child processes: which of them the group's signal cut off, and what to do about one that the exit waits for."""

from __future__ import annotations

from supervisor.diagnosis.attribution.graph import Graph, descend
from supervisor.diagnosis.attribution.graph import place as place_of
from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.attribution.walk import Piece
from supervisor.diagnosis.evidence.frames import place, user_first
from supervisor.diagnosis.evidence.notes import Exit, Snapshot
from supervisor.diagnosis.findings.case import TOLD, Case, Claim, users
from supervisor.diagnosis.findings.signals import HANDLED, LATE, lost_in_flight
from supervisor.diagnosis.phrases import at_line, bare, figure, named, several, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process

    # The line of the user's where a job is, and the line of whoever called it.
    Job: TypeAlias = tuple[Frame, Frame]

# What the main process was still seen at so long (seconds) after the stop, it was not just leaving.
SEEN = 0.05
# Where a parent waits for the jobs or the end of its children, and where it ends them itself.
_POOL_FILES = (
    "/multiprocessing/pool.py", "/multiprocessing/process.py", "/concurrent/futures/_base.py",
    "/concurrent/futures/process.py", "/subprocess.py",
)  # fmt: skip
_AWAIT = frozenset(
    {"get", "wait", "join", "result", "result_iterator", "as_completed", "next", "shutdown", "communicate"}
)
_GIVE_UP = frozenset({"terminate", "_terminate_pool", "kill", "kill_workers", "terminate_workers"})
_HAND_OUT = ("/concurrent/futures/process.py", "/multiprocessing/pool.py")


def child_hint(case: Case, pid: int | None) -> str:
    """Return the name of the advice (codes.py, waits-for-child), by whether the child had the stop signal and what it
    did.
    """
    number = case.asked_with
    if number is None:
        return "bound"
    child = case.evidence.processes.get(pid or 0)
    handler = child.first.handler(number) if child is not None and child.first is not None else None
    if handler is not None and handler.kind == "ignore":
        return "ignored"
    if child is not None and received(child, 0.0) is not None:
        return "had-it"
    climbs = case.shutdown.escalation
    return "group" if climbs and climbs[0].target == "group" else "pass-on"


def inherited(case: Case, claim: Claim, pid: int) -> None:
    """Write into the rule's own claim what is known of a child that was left behind: line, handlers, birth."""
    child, signal = case.evidence.processes.get(pid), case.asked_with
    if child is None or child.first is None:
        return
    steps = descend(Graph(case.evidence, None, case.known), child)
    step = place_of(steps)
    if step is not None and step.hold.at is not None:
        claim.proof.append(f"process {pid} was {at_line(step.hold.at)}")
        claim.at(child, step.hold.at)
    born = child.hello.by
    handler = child.first.handler(signal) if signal is not None else None
    if handler is not None and handler.inherited and handler.kind in ("python", "loop"):
        claim.advise("inherited")
        claim.proof.append(
            f"it inherited the handler {handler.name or '?'} by fork, so {signal_name(signal)} only called that"
        )
    if born is not None:
        claim.at(child, born)
        claim.proof.append(f"forked at {place(born)}")


def killed_by_parent(case: Case) -> Iterable[Claim]:
    """Find a child process that another process of the worker killed, with what it was at."""
    for process in case.evidence.processes.values():
        call = case.evidence.killer(process)
        if call is None or process is case.leader:
            continue
        step = place_of(descend(Graph(case.evidence, None, case.known), process))
        if step is None:
            continue
        hold = step.hold
        number = hold.task.number if hold.task is not None else hold.thread.ident if hold.thread is not None else 0
        cause = ("task" if hold.task is not None else "thread", process.pid, number, hold.at)
        name = named(hold.task) if hold.task is not None else "its main thread"
        claim = Claim(
            "killed", "error", cause, how="SIGKILL ended", who=f"child process {process.pid}",
            seconds=figure(max(call.at, 0.0)), still=f": {name} was {at_line(hold.at) or 'at work'}",
        ).advise("child")  # fmt: skip
        claim.at(process, hold.at, hold.task.name if hold.task is not None else None)
        claim.seconds = max(call.at, 0.0)
        claim.proof.append(killed_at(call, process))
        claim.piece = Piece(hold.what, max(hold.start, 0.0), process.last, "", hold, process)
        yield claim


def killed_at(call: Exit, process: Process) -> str:
    """Return ``its parent killed child process 12 at gunicorn/arbiter.py:8 kill_worker``."""
    at = f" at {place(call.by)}" if call.by is not None else ""
    return f"its parent killed child process {process.pid} (SIGKILL{at})"


def died_at_once(case: Case) -> Iterable[Claim]:
    """Find a child that the signal to the whole group ended by its default action, with work in flight."""
    signal = case.asked_with
    if signal is None or case.leader is None or case.shutdown.escalation[0].target != "group":
        return
    for process in case.evidence.others(case.leader):
        handler = process.first.handler(signal) if process.first is not None else None
        default = handler is not None and handler.kind == "default"
        if not default or process.phases or process.last > LATE or process.ended is None:
            continue
        name, child = signal_name(signal), f"child process {process.pid}"
        claim = Claim("no-signal-handler", "note", ("signal", process.pid), signal=name, lost="", who=child)
        claim.advise("main-only")
        claim.severity = lost_in_flight(process, claim)
        jobs = _jobs(process)
        if jobs:
            awaited = _awaits_jobs(case.leader, jobs)
            if awaited is False:
                continue
            claim.severity = "error" if awaited else "warning"
            claim.words["lost"] = f", {_named(jobs)} under way"
            claim.at(process, jobs[0][0])
            claim.proof += [f"it ran {place(frame)}" for frame, _ in jobs[:3]]
        elif not users([task for task in process.tasks.values() if task.done_at is None]):
            continue
        claim.proof.insert(0, f"{child} had no handler and got {name} with its group")
        claim.proof.append("the main process, which handles the signal, could not drain it any more")
        yield claim


def failed_without(case: Case) -> Iterable[Claim]:
    """Find a child that the signal to the whole group ended by its default action, and without which its parent
    failed.

    A multiprocessing manager's server has no work of its own under way: its parent still needed it.
    """
    signal, leader, shutdown = case.asked_with, case.leader, case.shutdown
    if signal is None or leader is None or shutdown.outcome != "failed" or case.killed:
        return
    names = {child.pid: child.name for note in leader.of(Snapshot) for child in note.children}
    for process in case.evidence.others(leader):
        handler = process.first.handler(signal) if process.first is not None else None
        status = process.exit_status
        if handler is None or handler.kind != "default" or process.phases or _jobs(process):
            continue
        if status is None or status.signal != signal or leader.last < process.last + TOLD:
            continue
        name, child = signal_name(signal), f"child process {process.pid}"
        told = f" ({names[process.pid]})" if names.get(process.pid) else ""
        claim = Claim("no-signal-handler", "warning", ("signal", process.pid), signal=name, who=f"{child}{told}")
        claim.words["lost"] = ", and the main process failed without it"
        claim.advise("main-only").at(process, None)
        claim.proof.append(f"{child} had no handler and got {name} with its group")
        claim.proof.append(
            f"the main process went on for {figure(leader.last - process.last)} and ended with exit code "
            f"{shutdown.exit_code}"
        )
        yield claim


def left_at_once(case: Case) -> Iterable[Claim]:
    """Find a child that the signal to the whole group made leave from the middle of a job, while its parent drained.

    Pools of processes end their idle children so; a parent that drains tells them itself when nothing is left.
    """
    signal, leader = case.asked_with, case.leader
    if signal is None or leader is None or case.shutdown.escalation[0].target != "group":
        return
    drains = received(leader, 0.0)
    for process in case.evidence.others(leader):
        got = received(process, 0.0)
        if got is None or got.handler.signal != signal or got.at > LATE or process.ended is None:
            continue
        leaves = [note for note in process.of(Exit) if note.how in ("sys.exit", "os._exit")]
        leave = next((note for note in leaves if 0.0 <= note.at - got.at < HANDLED), None)
        jobs = _jobs(process)
        needed = drains is not None and leader.last > process.last + TOLD and _awaits_jobs(leader, jobs)
        if leave is None or not jobs or not needed or process.last - got.at > LATE:
            continue
        name, child, how = signal_name(signal), f"child process {process.pid}", f"{leave.how}()"
        claim = Claim(
            "exit-without-cleanup", "error", ("signal", process.pid), how=how, who=child,
            lost=f" with {_named(jobs)} unfinished", signal=name,
        ).advise("main-only").at(process, jobs[0][0])  # fmt: skip
        claim.proof.append(f"{child} got {name} with its group and was {at_line(jobs[0][0])}")
        if leave.by:
            claim.proof.append(f"{how} was called at {place(leave.by)}, by its handler")
        claim.proof.append(
            f"the main process, which handles {name} too, went on for {figure(leader.last - process.last)} without it"
        )
        yield claim


def _awaits_jobs(leader: Process, jobs: list[Job]) -> bool | None:
    """Return whether the main process was seen waiting for its pool's jobs after the stop; False: it gave them up.

    That it merely lived on proves nothing: it may have had other things to do, or have ended its pool. A task queue's
    worker finishes what it handed out; that is what it is for.
    """
    waits = [wait for task in leader.tasks.values() for wait in task.waits if wait.end is None or wait.end > SEEN]
    stacks = [block.stack for thread in leader.threads.values() for block in thread.blocks if block.end > SEEN]
    stacks += [wait.stack for wait in waits]
    inside = {frame.function for stack in stacks for frame in stack if frame.file.endswith(_POOL_FILES)}
    if inside & _GIVE_UP:
        return False
    if inside & _AWAIT or any(caller.origin == "library" for _, caller in jobs):
        return True
    return True if {wait.kind for wait in waits} & {"executor", "child"} else None


def _jobs(process: Process) -> list[Job]:
    """Return the user's functions that a pool or a task queue had called when the stop came, not a program's own
    loop.
    """
    found: list[Job] = []
    for told in process.first.threads if process.first is not None else ():
        stack = told.stack
        own = [i for i, frame in enumerate(stack) if frame.users and frame.function != "<module>" and i > 0]
        own = [i for i in own if _hands_out(stack[i - 1])]
        if own and told.state in ("busy", "executor", "callback"):
            frame = user_first(told.at, stack[own[-1] :]) or stack[own[-1]]
            found.append((frame, stack[own[-1] - 1]))
    return found


def _hands_out(caller: Frame) -> bool:
    """Return whether the caller is code that calls one job after the other."""
    return caller.origin == "library" or caller.file.endswith(_HAND_OUT)


def _named(jobs: list[Job]) -> str:
    names = [f"{bare(frame.function)}()" for frame, _ in jobs]
    return several(names, "job") if len(names) > 1 else names[0]
