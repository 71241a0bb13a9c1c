"""What can hold an exit: waits of tasks and blocks of threads, as intervals with a rank. Chooses nothing.

The rank says how good an answer a hold is when several end at the same instant: what ends by itself (a blocked
loop, a sleep, a read) released what merely waited for it (a gather, an event).
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.evidence.dump import culprit
from supervisor.diagnosis.evidence.frames import Frame, absolute, user_first
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS, Block, Process, Task, Thread, Wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    from supervisor.core.record import StretchKind
    from supervisor.diagnosis.evidence.frames import Sources, Stack
    from supervisor.diagnosis.evidence.model import Evidence

    # The holds of each process, by pid.
    Known: TypeAlias = Mapping[int, Sequence["Hold"]]

BLOCKED, BUSY, USER, READ, LIBRARY, SERVER, POLL, WOKEN, CANCELLED, ALIVE = range(10)
# Two stamps of one instant, one by the task itself, one by the sampler at its finest, differ by so much (seconds).
# Larger, neighbours in time are taken for one another; smaller, a busy machine hides causes.
CLOSE = 0.03
# A step of a task that runs for so long (seconds) has blocked its loop.
LONG_STEP = 0.1
# What pollers sleep when it is not known, seconds.
POLLED = 0.1

# What is at the bottom of the main thread's stack until atexit handlers run (`python -m`: runpy).
_BOTTOMS = frozenset({"<module>", "_run_module_as_main"})
_LOOP_FILES = ("/asyncio/base_events.py", "/asyncio/runners.py", "/asyncio/events.py", "/selectors.py")
_JOINING = frozenset(
    {"join", "_wait_for_tstate_lock", "wait", "acquire", "result", "shutdown", "get", "as_completed"}
)
_JOINING_FILES = ("/threading.py", "/queue.py", "/concurrent/futures/_base.py", "/concurrent/futures/thread.py")


class Hold(Frozen):
    """A task was in a ``wait``, or a thread in a ``block``, from ``start`` to ``end``.

    ``open``: still so at the last word; ``end`` is then the end of what is known. ``period``: of a poller, how long
    it may take to notice what it waits for (seconds), else 0.
    """

    process: Process
    what: StretchKind
    rank: int
    start: float
    end: float
    at: Frame | None
    open: bool = False
    period: float = 0.0
    task: Task | None = None
    wait: Wait | None = None
    thread: Thread | None = None
    block: Block | None = None

    @property
    def kind(self) -> str:
        """Return the kind of the task's wait; empty for a thread."""
        return self.wait.kind if self.wait is not None else ""

    @property
    def stack(self) -> Stack:
        """Return the frames of the wait or of the block, outermost first."""
        if self.wait is not None:
            return self.wait.stack
        return self.block.stack if self.block is not None else ()

    @property
    def users(self) -> bool:
        """Return whether the line is the user's own."""
        return self.at is not None and self.at.users

    @property
    def polls(self) -> bool:
        """Return whether it slept at the same line again and again."""
        return self.wait is not None and (self.wait.repeats or self.rank == POLL)


def all_holds(evidence: Evidence, end: float | None, sources: Sources) -> Known:
    """Return the holds of each process until its own end: its finalization, the signal that it sent itself, its last
    word, or the leader's ``end``."""
    found: dict[int, Sequence[Hold]] = {}
    for pid, process in evidence.processes.items():
        finalize, died = process.phase_start("finalize"), process.own_death
        last = end if end is not None and process is evidence.leader else process.last
        last = min(last, died.at) if died is not None else last
        found[pid] = holds(process, finalize if finalize is not None else last, sources)
    return found


def holds(process: Process, until: float, sources: Sources) -> list[Hold]:
    """Return everything that a process waited for before ``until``."""
    waits = [hold for task in process.tasks.values() for hold in _of_task(process, task, until)]
    found = [_as_step(_seen_polling(hold, sources), sources) for hold in waits]
    found += [
        _of_block(process, thread, block, until)
        for thread in process.threads.values()
        for block in thread.blocks
        if block.state != "loop-idle" and not _idle_loop(process, thread, block, sources)
    ]
    found += _joined(process, until)
    found += _from_dump(process, until)
    return found


