"""Handlers of the stop signal that never ran, ran late, or were replaced by another one."""

from __future__ import annotations

from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.evidence.dump import culprit
from supervisor.diagnosis.evidence.frames import absolute, line_of, place, user_first
from supervisor.diagnosis.evidence.notes import AgentError, Exit, LoopIdle, Phase, Snapshot
from supervisor.diagnosis.findings.case import TOLD, Case, Claim
from supervisor.diagnosis.findings.signals import HANDLED, LATE
from supervisor.diagnosis.phrases import at_line, bare, figure, instant, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.core.record import Severity
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Block, Process
    from supervisor.diagnosis.evidence.notes import HandlerRan
    from supervisor.diagnosis.evidence.shapes import Handler

# Nothing but a very busy machine makes a handler so late by itself, seconds.
PLAINLY_LATE = 1.0
# A look from outside that comes so long after the handler began still tells of the time before, seconds.
LOOKED_AFTER = 0.2
_WAITS = ("/threading.py", "/queue.py", "/selectors.py", "/subprocess.py")
_PAUSES = ("time.sleep(", "signal.pause(", "signal.sigwait", "select.select(")


def not_run(case: Case) -> Iterable[Claim]:
    """Find a handler that exists, and that Python never got to (or late)."""
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
        signal=signal_name(signal), seconds=figure(at), doing="",
    ).advise("free-main")  # fmt: skip
    claim.seconds = at
    claim.proof.append(
        f"{signal_name(signal)} was sent at 0 s; its Python handler "
        + (f"began at {instant(at)}" if first else "had not begun when the process ended")
    )
    claim.unanswered = first is None
    held = _held_by(case, process, claim, at)
    if held:
        claim.words["doing"] = f": {held}"
    else:
        claim.at(process, None)
    if not held and first is not None and at < PLAINLY_LATE and not _computed(case, at):
        return  # a busy machine may keep any process from running for that long
    yield claim


def _mute(case: Case, process: Process) -> bool:
    """Return whether the process could not answer until SIGKILL.

    That it merely told of no handler proves nothing: the word may be lost.
    """
    whole = not process.of(AgentError) and not process.dropped and not process.lost
    spoke = any(note.at > LATE for kind in (Snapshot, Phase, Exit, LoopIdle) for note in process.of(kind))
    return case.killed and whole and (bool(process.dump) or not spoke)


def _held_by(case: Case, process: Process, claim: Claim, at: float) -> str | None:
    """Return where the main thread was meanwhile: from the sampler, else from the stacks dumped before SIGKILL."""
    main = process.main_thread
    blocks = [
        block
        for block in (main.blocks if main is not None else ())
        if not _lets_handlers_run(case, process, block)
        and block.start < at
        and block.end > 0.0
        and block.end - max(block.start, 0.0) >= TOLD
    ]
    if blocks and main is not None:
        block = max(blocks, key=lambda block: block.end - max(block.start, 0.0))
        if block.at is not None:
            claim.at(process, block.at, thread=main.name)
            claim.proof.append(f"the main thread was {at_line(block.at)}")
            return f"the main thread was in {place(block.at)}"
    interrupted = _interrupted(case, process, at)
    if interrupted is not None:
        claim.at(process, interrupted, thread="MainThread")
        claim.proof.append(
            f"it ran when the main thread had come to {place(interrupted)}, from a call there or before"
        )
        return f"the main thread was in {bare(interrupted.function)}()"
    found = culprit(process.dump, process.owner) if process.dump else None
    frame = user_first(None, found[0]) if found else None
    if found is not None and frame is not None:
        claim.at(process, frame, thread="MainThread" if found[1] else None)
        claim.proof.append(f"stack dumped before SIGKILL, without Python's help: {place(frame)}")
        if not found[1]:
            claim.advise("free-gil")
        who = "the main thread was" if found[1] else "another thread held the GIL, it was"
        return f"{who} in {place(frame)}"
    samples = [sample for sample in case.shutdown.samples if sample.at <= at + LOOKED_AFTER]
    if len(samples) >= 2:
        busy = samples[-1].cpu - samples[0].cpu
        span = samples[-1].at - samples[0].at
        claim.proof.append(f"it used {figure(busy)} of CPU in {figure(span)}")
    return None


def _computed(case: Case, at: float) -> bool:
    """Return whether the process had the processor for most of that time: then the machine did not keep the handler
    waiting.
    """
    samples = [sample for sample in case.shutdown.samples if sample.at <= at + LOOKED_AFTER]
    return len(samples) >= 2 and samples[-1].cpu - samples[0].cpu > 0.5 * at


