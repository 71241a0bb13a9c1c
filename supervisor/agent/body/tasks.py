"""Tasks as the wire wants them: where each waits and for what; the records of those that are followed."""

from __future__ import annotations

import sys
from _weakref import ref
from itertools import count
from time import monotonic_ns

import _sigdrain_agent as agent
import _sigdrain_agent_frames as frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Iterator, List, Optional, Tuple

    Place = Tuple[str, int, str]

# Tasks followed at once; each is looked at in every look. The others are counted by place.
FOLLOWED = 200
ENDED = 200  # records kept of tasks that have ended
SCANNED = 20_000  # task references that one look may touch: 2 to 4 ms

loops: List[Any] = []
look_for_shields = False  # shield() was called since the last look
followed: Dict[int, Followed] = {}  # id(task) -> its record
_numbers = count(1)
ended: List[Followed] = []  # records of the last that ended: their done callbacks may run now


class Followed:
    """What we remember of one task. It holds the task weakly: a dropped task must die as it would without us."""

    __slots__ = (
        "at", "born", "cancel", "cancelled_at", "caught", "coro", "late", "leaf", "moves", "name", "number",
        "outcome", "polled", "ref", "shielded", "since", "tell_at", "used", "waiter",
    )  # fmt: skip

    def __init__(self, task: Any, late: bool, polled: bool) -> None:
        self.ref = ref(task)
        self.number = next(_numbers)
        self.name = name_of(task)
        self.coro = coro_name(task)
        self.at: Optional[Place] = None
        self.leaf: Optional[Place] = None
        self.waiter: Any = None
        self.since = self.born = monotonic_ns()
        self.tell_at = 0.05
        self.cancelled_at: Optional[int] = None
        self.outcome: Optional[str] = None
        self.used: Any = None  # numbers (reach.number) of the primitives that it can reach
        self.cancel: Any = None  # the wake-up (edges.Row) that brought it its cancel
        self.caught: Optional[Place] = None
        self.shielded = is_shielded(task)
        self.late = late
        self.moves = 0
        self.polled = polled  # its end is seen by the sampler, not by a done callback


def name_of(task: Any) -> str:
    return str(task.get_name())


def age(task: Any) -> int:
    """Return the number in an automatic name: the oldest task has the lowest, named ones come after all."""
    name = name_of(task)
    return int(name[5:]) if name.startswith("Task-") and name[5:].isdecimal() else 1 << 62


def coro_of(task: Any) -> Any:
    return task.get_coro() if hasattr(task, "get_coro") else None


def coro_name(task: Any) -> str:
    coro = coro_of(task)
    name = getattr(coro, "__qualname__", None)
    if name is None:  # aclose() of an asynchronous generator: named after the generator
        chain = frames.await_chain(coro)
        name = chain[0].f_code.co_name if chain else type(coro).__name__
    return str(name)


# -- finding ---------------------------------------------------------------------------------------------------


def meet(loop: Any) -> None:
    if loop is not None and not any(known is loop for known in loops):
        loops.append(loop)
        if len(loops) > 8:
            del loops[0]


def find_loops() -> None:
    """Find the running loop of each thread by the `self` of the loop methods on its stack; then any task's loop."""
    events = frames.loaded("asyncio.events", "_get_running_loop")
    if events is None:
        return
    meet(events._get_running_loop())
    for frame in frames.running().values():
        inner: Optional[FrameType] = frame
        for _ in range(200):
            if inner is None:
                break
            # Only frames of asyncio and uvloop: f_locals of a user's frame would keep its values alive (< 3.13).
            code = inner.f_code
            if code.co_name in ("run_forever", "run_until_complete", "run", "_run_once", "close") and (
                code.co_filename.endswith(("asyncio/base_events.py", "asyncio/runners.py", "uvloop/__init__.py"))
            ):
                here = inner.f_locals.get("self")
                meet_if_loop(here if hasattr(here, "call_soon_threadsafe") else inner.f_locals.get("loop"))
                meet_if_loop(getattr(here, "_loop", None))
            inner = inner.f_back
    if not loops:
        for task in every():
            meet(task.get_loop())
            break


def meet_if_loop(thing: Any) -> None:
    if hasattr(thing, "call_soon_threadsafe") and hasattr(thing, "create_task"):
        meet(thing)


