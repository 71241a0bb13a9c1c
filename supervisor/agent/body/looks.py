"""One tick of the sampler: where followed tasks and threads are, and what is told of those that stay or moved.

Between two ticks no task, no frame and no value of the program is kept. Within a tick nothing is said or read while
one is held: that would let other threads run, and what they drop meanwhile would be destroyed in the sampler's
thread, which the program does not know.
"""

from __future__ import annotations

import sys
from _weakref import ref

import _sigdrain_agent as agent
import _sigdrain_agent_edges as edges
import _sigdrain_agent_frames as frames
import _sigdrain_agent_grain as grain
import _sigdrain_agent_holders as holders
import _sigdrain_agent_joins as joins
import _sigdrain_agent_late as late
import _sigdrain_agent_tasks as tasks
import _sigdrain_agent_threads as threads
import _sigdrain_agent_waits as waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple

NOTHING = joins.Doing()
PACKET = 40  # messages posted before they are sent: what fits into one or two packets
SAMPLE = 300  # tasks of which a census looks at the place
# Of a crowd at one place so many are told in one look: to describe one costs 0.1 ms, and their ends tell the rest.
OF_A_CROWD = 25

_seen: Dict[int, ThreadWait] = {}
_outbox: List[Tuple[str, Dict[str, Any]]] = []  # what a tick has to tell, said once nothing is held
_idle_tell: Dict[int, float] = {}
_crowds: Dict[Any, int] = {}  # coroutine and place -> tasks there that this look has told
_quiet_since = 0
_next_census = _began = 0
_more = True  # are there tasks that are not followed?


def reset(now: int) -> None:
    global _quiet_since, _next_census, _began, _more
    _began = _quiet_since = now
    _next_census, _more = now + 250_000_000, True
    _seen.clear()
    _idle_tell.clear()
    del _outbox[:]


class ThreadWait:
    """Where a thread has been since when."""

    __slots__ = ("described", "exact", "key", "since", "spent", "tell_at", "tid")

    def __init__(self, key: Any, exact: Any, now: int, tid: Optional[int]) -> None:
        self.tid = tid
        self.spent: Optional[Tuple[int, int]] = None  # threads.spent() at its begin, once it could be read
        self.key, self.exact, self.since, self.tell_at = key, exact, now, grain.FIRST_TOLD
        self.described: Dict[str, Any] = {}

    def due(self, now: int) -> bool:
        return bool((now - self.since) / 1e9 >= self.tell_at)


def tick(now: int) -> None:
    late.tell_created()
    edges.drain(now)
    moved, due, came = look_at_threads(now)
    for wait in came:
        wait.spent = threads.spent(wait.tid)
    if "asyncio.tasks" in sys.modules:
        moved_any = look_at_tasks(now)
        look_at_loops(now, moved_any)
        census(now)
        new = [kept.ref() for kept in list(tasks.followed.values()) if kept.used is None]
        holders.remember(new, holders.AT_ARMING)
        del new
    for wait in moved:
        tell_moved(wait, now)
    for wait in due:
        threads.complete(wait.described)
        if wait.described["state"] != "loop-idle":
            seconds = (now - wait.since) / 1e9
            agent.say("thread-waiting", seconds=seconds, **spent_of(wait), **wait.described)
            if seconds >= holders.SEARCHED and wait.described["on"] is not None:
                holders.of_thread(wait.described["thread"], wait.described["on"])
    while _outbox:
        for event, fields in _outbox[:PACKET]:
            agent.post(event, **fields)
        del _outbox[:PACKET]
        agent.flush()
    holders.work(holders.A_TICK)


def last(now: int) -> None:
    """Tell, as the sampler ends, where the threads are that were told of."""
    for wait in list(_seen.values()):
        tell_moved(wait, now)


def tell(event: str, fields: Dict[str, Any]) -> None:
    _outbox.append((event, fields))


# -- threads ---------------------------------------------------------------------------------------------------


def look_at_threads(now: int) -> Tuple[List[ThreadWait], List[ThreadWait], List[ThreadWait]]:
    """Return the waits of threads that moved, that are due to be told (again), and that came to a new place."""
    places, idents = stacks(now)
    moved = [_seen.pop(ident) for ident in list(_seen) if ident not in idents]
    due, came = [], []
    for ident, exact, key, stack, doing in places:
        wait = _seen.get(ident)
        if wait is None or wait.exact != exact:
            if wait is not None and wait.key == key:
                wait.exact = exact
            else:
                if wait is not None:
                    moved.append(_seen.pop(ident))
                if key[0] in ("loop-idle", "pool-idle"):
                    continue
                wait = _seen[ident] = ThreadWait(key, exact, now, threads.kernel_id(ident))
                came.append(wait)
        if wait.due(now):
            wait.tell_at *= 2
            wait.described = threads.describe(ident, stack, threads.known(), doing)
            due.append(wait)
    return moved, due, came


