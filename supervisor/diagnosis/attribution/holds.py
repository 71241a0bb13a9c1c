"""What can hold an exit: waits of tasks and blocks of threads, as intervals with a rank. Chooses nothing.

The rank says how good an answer a hold is when several end at the same instant: what ends by itself (a blocked
loop, a sleep, a read) released what merely waited for it (a gather, an event).
"""

from __future__ import annotations

from supervisor.diagnosis.evidence.dump import culprit
from supervisor.diagnosis.evidence.frames import absolute, origin, user_first
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS, Block, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.evidence.frames import Frame, Sources
    from supervisor.diagnosis.evidence.model import Process, Task, Wait

BLOCKED, BUSY, USER, READ, LIBRARY, SERVER, POLL, WOKEN, CANCELLED, ALIVE = range(10)
# Two stamps of the same instant, one by the task itself and one by the 10 ms sampler, differ by so much.
CLOSE = 0.03
# A step of a task that runs for so long has blocked its loop.
LONG_STEP = 0.1
# What pollers sleep when it is not known.
POLLED = 0.1

# What is at the bottom of the main thread's stack until atexit handlers run (`python -m`: runpy).
_BOTTOMS = frozenset({"<module>", "_run_module_as_main", "_shutdown", "..."})
_LOOP_FILES = ("/asyncio/base_events.py", "/asyncio/runners.py", "/asyncio/events.py", "/selectors.py")
_JOINING = frozenset(
    {"join", "_wait_for_tstate_lock", "wait", "acquire", "result", "shutdown", "get", "as_completed"}
)
_JOINING_FILES = ("/threading.py", "/queue.py", "/concurrent/futures/_base.py", "/concurrent/futures/thread.py")


class Hold:
    """One interval. ``open``: still so at the last word, ``end`` is then the end of what is known."""

    __slots__ = ("at", "block", "end", "open", "period", "process", "rank", "start", "task", "thread", "wait", "what")

    def __init__(self, process: Process, what: str, rank: int, start: float, end: float, at: Frame | None) -> None:
        self.process = process
        self.what = what
        self.rank = rank
        self.start = start
        self.end = end
        self.at = at
        self.open = False
        self.period = 0.0  # how long a poller may take to notice what it waits for
        self.task: Task | None = None
        self.wait: Wait | None = None
        self.thread: Thread | None = None
        self.block: Block | None = None


def holds(process: Process, until: float, sources: Sources) -> list[Hold]:
    """All that a process waited for before ``until``."""
    found = [hold for task in process.tasks.values() for hold in _of_task(process, task, until)]
    for hold in found:
        _see_polling(hold, sources)
    found += [
        _of_block(process, thread, block, until)
        for thread in process.threads.values()
        for block in thread.blocks
        if block.state != "loop-idle" and not _idle_loop(process, thread, block, sources)
    ]
    _steps(process, found, sources)
    found += _joined(process, until)
    found += _from_dump(process, until)
    return found


def _steps(process: Process, found: list[Hold], sources: Sources) -> None:
    """A task that is suspended nowhere for long: this one step of it blocked the loop, at whatever lines.

    The sampler tells a thread line by line; a computation that changes its line is told in pieces or not at all.
    The pieces name the function. A task that has not begun is at the head of its function: somebody else's step
    keeps it from running.
    """
    main = next((thread for thread in process.threads.values() if thread.main), None)
    for hold in found:
        wait = hold.wait
        if wait is None or wait.kind != "ready" or wait.at is None or wait.leaf != wait.at or hold.rank == CANCELLED:
            continue
        if hold.end - hold.start < LONG_STEP or _at_head(wait.at, process, sources):
            continue
        seen = [b for b in (main.blocks if main else ()) if _shows(b, wait.at) and hold.start - CLOSE <= b.end]
        block = Block(hold.start, hold.end, seen[-1].at if seen else wait.at, "callback")
        block.stack = seen[-1].stack if seen else wait.stack
        block.leaf = seen[-1].leaf if seen else wait.leaf
        block.doing, block.cpu, block.ended = (seen[-1].doing if seen else None), None, not hold.open
        hold.what, hold.rank, hold.block = "loop-blocked", BLOCKED, block
        hold.thread = main or Thread(process.pid, 0)
        hold.thread.main = True
        hold.at = user_first(block.at, block.stack)
        hold.task = hold.wait = None


def _at_head(at: Frame, process: Process, sources: Sources) -> bool:
    text = sources(absolute(at[0], process.cwd), at[1])
    return text is not None and text.lstrip().startswith(("async def ", "@"))