def _as_step(hold: Hold, sources: Sources) -> Hold:
    """Return the hold as one step of a task that is suspended nowhere for long: that step blocked the loop, at
    whatever lines.

    The sampler tells a thread line by line; a computation that changes its line is told in pieces or not at all.
    The pieces name the function. A task that has not begun is at the head of its function: somebody else's step
    keeps it from running.
    """
    wait, process = hold.wait, hold.process
    if wait is None or wait.kind != "ready" or wait.at is None or wait.leaf != wait.at or hold.rank == CANCELLED:
        return hold
    if hold.end - hold.start < LONG_STEP or _at_head(wait.at, process, sources):
        return hold
    main = process.main_thread
    seen = [b for b in (main.blocks if main else ()) if _shows(b, wait.at) and hold.start - CLOSE <= b.end]
    block = Block(hold.start, hold.end, seen[-1].at if seen else wait.at, "callback")
    block.stack = seen[-1].stack if seen else wait.stack
    block.leaf = seen[-1].leaf if seen else wait.leaf
    block.doing, block.ended = (seen[-1].doing if seen else None), not hold.open
    block.importing = any(one.importing for one in seen)
    block.delayed, block.cpu = _sum(one.delayed for one in seen), _sum(one.cpu for one in seen)
    at = user_first(block.at, block.stack)
    return Hold(
        process, "loop-blocked", BLOCKED, hold.start, hold.end, at, open=hold.open,
        thread=main or _nameless(process, "MainThread"), block=block,
    )  # fmt: skip


def _sum(seconds: Iterable[float | None]) -> float | None:
    """Return the sum of what is known; None when nothing is."""
    known = [one for one in seconds if one is not None]
    return sum(known) if known else None


def _nameless(process: Process, name: str, main: bool = True) -> Thread:
    """Return a thread of which no note tells."""
    thread = Thread(process.pid, -1)
    thread.name, thread.main, thread.late = name, main, False
    return thread


def _at_head(at: Frame, process: Process, sources: Sources) -> bool:
    text = sources(absolute(at.file, process.cwd), at.line)
    return text is not None and text.lstrip().startswith(("async def ", "@"))


def _shows(block: Block, at: Frame) -> bool:
    """Return whether the block's stack has the frame, or may have: the middle of a long one is left out."""
    return at in block.stack or any(frame.origin == "cut" for frame in block.stack)


def _of_task(process: Process, task: Task, until: float) -> list[Hold]:
    found: list[Hold] = []
    for wait in task.waits:
        end = min(wait.until(until), until)
        cancelled = _cancel_in(task, wait, end)
        if cancelled is not None and cancelled < end - CLOSE:
            if wait.start < cancelled - CLOSE:
                found.append(_task_hold(process, task, wait, wait.start, cancelled, CANCELLED))
            last = _task_hold(process, task, wait, max(wait.start, cancelled), end, None)
        else:
            last = _task_hold(process, task, wait, wait.start, end, None if cancelled is None else CANCELLED)
        found.append(last.with_(open=wait.end is None))
    if task.done_at is not None and task.done_at <= until:
        begin = max([task.first_seen] + [hold.end for hold in found])
        if task.done_at - begin > CLOSE:
            found.append(Hold(process, "task", ALIVE, begin, task.done_at, task.last_at, task=task))
    return found


def _cancel_in(task: Task, wait: Wait, end: float) -> float | None:
    """Return when the cancel reached this wait; its end when Python could not see the cancel (before 3.11).

    A timeout is one: ``asyncio.timeout()`` cancels its task, takes that back and raises TimeoutError.
    """
    at = task.cancelled_at
    if at is not None:
        return at if wait.start - CLOSE < at <= end + CLOSE and wait.start < at else None
    due = wait.on.due
    if due is not None and abs(wait.seen + due - end) < CLOSE:
        return None  # the sleep was over: the cancel came right after it
    timed_out = task.exception == "TimeoutError" and (wait.kind in ON_OTHERS or wait.kind in ON_TASKS)
    last = task.waits[-1] is wait and (task.outcome == "cancelled" or timed_out)
    return end if last and wait.end is not None and wait.handling is None else None


