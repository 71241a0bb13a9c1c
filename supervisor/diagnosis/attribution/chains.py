"""What still held a process when it was cut short: the chain of waits from its main task to whoever ends nothing.

Also the question behind it: is anybody left who could end this wait?
"""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import (
    BLOCKED,
    BUSY,
    CANCELLED,
    CLOSE,
    LIBRARY,
    POLL,
    READ,
    SERVER,
    USER,
    joining,
)
from supervisor.diagnosis.evidence.frames import package
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS
from supervisor.diagnosis.evidence.notes import LoopIdle, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Process, Task


_AWAITED = frozenset({"wait_for", "wait"})
_AWAITABLE = frozenset({"gather", "shield", "as_completed"})


def still_held(process: Process, known: list[Hold]) -> Hold | None:
    """The open hold that kept the process from ending, None when none is known."""
    opened = [hold for hold in known if hold.open]
    if not opened:
        return None
    blocks = [hold for hold in opened if hold.thread is not None and hold.thread.main]
    # Another thread than the main one is BLOCKED where it kept Python from running at all (holds._from_dump).
    stuck = [h for h in opened if h.thread is not None and (h.rank == BLOCKED or (h.thread.main and h.rank == BUSY))]
    if stuck:
        return min(stuck, key=lambda hold: (hold.rank, hold.start))
    threads = [hold for hold in opened if hold.thread is not None and not hold.thread.main]
    if threads and (
        any(hold.block is not None and joining(hold.block) for hold in blocks) or _joining_phase(process)
    ):
        kept = [h for h in threads if h.what == "executor" or (h.thread is not None and not h.thread.daemon)]
        if kept:
            return min(kept, key=lambda hold: hold.start)
        if len(threads) == 1 or not blocks:
            return threads[0]
        return blocks[0]  # one of several daemon threads is joined by the program itself: nothing tells which
    tasks = {hold.task.number: hold for hold in opened if hold.task is not None}
    if not tasks:
        return blocks[0] if blocks else None
    start = _first(process, tasks)
    found = _follow(start, tasks, threads, set())
    return found or start


def main_task(process: Process) -> Task | None:
    """The task that ``asyncio.run`` made: it has the lowest automatic name of those seen first."""
    numbered = [(int(task.name[5:]), task) for task in process.tasks.values() if _automatic(task.name)]
    return min(numbered, key=lambda pair: pair[0])[1] if numbered else None


def nobody_left(process: Process, hold: Hold) -> str | None:
    """Why nobody can end this wait any more, in one sentence; None when somebody may."""
    wait = hold.wait
    if wait is None or wait.kind not in ON_OTHERS or not (hold.open or hold.rank == CANCELLED):
        return None  # a wait that ended had somebody to end it
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
    """Asyncio itself made the task and whoever called it waits: until 3.11 `wait_for()` wraps what it awaits so.

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
    """The same of the main thread in ``queue.Queue.join()``: the last snapshot shows no other thread at all.

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
    """Somebody else of the process still does something by itself."""
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


def _joining_phase(process: Process) -> bool:
    return bool(process.phases) and process.phases[-1].name in ("executor", "thread-join")


def _first(process: Process, tasks: dict[int, Hold]) -> Hold:
    """Where the chain begins: the main task; when it has ended, a task that was cancelled and is still there."""
    main = main_task(process)
    if main is not None and main.number in tasks:
        return tasks[main.number]
    cancelled = [hold for hold in tasks.values() if hold.task is not None and hold.task.cancelled_at is not None]
    return min(cancelled or tasks.values(), key=lambda hold: (hold.rank, hold.start))


def _follow(hold: Hold, tasks: dict[int, Hold], threads: list[Hold], seen: set[int]) -> Hold | None:
    """From who waits to whom it waits for, as far as the evidence goes."""
    wait, task = hold.wait, hold.task
    if wait is None or task is None or task.number in seen:
        return None
    seen.add(task.number)
    kind = wait.kind
    awaited: list[Hold] = []
    if kind in ON_TASKS:
        named = wait.on.name
        awaited = [other for number, other in tasks.items() if number in wait.on.awaited and number not in seen]
        awaited = awaited or [
            o for o in tasks.values() if o.task and named and o.task.name == named and o is not hold
        ]
        awaited = awaited or [
            o for o in tasks.values() if o.task and o.task.cancelled_at is not None and o is not hold
        ]
    elif kind == "server" or hold.rank == POLL:
        working = (USER,) if kind == "server" else (USER, READ, SERVER)
        awaited = [o for o in tasks.values() if o is not hold and o.rank in working and not _idle(o)]
        if kind == "server":  # a handler was there before the stop; a task born during it serves no client
            awaited = [o for o in awaited if o.task is not None and not o.task.late]
        awaited = [o for o in awaited if o.task is not None and o.task.cancelled_at is not None] or awaited
    elif kind in ON_OTHERS:
        # Who began to act when this wait began is the best guess for who is to end it: not who had been at something
        # else since before the stop.
        since = hold.start - CLOSE if hold.start <= 0.0 else max(hold.start - CLOSE, 0.0)
        awaited = [o for o in tasks.values() if o is not hold and o.rank <= LIBRARY and o.start > since]
        awaited = [o for o in tasks.values() if o is not hold and _went_on(o)] or awaited
    elif kind in ("executor", "future") and threads:
        awaited = [other for other in threads if other.what == "executor"]
    if not awaited or hold.rank == POLL:
        awaited = called([o for n, o in tasks.items() if n not in seen and _acts(o)], hold) or awaited
    if not awaited:
        return hold
    best = min(awaited, key=lambda other: (other.rank, other.start))
    if hold.users and _all_stdlib(best):
        return hold  # wait_for() and the like wrap what is awaited in a task of their own
    return _follow(best, tasks, threads, seen) or best


def called(known: list[Hold], waiting: Hold) -> list[Hold]:
    """The user's code that the package called which now waits: a server's request handlers.

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
    stack = hold.wait.stack if hold.wait is not None else ()
    return next((frame for frame in reversed(stack) if frame.origin in ("user", "library")), hold.at)


def _callers(hold: Hold) -> set[str | None]:
    """The packages below the user's first line of a task."""
    stack = hold.wait.stack if hold.wait is not None else ()
    begins = next((index for index, frame in enumerate(stack) if frame.users), 0)
    return {package(frame.file) for frame in stack[:begins]} - {None}


def _went_on(hold: Hold) -> bool:
    """Its task was cancelled, and is at something new: what it holds (a lock, a turn) it does not give back."""
    task = hold.task
    return (
        task is not None
        and task.cancelled_at is not None
        and hold.rank != CANCELLED
        and hold.start > task.cancelled_at
    )


def _acts(hold: Hold) -> bool:
    """It does something by itself; who waits for an event or a queue waits for others, as a lifespan task does."""
    return hold.wait is not None and hold.wait.kind not in ON_OTHERS


def _all_stdlib(hold: Hold) -> bool:
    return hold.at is None or hold.at.origin == "stdlib"


def _idle(hold: Hold) -> bool:
    """A server's handler that reads from its client, or a task that only sleeps for ever, is no work in flight."""
    return hold.wait is not None and hold.wait.kind in ON_OTHERS
