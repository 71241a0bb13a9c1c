"""Who could end a wait that nobody owns (an event, a lock, a queue, a bare future): the wire's `holders`.

Candidates are the tasks and threads from which the object can be reached, in this order of belief: *holds* (inside of
a `with` block that leads to the object), *sets* (the code names the method that would end the wait, and the object's
attribute), *names* (the method only), *reaches*. Fellows, who wait for the same object, cannot end the wait.

A search takes several ticks of the sampler, a few milliseconds each; between two it keeps only weak references.
"""

from __future__ import annotations

from _weakref import ref
from time import monotonic_ns

import _sigdrain_agent as agent
import _sigdrain_agent_frames as frames
import _sigdrain_agent_reach as reach
import _sigdrain_agent_tasks as tasks
import _sigdrain_agent_threads as threads
import _sigdrain_agent_waits as waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple


SEARCHED = 0.2  # seconds of a wait after which its end is searched for; then at each doubling, as it is told
A_TICK = 3_000_000  # ns of one tick of the sampler; above 5 ms other threads would run within a look
A_PROBE = 10_000_000  # ns of the answer to a probe, which holds the stop signal back
AT_ARMING = 1_500_000  # ns of the arming for remembering what tasks use
MOST = 10  # searches of one answer to a probe, or under way at once
OF_A_CODE, OF_A_PLACE, EXEMPLARS = 30, 8, 200  # tasks that are looked at: ten thousand are at five places
TOLD = 8  # candidates
GONE = 4  # ended tasks that are named as having used what is waited for; more only lengthen the message
NAMES = 9  # local variables of one frame of a thread
HOW = ("holds", "sets", "names", "reaches")
# The methods that end a wait, by its kind.
SETTERS = {
    "event": ("set",), "condition": ("notify", "notify_all"), "future": ("set_result", "set_exception"),
    "queue-get": ("put", "put_nowait"), "queue-put": ("get", "get_nowait"), "queue-join": ("task_done",),
    "lock": ("release",), "semaphore": ("release",), "barrier": ("wait",),
}  # fmt: skip

_searches: List[Search] = []
_owed: Dict[int, Optional[int]] = {}  # number of a task -> that of the one that can end its wait, by the last search
_at_work = agent.allocate_lock()


class Search:
    """One wait whose end is searched for. Plain data and weak references."""

    __slots__ = ("fellows", "found", "kind", "left", "object", "target", "targets", "task", "thread")

    def __init__(self, on: Dict[str, Any], targets: Sequence[Any]) -> None:
        self.task: Optional[int] = None
        self.thread: Optional[int] = None
        self.kind, self.object, self.target = on["kind"], on.get("object"), on.get("target")
        self.targets = [number for number in map(reach.number, targets) if number is not None]
        self.found: Dict[int, List[Tuple[int, int, bool, Dict[str, Any]]]] = {}  # index of a target -> candidates
        self.fellows = 0
        self.left: List[Any] = []  # who is still to be looked at: references to tasks, numbers of threads


# -- beginning ---------------------------------------------------------------------------------------------------


def of_task(task: Any, kept: Any, on: Dict[str, Any]) -> None:
    """Search for who could end this wait of a task."""
    if (
        on["kind"] not in waits.OWNERLESS
        or len(_searches) >= MOST
        or any(one.task == kept.number for one in _searches)
    ):
        return
    chain = frames.await_chain(tasks.coro_of(task))
    things, library = waits.waited_on(chain, getattr(task, "_fut_waiter", None))
    search = Search(on, things if library is None else [*things, library])
    search.task = kept.number
    loop = task.get_loop()
    idents = [ident for ident in threads.known() if ident != getattr(loop, "_thread_id", agent.main_thread)]
    _begin(search, [*exemplars(task), *idents])


def of_thread(ident: int, on: Dict[str, Any]) -> None:
    """Search for who could end this wait of a thread."""
    thing = reach.thing(on.get("target"))
    if thing is None or any(one.thread == ident for one in _searches):
        return
    search = Search(on, [thing])
    search.thread = ident
    _begin(search, [*(other for other in threads.known() if other != ident), *exemplars(None)])