def _task_hold(process: Process, task: Task, wait: Wait, start: float, end: float, rank: int | None) -> Hold:
    at = user_first(wait.at, wait.stack)
    return Hold(process, "task", _rank(wait) if rank is None else rank, start, end, at, task=task, wait=wait)


def _rank(wait: Wait) -> int:
    kind = wait.kind
    if kind == "server":
        return SERVER
    if wait.repeats or kind == "poll":
        return POLL
    leaves = wait.leaf is not None and wait.leaf.function == "__aexit__"  # of a library's task group
    if kind in ON_TASKS or kind in ON_OTHERS or (kind == "future" and leaves):
        return WOKEN
    at = user_first(wait.at, wait.stack)
    if at is None or not at.users:
        return LIBRARY
    return READ if kind in ("read", "executor") else USER


def _seen_polling(hold: Hold, sources: Sources) -> Hold:
    """Return the hold, marked as a poller where its sleep is shorter than the time spent at its line.

    The agent tells when the sleep is due; where it cannot (uvloop), the constant in the source line does.
    """
    wait = hold.wait
    if wait is None or hold.rank in (WOKEN, SERVER, CANCELLED) or wait.at is None:
        return hold
    sleeps = wait.leaf is not None and wait.leaf.function == "sleep"
    if hold.rank == LIBRARY and sleeps:
        hold = hold.with_(rank=POLL)  # a framework that sleeps looks again and again at something
    if sleeps and wait.kind in ("sleep", "", "future"):
        asked = _slept(sources(absolute(wait.at.file, hold.process.cwd), wait.at.line))
        if asked is not None and (wait.repeats or hold.end - max(hold.start, 0.0) > 2 * asked + CLOSE):
            return hold.with_(rank=POLL, period=asked)
    return hold.with_(period=POLLED) if hold.rank == POLL or wait.repeats else hold


def _slept(source: str | None) -> float | None:
    """Return the seconds of a ``sleep(0.1)`` in a line; None without one."""
    _, found, rest = (source or "").partition("sleep(")
    number = rest.partition(")")[0].partition(",")[0].strip()
    try:
        return float(number) if found else None
    except ValueError:
        return None


def _idle_loop(process: Process, thread: Thread, block: Block, sources: Sources) -> bool:
    """Return whether it is an event loop without Python frames (uvloop) that waits in epoll for its tasks."""
    if not thread.main or not process.tasks:
        return False
    leaf = block.leaf
    # Before Python 3.11 time.sleep() is a select(2) too: the user's own line on top is no idle loop.
    if block.doing == "poll" and block.state == "busy" and (leaf is None or not leaf.users):
        return True
    if leaf is None or block.computes:
        return False
    if _is_its_own_work(block):
        return True
    text = sources(absolute(leaf.file, process.cwd), leaf.line) or ""
    return leaf.file.endswith(_LOOP_FILES) or "run_until_complete(" in text or "run_forever(" in text


def _is_its_own_work(block: Block) -> bool:
    """Return whether the loop was seen at work of its own: asyncio's code alone runs on top of it."""
    ran = [index for index, frame in enumerate(block.stack) if frame.file.endswith(_LOOP_FILES)]
    return bool(ran) and all("/asyncio/" in frame.file for frame in block.stack[ran[-1] :])


def _called_by_exit(block: Block) -> bool:
    """Return whether it is an atexit handler: the interpreter calls it, so no module's frame is below it."""
    outermost = block.stack[0] if block.stack else None
    if outermost is None or (outermost.function == "_shutdown" and outermost.file.endswith("/threading.py")):
        return False
    return outermost.function not in _BOTTOMS


