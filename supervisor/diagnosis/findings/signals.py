"""What the process did with the stop signal: nothing, too late, or die of it."""

from __future__ import annotations

from supervisor.diagnosis.attribution.chains import main_task
from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.evidence.dump import culprit
from supervisor.diagnosis.evidence.frames import absolute, origin, place, user_first
from supervisor.diagnosis.evidence.model import stack_of
from supervisor.diagnosis.findings.case import TOLD, Case, Claim, users
from supervisor.diagnosis.findings.tasks import pending_names
from supervisor.diagnosis.phrases import at_line, bare, figure, instant, named, several, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from supervisor.core.record import Severity
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process

    Job: TypeAlias = tuple[Frame, str]

# A handler of a process that is not held up runs within a few milliseconds; a busy machine may take a hundred.
LATE = 0.3
# Nothing but a very busy machine makes it so late by itself.
PLAINLY_LATE = 1.0
_PAUSES = ("time.sleep(", "signal.pause(", "signal.sigwait", "select.select(")
# The agent tells of every signal the process sends; one counts as its own end when nothing came after it.
_SENDS = ("raise_signal", "os.kill")
RIGHT_BEFORE = 0.1
# A handler that leaves the process from where it stood does so at once.
HANDLED = 0.05
# What the main process was still seen at so long after the stop, it was not just leaving.
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
_FREE_MAIN = "Move the long call out of the main thread, or into code that releases the GIL and returns now and then."
_FREE_GIL = "Run that call in another process: while C code keeps the GIL, no other thread of its process can run."


def died_at_once(case: Case) -> Iterable[Claim]:
    """The default action of the stop signal ended the process."""
    shutdown, signal = case.shutdown, case.asked_with
    if signal is None or shutdown.signal != signal or shutdown.masks is None:
        return
    if shutdown.masks.disposition(signal) != "default":
        return
    process = case.leader if case.leader is not None and case.leader.pid == shutdown.pid else None
    name = signal_name(signal)
    claim = Claim("no-signal-handler", "note", ("signal",), signal=name, lost="", who="the process")
    claim.words["hint"] = (
        f"Handle {name} (in asyncio: loop.add_signal_handler(signal.{name}, stop.set)) and let main() return."
    )
    claim.seconds = 0.0
    claim.proof.append(f"{signal_name(signal)} had its default action (SigCgt, proc(5)); died of it")
    if process is not None:
        claim.severity = _in_flight(process, claim)
    elif shutdown.samples and shutdown.samples[0].connections:
        claim.severity = "warning"
        claim.proof.append(f"{shutdown.samples[0].connections} connections were open")
    yield claim


def _in_flight(process: Process, claim: Claim) -> Severity:
    """What was lost, into the claim; how bad that is."""
    main = main_task(process)
    tasks = [task for task in process.tasks.values() if task.done_at is None]
    own = users(tasks)
    others = [task for task in own if task is not main]
    busy = [
        told
        for note in process.of("snapshot")[-1:]
        for told in note.get("threads") or ()
        if told and told.get("state") == "executor"
    ]
    first = others[0] if others else main if main in own else None
    claim.at(process, first.last_at if first else None, first.name if first else None)
    claim.proof += [f"{named(task)} was {at_line(task.last_at) or 'not started'}" for task in own[:6]]
    claim.proof += [f"{told.get('name')} ran {place(told['at'])}" for told in busy[:3] if told.get("at")]
    if main is not None and own:
        claim.words["lost"] = f", {pending_names(own)} under way"
    if others or busy:
        return "error"
    return "warning" if own else "note"


