"""The interpreter's own end: what still ran, or hung, after all Python code of the program was over."""

from __future__ import annotations

from supervisor.diagnosis.evidence.dump import stacks
from supervisor.diagnosis.evidence.frames import place, user_first
from supervisor.diagnosis.findings.case import NEW_WORK, PAUSE, Case, Claim, is_users
from supervisor.diagnosis.phrases import figure, instant, task_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Stack
    from supervisor.diagnosis.evidence.model import Process


# Seconds of the interpreter's end of which nothing could be seen, from which on it is told all the same.
UNSEEN = 1.0
# Who could run and had a processor for less than this share of the time waited for one.
STARVED = 0.5


def slow_finalize(case: Case) -> Iterable[Claim]:
    """Find destructors and native teardown at the end of the interpreter that held the exit.

    Stacks are only taken of a thread that sleeps. Without any it computed, or waited for a processor on a busy
    machine, and there is no place to name: that is told only when it is long, and is a note at first.
    """
    for piece in case.pieces:
        process = piece.process or case.leader
        if piece.what != "finalize" or process is None or piece.seconds < PAUSE:
            continue
        asleep = any(at >= piece.start for at, _ in process.dumps)
        if asleep or case.to_the_end(piece) or piece.seconds > UNSEEN:
            yield _claim(case, piece, process, asleep)


def _starved(case: Case, piece: Piece) -> bool:
    """Return whether the process was ready to run at the last look, and had hardly run since the piece began."""
    before = [sample for sample in case.shutdown.samples if sample.at <= piece.start]
    during = [sample for sample in case.shutdown.samples if piece.start < sample.at <= piece.end]
    if not before or not during or during[-1].state != "R":
        return False
    return during[-1].cpu - before[-1].cpu < STARVED * (during[-1].at - piece.start)


def _claim(case: Case, piece: Piece, process: Process, asleep: bool) -> Claim:
    cut = case.to_the_end(piece)
    severity = case.held(piece.seconds, True, cut)
    starved = not asleep and process is case.leader and _starved(case, piece)
    if not asleep and not cut and (piece.seconds <= NEW_WORK or starved):
        severity = "note"
    seen = [
        (at, found[-1]) for at, text in process.dumps if at >= piece.start and (found := stacks(text, process.owner))
    ]
    stack: Stack = seen[-1][1] if seen else ()
    frame = user_first(None, stack)
    words = {"seconds": figure(piece.seconds), "doing": f" in {frame.function}()" if frame is not None else ""}
    claim = Claim("slow-finalize", severity, ("finalize", process.pid), **words)
    claim.advise("destructor" if frame is not None else "native").at(process, frame)
    claim.seconds = piece.seconds
    for at, one in seen[:1] + seen[1:][-1:]:
        inner = f", innermost {place(one[-1])}" if one[-1] != frame else ""
        where = user_first(None, one)
        claim.proof.append(f"{instant(at)} after the stop it was in {place(where or one[-1])}{inner}")
    if starved:
        claim.proof.append("it waited for a processor for most of that: the machine was busy")
    elif not seen:
        claim.proof.append("no Python code ran: native code (a library's own threads, C destructors) held it")
    theirs = [task for task in process.tasks.values() if task.at_cancel and not is_users(task)]
    if not seen and theirs:
        claim.proof.append(f"when main ended, a library's task was still running: {task_name(theirs[0])}")
    return claim
