"""Threads, pool jobs, blocked loops and slow exit handlers that held the exit."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import joining
from supervisor.diagnosis.attribution.nobody import nobody_to_join
from supervisor.diagnosis.attribution.processes import joins_pool
from supervisor.diagnosis.evidence.frames import place, user_first
from supervisor.diagnosis.evidence.notes import SignalReceived
from supervisor.diagnosis.findings.case import PAUSE, TOLD, Case, Claim
from supervisor.diagnosis.findings.children import child_hint
from supervisor.diagnosis.findings.ladder import ladder
from supervisor.diagnosis.phrases import at_line, bare, figure, held_up, in_kernel, job_name, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from supervisor.core.record import Severity
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Block, Process, Thread

# A loop that is blocked for so long starves every other task: more than work in flight that ends by itself.
STARVES = 0.2
# A thread that waited for a processor for more than this share of its stay is not to blame for it: the machine is.
STARVED = 0.5
_QUEUES = "/multiprocessing/queues.py"


def held_by_threads(case: Case) -> Iterable[Claim]:
    """Find one claim for each thread, kind and line on the critical path."""
    groups: dict[Hashable, list[Piece]] = {}
    for piece in case.pieces:
        hold = piece.hold
        if hold is None or hold.thread is None or hold.block is None or piece.phase == "leftovers":
            continue  # what outlived the main process held no exit of its: leaked-children tells of it
        function = (hold.at.file, hold.at.function) if hold.at else None
        groups.setdefault((hold.process.pid, hold.thread.ident, function, piece.what), []).append(piece)
    for pieces in groups.values():
        seconds = sum(piece.seconds for piece in pieces)
        longest = max(pieces, key=lambda piece: piece.seconds)
        hold = longest.hold
        own = longest.what != "main" or hold is None or hold.at is None or hold.at.origin != "library"
        if seconds >= (TOLD if own else PAUSE):  # a framework's main loop at its own work
            yield _claim(case, longest, seconds)


def _claim(case: Case, piece: Piece, seconds: float) -> Claim:
    hold = piece.hold
    assert hold is not None and hold.thread is not None and hold.block is not None
    process, thread, block = hold.process, hold.thread, hold.block
    last = case.to_the_end(piece)
    starved = _starved(case, block) or (block.importing and not last)
    severity: Severity = "note" if starved and not last else case.held(seconds, case.is_new(piece), last)
    function = f"{bare(hold.at.function)}()" if hold.at else "unknown code"
    cause = ("thread", process.pid, thread.ident, hold.at)
    pool = "a process pool" if _pool_machinery(block) else repr(thread.name)
    words = {
        "seconds": figure(seconds), "function": function, "thread": pool, "signal": signal_name(case.asked_with)
    }  # fmt: skip
    if process is not case.leader and piece.what in ("main", "atexit"):
        child = f"child process {process.pid}{f', which was in {function}' if hold.users else ''}"
        claim = Claim("waits-for-child", severity, cause, child=child, **words)
        claim.advise(child_hint(case, process.pid))
    elif block.doing == "write":
        feeds = block.on.kind == "feeder" or any(frame.file.endswith(_QUEUES) for frame in block.stack)
        claim = Claim("output-blocked", _worse(severity, last), cause, fd=_fd(block), **words)
        claim.advise("feeder" if feeds else "read")
    elif block.doing == "wait-child":
        child = f"child process {block.child}" if block.child else "a child process"
        claim = Claim("waits-for-child", severity, cause, child=child, **words)
        claim.advise(child_hint(case, block.child))
    elif piece.what == "loop-blocked":
        worse = _worse(severity, last) if seconds >= STARVES and not starved else severity
        handler = _handler_on(case, block)
        hint = "thread"
        if handler is not None:
            inner = "" if handler == hold.at else f"{function}, called by "
            words["function"], hint = f"{inner}the signal handler {bare(handler.function)}()", "handler"
        elif joins_pool(block):
            words["function"], hint = f"{function}, which waits for a pool of processes", "pool"
        elif joining(block):
            words["function"], hint = f"{function}, which waits for a thread", "join"
        claim = Claim("loop-blocked", worse, cause, **words).advise(hint)
    elif piece.what == "executor" or _pool_machinery(block):
        outlived = _outlived(process, piece)
        code = "executor-outlives-loop" if outlived else "executor-busy"
        words["job"] = job_name(block.job)
        claim = Claim(code, _worse(severity, last) if outlived else severity, cause, **words).advise(_job_hint(block))
        if outlived:
            claim.proof.append("the event loop was closed while the job was still running")
    elif piece.what == "thread" and (joiner := _joined_by_exit(case, piece)) is not None:
        claim = _atexit(severity, cause, joiner, words)
        claim.proof.append(f"it joins {'the daemon ' if thread.daemon else ''}thread {thread.name!r}")
    elif piece.what == "thread":
        claim = Claim("non-daemon-thread", severity, cause, **words)
        claim.advise("library" if _librarys(block) else "")
    elif piece.what == "atexit":
        claim = _atexit(severity, cause, block, words)
    elif (nobody := nobody_to_join(process, hold)) is not None:
        claim = Claim("waits-for-nobody", severity, cause, task="The main thread", **words).advise("queue-join")
        claim.proof.append(nobody)
    elif joining(block):
        words["function"] = f"{function}, which waits for a thread"
        claim = Claim("main-thread-busy", severity, cause, how=held_up(block), **words)
    else:
        claim = Claim("main-thread-busy", severity, cause, how=held_up(block), **words)
    claim.at(process, hold.at, thread=thread.name)
    claim.seconds, claim.piece = seconds, piece
    _prove(case, claim, piece, thread, block)
    return claim


def _starved(case: Case, block: Block) -> bool:
    """Return whether the thread waited for a processor, rather than for anything else, for most of its stay."""
    if block.delayed is None and case.busy_machine:
        return not block.computes and not block.doing
    return (block.delayed or 0.0) > STARVED * (block.end - block.start)


def _joined_by_exit(case: Case, piece: Piece) -> Block | None:
    """Return where an atexit handler joins the thread: the main thread's stay there."""
    steps = (step.hold for step in ladder(case, piece) if step.hold.process is piece.process)
    return next((hold.block for hold in steps if hold.what == "atexit"), None)