def _references() -> List[Any]:
    """Return asyncio's own weak references to its tasks: they are cheap to copy and to count."""
    module = sys.modules.get("asyncio.tasks")
    if module is None:
        return []
    out: List[Any] = []
    for name in ("_scheduled_tasks", "_all_tasks", "_eager_tasks"):
        found: Any = getattr(module, name, None)
        try:
            if hasattr(found, "data"):  # a WeakSet
                out += list(found.data)
            elif isinstance(found, set) and found:
                out += [ref(task) for task in list(found)]
        except RuntimeError:  # changed size while another thread copied it: next time
            pass
    return out


def every() -> Iterator[Any]:
    """Yield tasks that are not done, on the loops that we know and that are not closed; at most SCANNED are looked
    at.
    """
    references = _references()
    if not references and sys.version_info >= (3, 14):  # C keeps them in lists of its own
        module: Any = sys.modules.get("asyncio.tasks")
        for loop in list(loops):
            for task in list(module.all_tasks(loop)) if module is not None else ():
                yield task
        return
    for reference in references[:SCANNED]:
        task = reference()
        if task is not None and not task.done():
            yield task


def pending(loop: Any = None) -> List[Any]:
    return [task for task in every() if loop is None or task.get_loop() is loop]


def pending_count(loop: Any = None) -> int:
    """Return how many tasks are not done.

    Beyond SCANNED the number is asyncio's own count, which holds done tasks that live on.
    """
    total = len(_references())
    return total if total > SCANNED else len(pending(loop))


def count_of(found: List[Any], loop: Any = None) -> int:
    """Return the size of what pending() found, or of what it is a part of."""
    return len(found) if len(_references()) <= SCANNED else pending_count(loop)


# -- following -------------------------------------------------------------------------------------------------


def record(task: Any) -> Optional[Followed]:
    found = followed.get(id(task))
    return found if found is not None and found.ref() is task else None


def current(loop: Any) -> Any:
    """Return the task that runs in this loop; None when a callback runs, or nothing does."""
    module: Any = sys.modules["asyncio.tasks"]
    if sys.version_info >= (3, 14):
        return module.current_task(loop)
    return module._current_tasks.get(loop)


def number_of(kept: Any) -> Optional[int]:
    """Return the number of a task by its record, or by a reference to it; a task without a record is followed from
    now on.
    """
    if type(kept) is ref:
        task = kept()
        kept = follow(task, polled=True) if task is not None and not task.done() else None
    return kept.number if type(kept) is Followed else None


def record_of_ended(task: Any) -> Optional[Followed]:
    """Return the record of a task, also of one that has just ended: it is asked for in the task's done callbacks."""
    found = record(task)
    if found is None:
        found = next((kept for kept in reversed(ended) if kept.ref() is task), None)
    return found


def follow(task: Any, late: bool = False, polled: bool = False) -> Optional[Followed]:
    found = record(task)
    if found is None and len(followed) < FOLLOWED:
        found = followed[id(task)] = Followed(task, late, polled)
        if not late:
            found.at, found.leaf = where(task)
        if not polled:
            task.add_done_callback(on_done)
    return found


def where(task: Any) -> Tuple[Optional[Place], Optional[Place]]:
    """Return (at, leaf) of a suspended task."""
    chain = frames.await_chain(coro_of(task))
    culprit = frames.culprit(chain)
    return (frames.place(culprit) if culprit is not None else None, frames.place(chain[-1]) if chain else None)


def last_seen(task: Any) -> Optional[Followed]:
    """Return the record of a task that is being destroyed: its weak references are dead already, its address is
    not.
    """
    found = followed.get(id(task))
    return found if found is not None and found.name == name_of(task) else None


def cancel_requested(task: Any, kept: Followed) -> bool:
    """Return whether this task was asked to stop. On 3.10 and older only its exception state tells."""
    if kept.cancelled_at is not None:
        return True
    if hasattr(task, "cancelling"):
        return bool(task.cancelling() > 0)
    return getattr(task, "_must_cancel", False) is True or frames.handling(coro_of(task)) is not None


def saw_cancel(kept: Followed, tell: bool = True, at: Optional[int] = None) -> None:
    if kept.cancelled_at is None:
        kept.cancelled_at = at or monotonic_ns()
        kept.moves = 0
        if tell:
            agent.say("task-cancelled", **cancelled(kept))