def children_died_at_once(case: Case) -> Iterable[Claim]:
    """A child that the signal to the whole group ended by its default action, with work in flight."""
    signal = case.asked_with
    if signal is None or case.leader is None or case.shutdown.escalation[0].target != "group":
        return
    for process in case.evidence.others(case.leader):
        first = process.of("snapshot")[:1]
        handlers = first[0].get("handlers") or () if first else ()
        default = any(h and h.get("signal") == signal and h.get("kind") == "default" for h in handlers)
        if not default or process.phases or process.last > LATE or not process.of("eof"):
            continue
        name, child = signal_name(signal), f"child process {process.pid}"
        claim = Claim("no-signal-handler", "note", ("signal", process.pid), signal=name, lost="", who=child)
        claim.words["hint"] = (
            f"Send {name} to the main process only (--child-only), which drains its children, or handle it in them."
        )
        claim.severity = _in_flight(process, claim)
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


def children_left_at_once(case: Case) -> Iterable[Claim]:
    """A child that the signal to the whole group made leave from the middle of a job, while its parent drained.

    Pools of processes end their idle children so; a parent that drains tells them itself when nothing is left.
    """
    signal, leader = case.asked_with, case.leader
    if signal is None or leader is None or case.shutdown.escalation[0].target != "group":
        return
    drains = received(leader, 0.0)
    for process in case.evidence.others(leader):
        got = received(process, 0.0)
        if got is None or got.get("signal") != signal or got.at > LATE or not process.of("eof"):
            continue
        leaves = [note for note in process.of("exit") if note.get("how") in ("sys.exit", "os._exit")]
        leave = next((note for note in leaves if 0.0 <= note.at - got.at < HANDLED), None)
        jobs = _jobs(process)
        needed = drains is not None and leader.last > process.last + TOLD and _awaits_jobs(leader, jobs)
        if leave is None or not jobs or not needed or process.last - got.at > LATE:
            continue
        name, child = signal_name(signal), f"child process {process.pid}"
        claim = Claim("exit-without-cleanup", "error", ("signal", process.pid), how=f"{leave.get('how')}()")
        claim.words |= {"who": child, "lost": f" with {_named(jobs)} unfinished"}
        claim.words["hint"] = (
            f"Send {name} to the main process only (--child-only), which drains its children, "
            "or let the child's handler wait for its job."
        )
        claim.at(process, jobs[0][0])
        claim.proof.append(f"{child} got {name} with its group and was {at_line(jobs[0][0])}")
        if leave.get("by"):
            claim.proof.append(f"{claim.words['how']} was called at {place(leave.get('by'))}, by its handler")
        claim.proof.append(
            f"the main process, which handles {name} too, went on for {figure(leader.last - process.last)} without it"
        )
        yield claim


def _awaits_jobs(leader: Process, jobs: list[Job]) -> bool | None:
    """Whether the main process was seen waiting for its pool's jobs after the stop; False: it gave them up.

    That it merely lived on proves nothing: it may have had other things to do, or have ended its pool. A task queue's
    worker finishes what it handed out; that is what it is for.
    """
    blocks = [block for thread in leader.threads.values() for block in thread.blocks if block.end > SEEN]
    inside = {frame[2] for block in blocks for frame in block.stack if frame[0].endswith(_POOL_FILES)}
    inside |= {
        frame[2]
        for task in leader.tasks.values()
        for wait in task.waits
        if wait.end is None or wait.end > SEEN
        for frame in wait.stack
        if frame[0].endswith(_POOL_FILES)
    }
    if inside & _GIVE_UP:
        return False
    if inside & _AWAIT or any(origin(job[1]) == "library" for job in jobs):
        return True
    kinds = {w.kind for t in leader.tasks.values() for w in t.waits if w.end is None or w.end > SEEN}
    return True if kinds & {"executor", "child"} else None


def _jobs(process: Process) -> list[Job]:
    """The user's functions that a pool or a task queue had called when the stop came, not a program's own loop; each
    with the file that called it."""
    found: list[Job] = []
    for note in process.of("snapshot")[:1]:
        for told in note.get("threads") or ():
            stack = stack_of(told)
            own = [i for i, frame in enumerate(stack) if frame[0] != "..." and origin(frame[0]) == "user"]
            own = [i for i in own if stack[i][2] != "<module>" and i > 0 and _hands_out(stack[i - 1][0])]
            if own and told.get("state") in ("busy", "executor"):
                frame = user_first(told.get("at"), stack[own[-1] :]) or stack[own[-1]]
                found.append((frame, stack[own[-1] - 1][0]))
    return found


