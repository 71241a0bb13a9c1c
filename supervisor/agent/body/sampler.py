"""Looks at followed tasks and threads while a shutdown lasts, and tells what stays where it is.

One thread, started without `threading` (it is in nobody's list and nobody joins it), all signals blocked in it,
at most 5 % of one core. Between two looks it keeps no task, no frame and no value of the program. Within a look
nothing is said or read while it holds one: that would let other threads run, and what they drop meanwhile would
be destroyed here, in a thread the program does not know.
"""

from __future__ import annotations

import os
import sys
from time import monotonic_ns, thread_time_ns

import _sigdrain_agent as agent  # type: ignore[import-not-found]  # loaded by path inside the worker
import _sigdrain_agent_frames as frames  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_tasks as tasks  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_threads as threads  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_waits as waits  # type: ignore[import-not-found]  # the same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple

FIRST_TOLD = 0.05  # seconds in one place before it is told; then at 0.1, 0.2, 0.4 …: a SIGKILL loses little
SAMPLE = 300  # tasks of which a census looks at the place
DUTY = 20  # the pause is at least this many times the look's CPU time: 5 %

_wake = agent.allocate_lock()
_stopping = False
_alive = False
_tid = 0  # as the kernel numbers our thread
_looks = 0
_cpu = 0
_seen: Dict[int, ThreadWait] = {}
_ready: List[Dict[str, Any]] = []
_outbox: List[Tuple[str, Dict[str, Any]]] = []
_idle_tell: Dict[int, float] = {}
_quiet_since = 0
_next_census = _begun = 0
_more = True  # are there tasks that are not followed?


class ThreadWait:
    """Where a thread has been since when."""

    __slots__ = ("cpu", "described", "exact", "key", "since", "tell_at", "tid")

    def __init__(self, key: Any, exact: Any, now: int, tid: Optional[int]) -> None:
        self.tid = tid
        self.cpu: Optional[int] = None  # CPU time at its begin, once it could be read
        self.key, self.exact, self.since, self.tell_at = key, exact, now, FIRST_TOLD
        self.described: Dict[str, Any] = {}

    def due(self, now: int) -> bool:
        return bool((now - self.since) / 1e9 >= self.tell_at)


def start() -> bool:
    """Begin to look; with all signals blocked by the caller, which the new thread inherits."""
    global _stopping, _alive, _wake
    if _alive or not frames.HAS_GIL:
        return _alive
    _stopping = False
    _wake = agent.allocate_lock()
    _wake.acquire()
    _alive = True
    try:
        agent.start_new_thread(_run, (_wake,))
    except RuntimeError:  # 3.12: not once the main thread has ended
        _alive = False
    return _alive


def announce(ready: Dict[str, Any]) -> None:
    """Say "ready" when the main thread has left us: the parent then sends a signal whose handler may raise, and our
    frames would be in its traceback."""
    if not _alive:
        agent.say("ready", **ready)
        return
    _ready.append(ready)
    try:
        _wake.release()
    except RuntimeError:
        pass


def say_ready() -> None:
    until = monotonic_ns() + 50_000_000
    while inside(agent.main_thread) and monotonic_ns() < until:
        agent.sleep(0.0001)
    settle()
    while _ready:
        agent.say("ready", **_ready.pop(0))


def settle() -> None:
    """Wait until the main thread sleeps in the kernel again, 5 ms at most: a program at work has no need of it.

    Our probe has just interrupted its epoll_wait. A SIGINT that comes between the interpreter's look at pending
    signals and the next epoll_wait is handled only when something else wakes the loop: asyncio's Runner (3.11+) and
    KeyboardInterrupt have no wake-up descriptor. Without us that instant is rarely met; after the probe it was met by
    4 % of the stops.
    """
    until = monotonic_ns() + 5_000_000
    while True:
        agent.sleep(0.0002)
        call = threads.kernel(agent.pid)[0]  # the main thread's id is the process's
        if (call is not None and call not in ("running", "lock")) or monotonic_ns() > until:
            return


def inside(ident: int) -> bool:
    """Is a thread in code of ours?"""
    frame = frames.running().get(ident)
    while frame is not None:
        if frames.rank(frame.f_code.co_filename) == frames.OURS:
            return True
        frame = frame.f_back
    return False


def stop(seconds: float = 0.01) -> None:
    """End it, and wait a moment for its end."""
    global _stopping
    _stopping = True
    if alive():
        try:
            _wake.release()
        except RuntimeError:  # it has been told already
            pass
    until = monotonic_ns() + int(seconds * 1e9)
    while alive() and monotonic_ns() < until:
        agent.sleep(0.0002)


def alive() -> bool:
    return _alive


def gone(seconds: float = 0.02) -> None:
    """stop(), until the kernel has forgotten the thread too: 3.12+ warns of a fork in a process with several."""
    if not _alive:
        return
    tid, path = _tid, "/proc/self/task/%d"
    stop()
    until = monotonic_ns() + int(seconds * 1e9)
    while tid and os.path.exists(path % tid) and monotonic_ns() < until:
        agent.sleep(0.0002)


