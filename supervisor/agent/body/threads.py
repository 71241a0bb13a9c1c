"""Threads as the wire wants them: what each is doing, and what the kernel says it waits for."""

from __future__ import annotations

import sys
from os import O_CLOEXEC, O_RDONLY, close, read, uname  # the originals: tests replace those of `os`
from os import open as open_file

import _sigdrain_agent as agent
import _sigdrain_agent_frames as frames
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_joins as joins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

# Linux system call numbers (asm/unistd.h). select-like, futex, sleeps, writes, reads, waits for a child.
_X86_64 = {
    7: "poll", 23: "poll", 232: "poll", 270: "poll", 271: "poll", 281: "poll", 441: "poll", 202: "lock", 449: "lock",
    35: "sleep", 230: "sleep", 1: "write", 18: "write", 20: "write", 44: "write", 46: "write", 0: "read", 17: "read",
    19: "read", 45: "read", 47: "read", 43: "read", 288: "read", 61: "wait-child", 247: "wait-child",
}  # fmt: skip
_GENERIC = {
    22: "poll", 72: "poll", 73: "poll", 441: "poll", 98: "lock", 449: "lock", 101: "sleep", 115: "sleep",
    64: "write", 66: "write", 68: "write", 206: "write", 211: "write", 63: "read", 65: "read", 67: "read",
    207: "read", 212: "read", 202: "read", 242: "read", 260: "wait-child", 95: "wait-child",
}  # fmt: skip
_CALLS = {"x86_64": _X86_64, "aarch64": _GENERIC, "riscv64": _GENERIC}.get(uname().machine, {})


def kernel(tid: Optional[int]) -> Tuple[Optional[str], Optional[int], Optional[int]]:
    """Return what a thread of this process waits for in the kernel: (doing, fd, pid)."""
    if not tid:
        return None, None, None
    try:
        fd = open_file("/proc/self/task/%d/syscall" % tid, O_RDONLY | O_CLOEXEC)
        try:
            words = read(fd, 200).split()
        finally:
            close(fd)
        if not words or words[0] == b"running" or not _CALLS:
            return ("running" if words and words[0] == b"running" else None), None, None
        number = int(words[0])
        doing = _CALLS.get(number, "other")
        first = int(words[1], 16)
        if doing in ("write", "read"):
            return doing, first & 0xFFFFFFFF, None
        if doing == "wait-child":
            target = int(words[2], 16) if number in (247, 95) else first  # waitid(idtype, id)
            return doing, None, target if 0 < target < 1 << 31 else None
        return doing, None, None
    except (OSError, ValueError, IndexError):
        return None, None, None


def idle(leaf: Any, caller: Any) -> Optional[str]:
    """Return the state of a thread that waits for work to be given to it, by its two innermost frames."""
    name, file = leaf.f_code.co_name, leaf.f_code.co_filename
    if name == "select" and caller is not None and caller.f_code.co_name == "_run_once":
        return "loop-idle" if file.endswith("selectors.py") else None
    return "pool-idle" if name == "_worker" and file.endswith("futures/thread.py") else None


def state(stack: Sequence[Any]) -> str:
    """Return what kind of code holds a thread (the words are those of the wire's THREAD)."""
    if not stack:
        return "busy"
    leaf = stack[-1].f_code
    waits_for_work = idle(stack[-1], stack[-2] if len(stack) > 1 else None)
    if waits_for_work is not None:
        return waits_for_work
    if leaf.co_name == "select" and leaf.co_filename.endswith("selectors.py"):
        return "busy"
    found = "busy"
    for frame in reversed(stack):
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        if name == "run" and file.endswith("futures/thread.py"):
            return "executor"
        if name == "run" and file.endswith("anyio/_backends/_asyncio.py"):
            waits = (leaf.co_name == "get" and leaf.co_filename.endswith("queue.py")) or (
                leaf.co_name == "wait" and leaf.co_filename.endswith("threading.py")
            )
            return "pool-idle" if waits else "executor"
        if name == "_do_shutdown" and file.endswith("base_events.py"):
            return "join-executor"
        if name in ("_python_exit", "shutdown") and file.endswith("futures/thread.py"):
            found = "join-executor"
        if name == "_shutdown" and file.endswith("threading.py"):
            return found if found == "join-executor" else "join-threads"
        if name == "_run" and file.endswith("asyncio/events.py"):
            return "callback"
    if found == "busy" and leaf.co_name in ("run", "run_until_complete", "run_forever"):
        if leaf.co_filename.endswith(("asyncio/runners.py", "uvloop/__init__.py")):
            return "uvloop"  # no Python frame tells whether it polls or runs a C callback
    return found


def known() -> Dict[int, Any]:
    threading = frames.loaded("threading", "_main_thread")
    return dict(threading._active) if threading is not None else {}