def _begin(search: Search, left: List[Any]) -> None:
    if search.targets and len(_searches) < MOST:
        search.left = left
        _searches.append(search)


def exemplars(but: Any) -> List[Any]:
    """Return references to a few tasks of each place of each coroutine, the rarest places first."""
    codes: Dict[int, List[Any]] = {}
    for task in tasks.every():
        coro = tasks.coro_of(task)
        kept = codes.setdefault(id(getattr(coro, "cr_code", type(coro))), [])
        if len(kept) < OF_A_CODE and task is not but:
            kept.append(task)
    places: Dict[Any, List[Any]] = {}
    for key, found in codes.items():
        for task in found:
            frame = getattr(tasks.coro_of(task), "cr_frame", None)
            kept = places.setdefault((key, frame.f_lasti if frame is not None else 0), [])
            if len(kept) < OF_A_PLACE:
                kept.append(ref(task))
    return [one for kept in sorted(places.values(), key=len) for one in kept][:EXEMPLARS]


def forget() -> None:
    """Drop the search in a forked child: a thread that is not there may hold the lock."""
    global _at_work
    del _searches[:]
    _owed.clear()
    _at_work = agent.allocate_lock()


# -- searching ---------------------------------------------------------------------------------------------------


def work(budget: int) -> None:
    """Go on for so many nanoseconds, and tell the searches that are through."""
    if _at_work.acquire(False):
        try:
            _work(monotonic_ns() + budget)
        finally:
            _at_work.release()


def finish() -> None:
    """Tell what can be found now: the process may be about to end."""
    if _at_work.acquire(True, A_PROBE / 1e9):  # else the sampler is at it, and does not get on
        try:
            _work(monotonic_ns() + A_PROBE)
            while _searches:
                agent.say("holders", **_told(_searches.pop(0)))
        finally:
            _at_work.release()


def _work(until: int) -> None:
    while _searches:
        search = _searches[0]
        while search.left and monotonic_ns() < until:
            _look_at(search, search.left.pop(0))
        if search.left:
            break
        _searches.remove(search)
        agent.say("holders", **_told(search))


def _look_at(search: Search, who: Any) -> None:
    targets = {index: reach.thing(number) for index, number in enumerate(search.targets)}
    if type(who) is int:
        _look_at_thread(search, who, targets)
        return
    task = who()
    if task is None or task.done():
        return
    pairs = frames.await_pairs(tasks.coro_of(task))
    chain = [frame for _, frame in pairs if frame is not None]
    theirs, _ = waits.waited_on(chain, getattr(task, "_fut_waiter", None))
    kept = tasks.record(task)
    found = _reached(list(reach.roots(pairs)), targets, theirs)
    if any(one is thing for one in theirs[1:] for thing in targets.values()):
        search.fellows += 1
    if found and _awaits(task, search.task):
        return
    for index, (distance, holder) in found.items():
        inside = any(reach.reaches([one], {id(targets[index]): 0}, 3, 200) for one in reach.exits(pairs))
        rank = 0 if inside else _named(search.kind, chain, targets[index], holder)
        kept = kept or tasks.follow(task, polled=True)
        at, _ = tasks.where(task)
        user = at is not None and frames.rank(at[0]) == frames.USER
        told = {"task": kept.number if kept is not None else None, "how": HOW[rank], "distance": distance, "at": at}
        search.found.setdefault(index, []).append((rank, distance, not user, told))


def _awaits(task: Any, number: Optional[int]) -> bool:
    """Return whether this task waits for the one whose wait's end is searched for."""
    on = tasks.waits_for(task)
    return on is not None and number in on.get("tasks", ())