def forget() -> None:
    """In a forked child: the thread is not there."""
    global _alive, _stopping, _tid
    _alive, _stopping = False, True
    frames.sampler = _tid = 0
    del _ready[:]
    _seen.clear()
    _idle_tell.clear()


def _run(wake: Any) -> None:
    global _alive, _tid, _looks, _cpu, _quiet_since, _next_census, _begun, _more
    frames.sampler, _tid = agent.get_ident(), agent.get_native_id()
    begun = _begun = _quiet_since = monotonic_ns()
    _looks, _cpu, _more = 0, 0, True
    _next_census = begun + 250_000_000
    _seen.clear()
    _idle_tell.clear()
    del _outbox[:]
    try:
        while not _stopping:
            if _ready:
                say_ready()
            now, used = monotonic_ns(), thread_time_ns()
            _looks += 1
            look(now)
            agent.flush()
            took = thread_time_ns() - used  # not what passed: on a busy machine we would hardly look at all
            _cpu += took
            lasts = (now - begun) / 1e9
            if lasts > limit() and not _stopping:
                agent.body.tired()
                break
            pause = 0.01 if lasts < 2 else 0.05 if lasts < 30 else 0.25 if lasts < 300 else 1.0
            wake.acquire(True, max(pause, DUTY * took / 1e9))
        for wait in list(_seen.values()):
            tell_moved(wait, monotonic_ns())
    except Exception as error:  # nothing may leave this thread: it would be printed
        agent.say("agent-error", where="sampler", error=repr(error)[:300])
    finally:
        while _ready:
            agent.say("ready", **_ready.pop(0))
        agent.say("sampler-end", ticks=_looks, cpu=_cpu / 1e9)
        frames.sampler = 0  # its number may be another thread's next
        _alive = False


def limit() -> float:
    """How long to look when nobody asked again (seconds): a handled signal need not be a shutdown."""
    return float(agent.body.patience())


def look(now: int) -> None:
    ended, reached, begun = look_at_threads(now)
    for wait in begun:
        wait.cpu = threads.cpu(wait.tid)
    if "asyncio.tasks" in sys.modules:
        moved_any = look_at_tasks(now)
        look_at_loops(now, moved_any)
        census(now)
    for wait in ended:
        tell_moved(wait, now)
    for wait in reached:
        threads.complete(wait.described)
        if wait.described["state"] != "loop-idle":
            seconds = (now - wait.since) / 1e9
            agent.say("thread-waiting", seconds=seconds, cpu=cpu_of(wait), **wait.described)
    while _outbox:
        event, fields = _outbox.pop(0)
        agent.say(event, **fields)


def tell(event: str, fields: Dict[str, Any]) -> None:
    _outbox.append((event, fields))


# -- threads ---------------------------------------------------------------------------------------------------


def look_at_threads(now: int) -> Tuple[List[ThreadWait], List[ThreadWait], List[ThreadWait]]:
    """Waits that ended, that are to be told again, and that began."""
    looked, idents = stacks(now)
    ended = [_seen.pop(ident) for ident in list(_seen) if ident not in idents]
    reached, begun = [], []
    for ident, exact, stack in looked:
        wait = _seen.get(ident)
        if wait is None or wait.exact != exact:
            at = frames.culprit(stack)
            key = (threads.state(stack), frames.place(at) if at is not None else None)
            if wait is not None and wait.key == key:
                wait.exact = exact
            else:
                if wait is not None:
                    ended.append(_seen.pop(ident))
                if key[0] in ("loop-idle", "pool-idle"):
                    continue
                wait = _seen[ident] = ThreadWait(key, exact, now, threads.kernel_id(ident))
                begun.append(wait)
        if wait.due(now):
            wait.tell_at *= 2
            wait.described = threads.describe(ident, stack, threads.known())
            reached.append(wait)
    return ended, reached, begun


def stacks(now: int) -> Tuple[List[Tuple[int, Any, List[Any]]], Set[int]]:
    """(thread, exact place, stack) of those that moved or are to be told, and all threads. No frame is held after."""
    looked, idents = [], set()
    for ident, frame in frames.running().items():
        idents.add(ident)
        wait, back = _seen.get(ident), frame.f_back
        exact = (id(frame), frame.f_lasti, id(back), back.f_lasti if back is not None else 0)
        if wait is None or wait.exact != exact or wait.due(now):
            looked.append((ident, exact, frames.thread_stack(frame)))
    return looked, idents


def tell_moved(wait: ThreadWait, now: int) -> None:
    if wait.described and wait.described["state"] != "loop-idle":
        agent.say("thread-moved", seconds=(now - wait.since) / 1e9, cpu=cpu_of(wait), **wait.described)