def myself() -> Tuple[int, Optional[str]]:
    """Return the number of the thread that runs this, and what `threading` calls it: numbers are used again."""
    ident: int = agent.get_ident()
    threading: Any = frames.loaded("threading", "_main_thread")
    thread = threading._active.get(ident) if threading is not None else None
    return ident, str(thread._name) if thread is not None else None


def count() -> Optional[int]:
    """Return how many threads `threading` knows, of whatever interpreter or build; None where it is not loaded."""
    threading: Any = frames.loaded("threading", "_main_thread")
    return len(threading._active) if threading is not None else None


def kernel_id(ident: int) -> Optional[int]:
    """Return the thread's number in the kernel; None for one that `threading` does not know."""
    threading: Any = frames.loaded("threading", "_main_thread")
    if threading is None or ident == threading._main_thread.ident:
        return int(agent.pid)
    return getattr(threading._active.get(ident), "native_id", None)


def spent(tid: Optional[int]) -> Optional[Tuple[int, int]]:
    """Return the nanoseconds that a thread has run, and those in which no CPU was free for it
    (proc_pid_schedstat(5)).
    """
    if tid is None:
        return None
    try:
        fd = open_file("/proc/self/task/%d/schedstat" % tid, O_RDONLY | O_CLOEXEC)
        try:
            ran, waited = read(fd, 100).split()[:2]
        finally:
            close(fd)
        return int(ran), int(waited)
    except (OSError, ValueError):
        return None


def describe(ident: int, stack: List[frames.Spot], told: Dict[int, Any], doing: Any) -> Dict[str, Any]:
    """Return THREAD of one thread, but for what the kernel knows of it: complete() adds that when no frame is held.

    ``doing``: what joins.look() found while it was held.
    """
    threading: Any = frames.loaded("threading", "_main_thread")
    thread = told.get(ident)
    at = frames.culprit(stack)
    return {
        "thread": ident,
        "tid": kernel_id(ident),
        "name": str(thread.name) if thread is not None else None,
        "main": ident == threading._main_thread.ident if threading is not None else True,
        "daemon": bool(thread.daemon) if thread is not None else None,
        "state": state(stack),
        "at": frames.place(at) if at is not None else None,
        "leaf": frames.place(stack[-1]) if stack else None,
        "stack": frames.places(stack),
        "child": next((spot.pid for spot in stack[-4:] if spot.pid), None),
        "on": doing.on,
        "job": doing.job,
        "callback": doing.callback,
        "importing": importing(stack),
        "by": starter(thread, stack),
    }


def starter(thread: Any, stack: Sequence[Any]) -> Optional[frames.Place]:
    """Return the user's line that started a thread which has no line of the user's on its stack."""
    if any(frames.rank(spot.f_code.co_filename) == frames.USER for spot in stack):
        return None
    return next((line for line in hooks.started_by(thread) if frames.rank(line[0]) == frames.USER), None)


def importing(stack: List[frames.Spot]) -> bool:
    """Return whether the thread imports a module, in the callback of the loop that it runs or outside of any."""
    for spot in reversed(stack):
        file, name = spot.f_code.co_filename, spot.f_code.co_name
        if file == agent.IMPORTLIB and name == "_find_and_load":
            return True
        if name == "_run" and file.endswith("asyncio/events.py"):
            return False
    return False


def complete(described: Dict[str, Any]) -> Dict[str, Any]:
    doing, fd, pid = kernel(described["tid"])
    if described["state"] == "uvloop":
        described["state"] = "loop-idle" if doing == "poll" else "callback"
    described.update(doing=doing, fd=fd, child=pid or described["child"])
    return described


def snapshot() -> List[Dict[str, Any]]:
    return [complete(described) for described in _described()]


def _described() -> List[Dict[str, Any]]:
    told = known()
    return [
        describe(ident, frames.thread_stack(frame), told, joins.look(frame, ident))
        for ident, frame in frames.running().items()
    ]


def busy(daemons: bool = True) -> List[Dict[str, Any]]:
    """Return the threads besides the main one that are at work: pool jobs, and non-daemon threads of the program."""
    out = []
    for thread in snapshot():
        at_work = thread["state"] == "executor" or (thread["daemon"] is False and thread["state"] == "busy")
        if at_work and not thread["main"] and (daemons or thread["daemon"] is False):
            out.append(thread)
    return out


def queued() -> Optional[int]:
    """Return the number of jobs that no pool thread has begun, over all thread pools."""
    pools: Any = sys.modules.get("concurrent.futures.thread")
    try:
        if pools._shutdown:  # each queue then also holds a None for each thread to wake
            return None
        queues = {id(queue): queue for queue in pools._threads_queues.values()}
        return sum(int(queue.qsize()) for queue in queues.values())
    except (AttributeError, RuntimeError):
        return None