def _hands_out(file: str) -> bool:
    """Whose code it is that calls one job after the other."""
    return origin(file) == "library" or file.endswith(("/concurrent/futures/process.py", "/multiprocessing/pool.py"))


def _named(jobs: list[Job]) -> str:
    names = [f"{bare(frame[2])}()" for frame, _ in jobs]
    return several(names, "job") if len(names) > 1 else names[0]


def ignored(case: Case) -> Iterable[Claim]:
    """The stop signal was ignored or blocked, and the escalation had to go on."""
    shutdown, signal = case.shutdown, case.asked_with
    if signal is None or shutdown.masks is None:
        return
    blocked = shutdown.masks.blocks(signal)
    how = "ignored" if shutdown.masks.disposition(signal) == "ignored" else "blocked" if blocked else None
    if how is None:
        return
    later = [climb.at for climb in shutdown.escalation if climb.signal != signal or climb.at > 0.1]
    if not later and not case.killed:
        return
    seconds = min(later) if later else case.until
    claim = Claim(
        "signal-ignored", "error" if case.killed else "warning", ("signal",),
        signal=signal_name(signal), how=how, seconds=figure(seconds),
    ).at(case.leader, None)  # fmt: skip
    claim.seconds = min(seconds, case.until)
    bits = "SigIgn" if how == "ignored" else "SigBlk"
    claim.proof.append(f"{bits} of process {shutdown.pid} had {signal_name(signal)} before it was sent (proc(5))")
    process = case.leader
    if process is not None and how == "ignored":
        for note in process.of("snapshot")[:1]:
            for handler in note.get("handlers") or ():
                if handler and handler.get("signal") == signal and handler.get("by"):
                    claim.at(process, handler["by"])
                    claim.proof.append(f"set at {place(handler['by'])}")
    yield claim


def not_run(case: Case) -> Iterable[Claim]:
    """The handler exists, and Python never got to it (or late)."""
    shutdown, signal, process = case.shutdown, case.asked_with, case.leader
    if signal is None or shutdown.masks is None or process is None or process.pid != shutdown.pid:
        return
    if shutdown.masks.disposition(signal) != "caught" or shutdown.masks.blocks(signal):
        return
    first = received(process, 0.0)
    begun = process.phase_start("cancel", "loop-close", "thread-join")
    at = min((t for t in (first.at if first else None, begun) if t is not None), default=case.until)
    if at < LATE or (first is None and not _mute(case, process)):
        return
    claim = Claim(
        "handler-not-run", case.held(at, True, case.killed and first is None, nobody=True), ("signal",),
        signal=signal_name(signal), seconds=figure(at), doing="", hint=_FREE_MAIN,
    )  # fmt: skip
    claim.seconds = at
    claim.proof.append(
        f"{signal_name(signal)} was sent at 0 s; its Python handler "
        + (f"began at {instant(at)}" if first else "had not begun when the process ended")
    )
    claim.words["never"] = "yes" if first is None else ""
    held = _held_by(case, process, claim, at)
    if held:
        claim.words["doing"] = f": {held}"
    else:
        claim.at(process, None)
    if not held and first is not None and at < PLAINLY_LATE and not _computed(case, at):
        return  # a busy machine may keep any process from running for that long
    yield claim


def _mute(case: Case, process: Process) -> bool:
    """It could not answer until SIGKILL. That it merely told of no handler proves nothing: the word may be lost."""
    whole = not process.of("agent-error") and not process.dropped and not process.lost
    spoke = any(note.at > LATE for note in process.of("snapshot", "phase", "exit", "loop-idle"))
    return case.killed and whole and (bool(process.dump) or not spoke)