def _lets_handlers_run(case: Case, process: Process, block: Block) -> bool:
    """Return whether this place lets a handler run as soon as the signal interrupts it: Python's own pauses do (PEP
    475), and so do waits for a lock.
    """
    at, leaf = block.at, block.leaf
    if leaf is not None and leaf.origin == "stdlib" and leaf.file.endswith(_WAITS):
        return True
    text = case.sources(absolute(at.file, process.cwd), at.line) if at is not None else None
    return text is not None and any(call in text for call in _PAUSES)


def _interrupted(case: Case, process: Process, at: float) -> Frame | None:
    """Return where the main thread was when the handler ran at last; the call that held it back is there or just
    before.

    Python looks for signals at calls and jumps. Of one long C call nothing is known until the first snapshot then.
    """
    first, main = process.first, process.main_thread
    if first is None or main is None or main.at_first is None or first.at < LATE or abs(first.at - at) > HANDLED:
        return None
    if _lets_handlers_run(case, process, main.at_first):
        return None
    return user_first(main.at_first.at, main.at_first.stack)


def _automatic(handler: Handler) -> bool:
    """Return whether the handler is asyncio.run's for SIGINT, installed before the program's own code runs: replacing
    it is the idiom.

    Who installed it counts: the program's own handler may be a method of the standard library (``stop.set``).
    """
    by = handler.by or handler.at
    return by is not None and by.origin == "stdlib"


def displaced(case: Case) -> Iterable[Claim]:
    """Find a handler that another one replaced: after which nothing began to end, or which the loop has simply
    dropped.

    Where the default or nothing was installed in between, the program took its handler away by itself.
    """
    process, signal = case.leader, case.asked_with
    if process is None or signal is None or case.marks.asked is None:
        return
    if process.first is None:
        return
    before = [handler for handler in process.first.displaced if handler.signal == signal]
    removed = max((index for index, handler in enumerate(before) if _is_default(handler)), default=-1)
    earlier = before[removed + 1 :]
    earlier = [one for one in earlier if one.kind in ("python", "loop") and one.name and not _automatic(one)]
    now = process.first.handler(signal)
    if not earlier or now is None or now.name == earlier[-1].name:
        return
    ran = received(process, 0.0)
    left = _left_from(process, ran)
    # add_signal_handler() gives nobody the callback that was there, so the new one cannot call it.
    unchained = earlier[-1].kind == now.kind == "loop" and _is_own(earlier[-1])
    # One that gets the earlier handler may well call it: then the worker has begun to end, and merely takes long.
    chains = not unchained and not left and not case.nothing_began
    stayed = case.killed or left or (len(case.shutdown.escalation) > 1 and not _ended_early(case, process))
    if (not stayed and not unchained) or chains:
        return
    name = earlier[-1].name or "?"
    hurried = case.shutdown.hurried  # somebody would not wait: that SIGKILL came proves nothing
    severity: Severity = "note" if hurried or not stayed else "error" if case.killed else "warning"
    claim = Claim(
        "handler-displaced", severity, ("signal",), signal=signal_name(signal), displaced=name,
        never=" and never ran" if unchained else "",
    ).at(process, _changeable(now, earlier[-1]))  # fmt: skip
    claim.seconds = case.until if case.killed else None
    claim.proof.append(f"first {name}{_defined(earlier[-1])}, then {now.name}{_defined(now)}")
    if ran is not None:
        other = ", the other never did" if unchained else ""
        claim.proof.append(f"{now.name or 'the new handler'} ran at {instant(ran.at)}{other}")
    yield claim


def _is_default(handler: Handler) -> bool:
    """Return whether the handler is what remove_signal_handler() leaves: the default action, for SIGINT Python's own
    handler.
    """
    return handler.kind in ("default", "ignore") or handler.name == "default_int_handler"


def _ended_early(case: Case, process: Process) -> bool:
    """Return whether the process's teardown had begun before half of the time was over: some code did act on the
    signal.
    """
    ended = process.phase_start("cancel", "asyncgens", "executor", "loop-close", "thread-join")
    return ended is not None and ended < case.until / 2


def _changeable(now: Handler, earlier: Handler) -> Frame | None:
    """Return where the new handler was installed, or, when a library did that, where the program's own had been."""
    return earlier.by if _is_own(earlier) and not _is_own(now) else now.by or now.at


def _is_own(handler: Handler) -> bool:
    """Return whether the program's own code installed the handler."""
    return handler.by is not None and handler.by.users


def _left_from(process: Process, ran: HandlerRan | None) -> bool:
    """Return whether the handler that ran left the process from where it stood."""
    leaves = [note for note in process.of(Exit) if note.how in ("sys.exit", "os._exit")]
    return ran is not None and any(0.0 <= note.at - ran.at < HANDLED for note in leaves)


def _defined(handler: Handler) -> str:
    frame = handler.by or handler.at
    return f" ({line_of(frame)})" if frame is not None else ""