def cpu_of(wait: ThreadWait) -> Optional[float]:
    """CPU seconds of the thread since it came here: tells computing from waiting for the interpreter lock."""
    spent = threads.cpu(wait.tid)
    return (spent - wait.cpu) / 1e9 if spent is not None and wait.cpu is not None else None


# -- tasks -----------------------------------------------------------------------------------------------------


def look_at_tasks(now: int) -> bool:
    """True when a followed task moved, ended or began."""
    changed = False
    for key, kept in list(tasks.followed.items()):
        task = kept.ref()
        if task is None:
            tasks.followed.pop(key, None)
            changed = True
        elif task.done():
            if kept.polled and tasks.followed.pop(key, None) is not None:
                tell("task-done", tasks.done(task, kept))
            changed = True
        else:
            changed = look_at_task(task, kept, now) or changed
    return changed


def look_at_task(task: Any, kept: Any, now: int) -> bool:
    changed = False
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None or kept.waiter is None or kept.waiter() is not waiter:
        kept.waiter = _weakly(waiter)
        if kept.cancelled_at is None and tasks.cancel_requested(task, kept):
            tell_cancel(task, kept)
        now_at, now_leaf = tasks.where(task)
        if (now_at, now_leaf) != (kept.at, kept.leaf):
            seconds = (now - kept.since) / 1e9
            changed = kept.at is not None
            was, was_leaf = kept.at, kept.leaf
            kept.at, kept.leaf, kept.since, kept.tell_at = now_at, now_leaf, now, FIRST_TOLD
            kept.moves += changed
            if changed and seconds >= FIRST_TOLD:
                told = tasks.describe(task)
                told.update(was=was, was_leaf=was_leaf, seconds=seconds, since_cancel=since(kept, now))
                tell("task-moved", told)
    elif kept.cancelled_at is None and hasattr(task, "cancelling") and task.cancelling():
        tell_cancel(task, kept)
    seconds = (now - kept.since) / 1e9
    if seconds >= kept.tell_at:
        kept.tell_at *= 2
        told = tasks.describe(task)
        told.update(seconds=seconds, since_cancel=since(kept, now))
        tell("task-waiting", told)
    return changed


def tell_cancel(task: Any, kept: Any) -> None:
    tasks.saw_cancel(kept, tell=False)
    tell("task-cancelled", {"task": kept.number, "name": tasks.name_of(task), "at": kept.at})


def since(kept: Any, now: int) -> Optional[float]:
    return (now - kept.cancelled_at) / 1e9 if kept.cancelled_at is not None else None


def _weakly(waiter: Any) -> Optional[Callable[[], Any]]:
    from _weakref import ref  # built in

    try:
        return ref(waiter) if waiter is not None else None
    except TypeError:  # a future of somebody's own
        return None


def census(now: int) -> None:
    """What too many tasks are doing, by place; and room for those that stayed behind the first to be followed."""
    global _next_census, _more
    room = _more and len(tasks.followed) < tasks.FOLLOWED // 2 and now >= _next_census - 200_000_000
    if now < _next_census and not room:
        return
    _next_census = now + max(250_000_000, (now - _begun) // 2)
    left = tasks.pending()
    _more = len(left) > tasks.FOLLOWED
    for task in left:
        if len(tasks.followed) >= tasks.FOLLOWED:
            break
        tasks.follow(task, polled=True)
    total = tasks.count_of(left)
    if total <= tasks.FOLLOWED:
        return
    sample = left[:: max(1, len(left) // SAMPLE)]  # in the order of a hash table: as good as random
    groups: Dict[Any, int] = {}
    for task in sample:
        at, _ = tasks.where(task)
        if at is not None:
            key = (tasks.coro_name(task), at)
            groups[key] = groups.get(key, 0) + 1
    biggest: List[Any] = sorted(groups.items(), key=lambda item: -item[1])[:20]
    told = [{"count": number * total // len(sample), "coro": key[0], "at": key[1]} for key, number in biggest]
    tell("task-census", {"n_tasks": total, "groups": told})


# -- loops -----------------------------------------------------------------------------------------------------


def look_at_loops(now: int, changed: bool) -> None:
    """A loop in which nothing moved for a while: what could still wake it."""
    global _quiet_since
    if changed:
        _quiet_since = now
        _idle_tell.clear()
        return
    seconds = (now - _quiet_since) / 1e9
    for loop in list(tasks.loops):
        if seconds < _idle_tell.get(id(loop), 2 * FIRST_TOLD):
            continue
        _idle_tell[id(loop)] = 2 * max(seconds, 2 * FIRST_TOLD)
        try:
            told = waits.loop_state(loop)
        except (AttributeError, RuntimeError, IndexError):
            continue
        blocked = getattr(loop, "_thread_id", None) in _seen  # its thread is at something else than waiting
        if told["running"] and not told.get("ready") and not blocked:
            tell("loop-idle", told)
