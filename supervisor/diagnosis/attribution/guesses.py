"""Whom a wait was for, where the agent could not look or could not tell: by what the others do, and since when. Pure.

A guess names nobody who does nothing by himself, and moves only a wait of which nothing is known.
"""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import CANCELLED, CLOSE, LIBRARY, POLL, READ, SERVER, USER, joining
from supervisor.diagnosis.evidence.frames import package
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.frames import Frame


# What the kernel shows of a loop that looks again and again at what its threads do.
_ASLEEP = frozenset({"sleep", "poll", "lock"})


def guesses(hold: Hold, known: list[Hold]) -> list[Hold]:
    """Return the holds, of those known at that instant, that this one may have waited for; none when none fits
    better.
    """
    others = [other for other in known if other is not hold and not _waits_for(other, hold)]
    if hold.thread is not None:
        return _joined(hold, others) or _handed_out(hold, others)
    tasks = [other for other in others if other.task is not None]
    found = _by_kind(hold, tasks, others)
    if not found or hold.rank == POLL:
        found = called([other for other in tasks if _acts(other)], hold) or found
    if not found and hold.rank == POLL and not hold.users:  # a server looks at its handlers, whatever they wait for
        found = called(tasks, hold)
    return found


def _waits_for(other: Hold, hold: Hold) -> bool:
    """Return whether the other hold waits for this one's task: then it cannot end this one's wait."""
    return other.wait is not None and hold.task is not None and hold.task.number in other.wait.on.awaited


def _by_kind(hold: Hold, tasks: list[Hold], others: list[Hold]) -> list[Hold]:
    if hold.kind in ON_TASKS:
        return [other for other in tasks if other.task is not None and other.task.cancelled_at is not None]
    if hold.kind == "server" or hold.rank == POLL:
        working = (USER,) if hold.kind == "server" else (USER, READ, SERVER)
        found = [other for other in tasks if other.rank in working and other.kind not in ON_OTHERS]
        if hold.kind == "server":  # a handler was there before the stop; a task born during it serves no client
            found = [other for other in found if other.task is not None and not other.task.late]
        return [other for other in found if other.task is not None and other.task.cancelled_at is not None] or found
    if hold.kind in ON_OTHERS:
        # Who began to act when this wait began is the best guess for who is to end it: not who had been at something
        # else since before the stop.
        since = hold.start - CLOSE if hold.start <= 0.0 else max(hold.start - CLOSE, 0.0)
        return [other for other in tasks if _went_on(other)] or [
            other for other in tasks if other.rank <= LIBRARY and other.start > since
        ]
    if hold.kind in ("executor", "future"):
        return [other for other in others if other.what == "executor"]
    return []


def _joined(hold: Hold, others: list[Hold]) -> list[Hold]:
    """Return the threads that a thread which joins may be waiting for: one of several daemons is joined by name."""
    if hold.block is None or hold.what == "executor" or not joining(hold.block):
        return []  # a job in a thread that waits (for an item, a lock) joins nobody
    threads = [other for other in others if other.thread is not None and not other.thread.main]
    return kept(threads) or (threads if len(threads) == 1 else [])


def _handed_out(hold: Hold, others: list[Hold]) -> list[Hold]:
    """Return the threads in which a library runs the user's code, where its own main loop polls for them."""
    block, inner = hold.block, _innermost(hold)
    caller = package(inner.file) if inner is not None else None
    if block is None or hold.thread is None or not hold.thread.main or caller is None or block.doing not in _ASLEEP:
        return []
    jobs = [other for other in others if other.thread is not None and other.users and other.what != "main"]
    return [other for other in jobs if caller in _callers(other)]


def kept(threads: list[Hold]) -> list[Hold]:
    """Return those of the holds of threads that the interpreter's end waits for."""
    others = [hold for hold in threads if hold.thread is not None and not hold.thread.main]
    return [hold for hold in others if hold.what == "executor" or (hold.thread and not hold.thread.daemon)]


def called(known: list[Hold], waiting: Hold) -> list[Hold]:
    """Return the user's code that the package called which now waits: a server's request handlers.

    A server waits for its handlers by futures and events of its own, of which nothing says who will set them; that
    it called a handler can be seen on the handler's stack, or that it called the framework that did. A task that
    the user's code began by itself is none.
    """
    inner = _innermost(waiting)
    caller = package(inner.file) if inner is not None else None
    if caller is None:
        return []
    candidates = [hold for hold in known if hold is not waiting and hold.users]
    direct = [hold for hold in candidates if caller in _callers(hold)]
    if direct:
        return direct
    frameworks: set[str | None] = set()
    for task in waiting.process.tasks.values():
        for wait in task.waits[-2:]:
            packages = [package(frame.file) for frame in wait.stack]
            if caller in packages:
                frameworks.update(packages[packages.index(caller) :])
    frameworks.discard(None)
    return [hold for hold in candidates if not frameworks.isdisjoint(_callers(hold))]


def _innermost(hold: Hold) -> Frame | None:
    return next((frame for frame in reversed(hold.stack) if frame.origin in ("user", "library")), hold.at)


def _callers(hold: Hold) -> set[str | None]:
    """Return the packages below the user's first line of a task or of a thread."""
    begins = next((index for index, frame in enumerate(hold.stack) if frame.users), 0)
    return {package(frame.file) for frame in hold.stack[:begins]} - {None}


def _went_on(hold: Hold) -> bool:
    """Return whether the hold's task was cancelled and is at something new: it does not give back what it holds (a
    lock, a turn).
    """
    task = hold.task
    return (
        task is not None
        and task.cancelled_at is not None
        and hold.rank != CANCELLED
        and hold.start > task.cancelled_at
    )


def _acts(hold: Hold) -> bool:
    """Return whether the hold does something by itself.

    A hold on an event or a queue waits for others, as a lifespan task does.
    """
    return hold.wait is not None and hold.kind not in ON_OTHERS