def joining(block: Block) -> bool:
    """Return whether the thread waits for another thread of its process."""
    if block.state in ("join-threads", "join-executor"):
        return True
    return waits_for_others(block.leaf)


def waits_for_others(leaf: Frame | None) -> bool:
    """Return whether the innermost frame is one in which the standard library waits for another thread."""
    return leaf is not None and leaf.function.rpartition(".")[2] in _JOINING and leaf.file.endswith(_JOINING_FILES)


def _joins(block: Block) -> bool:
    """Return whether a thread besides the main one only joins another; a timer's or an event's wait is its own."""
    return joining(block) and (block.leaf is None or block.leaf.function in ("join", "_wait_for_tstate_lock"))


def _in_loop(block: Block) -> bool:
    """Return whether a step, a callback, or a signal handler between them runs on top of the event loop."""
    ran = [index for index, frame in enumerate(block.stack) if frame.file.endswith(_LOOP_FILES)]
    above = block.stack[ran[-1] + 1 :] if ran else ()
    return any(frame.origin != "stdlib" for frame in above)


def _hides_loop(process: Process, block: Block) -> bool:
    """Return whether the frames left out of the middle of a main thread's stack are its event loop's: it has tasks
    that have not ended, and was not closed.
    """
    if not any(frame.origin == "cut" for frame in block.stack):
        return False
    closed = process.phase_start("loop-close", "thread-join")
    alive = any(task.done_at is None or task.done_at > block.start for task in process.tasks.values())
    return alive and (closed is None or closed > block.start)


def _of_block(process: Process, thread: Thread, block: Block, until: float) -> Hold:
    what: StretchKind
    if block.state == "executor":
        what, rank = "executor", BUSY
    elif block.state == "callback" or (thread.main and (_in_loop(block) or _hides_loop(process, block))):
        what, rank = "loop-blocked", BLOCKED
    elif thread.main:
        exiting = _called_by_exit(block) and not process.hello.forked
        what, rank = "atexit" if exiting else "main", WOKEN if joining(block) else BUSY
    else:
        what, rank = "thread", WOKEN if _joins(block) else BUSY
    end = min(block.end if block.ended else until, until)
    at = user_first(block.at, block.stack)
    if block.job is not None and block.job.by is not None and (at is None or not at.users):
        at = block.job.by  # a library's function: the line that gave the job is the one that can be changed
    return Hold(process, what, rank, block.start, end, at, open=not block.ended, thread=thread, block=block)


def _from_dump(process: Process, until: float) -> list[Hold]:
    """Return the thread that kept Python from running, from the stacks that were written without Python.

    It had been so since the process last spoke: its sampler would have told.
    """
    found = culprit(process.dump, process.owner) if process.dump else None
    if found is None or process.silent is None:
        return []
    stack, main = found
    thread = _nameless(process, "MainThread" if main else "another thread", main)
    block = Block(min(process.silent, until), until, user_first(None, stack), "busy")
    block.stack, block.leaf = stack, stack[-1]
    if not main and any(frame.file.endswith("/concurrent/futures/thread.py") for frame in stack):
        block.state = "executor"
    return [_of_block(process, thread, block, until).with_(rank=BLOCKED)]


def _joined(process: Process, until: float) -> list[Hold]:
    """Return the threads that were named when a join began.

    They are for where no sampler could run (3.12.1: no new thread can be started at that time).
    """
    found: list[Hold] = []
    for index, phase in enumerate(process.phases):
        if phase.name not in ("thread-join", "executor"):
            continue
        over = index + 1 < len(process.phases)
        end = process.phases[index + 1].at if over else until
        for told in phase.busy:
            known = process.threads.get(told.thread or 0)
            if told.state == "pool-idle" or (known and any(block.end > phase.at + CLOSE for block in known.blocks)):
                continue
            thread = known or _nameless(process, told.name or "?", main=False)
            block = Block(phase.at, end, told.at or told.leaf, told.state)
            block.stack, block.leaf, block.job, block.ended = told.stack, told.leaf, told.job, over
            found.append(_of_block(process, thread, block, until))
    return found