def stacks(now: int) -> Tuple[List[Tuple[int, Any, Any, List[Any], Any]], Set[int]]:
    """Return (thread, exact place, state and line, stack, what it does) of the threads that moved or are to be told,
    and all threads.

    Only what is to be told has a stack. No frame is held after.
    """
    places, idents = [], set()
    for ident, frame in frames.running().items():
        idents.add(ident)
        wait, back = _seen.get(ident), frame.f_back
        if wait is None and threads.idle(frame, back):
            continue
        exact = (id(frame), frame.f_lasti, id(back), back.f_lasti if back is not None else 0)
        due = wait is not None and wait.due(now)
        if wait is None or wait.exact != exact or due:
            stack: List[Any] = frames.thread_stack(frame) if due else frames.thread_frames(frame)
            at = frames.culprit(stack)
            key = (threads.state(stack), frames.place(at) if at is not None else None)
            doing = joins.look(frame, ident) if due else NOTHING
            places.append((ident, exact, key, stack if due else [], doing))
    return places, idents


def tell_moved(wait: ThreadWait, now: int) -> None:
    if wait.described and wait.described["state"] != "loop-idle":
        agent.say("thread-moved", seconds=(now - wait.since) / 1e9, **spent_of(wait), **wait.described)


def spent_of(wait: ThreadWait) -> Dict[str, Optional[float]]:
    """Return the seconds that the thread ran since it came here, and those in which no CPU was free for it.

    The first tells computing from waiting for the interpreter's lock.
    """
    now = threads.spent(wait.tid)
    if now is None or wait.spent is None:
        return {"cpu": None, "delayed": None}
    return {"cpu": (now[0] - wait.spent[0]) / 1e9, "delayed": (now[1] - wait.spent[1]) / 1e9}


# -- tasks -----------------------------------------------------------------------------------------------------


def look_at_tasks(now: int) -> bool:
    """Return True when a followed task moved, ended or began."""
    changed, shields, tasks.look_for_shields = False, tasks.look_for_shields, False
    _crowds.clear()
    for key, kept in list(tasks.followed.items()):
        task = kept.ref()
        if shields and task is not None and not kept.shielded:
            kept.shielded = tasks.is_shielded(task)
        if task is None:
            tasks.followed.pop(key, None)
            changed = True
        elif task.done():
            if kept.polled and tasks.followed.pop(key, None) is not None:
                tasks.end(task, kept)
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
            tell_cancel(kept)
        now_at, now_leaf = tasks.where(task)
        if (now_at, now_leaf) != (kept.at, kept.leaf):
            seconds = (now - kept.since) / 1e9
            changed = kept.at is not None
            was, was_leaf = kept.at, kept.leaf
            kept.at, kept.leaf, kept.since, kept.tell_at = now_at, now_leaf, now, grain.FIRST_TOLD
            kept.moves += changed
            if changed and seconds >= grain.FIRST_TOLD and not in_crowd(kept):
                told = tasks.describe(task)
                told.update(was=was, was_leaf=was_leaf, seconds=seconds, since_cancel=since(kept, now))
                tell("task-moved", told)
    elif kept.cancelled_at is None and hasattr(task, "cancelling") and task.cancelling():
        tell_cancel(kept)
    seconds = (now - kept.since) / 1e9
    if seconds >= kept.tell_at:
        kept.tell_at *= 2
        if in_crowd(kept):
            return changed
        told = tasks.describe(task)
        told.update(seconds=seconds, since_cancel=since(kept, now))
        tell("task-waiting", told)
        if seconds >= holders.SEARCHED and told["on"] is not None:
            holders.of_task(task, kept, told["on"])
    return changed


def in_crowd(kept: Any) -> bool:
    """Return whether this look has told enough of the tasks that are where this one is."""
    key = (kept.coro, kept.at, kept.leaf)
    _crowds[key] = 1 + _crowds.get(key, 0)
    return _crowds[key] > OF_A_CROWD


def tell_cancel(kept: Any) -> None:
    tasks.saw_cancel(kept, tell=False)
    tell("task-cancelled", tasks.cancelled(kept))


def since(kept: Any, now: int) -> Optional[float]:
    return (now - kept.cancelled_at) / 1e9 if kept.cancelled_at is not None else None


def _weakly(waiter: Any) -> Optional[Callable[[], Any]]:
    try:
        return ref(waiter) if waiter is not None else None
    except TypeError:  # a future of somebody's own
        return None


def census(now: int) -> None:
    """Tell what too many tasks are doing, by place; and make room for those that stayed behind the first to be
    followed.
    """
    global _next_census, _more
    room = _more and len(tasks.followed) < tasks.FOLLOWED // 2 and now >= _next_census - 200_000_000
    if now < _next_census and not room:
        return
    _next_census = now + max(250_000_000, (now - _began) // 2)
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
    """Tell what could still wake a loop in which nothing moved for a while."""
    global _quiet_since
    if changed:
        _quiet_since = now
        _idle_tell.clear()
        return
    seconds = (now - _quiet_since) / 1e9
    for loop in list(tasks.loops):
        if seconds < _idle_tell.get(id(loop), 2 * grain.FIRST_TOLD):
            continue
        _idle_tell[id(loop)] = 2 * max(seconds, 2 * grain.FIRST_TOLD)
        try:
            told = waits.loop_state(loop)
        except (AttributeError, RuntimeError, IndexError):
            continue
        blocked = getattr(loop, "_thread_id", None) in _seen  # its thread is at something else than waiting
        if told["running"] and not told.get("ready") and not blocked:
            tell("loop-idle", told)