def _librarys(block: Block) -> bool:
    """Return whether a library started the thread for itself: no code of the program's own runs in it."""
    origins = {frame.origin for frame in block.stack}
    return "library" in origins and "user" not in origins


def _atexit(severity: Severity, cause: Hashable, block: Block, words: dict[str, str]) -> Claim:
    """Claim a handler that atexit runs; the handler may join a thread, which then is what takes the time."""
    outermost = bare(block.stack[0].function) if block.stack else ""
    function = f"{block.callback or outermost}()" if block.callback or outermost else words["function"]
    joins = ", joining a thread" if joining(block) else ""
    claim = Claim("slow-atexit", severity, cause, **words | {"function": function, "joins": joins})
    return claim.advise("daemon-joined" if joins else "bound")


def _job_hint(block: Block) -> str:
    """Return the name of the advice (codes.py, executor-busy), by what the job's innermost line waits for."""
    inner = block.stack[-4:]
    if (
        any(frame.file.endswith("/queue.py") and frame.function == "get" for frame in inner)
        or block.on.kind == "queue-get"
    ):
        return "sentinel"
    waits_for_peer = block.doing in ("read", "poll") or block.on.kind == "read"
    return "timeout" if waits_for_peer and any(frame.origin == "library" for frame in block.stack) else "event"


def _handler_on(case: Case, block: Block) -> Frame | None:
    """Return the user's signal handler that is on the stack, called between two steps of the loop: it returns before
    anything.
    """
    leader = case.leader
    ran = [note.handler for note in leader.of(SignalReceived)] if leader is not None else []
    places = {(one.at.file, one.at.function) for one in ran if one.kind == "python" and one.at is not None}
    return next((frame for frame in block.stack if (frame.file, frame.function) in places and frame.users), None)


def _in_children(case: Case, hold: Hold) -> list[str]:
    """Return where the processes were that a pool waited for."""
    long = 0.5 * (hold.end - hold.start)
    return [
        f"meanwhile child process {child.pid} was {at_line(frame)}"
        for child in case.evidence.others(hold.process)
        for thread in child.threads.values()
        for block in thread.blocks
        if thread.main and min(block.end, hold.end) - max(block.start, hold.start) >= long
        if (frame := user_first(block.at, block.stack)) is not None
    ]