def _look_at_thread(search: Search, ident: int, targets: Dict[int, Any]) -> None:
    chain: List[FrameType] = []
    frame = frames.running().get(ident)
    while frame is not None and len(chain) < frames.DEPTH:
        chain.append(frame)
        frame = frame.f_back
    start: List[Any] = []
    waiting: List[Any] = []
    for frame in chain:
        code = frame.f_code
        its = frames.rank(code.co_filename)
        if its == frames.USER:
            start += frames.local(frame, "self", *code.co_varnames[:NAMES])
        elif its == frames.STANDARD and code.co_name in ("run", "wait", "get", "put", "join"):
            waiting += frames.local(frame, "self")  # also the work item of a pool's thread: its arguments
    found = _reached(start + waiting[-1:], targets, waiting[:-1])
    at = frames.culprit(chain[::-1])
    for index, (distance, holder) in found.items():
        rank = _named(search.kind, chain, targets[index], holder)
        told = {"thread": ident, "how": HOW[rank], "distance": distance, "at": frames.place(at) if at else None}
        search.found.setdefault(index, []).append((rank, distance, False, told))


def _reached(start: List[Any], targets: Dict[int, Any], theirs: List[Any]) -> Dict[int, Any]:
    wanted = {
        id(thing): index
        for index, thing in targets.items()
        if thing is not None and not any(thing is one for one in theirs)
    }
    return reach.reaches([one for one in start if one is not None], wanted) if wanted else {}


def _named(kind: str, chain: Iterable[FrameType], target: Any, holder: Any) -> int:
    """Return how well the code that a candidate is in fits the wait.

    1: it names the method that would end the wait, and the attribute under which it reaches the target; 2: the method
    only; 3: neither.
    """
    setters = SETTERS.get(kind, ())
    naming = [
        frame.f_code.co_names
        for frame in chain
        if frames.rank(frame.f_code.co_filename) < frames.STANDARD
        and any(one in frame.f_code.co_names for one in setters)
    ]
    if not naming:
        return 3
    if holder is None or type(holder) in (dict, list, tuple, set) or reach.kind(holder) in reach.GENERATORS:
        return 1
    if reach.kind(holder) in ("cell", "deque"):
        return 1
    return 1 if any(reach.attribute(holder, name) is target for names in naming for name in names) else 2


def _told(search: Search) -> Dict[str, Any]:
    best = next((search.found[index] for index in range(len(search.targets)) if index in search.found), [])
    best = sorted((one for one in best if not _owes(search, *one)), key=lambda one: one[:3])
    if search.task is not None:
        sure = [one[3]["task"] for one in best if one[0] < 2 or len(best) == 1]
        _owed[search.task] = sure[0] if len(sure) == 1 else None
    numbers = set(search.targets)
    return {
        "task": search.task,
        "thread": search.thread,
        "kind": search.kind,
        "object": search.object,
        "target": search.target,
        "fellows": search.fellows,
        "total": len(best),
        "found": [one[3] for one in best[:TOLD]],
        "gone": [_gone(kept) for kept in tasks.ended if kept.used and numbers & kept.used][-GONE:],
    }


def _owes(search: Search, rank: int, _: int, __: bool, told: Dict[str, Any]) -> bool:
    """Return whether a candidate that merely knows the object waits for the very task whose wait is to be ended.

    A candidate that holds the object waits too, in a deadlock: that one is told.
    """
    number = told.get("task")
    for _step in range(MOST):
        if rank < 2 or number is None:
            return False
        number = _owed.get(number)
        if number is not None and number == search.task:
            return True
    return False


# -- remembering -------------------------------------------------------------------------------------------------


def remember(found: Iterable[Any], budget: int) -> bool:
    """Note of these tasks which primitives they use, as long as there is time: who has ended cannot be asked. False:
    the time is over and some are left."""
    until = monotonic_ns() + budget
    for task in found:
        kept = tasks.record(task)
        if kept is None or kept.used is not None:
            continue
        if monotonic_ns() > until:
            return False
        kept.used = used(task)
    return True


def used(task: Any) -> Set[int]:
    """Return the numbers of the primitives that a task can reach."""
    things = reach.walk(reach.roots(frames.await_pairs(tasks.coro_of(task))), levels=3, budget=600)
    numbers = [reach.number(thing) for thing, _, _ in things if reach.kind(thing) in reach.PRIMITIVES]
    return {number for number in numbers if number is not None}


def _gone(kept: Any) -> Dict[str, Any]:
    return {
        "task": kept.number,
        "name": kept.name,
        "coro": kept.coro,
        "outcome": kept.outcome,
        "cancelled_by": kept.cancel.place if kept.cancel is not None else None,
    }