def _shows(block: Block, at: Frame) -> bool:
    """The block's stack has the frame, or may have: of a long one the middle is left out."""
    return at in block.stack or any(frame[0] == "..." for frame in block.stack)


def _of_task(process: Process, task: Task, until: float) -> list[Hold]:
    found: list[Hold] = []
    for wait in task.waits:
        end = until if wait.end is None else min(wait.end, until)
        cancelled = _cancel_in(task, wait, end)
        if cancelled is not None and cancelled < end - CLOSE:
            if wait.start < cancelled - CLOSE:
                found.append(_task_hold(process, task, wait, wait.start, cancelled, CANCELLED))
            found.append(_task_hold(process, task, wait, max(wait.start, cancelled), end, None))
        else:
            found.append(_task_hold(process, task, wait, wait.start, end, None if cancelled is None else CANCELLED))
        found[-1].open = wait.end is None
    if task.done_at is not None and task.done_at <= until:
        begin = max([task.first_seen] + [hold.end for hold in found])
        if task.done_at - begin > CLOSE:
            alive = Hold(process, "task", ALIVE, begin, task.done_at, task.last_at)
            alive.task = task
            found.append(alive)
    return found


def _cancel_in(task: Task, wait: Wait, end: float) -> float | None:
    """When the cancel reached this wait; its end when Python could not see the cancel (before 3.11).

    A timeout is one: ``asyncio.timeout()`` cancels its task, takes that back and raises TimeoutError.
    """
    at = task.cancelled_at
    if at is not None:
        return at if wait.start - CLOSE < at <= end + CLOSE and wait.start < at else None
    due = wait.fields.get("due")
    if due is not None and abs(wait.fields["seen"] + due - end) < CLOSE:
        return None  # the sleep was over: the cancel came right after it
    timed_out = task.exception == "TimeoutError" and (wait.kind in ON_OTHERS or wait.kind in ON_TASKS)
    last = task.waits[-1] is wait and (task.outcome == "cancelled" or timed_out)
    return end if last and wait.end is not None and wait.handling is None else None


def _task_hold(process: Process, task: Task, wait: Wait, start: float, end: float, rank: int | None) -> Hold:
    hold = Hold(process, "task", _rank(wait) if rank is None else rank, start, end, user_first(wait.at, wait.stack))
    hold.task, hold.wait = task, wait
    return hold


def _rank(wait: Wait) -> int:
    kind = wait.kind
    if kind == "server":
        return SERVER
    if kind in ON_TASKS or kind in ON_OTHERS or (kind == "future" and wait.leaf and wait.leaf[2] == "__aexit__"):
        return WOKEN
    if wait.polled:
        return POLL
    at = user_first(wait.at, wait.stack)
    if at is None or origin(at[0]) != "user":
        return LIBRARY
    return READ if kind in ("read", "executor") else USER


def _see_polling(hold: Hold, sources: Sources) -> None:
    """A sleep that is shorter than the time spent at its line is one of many: somebody polls.

    The agent tells when the sleep is due; where it cannot (uvloop), the constant in the source line does.
    """
    wait = hold.wait
    if wait is None or hold.rank in (WOKEN, SERVER, CANCELLED) or wait.at is None:
        return
    if wait.polled:
        hold.period = POLLED
    sleeps = wait.leaf is not None and wait.leaf[2] == "sleep"
    if hold.rank == LIBRARY and sleeps:
        hold.rank, hold.period = POLL, POLLED  # a framework that sleeps looks again and again at something
    if wait.kind in ("sleep", "", "future") and wait.leaf is not None and wait.leaf[2] == "sleep":
        asked = _slept(sources(absolute(wait.at[0], hold.process.cwd), wait.at[1]))
        if asked is not None and (wait.polled or hold.end - max(hold.start, 0.0) > 2 * asked + CLOSE):
            hold.rank, hold.period = POLL, asked
            wait.polled = True


def _slept(source: str | None) -> float | None:
    """The seconds of a ``sleep(0.1)`` in a line."""
    _, found, rest = (source or "").partition("sleep(")
    number = rest.partition(")")[0].partition(",")[0].strip()
    try:
        return float(number) if found else None
    except ValueError:
        return None