def _prove(case: Case, claim: Claim, piece: Piece, thread: Thread, block: Block) -> None:
    hold = piece.hold
    assert hold is not None
    name = "the main thread" if thread.main else f"thread {thread.name!r}"
    name += f" of child process {hold.process.pid}" if hold.process is not case.leader else ""
    until = "until SIGKILL" if case.to_the_end(piece) else f"for {figure(piece.seconds)}"
    claim.proof.insert(0, f"{name} was {at_line(hold.at)} {until}".replace("  ", " "))
    if block.leaf is not None and block.leaf != hold.at:
        claim.proof.append(f"innermost frame: {place(block.leaf)}")
    if block.computes and block.cpu is not None:
        claim.proof.append(f"it computed: {figure(block.cpu)} of CPU in {figure(block.end - block.start)}")
    elif in_kernel(block.doing):
        fd = f" (fd {block.fd})" if block.fd is not None else ""
        claim.proof.append(f"the kernel shows it {in_kernel(block.doing)}{fd}")
    if block.delayed is not None and block.delayed > STARVED * (block.end - block.start):
        claim.proof.append(f"it waited {figure(block.delayed)} of that for a processor: the machine was busy")
    elif block.importing:
        claim.proof.append("it imported a module for the first time")
    if claim.code == "loop-blocked" and joins_pool(block):
        claim.proof += _in_children(case, hold)[:3]


def held_by_phases(case: Case) -> Iterable[Claim]:
    """Find what a phase itself proves where no sampler could see who: handlers ran, threads or jobs were joined."""
    codes = {"atexit": "slow-atexit", "thread-join": "non-daemon-thread", "executor": "executor-busy"}
    for name, code in codes.items():
        pieces = [piece for piece in case.pieces if piece.hold is None and piece.phase == name]
        seconds = sum(piece.seconds for piece in pieces)
        if seconds < TOLD or any(
            piece.hold and piece.phase == name and piece.seconds >= TOLD for piece in case.pieces
        ):
            continue
        severity, unseen = case.held(seconds, True, case.to_the_end(pieces[-1])), "that was not seen"
        words = {"seconds": figure(seconds), "function": unseen, "thread": unseen, "job": "a job"}
        claim = Claim(code, severity, ("phase", name), joins="", **words)
        claim.advise({"atexit": "bound", "executor": "event"}.get(name, ""))
        claim.seconds = seconds
        claim.proof.append(f"the phase {name} took {figure(seconds)}; its lines could not be seen")
        yield claim.at(case.leader, None)


def _worse(severity: Severity, killed: bool) -> Severity:
    return "error" if killed else "warning" if severity == "note" else severity


def _fd(block: Block) -> str:
    return {1: " to standard output", 2: " to standard error"}.get(
        block.fd if block.fd is not None else -1, f" to fd {block.fd}" if block.fd is not None else ""
    )


def _pool_machinery(block: Block) -> bool:
    """Return whether the thread manages a ProcessPoolExecutor: it waits for a job in another process."""
    return any("/concurrent/futures/process.py" in frame.file for frame in block.stack)


def _outlived(process: Process, piece: Piece) -> bool:
    """Return whether the job ran on when the loop it was given by was gone."""
    hold = piece.hold
    closed = process.phase_start("loop-closed", "loop-close")
    return (
        hold is not None
        and closed is not None
        and hold.start < closed + 0.01
        and hold.end > closed + 0.05
        and piece.phase not in ("drain", "cancel", "asyncgens", "executor")
    )


def outlived_quietly(case: Case) -> Iterable[Claim]:
    """Find jobs that ran when the loop was closed, but held nothing worth telling (their result is lost all the
    same).
    """
    for process in case.evidence.processes.values():
        for phase in process.phases:
            for told in phase.busy if phase.name == "loop-close" else ():
                if told.state != "executor":
                    continue
                frame = told.at or told.leaf
                claim = Claim(
                    "executor-outlives-loop", "note", ("thread", process.pid, told.thread, frame),
                    thread=repr(told.name or "?"), seconds=figure(max(case.until - phase.at, 0.0)),
                ).at(process, frame, thread=told.name)  # fmt: skip
                claim.proof.append(f"the loop was closed while {told.name} was {at_line(frame)}")
                yield claim
