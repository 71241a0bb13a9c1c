"""Is anybody left who could end this wait? And which task is the program's main one. Pure."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import CANCELLED
from supervisor.diagnosis.evidence.frames import line_of
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS
from supervisor.diagnosis.evidence.notes import Holders, LoopIdle, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.model import Process, Task
    from supervisor.diagnosis.evidence.shapes import Candidate, Gone


# A wait may be told so long (seconds) before or after the look that it was told of.
SAME_LOOK = 0.12
MOST_GONE = 4
_AWAITED = frozenset({"wait_for", "wait"})
_AWAITABLE = frozenset({"gather", "shield", "as_completed"})


def main_task(process: Process) -> Task | None:
    """Return the task that ``asyncio.run`` made: it has the lowest automatic name of those seen first."""
    numbered = [(int(task.name[5:]), task) for task in process.tasks.values() if _automatic(task.name)]
    return min(numbered, key=lambda pair: pair[0])[1] if numbered else None


def holders(hold: Hold) -> Holders | None:
    """Return what the agent found when it looked for who may end this wait; None when it did not look."""
    number = hold.task.number if hold.task is not None else None
    ident = hold.thread.ident if hold.thread is not None else None
    mine = [note for note in hold.process.of(Holders) if (note.task, note.thread) == (number, ident)]
    looks = (note for note in reversed(mine) if hold.start - SAME_LOOK <= note.at <= hold.end + SAME_LOOK)
    return next(looks, None)


def gone(note: Holders) -> str:
    """Return who used what is waited for and has ended: ``'flusher' was cancelled at w.py:8``; empty for no task."""
    told = [f"{one.name or one.coro or '?'!r}{_fate(one)}" for one in note.gone[:MOST_GONE]]
    return "; ".join(told) + ("; …" if len(note.gone) > MOST_GONE else "")


def _fate(one: Gone) -> str:
    if one.outcome == "cancelled" or one.cancelled_by is not None:
        return f" was cancelled at {line_of(one.cancelled_by)}" if one.cancelled_by is not None else " was cancelled"
    return " has ended"


def left_over(note: Holders, waiting: Collection[int]) -> list[Candidate]:
    """Return who may end the wait, without those who themselves wait for it (the numbers of tasks on the chain to
    it).
    """
    return [one for one in note.found if one.task is None or one.task not in waiting]


def nobody_left(process: Process, hold: Hold, waiting: Collection[int] = ()) -> str | None:
    """Return why no task or thread can end this wait any more, in one sentence; None when one may."""
    wait = hold.wait
    if wait is None or wait.kind not in ON_OTHERS or not (hold.open or hold.rank == CANCELLED):
        return None  # a wait that ended had somebody to end it
    looked = holders(hold)
    left_to_look_at = left_over(looked, waiting) if looked is not None else []
    if looked is not None and not left_to_look_at and looked.gone:
        left = f"{wait.on.unfinished} items are not marked done, and " if wait.on.unfinished else ""
        return f"{left}{gone(looked)}; no task or thread that is left can reach it"
    if left_to_look_at:
        return None
    idle = process.of(LoopIdle)
    all_wait = wait.kind == "queue-join" and wait.on.unfinished and wait.on.count == 0
    if all_wait and not _alive_besides(process, hold):
        return f"{wait.on.unfinished} items are not marked done and no task is left that could do it"
    if not idle or idle[-1].at < wait.start:
        return None
    loop = idle[-1].loop
    if loop.timers == 0 and loop.watched == 0 and not _alive_besides(process, hold):
        return "the event loop has no timer, no file and no other task that could end this wait"
    return None


def awaited_by_maker(process: Process, task: Task) -> bool:
    """Return whether asyncio itself made the task and its maker waits: until 3.11 `wait_for()` wraps what it awaits
    so.

    `wait_for()` and `wait()` are coroutines: they can only run while they are awaited. The others are plain calls,
    which are awaited in place where somebody was seen waiting for the task at the very line that made it.
    """
    if task.created_by is None or task.created_by not in task.created_in:
        return False
    mine = task.created_in.index(task.created_by)
    inner = {frame.function for frame in task.created_in[mine + 1 :] if frame.file.endswith("/asyncio/tasks.py")}
    if inner & _AWAITED:
        return True
    return bool(inner & _AWAITABLE) and any(
        wait.kind in ON_TASKS and wait.at == task.created_by and task.number in wait.on.awaited
        for other in process.tasks.values()
        for wait in other.waits
    )


def nobody_to_join(process: Process, hold: Hold) -> str | None:
    """Return the same for the main thread in ``queue.Queue.join()``: the last snapshot shows no other thread at all.

    That it lists none may also mean that nobody could look (free-threaded, another interpreter): Python's own count
    of threads must say the same.
    """
    block = hold.block
    if not hold.open or block is None or hold.thread is None or not hold.thread.main:
        return None
    joins = any(frame.file.endswith("/queue.py") and frame.function.endswith("join") for frame in block.stack[-3:])
    last = process.of(Snapshot)[-1:]
    if not joins or not last or last[0].at < hold.start:
        return None
    if last[0].n_threads != 1 or len(last[0].threads) != 1:
        return None
    return "no other thread is left that could call task_done()"


def _alive_besides(process: Process, hold: Hold) -> bool:
    """Return whether another task or thread of the process still does something by itself."""
    for task in process.tasks.values():
        wait = task.open_wait
        if task is hold.task or wait is None:
            continue
        if wait.kind not in ON_OTHERS and wait.kind not in ON_TASKS:
            return True
    return any(
        not block.ended and block.state in ("executor", "busy")
        for thread in process.threads.values()
        if not thread.main
        for block in thread.blocks[-1:]
    )


def _automatic(name: str) -> bool:
    return name.startswith("Task-") and name[5:].isdecimal()