def cancelled(kept: Followed) -> Dict[str, Any]:
    """Return the fields of task-cancelled."""
    task, row = kept.ref(), kept.cancel
    return {
        "task": kept.number,
        "name": name_of(task) if task is not None else kept.name,
        "at": kept.at,
        "by": row.place if row is not None else None,
        "by_task": number_of(row.by) if row is not None else None,
    }


def on_done(task: Any) -> None:
    try:
        kept = followed.pop(id(task), None)
        if kept is not None:
            end(task, kept)
            agent.say("task-done", **done(task, kept))
    except BaseException as error:
        agent.failed("task-done", error)


def end(task: Any, kept: Followed) -> None:
    """Remember a task that has ended."""
    kept.outcome = outcome(task)
    ended.append(kept)
    del ended[:-ENDED]


def outcome(task: Any) -> str:
    if task.cancelled():
        return "cancelled"
    return "exception" if getattr(task, "_exception", None) is not None else "returned"


def done(task: Any, kept: Followed) -> Dict[str, Any]:
    """Return the fields of task-done."""
    error = getattr(task, "_exception", None)  # not exception(): that would mark it as retrieved
    cancelling = task.cancelling() if hasattr(task, "cancelling") else None
    now = monotonic_ns()
    return {
        "task": kept.number,
        "name": name_of(task),  # 3.11 and older name a task after its creation
        "coro": kept.coro,
        "outcome": outcome(task),
        "exception": type(error).__name__ if error is not None else None,
        "at": kept.at,
        "leaf": kept.leaf,
        "seconds": (now - kept.since) / 1e9,
        "since_cancel": (now - kept.cancelled_at) / 1e9 if kept.cancelled_at else None,
        "cancelling": cancelling if cancelling is not None else int(kept.cancelled_at is not None) or None,
        "caught": kept.caught,
        "shielded": kept.shielded,
        "late": kept.late,
        "moves": kept.moves,
    }


# -- describing ------------------------------------------------------------------------------------------------


def describe(task: Any, brief: bool = False) -> Dict[str, Any]:
    """Return TASK of one task; ``brief``: without its stack."""
    kept, coro = record(task), coro_of(task)
    chain = frames.await_chain(coro)
    at = frames.culprit(chain)
    told: Dict[str, Any] = {
        "task": kept.number if kept else None,
        "name": name_of(task),
        "coro": kept.coro if kept else coro_name(task),
        "at": frames.place(at) if at is not None else None,
    }
    if brief:
        return told
    if kept is not None and not kept.shielded:
        kept.shielded = is_shielded(task)
    told.update(
        leaf=frames.place(chain[-1]) if chain else None,
        stack=frames.places(chain),
        on=waits_for(task),
        cancelling=task.cancelling() if hasattr(task, "cancelling") else None,
        handling=frames.handling(coro),
        shielded=kept.shielded if kept else is_shielded(task),
        caught=kept.caught if kept else None,
        late=kept.late if kept else None,
        born=(monotonic_ns() - kept.born) / 1e9 if kept else None,
    )
    return told


def describe_all(tasks: Any, budget: int = 20_000) -> agent.Raw:
    """Return a JSON list that stays below the budget (characters): with stacks for the first half, then brief
    ones.
    """
    parts: List[str] = []
    used = 0
    for task in tasks:
        if len(parts) >= 100 or used > budget:
            break
        part = agent.encode(describe(task, brief=used > budget // 2))
        if used + len(part) <= budget + 1_000:
            parts.append(part)
            used += len(part)
    return agent.Raw("[" + ",".join(parts) + "]")


def is_shielded(task: Any) -> bool:
    """Return whether an asyncio.shield() waits for the task.

    That is seen only while the shield's own future waits.
    """
    for entry in getattr(task, "_callbacks", None) or ():
        callback = entry[0] if type(entry) is tuple else entry
        if "shield.<locals>" in getattr(callback, "__qualname__", ""):
            return True
    return False


def waits_for(task: Any) -> Optional[Dict[str, Any]]:
    waits: Any = sys.modules["_sigdrain_agent_waits"]
    try:
        return waits.waits_for(task)  # type: ignore[no-any-return]  # loaded by path
    except (AttributeError, RuntimeError, ReferenceError, ValueError, TypeError):
        return None  # a private of asyncio that is not what we know