def _held_by(case: Case, process: Process, claim: Claim, at: float) -> str | None:
    """Where the main thread was meanwhile: from the sampler, else from the stacks dumped before SIGKILL."""
    blocks = [
        (block, thread)
        for thread in process.threads.values()
        if thread.main
        for block in thread.blocks
        if not _lets_handlers_run(case, process, block.at)
        and block.start < at
        and block.end > 0.0
        and block.end - max(block.start, 0.0) >= TOLD
    ]
    if blocks:
        block, thread = max(blocks, key=lambda pair: pair[0].end - max(pair[0].start, 0.0))
        if block.at is not None:
            claim.at(process, block.at, thread=thread.name)
            claim.proof.append(f"the main thread was {at_line(block.at)}")
            return f"the main thread was in {place(block.at)}"
    interrupted = _interrupted(process, at)
    if interrupted is not None and not _lets_handlers_run(case, process, interrupted):
        claim.at(process, interrupted, thread="MainThread")
        claim.proof.append(
            f"it ran when the main thread had come to {place(interrupted)}, from a call there or before"
        )
        return f"the main thread was in {bare(interrupted[2])}()"
    found = culprit(process.dump) if process.dump else None
    frame = user_first(None, found[0]) if found else None
    if found is not None and frame is not None:
        claim.at(process, frame, thread="MainThread" if found[1] else None)
        claim.proof.append(f"stack dumped before SIGKILL, without Python's help: {place(frame)}")
        if not found[1]:
            claim.words["hint"] = _FREE_GIL
        who = "the main thread was" if found[1] else "another thread held the GIL, it was"
        return f"{who} in {place(frame)}"
    samples = [sample for sample in case.shutdown.samples if sample.at <= at + 0.2]
    if len(samples) >= 2:
        busy = samples[-1].cpu - samples[0].cpu
        span = samples[-1].at - samples[0].at
        claim.proof.append(f"it used {figure(busy)} of CPU in {figure(span)}")
    return None


def _computed(case: Case, at: float) -> bool:
    """It had the processor for most of that time, so it was not the machine that kept the handler waiting."""
    samples = [sample for sample in case.shutdown.samples if sample.at <= at + 0.2]
    return len(samples) >= 2 and samples[-1].cpu - samples[0].cpu > 0.5 * at


def _lets_handlers_run(case: Case, process: Process, at: Frame | None) -> bool:
    """Python's own pauses run the handler as soon as the signal interrupts them (PEP 475): they hold back none."""
    text = case.sources(absolute(at[0], process.cwd), at[1]) if at is not None else None
    return text is not None and any(call in text for call in _PAUSES)


def _interrupted(process: Process, at: float) -> Frame | None:
    """Where the main thread was when the handler ran at last; the call that held it back is there or just before.

    Python looks for signals at calls and jumps. Of one long C call nothing is known until the first snapshot then.
    """
    first = process.of("snapshot")[:1]
    main = next((thread for thread in process.threads.values() if thread.main), None)
    if not first or main is None or main.at_first is None or first[0].at < LATE or abs(first[0].at - at) > HANDLED:
        return None
    return user_first(main.at_first.at, main.at_first.stack)


def raised_again(case: Case) -> Iterable[Claim]:
    """The process handled the signal, drained, and then died of the same signal by its own hand."""
    shutdown, signal, process = case.shutdown, case.asked_with, case.leader
    if signal is None or shutdown.signal != signal or process is None or process.pid != shutdown.pid:
        return
    if shutdown.masks is None or shutdown.masks.disposition(signal) != "caught" or case.killed:
        return
    own = [note for note in process.of("exit") if note.get("how") in _SENDS and note.at > process.last - RIGHT_BEFORE]
    if process.phase_start("finalize") is not None or (not own and received(process, 0.0) is None):
        return
    claim = Claim("exit-by-reraised-signal", "note", ("reraised",), signal=signal_name(signal))
    claim.at(process, own[-1].get("by") if own else None)
    claim.proof.append("its handler ran, no finalization was seen, and it died of the same signal")
    if own and own[-1].get("by"):
        claim.proof.append(f"raised at {place(own[-1].get('by'))}")
    yield claim
