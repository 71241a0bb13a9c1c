"""Jobs that threads do (the wire's JOB): the callable, who awaits it, and the line that submitted it.

A job is known by its future. concurrent.futures and asyncio link the two futures of a job with closures; what they
link is forgotten at a cancel, so what was found once is kept: numbers and lines, no object.
"""

from __future__ import annotations

from _weakref import ref
from itertools import count
from time import monotonic_ns

import _sigdrain_agent_frames as frames
import _sigdrain_agent_handlers as handlers
import _sigdrain_agent_tasks as tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Optional, Tuple

KEPT = 200  # jobs remembered at once
CLIMBS = 6  # futures and tasks from the job up to the task with a line of the user's that awaits it
AIOSQLITE = "_connection_worker_thread"  # since 0.22; before, a method `run` with the same variables
_kept: Dict[int, _Job] = {}  # id(future) -> its record
_numbers = count(1)
_doing: Dict[int, Tuple[Any, Any, int]] = {}
_scanned = 0  # monotonic nanoseconds


class _Job:
    __slots__ = ("by", "number", "ref", "task")

    def __init__(self, future: Any) -> None:
        self.ref = ref(future)
        self.number = next(_numbers)
        self.task: Optional[int] = None
        self.by: Any = None


def forget() -> None:
    """Forget the jobs in a forked child: its futures are copies that no thread sets."""
    _kept.clear()


def of_frame(frame: FrameType, ident: int) -> Optional[Dict[str, Any]]:
    """Return the JOB of a thread that runs this frame of a pool's machinery; None where the frame is of none."""
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    if name not in ("run", AIOSQLITE):
        return None
    if file.endswith("aiosqlite/core.py"):
        future, function = frames.local(frame, "future", "function")
        return of_future(future, function, (), ident) if future is not None and not future.done() else None
    if file.endswith("concurrent/futures/thread.py"):
        (item,) = frames.local(frame, "self")
        if not hasattr(
            item, "future"
        ):  # it has raised already; or, since 3.14, a WorkerContext, which a work item runs
            return None
        function, arguments = _callable_of(item)
        return of_future(item.future, function, arguments, ident)
    if file.endswith("anyio/_backends/_asyncio.py"):
        function, arguments, future = frames.local(frame, "func", "args", "future")
        return of_future(future, function, arguments or (), ident) if future is not None else None
    return None


def _callable_of(item: Any) -> Tuple[Any, Any]:
    """Return (function, arguments) of a _WorkItem, which since 3.14 keeps (function, arguments, keywords) in one."""
    task = getattr(item, "task", None)
    return (task[0], task[1]) if type(task) is tuple and len(task) > 1 else (item.fn, item.args)


def of_future(future: Any, function: Any, arguments: Any = (), ident: Optional[int] = None) -> Dict[str, Any]:
    """Return the JOB of this future; ``ident`` is the thread that does it, None while it is queued or unknown."""
    kept = _record(future)
    if kept.by is None or frames.rank(kept.by[0]) != frames.USER:  # it may be awaited by now, or further up
        task, by = _awaiter(future)
        kept.task, kept.by = task or kept.task, by or kept.by
    name, at = _described(function, arguments) if function is not None else (None, None)
    done = bool(future.done())
    if function is None and not done:
        name, at, ident = _now_done().get(kept.number, (None, None, None))
    return {
        "job": kept.number,
        "name": name,
        "at": at,
        "by": kept.by,
        "task": kept.task,
        "thread": ident,
        "done": done,
    }


def linked(future: Any, callback: Any) -> Any:
    """Return the concurrent future that asyncio's callback links this one with; None where it has been unlinked."""
    for cell in callback.__closure__ or ():
        other = cell.cell_contents
        if other is not future and hasattr(other, "set_running_or_notify_cancel"):
            return other
    return None


def _now_done() -> Dict[int, Tuple[Any, Any, int]]:
    """Return {number of a job: (name, definition, thread)} of the jobs that pools' threads do now.

    The pools are looked up once in 5 ms.
    """
    global _scanned
    now = monotonic_ns()
    if now - _scanned > 5_000_000:
        _scanned = now
        _doing.clear()
        for ident, innermost in frames.running().items():
            frame: Optional[FrameType] = innermost
            while frame is not None:
                job = of_frame(frame, ident)
                if job is not None:
                    _doing[job["job"]] = (job["name"], job["at"], ident)
                    break
                frame = frame.f_back
    return _doing


def _record(future: Any) -> _Job:
    kept = _kept.get(id(future))
    if kept is None or kept.ref() is not future:
        if len(_kept) >= KEPT:
            for key in [key for key, one in list(_kept.items()) if one.ref() is None] or [next(iter(_kept))]:
                _kept.pop(key, None)
        kept = _kept[id(future)] = _Job(future)
    return kept


def _awaiter(future: Any) -> Tuple[Optional[int], Any]:
    """Return (task that awaits this job, the user's line in which it does).

    A concurrent future is awaited through asyncio's.
    """
    for callback in list(getattr(future, "_done_callbacks", None) or ()):
        if getattr(callback, "__qualname__", "").startswith("_chain_future.<locals>"):
            for cell in callback.__closure__ or ():
                inner = cell.cell_contents
                if inner is not future and hasattr(inner, "get_loop"):
                    return _waking(inner)
    return _waking(future)


def _waking(future: Any) -> Tuple[Optional[int], Any]:
    """Return the task that the end of this asyncio future wakes, and the first line of the user's on the way up from
    it.
    """
    number, place = None, None
    for _ in range(CLIMBS):
        woken = _woken_by(future)
        if hasattr(woken, "get_coro"):
            kept = tasks.follow(woken, polled=True)
            number = number or (kept.number if kept is not None else None)
            at, _ = tasks.where(woken)
            if at is not None and frames.rank(at[0]) == frames.USER:
                return number, at
            place = place or at
        if woken is None:
            break
        future = woken
    return number, place


def _woken_by(future: Any) -> Any:
    """Return the task that awaits a future; else the future that its end sets: that of shield(), gather(),
    wait_for().
    """
    callbacks = [one[0] if type(one) is tuple else one for one in list(getattr(future, "_callbacks", None) or ())]
    for callback in callbacks:
        owner = getattr(callback, "__self__", None)
        if hasattr(owner, "get_coro"):
            return owner
    for callback in callbacks:
        if getattr(callback, "__name__", "") == "_outer_done_callback":  # of shield(): leads back to the inner future
            continue
        cells = [cell.cell_contents for cell in getattr(callback, "__closure__", None) or ()]
        for other in (*cells, *(getattr(callback, "args", None) or ())):
            if other is not future and hasattr(other, "get_loop") and hasattr(other, "add_done_callback"):
                return other
    return None


def _described(function: Any, arguments: Any) -> Tuple[str, Any]:
    """Return (name, definition) of what is called in the end: without partial(), and without a context's run()."""
    for _ in range(4):
        inner = getattr(function, "func", None)
        if inner is not None and type(function).__name__ == "partial":
            function, arguments = inner, tuple(function.args) + tuple(arguments)
        elif type(getattr(function, "__self__", None)).__name__ == "Context" and arguments:
            function, arguments = arguments[0], tuple(arguments[1:])
        else:
            break
    name, at = handlers.describe(function)
    return str(name), at
