"""What a running thread waits for (the wire's WAIT), read from the standard library's frames that it is in.

The innermost frames that are the standard library's count, and of them the outermost that is known: the Condition
inside of a Queue.get() is no more than its means. Everything here is a private of the standard library: each look is
an attempt, and a failure means "unknown".
"""

from __future__ import annotations

import sys

import _sigdrain_agent as agent
import _sigdrain_agent_frames as frames
import _sigdrain_agent_jobs as jobs
import _sigdrain_agent_reach as reach
import _sigdrain_agent_waits as waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List, Optional, Tuple

    Wait = Optional[Dict[str, Any]]

DEPTH = 12  # frames of the standard library between the call and the system call; logging and http have about eight
SHOWN = 20  # threads named in one wait; more only lengthen the message


class Doing:
    """What was read of one thread while its frames were held: plain data only."""

    __slots__ = ("callback", "job", "on")

    def __init__(self) -> None:
        self.on: Wait = None
        self.job: Optional[Dict[str, Any]] = None
        self.callback: Optional[str] = None


def look(frame: FrameType, ident: int) -> Doing:
    """Return what a thread does, by its innermost ``frame``."""
    found = Doing()
    try:
        found.on = wait_of(frame)
        found.job = job_of(frame, ident)
        if agent.body is not None and ident == agent.main_thread:
            found.callback = callback_of(frame)
    except Exception as error:  # a frame went on while it was read
        agent.failed("joins", error)
    return found


def wait_of(frame: Optional[FrameType]) -> Wait:
    found: Wait = None
    for _ in range(DEPTH):
        if frame is None:
            break
        rank = frames.rank(frame.f_code.co_filename)
        if rank != frames.OURS:
            if rank != frames.STANDARD:
                break
            file = frame.f_code.co_filename
            known = _LOOKS.get((file[file.rfind("/") + 1 :], frame.f_code.co_name))
            found = (known(frame) if known is not None else None) or found
        frame = frame.f_back
    return found


def job_of(frame: Optional[FrameType], ident: int) -> Optional[Dict[str, Any]]:
    """Return the job of a pool's thread; the pool's machinery is near the outer end of the stack."""
    for _ in range(frames.DEPTH):
        if frame is None:
            return None
        found: Optional[Dict[str, Any]] = jobs.of_frame(frame, ident)
        if found is not None:
            return found
        frame = frame.f_back
    return None


def callback_of(frame: Optional[FrameType]) -> Optional[str]:
    """Return what atexit runs: the outermost frame of the main thread, once the module it began with has ended."""
    outermost: Optional[FrameType] = None
    while frame is not None:
        if frames.rank(frame.f_code.co_filename) != frames.OURS:
            outermost = frame
        frame = frame.f_back
    if outermost is None or outermost.f_code.co_name in ("<module>", "_run_module_as_main", "_shutdown"):
        return None
    name: Optional[str] = getattr(outermost.f_code, "co_qualname", None)  # 3.11+
    if name is None:
        (owner,) = frames.local(outermost, "self")
        name = outermost.f_code.co_name
        name = "%s.%s" % (type(owner).__name__, name) if owner is not None else name
    return name


# -- one look each: the frame's variables -> WAIT, None where they tell nothing ---------------------------------


def _thing(kind: str) -> Callable[[FrameType], Wait]:
    """Return the rule for a wait whose object is the ``self`` of a method of the standard library."""

    def known(frame: FrameType) -> Wait:
        (owner,) = frames.local(frame, "self")
        if owner is None:
            return None
        return {"kind": kind, "object": reach.type_name(owner), "target": reach.number(owner)}

    return known


def _join(frame: FrameType) -> Wait:
    (owner,) = frames.local(frame, "self")
    return {"kind": "join", "thread": owner.ident, "name": str(owner.name)} if owner is not None else None


def _shutdown(_: FrameType) -> Wait:
    """Tell a wait in threading._shutdown(), which joins every thread that is no daemon, one after the other."""
    threading: Any = sys.modules["threading"]
    left = [
        thread.ident
        for thread in list(threading._active.values())
        if not thread.daemon and thread is not threading._main_thread and thread.is_alive()
    ]
    return {"kind": "join", "thread": left[0], "threads": left[:SHOWN]} if left else None


def _pool(frame: FrameType) -> Wait:
    """Tell a wait of a thread pool that joins its threads (``t``), or of the interpreter for those of all pools."""
    owner, joined = frames.local(frame, "self", "t")
    members = [joined] if joined is not None else list(getattr(owner, "_threads", None) or ())
    idents = [thread.ident for thread in members if hasattr(thread, "ident") and thread.is_alive()]
    return {"kind": "pool", "threads": idents[:SHOWN]} if idents else None


def _result(frame: FrameType) -> Wait:
    (future,) = frames.local(frame, "self")
    return {"kind": "result", "job": jobs.of_future(future, None)} if future is not None else None


def _all_of(frame: FrameType) -> Wait:
    """Tell a wait in concurrent.futures.wait() or as_completed(): the first future that is not done stands for
    all.
    """
    waited, pending = frames.local(frame, "fs", "pending")
    left = [one for one in list(pending or waited or ()) if hasattr(one, "done") and not one.done()]
    return {"kind": "result", "job": jobs.of_future(left[0], None), "count": len(left)} if left else None


def _child(frame: FrameType) -> Wait:
    (owner,) = frames.local(frame, "self")
    pid = getattr(owner, "pid", None)
    return {"kind": "child", "child": pid} if type(pid) is int else None


def _loop(frame: FrameType) -> Wait:
    (future,) = frames.local(frame, "future")
    return {"kind": "loop", "tasks": waits.numbers([future])} if hasattr(future, "get_coro") else None


def _cancelled(frame: FrameType) -> Wait:
    cancelled: List[Any] = frames.local(frame, "to_cancel")[0] or []
    left = [task for task in list(cancelled) if not task.done()]
    return {"kind": "loop", "tasks": waits.numbers(left), "count": len(left)}


def _feeder(_: FrameType) -> Wait:
    return {"kind": "feeder"}


_LOOKS: Dict[Tuple[str, str], Callable[[FrameType], Wait]] = {
    ("threading.py", "join"): _join,
    ("threading.py", "_shutdown"): _shutdown,
    ("threading.py", "wait"): _thing("condition"),
    ("threading.py", "wait_for"): _thing("condition"),
    ("threading.py", "acquire"): _thing("lock"),
    ("queue.py", "get"): _thing("queue-get"),
    ("queue.py", "put"): _thing("queue-put"),
    ("queue.py", "join"): _thing("queue-join"),
    ("thread.py", "shutdown"): _pool,
    ("thread.py", "_python_exit"): _pool,
    ("_base.py", "result"): _result,
    ("_base.py", "exception"): _result,
    ("_base.py", "wait"): _all_of,
    ("_base.py", "as_completed"): _all_of,
    ("subprocess.py", "wait"): _child,
    ("subprocess.py", "communicate"): _child,
    ("process.py", "join"): _child,
    ("popen_fork.py", "wait"): _child,
    ("popen_fork.py", "poll"): _child,
    ("queues.py", "_feed"): _feeder,
    ("base_events.py", "run_until_complete"): _loop,
    ("runners.py", "_cancel_all_tasks"): _cancelled,
}
