"""What the stacks of a Python process say of its main thread: what it waits for, and who else runs. Pure.

Only Python frames are known: a wait inside of C code is at the line that called it.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.record import Where
from supervisor.diagnosis.evidence.frames import frame_of, user_first, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from supervisor.diagnosis.evidence.frames import Sources, Stack
    from supervisor.diagnosis.running.facts import Inside, PyThread

    Doing: TypeAlias = Literal["loop-idle", "loop-blocked", "joins-threads", "joins-pool", "other"]

_POOL = ("/concurrent/futures/thread.py", "/concurrent/futures/process.py")
_JOINS = frozenset({"join", "_shutdown", "_wait_for_tstate_lock"})
_POLLS = ("/selectors.py",)
_LOOPS = ("/asyncio/base_events.py", "/asyncio/runners.py", "/uvloop/__init__.py")


class Reading(Frozen):
    """The main thread: what it does, and where in the user's code. ``others``: threads that do work."""

    doing: Doing
    where: Where | None
    others: tuple[Where, ...] = ()


def reading(inside: Inside | None, pid: int, sources: Sources) -> Reading | None:
    """Return what the main thread is at; None when its stack is not known."""
    threads = inside.threads if inside is not None else None
    main = next((one for one in threads or () if one.tid == pid or one.name == "MainThread"), None)
    if main is None or not main.frames:
        return None
    others = tuple(_place(one, sources) for one in threads or () if one is not main and _works(one))
    return Reading(_doing(_stack(main)), _place(main, sources), tuple(one for one in others if one is not None))


def _doing(stack: Stack) -> Doing:
    # The interpreter's end joins first the pools' threads (_python_exit), then all others (_shutdown).
    if any(frame.file.endswith(_POOL) and frame.function in ("_python_exit", "shutdown") for frame in stack):
        return "joins-pool"
    leaf = stack[-1]
    if leaf.file.endswith("/threading.py") and leaf.function in _JOINS:
        return "joins-threads"
    if any(frame.file.endswith(_LOOPS) for frame in stack):
        return "loop-idle" if leaf.file.endswith((*_POLLS, *_LOOPS)) else "loop-blocked"
    return "other"


def _works(thread: PyThread) -> bool:
    """Return whether the thread is in code that is neither the pool's nor threading's own: no idle pool thread."""
    return any(not frame.file.endswith((*_POOL, "/threading.py")) for frame in thread.frames)


def _place(thread: PyThread, sources: Sources) -> Where | None:
    stack = _stack(thread)
    at = user_first(None, stack)
    # In its own library code only: the innermost line says more than the one that entered it.
    if at is not None and at.origin == "stdlib":
        at = stack[-1]
    return where(at, sources, thread=thread.name)


def _stack(thread: PyThread) -> Stack:
    return tuple(frame_of((frame.file, frame.line, frame.function)) for frame in thread.frames)
