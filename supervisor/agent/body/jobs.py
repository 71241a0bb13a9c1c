"""Jobs that threads do (the wire's JOB): the callable, who awaits it, and the line that submitted it.

A job is known by its future. concurrent.futures and asyncio link the two futures of a job with closures; what they
link is forgotten at a cancel, so what was found once is kept: numbers and lines, no object.
"""

from __future__ import annotations

from _weakref import ref
from itertools import count

import _sigdrain_agent_frames as frames
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_tasks as tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Optional, Tuple

KEPT = 200  # jobs remembered at once
CLIMBS = 3  # tasks from the one that awaits the job up to the one with a line of the user's
_kept: Dict[int, _Job] = {}  # id(future) -> its record
_numbers = count(1)


class _Job:
    __slots__ = ("by", "number", "ref", "task")

    def __init__(self, future: Any) -> None:
        self.ref = ref(future)
        self.number = next(_numbers)
        self.task: Optional[int] = None
        self.by: Any = None


def forget() -> None:
    """In a forked child: its futures are copies of which nobody sets one."""
    _kept.clear()


def of_frame(frame: FrameType, ident: int) -> Optional[Dict[str, Any]]:
    """JOB of a thread that runs this frame of a pool's machinery; None where the frame is none."""
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    if name != "run":
        return None
    if file.endswith("concurrent/futures/thread.py"):
        (item,) = frames.local(frame, "self")
        if item is None:  # it has raised already
            return None
        function, arguments = _callable_of(item)
        return of_future(item.future, function, arguments, ident)
    if file.endswith("anyio/_backends/_asyncio.py"):
        function, arguments, future = frames.local(frame, "func", "args", "future")
        return of_future(future, function, arguments or (), ident) if future is not None else None
    return None


def _callable_of(item: Any) -> Tuple[Any, Any]:
    """Of a _WorkItem; since 3.14 it keeps (function, arguments, keywords) in one."""
    task = getattr(item, "task", None)
    return (task[0], task[1]) if type(task) is tuple and len(task) > 1 else (item.fn, item.args)


def of_future(future: Any, function: Any, arguments: Any = (), ident: Optional[int] = None) -> Dict[str, Any]:
    """JOB of this future; ``ident``: the thread that does it, None while it is queued or unknown."""
    kept = _record(future)
    if kept.by is None or frames.rank(kept.by[0]) != frames.USER:  # it may be awaited by now, or further up
        task, by = _awaiter(future)
        kept.task, kept.by = task or kept.task, by or kept.by
    name, at = _described(function, arguments) if function is not None else (None, None)
    return {
        "job": kept.number,
        "name": name,
        "at": at,
        "by": kept.by,
        "task": kept.task,
        "thread": ident,
        "done": bool(future.done()),
    }


def _record(future: Any) -> _Job:
    kept = _kept.get(id(future))
    if kept is None or kept.ref() is not future:
        if len(_kept) >= KEPT:
            for key in [key for key, one in list(_kept.items()) if one.ref() is None] or [next(iter(_kept))]:
                _kept.pop(key, None)
        kept = _kept[id(future)] = _Job(future)
    return kept


def _awaiter(future: Any) -> Tuple[Optional[int], Any]:
    """(task that awaits this job, the user's line in which it does); of a concurrent future through asyncio's."""
    for callback in list(getattr(future, "_done_callbacks", None) or ()):
        if getattr(callback, "__qualname__", "").startswith("_chain_future.<locals>"):
            for cell in callback.__closure__ or ():
                inner = cell.cell_contents
                if inner is not future and hasattr(inner, "get_loop"):
                    return _waking(inner)
    return _waking(future)


def _waking(future: Any) -> Tuple[Optional[int], Any]:
    """The task that the end of this asyncio future wakes, and from it up the first with a line of the user's."""
    number, place = None, None
    for _ in range(CLIMBS):
        task = None
        for entry in list(getattr(future, "_callbacks", None) or ()):
            callback = entry[0] if type(entry) is tuple else entry
            owner = getattr(callback, "__self__", None)
            if hasattr(owner, "get_coro"):
                task = owner
        if task is None:
            break
        kept = tasks.follow(task, polled=True)
        number = number or (kept.number if kept is not None else None)
        at, _ = tasks.where(task)
        if at is not None and frames.rank(at[0]) == frames.USER:
            return number, at
        place, future = place or at, task
    return number, place


def _described(function: Any, arguments: Any) -> Tuple[str, Any]:
    """(name, definition) of what is called in the end: without partial(), and without a context's run()."""
    for _ in range(4):
        inner = getattr(function, "func", None)
        if inner is not None and type(function).__name__ == "partial":
            function, arguments = inner, tuple(function.args) + tuple(arguments)
        elif type(getattr(function, "__self__", None)).__name__ == "Context" and arguments:
            function, arguments = arguments[0], tuple(arguments[1:])
        else:
            break
    name, at = hooks.describe(function)
    return str(name), at
