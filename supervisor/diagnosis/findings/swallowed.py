"""Tasks that took their cancel and went on."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import CLOSE
from supervisor.diagnosis.evidence.frames import absolute, line_of, user_first
from supervisor.diagnosis.evidence.model import ON_TASKS
from supervisor.diagnosis.findings.case import Case, Claim, is_users
from supervisor.diagnosis.phrases import capital, figure, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process, Task, Wait

# A cancel that was swallowed and cost less (seconds) is a manner of speaking, not a fault.
WENT_ON = 0.1
# Between two stamps that the agent takes one after the other, seconds.
STAMPS = 0.005


def swallowed(case: Case, piece: Piece) -> bool:
    """Return whether the task went on with something else than the cleanup of its cancellation.

    Inside the handler it is cleanup, unless the handler is a turn of a loop that goes on (a retry).
    """
    hold = piece.hold
    if hold is None or hold.task is None or not hold.task.cancel_sure:
        return False
    task, wait, cancelled = hold.task, hold.wait, hold.task.cancelled_at
    if cancelled is None or hold.start < cancelled - CLOSE:
        return False
    if wait is not None and wait.kind in ON_TASKS and not _begun_since(hold, cancelled):
        return False
    if wait is not None and wait.handling and not hold.polls and not _retried(case, wait, hold.process):
        return False
    return task.outcome in ("returned", "exception") or (task.outcome is None and task.open_wait is not None)


def waits_again(case: Case, piece: Piece) -> bool:
    """Return whether the task took its cancel and waits within the reach of the same handler: one more cancel would
    not end it either.

    A wait after the handler or within it is cleanup in the wrong order (waits-for-nobody), not this.
    """
    hold = piece.hold
    if hold is None or hold.task is None or hold.wait is None or not swallowed(case, piece):
        return False
    around = _catching(case, hold.wait, hold.process)
    if around is not None:
        return True
    before = [wait for wait in hold.task.waits if wait.start < (hold.task.cancelled_at or 0.0)]
    return hold.task.caught is not None and bool(before) and user_first(before[-1].at, before[-1].stack) == hold.at


def went_on(case: Case, piece: Piece, seconds: float) -> Claim:
    hold = piece.hold
    assert hold is not None and hold.task is not None
    task, process = hold.task, hold.process
    severity = case.held(seconds, True, case.to_the_end(piece))
    if seconds >= WENT_ON and severity == "note" and is_users(task):
        severity = "warning"
    cause = ("task", process.pid, task.number, hold.at)
    claim = Claim("cancel-swallowed", severity, cause, task=capital(named(task)))
    claim.words["went_on"] = f"went on for {figure(seconds)} after it was cancelled"
    caught = caught_at(case, hold, task)
    if caught is not None:
        seen = "the cancellation was caught at" if task.caught else "the handler around this wait that takes it:"
        claim.proof.append(f"{seen} {line_of(caught)}")
    dropped = caught is None and _in_wait_for(process, task)
    if dropped:
        claim.proof.append("no except took it: asyncio.wait_for() returned its result and dropped the cancel")
    claim.advise("wait-for" if dropped else _let_it_pass(case, process, caught))
    return claim.at(process, caught or hold.at, task.name)


def _in_wait_for(process: Process, task: Task) -> bool:
    """Return whether the cancel met the task in ``asyncio.wait_for()``, which before Python 3.12 could drop it
    (bpo-42130).
    """
    major, _, rest = (process.python or "").partition(".")
    minor = rest.partition(".")[0]
    if not (major == "3" and minor.isdecimal() and int(minor) < 12) or task.cancelled_at is None:
        return False
    near = [wait for wait in task.waits if wait.start <= task.cancelled_at + CLOSE]
    frames = [*near[-1].stack, near[-1].leaf] if near else []
    return any(frame is not None and frame.function == "wait_for" and frame.origin == "stdlib" for frame in frames)


def caught_at(case: Case, hold: Hold, task: Task) -> Frame | None:
    """Return the handler that took the cancel: as the interpreter told (3.12+), else the one around the wait."""
    return task.caught or (_catching(case, hold.wait, hold.process) if hold.wait is not None else None)


def quietly(case: Case) -> Iterable[Claim]:
    """Find tasks that returned although they were cancelled, at no cost: worth knowing, no more."""
    for process in case.evidence.processes.values():
        for task in process.tasks.values():
            cancelled = task.cancelled_at
            if task.outcome != "returned" or cancelled is None or not task.cancel_sure or not is_users(task):
                continue
            caught = task.caught
            if caught is None and task.waits:
                caught = _catching(case, task.waits[-1], process)
            if caught is None or not caught.users:
                continue
            took = max((task.done_at or 0.0) - cancelled, 0.0)
            claim = Claim(
                "cancel-swallowed",
                "note",
                ("task", process.pid, task.number),
                task=capital(named(task)),
                went_on="caught its cancellation and returned",
            ).at(process, caught, task.name)
            claim.advise(_let_it_pass(case, process, caught))
            claim.proof.append(
                f"it returned {figure(took)} after cancel(), so it counts as finished, not as cancelled"
            )
            yield claim


def _let_it_pass(case: Case, process: Process, caught: Frame | None) -> str:
    """Return the name of the advice: what to change in the `except` that took the cancel, by what it says it
    takes.
    """
    text = case.sources(absolute(caught.file, process.cwd), caught.line) if caught is not None else None
    if text is not None and "CancelledError" in text:
        return "re-raise"
    return "narrow"


def _catching(case: Case, wait: Wait, process: Process) -> Frame | None:
    from supervisor.diagnosis.evidence.enclosing import (
        catching,  # its parser takes 10 ms to load, and few ends need it
    )

    return catching(wait.stack or ((wait.at,) if wait.at else ()), case.sources, process.cwd)


def _retried(case: Case, wait: Wait, process: Process) -> bool:
    from supervisor.diagnosis.evidence.enclosing import retried  # as above

    return retried(wait.stack or ((wait.at,) if wait.at else ()), case.sources, process.cwd)


def _begun_since(hold: Hold, cancelled: float) -> bool:
    """Return whether what the task waits for was created after its cancel: it went on to something new."""
    assert hold.wait is not None
    awaited = [task for number, task in hold.process.tasks.items() if number in hold.wait.on.awaited]
    return bool(awaited) and all(task.late and task.first_seen >= cancelled - STAMPS for task in awaited)