def _idle_loop(process: Process, thread: Thread, block: Block, sources: Sources) -> bool:
    """An event loop without Python frames of its own (uvloop) that waits in epoll for its tasks."""
    if not thread.main or not process.tasks:
        return False
    leaf = block.leaf
    # Before Python 3.11 time.sleep() is a select(2) too: the user's own line on top is no idle loop.
    if block.doing == "poll" and block.state == "busy" and (leaf is None or origin(leaf[0]) != "user"):
        return True
    idle = block.cpu is None or block.cpu < 0.5 * (block.end - block.start)
    if leaf is None or not idle:
        return False
    text = sources(absolute(leaf[0], process.cwd), leaf[1]) or ""
    return leaf[0].endswith(_LOOP_FILES) or "run_until_complete(" in text or "run_forever(" in text


def _called_by_exit(block: Block) -> bool:
    """An atexit handler: the interpreter calls it, so no module's frame is below it."""
    outermost = block.stack[0] if block.stack else None
    return outermost is not None and outermost[2] not in _BOTTOMS


def joining(block: Block) -> bool:
    """The thread waits for another thread of its process."""
    if block.state in ("join-threads", "join-executor"):
        return True
    return waits_for_others(block.leaf)


def waits_for_others(leaf: Frame | None) -> bool:
    """The innermost frame of a thread is where the standard library waits for another thread."""
    return leaf is not None and leaf[2].rpartition(".")[2] in _JOINING and leaf[0].endswith(_JOINING_FILES)


def _joins(block: Block) -> bool:
    """A thread other than the main one that does nothing but join; a timer's or an event's wait is its own."""
    return joining(block) and (block.leaf is None or block.leaf[2] in ("join", "_wait_for_tstate_lock"))


def _in_loop(block: Block) -> bool:
    """Something runs on top of the event loop: a step, a callback, or a signal handler between two of them."""
    ran = [index for index, frame in enumerate(block.stack) if frame[0].endswith(_LOOP_FILES)]
    above = block.stack[ran[-1] + 1 :] if ran else ()
    return any(origin(frame[0]) != "stdlib" for frame in above)


def _of_block(process: Process, thread: Thread, block: Block, until: float) -> Hold:
    if block.state == "executor":
        what, rank = "executor", BUSY
    elif block.state == "callback" or (thread.main and _in_loop(block)):
        what, rank = "loop-blocked", BLOCKED
    elif thread.main:
        exiting = _called_by_exit(block) and not process.hello.get("forked")
        what, rank = "atexit" if exiting else "main", WOKEN if joining(block) else BUSY
    else:
        what, rank = "thread", WOKEN if _joins(block) else BUSY
    end = block.end if block.ended else until
    hold = Hold(process, what, rank, block.start, min(end, until), user_first(block.at, block.stack))
    hold.thread, hold.block, hold.open = thread, block, not block.ended
    return hold


def _from_dump(process: Process, until: float) -> list[Hold]:
    """The thread that kept Python from running, from the stacks that were written without it.

    It had been so since the process last spoke: its sampler would have told.
    """
    found = culprit(process.dump) if process.dump else None
    if found is None or process.silent is None:
        return []
    stack, main = found
    thread = Thread(process.pid, -1)
    thread.main, thread.name, thread.late = main, "MainThread" if main else "another thread", False
    block = Block(min(process.silent, until), until, user_first(None, stack), "busy")
    block.stack, block.leaf = stack, stack[-1]
    if not main and any(frame[0].endswith("/concurrent/futures/thread.py") for frame in stack):
        block.state = "executor"
    hold = _of_block(process, thread, block, until)
    hold.rank = BLOCKED
    return [hold]


def _joined(process: Process, until: float) -> list[Hold]:
    """Threads named when a join began, for where no sampler could run (3.12.1: no new thread at that time)."""
    found: list[Hold] = []
    for index, (at, name, fields) in enumerate(process.phases):
        if name not in ("thread-join", "executor"):
            continue
        end = process.phases[index + 1][0] if index + 1 < len(process.phases) else until
        for told in fields.get("busy") or ():
            if told.get("state") == "pool-idle":
                continue
            ident = told.get("thread")
            known = process.threads.get(ident)
            if known is not None and any(block.end > at + CLOSE for block in known.blocks):
                continue
            thread = known or Thread(process.pid, ident or 0)
            thread.name = told.get("name") or thread.name
            block = Block(at, end, told.get("at") or told.get("leaf"), told.get("state") or "busy")
            block.stack = tuple(frame for frame in told.get("stack") or () if frame)
            block.ended = index + 1 < len(process.phases)
            found.append(_of_block(process, thread, block, until))
    return found
