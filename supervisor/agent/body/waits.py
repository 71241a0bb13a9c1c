"""What a suspended task waits for (the wire's WAIT), read from the asyncio frame it is suspended in.

Everything here is a private of asyncio: each look is an attempt, and the caller takes any failure for "unknown".
"""

from __future__ import annotations

import gc
from time import monotonic_ns

import _sigdrain_agent_frames as frames
import _sigdrain_agent_jobs as jobs
import _sigdrain_agent_reach as reach
import _sigdrain_agent_tasks as tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Iterable, List, Optional, Tuple

SHOWN = 20  # tasks or clients named in one wait; more only lengthen the message


OWNERLESS = frozenset((
    "event", "condition", "lock", "semaphore", "barrier", "queue-get", "queue-put", "queue-join", "future",
    "generator",
))  # fmt: skip


def waits_for(task: Any) -> Dict[str, Any]:
    """Return WAIT of a suspended task."""
    pairs = frames.await_pairs(tasks.coro_of(task))
    chain = [frame for _, frame in pairs if frame is not None]
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None:
        return by_frames(chain) or {"kind": "ready"}
    found = of_library(task, chain, waiter) or by_frames(chain) or by_future(waiter)
    if found["kind"] == "sleep":
        found = poll(task, chain) or found
    elif found["kind"] in OWNERLESS:
        found = open_group(task, pairs) or found
        things, library = waited_on(chain, waiter)
        named = things[-1] if library is None else library
        found.update(object=reach.type_name(named), target=reach.number(things[-1]))
    return found


def waited_on(chain: List[FrameType], waiter: Any) -> Tuple[List[Any], Any]:
    """Return the objects whose change would end a wait that has no owner, and the innermost object of a library, if
    any. The objects are the future, then the primitives from the innermost to the outermost (the Event in a Queue,
    the Queue). Objects further out are shared by everybody.
    """
    out = [waiter]
    library = None
    for frame in reversed(chain):
        its = frames.rank(frame.f_code.co_filename)
        if its == frames.USER:
            break
        (owner,) = frames.local(frame, "self")
        if owner is None:
            continue
        if reach.kind(owner) in reach.PRIMITIVES:
            if not any(owner is one for one in out):
                out.append(owner)
        elif library is None and its == frames.LIBRARY:
            library = owner
    return out, library


def of_library(task: Any, chain: List[FrameType], waiter: Any) -> Optional[Dict[str, Any]]:
    """Return WAIT for anyio's task groups and worker threads."""
    for frame in reversed(chain):
        its, name = frames.rank(frame.f_code.co_filename), frame.f_code.co_name
        if its == frames.USER:
            return None
        if its != frames.LIBRARY:
            continue
        if name == "run_sync_in_worker_thread":
            return {"kind": "executor", "job": jobs.of_future(waiter, None)}
        if name == "__aexit__":
            (group,) = frames.local(frame, "self")
            members = group_members(group, task)
            if members:
                return {"kind": "tasks", "tasks": numbers(members), "count": len(members)}
    return None


def group_members(thing: Any, task: Any) -> List[Any]:
    """Return the tasks of asyncio's or anyio's task group that are not done, without this one; nothing for other
    things.
    """
    if reach.kind(thing) != "TaskGroup" or not reach.type_name(thing).startswith(("asyncio.", "anyio.")):
        return []
    return [one for one in list(thing._tasks) if one is not task and not one.done()]


def open_group(task: Any, pairs: Any) -> Optional[Dict[str, Any]]:
    """Return WAIT inside of a task group that is open: it ends when another task of the group cancels the group."""
    for coroutine, frame in reversed(pairs):
        if frame is None or frames.rank(frame.f_code.co_filename) == frames.STANDARD:
            continue
        for value in reach.variables(coroutine):
            group = next(iter(gc.get_referents(value)), None) if reach.kind(value) == "cell" else value
            members = group_members(group, task)
            if members:
                return {"kind": "group", "tasks": numbers(members), "count": len(members)}
    return None


def poll(task: Any, chain: List[FrameType]) -> Optional[Dict[str, Any]]:
    """Return WAIT in a library that sleeps and looks again: the nearest tasks that its variables lead to (`while
    self.tasks: …`).
    """
    poller = next((one for one in reversed(chain) if frames.rank(one.f_code.co_filename) != frames.STANDARD), None)
    if poller is None or frames.rank(poller.f_code.co_filename) != frames.LIBRARY:
        return None
    found: List[Any] = []
    nearest = 0
    for thing, level, _ in reach.walk(frames.local(poller, "self", *poller.f_code.co_varnames[:8]), levels=3):
        if found and level > nearest:
            break
        if reach.kind(thing) == "Task" and thing is not task and not thing.done():
            nearest = level
            found.append(thing)
    return {"kind": "poll", "tasks": numbers(found), "count": len(found)} if found else None


def by_frames(chain: List[FrameType]) -> Optional[Dict[str, Any]]:
    """Return WAIT by the innermost asyncio frames: the outermost of them that says what it is (Queue.join() is more
    than the Event.wait() in it).
    """
    first = len(chain)
    while first and is_asyncio(chain[first - 1].f_code.co_filename):
        first -= 1
    for frame in chain[first:]:
        file = frame.f_code.co_filename
        look = _LOOKS.get((file[file.rindex("/") + 1 :], frame.f_code.co_name))
        if look is not None:
            # A frame of asyncio, not of the user: reading f_locals copies its values on 3.12 and older.
            found: Optional[Dict[str, Any]] = look(frame.f_locals) if callable(look) else {"kind": look}
            if found is not None:
                return found
    return None


def is_asyncio(file: str) -> bool:
    return "/asyncio/" in file and bool(frames.rank(file) == frames.STANDARD)


def by_future(waiter: Any) -> Dict[str, Any]:
    if hasattr(waiter, "get_coro"):
        return {"kind": "task", "name": tasks.name_of(waiter), "tasks": numbers([waiter])}
    children = getattr(waiter, "_children", None)  # gather()
    if children is not None:
        return {"kind": "tasks", "tasks": numbers(children), "count": len([c for c in children if not c.done()])}
    for entry in getattr(waiter, "_callbacks", None) or ():
        callback = entry[0] if type(entry) is tuple else entry
        name = getattr(callback, "__qualname__", "")
        if name == "shield.<locals>._outer_done_callback":  # the inner future's one leads back here
            inner = callback.__closure__[callback.__code__.co_freevars.index("inner")].cell_contents
            return {"kind": "shield", "tasks": numbers([inner])} if hasattr(inner, "get_coro") else by_future(inner)
        if name.startswith("_chain_future.<locals>"):  # wrap_future(): run_in_executor() and to_thread()
            job = jobs.linked(waiter, callback)
            return {"kind": "executor", "job": jobs.of_future(job, None) if job is not None else None}
    return {"kind": "future"}


def numbers(things: Iterable[Any]) -> List[int]:
    out = []
    for thing in list(things)[:SHOWN]:
        kept = tasks.record(thing) if hasattr(thing, "get_coro") else None
        if kept is not None:
            out.append(kept.number)
    return out


def due(handle: Any) -> Optional[float]:
    """Return the seconds until a timer fires. The clock of asyncio's loops and of uvloop's is CLOCK_MONOTONIC."""
    return max(0.0, handle.when() - monotonic_ns() / 1e9) if handle is not None else None


def peer(transport: Any) -> Optional[str]:
    name = transport.get_extra_info("peername") if transport is not None else None
    if isinstance(name, tuple) and len(name) >= 2:
        return "%s:%s" % name[:2] if ":" not in str(name[0]) else "[%s]:%s" % name[:2]
    return str(name)[:200] if name else None


def sleep(inner: Dict[str, Any]) -> Dict[str, Any]:
    left, delay = due(inner.get("h")), inner.get("delay")
    return {"kind": "sleep", "due": left, "since": lasted(delay, left)}


def lasted(whole: Any, left: Optional[float]) -> Optional[float]:
    """Return the part of a time (seconds) that is over; None where one of the two is not known."""
    return max(0.0, whole - left) if left is not None and type(whole) in (int, float) else None


def wait_for(inner: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    waited = inner.get("fut")
    if not hasattr(waited, "add_done_callback"):  # 3.12+ awaits it in place: the frames further in tell more
        return None
    found = by_future(waited)
    found["due"] = due(inner.get("timeout_handle"))
    found["since"] = lasted(inner.get("timeout"), found["due"])
    return found


def wait(inner: Dict[str, Any]) -> Dict[str, Any]:
    waited = list(inner.get("fs") or ())
    left = [one for one in waited if not one.done()]
    return {
        "kind": "tasks",
        "tasks": numbers(left),
        "count": len(left),
        "due": due(inner.get("timeout_handle")),
    }


def task_group(inner: Dict[str, Any]) -> Dict[str, Any]:
    members = list(inner["self"]._tasks)
    return {"kind": "tasks", "tasks": numbers(members), "count": len(members)}


def lock_wait(inner: Dict[str, Any]) -> Dict[str, Any]:
    kind = {"Event": "event", "Condition": "condition", "Barrier": "barrier"}.get(
        type(inner["self"]).__name__, "event"
    )
    return {"kind": kind, "count": len(getattr(inner["self"], "_waiters", ()) or ())}


def acquire(inner: Dict[str, Any]) -> Dict[str, Any]:
    kind = "semaphore" if hasattr(inner["self"], "_value") else "lock"
    return {"kind": kind, "count": len(inner["self"]._waiters or ())}


def queue_get(inner: Dict[str, Any]) -> Dict[str, Any]:
    return {"kind": "queue-get", "count": len(inner["self"]._getters)}


def queue_put(inner: Dict[str, Any]) -> Dict[str, Any]:
    return {"kind": "queue-put", "count": len(inner["self"]._getters)}


def queue_join(inner: Dict[str, Any]) -> Dict[str, Any]:
    queue = inner["self"]
    getting = [getter for getter in queue._getters if not getter.done()]
    return {"kind": "queue-join", "unfinished": queue._unfinished_tasks, "count": len(getting)}


def read(inner: Dict[str, Any]) -> Dict[str, Any]:
    return {"kind": "read", "peer": peer(inner["self"]._transport)}


def drain(inner: Dict[str, Any]) -> Dict[str, Any]:
    return {"kind": "drain", "peer": peer(getattr(inner["self"], "_transport", None))}


def child(inner: Dict[str, Any]) -> Dict[str, Any]:
    owner = inner["self"]
    transport = getattr(owner, "_transport", owner)
    return {"kind": "child", "child": transport.get_pid()}


def server(inner: Dict[str, Any]) -> Dict[str, Any]:
    """Return WAIT in Server.wait_closed(): since 3.12.1 it waits for the clients too (python/cpython#104344)."""
    owner = inner["self"]
    found = list(getattr(owner, "_clients", None) or ())
    if not found:
        found = [one for one in transports(owner._loop) if getattr(one, "_server", None) is owner]
    counted = getattr(owner, "_active_count", None)
    names = [peer(one) for one in found[:SHOWN]]
    return {"kind": "server", "clients": [n for n in names if n], "count": len(found) if counted is None else counted}


def transports(loop: Any) -> List[Any]:
    return list((getattr(loop, "_transports", None) or {}).values())


_LOOKS: Dict[Any, Any] = {
    ("tasks.py", "sleep"): sleep,
    ("tasks.py", "wait_for"): wait_for,
    ("tasks.py", "_wait"): wait,
    ("taskgroups.py", "__aexit__"): task_group,
    ("taskgroups.py", "_aexit"): task_group,
    ("locks.py", "wait"): lock_wait,
    ("locks.py", "acquire"): acquire,
    ("queues.py", "get"): queue_get,
    ("queues.py", "put"): queue_put,
    ("queues.py", "join"): queue_join,
    ("streams.py", "_wait_for_data"): read,
    ("streams.py", "_drain_helper"): drain,
    ("streams.py", "wait_closed"): "socket",
    ("subprocess.py", "wait"): child,
    ("subprocess.py", "communicate"): child,
    ("base_subprocess.py", "_wait"): child,
    ("base_events.py", "wait_closed"): server,
    ("base_events.py", "shutdown_default_executor"): "executor",
    ("base_events.py", "sock_sendfile"): "socket",
    ("selector_events.py", "sock_recv"): "socket",
    ("selector_events.py", "sock_recv_into"): "socket",
    ("selector_events.py", "sock_sendall"): "socket",
    ("selector_events.py", "sock_accept"): "socket",
    ("selector_events.py", "sock_connect"): "socket",
}


def transport(one: Any, fd: Optional[int]) -> Dict[str, Any]:
    """Return TRANSPORT of one transport, which can be anybody's class."""
    told: Dict[str, Any] = {"fd": fd, "type": type(one).__name__}
    try:
        told["closing"] = bool(one.is_closing())
        told["peer"] = peer(one)
        protocol = getattr(one, "_protocol", None)
        told["protocol"] = type(protocol).__name__ if protocol is not None else None
        told["buffered"] = int(one.get_write_buffer_size()) if hasattr(one, "get_write_buffer_size") else None
    except Exception:
        pass
    return told


def loop_state(loop: Any) -> Dict[str, Any]:
    """Return LOOP of one loop: what could still wake it. uvloop shows none of this."""
    out: Dict[str, Any] = {
        "loop": id(loop) & 0xFFFFFFFF,
        "type": type(loop).__module__ + "." + type(loop).__name__,
        "running": bool(loop.is_running()),
        "closed": bool(loop.is_closed()),
        "n_tasks": tasks.pending_count(loop),
    }
    scheduled, selector = getattr(loop, "_scheduled", None), getattr(loop, "_selector", None)
    if scheduled is not None:
        timers = [handle for handle in list(scheduled)[:1000] if not handle._cancelled]
        out["timers"] = len(timers)
        out["next_timer"] = due(min(timers, key=lambda handle: handle._when)) if timers else None
        out["ready"] = len(loop._ready)
    if selector is not None and selector.get_map() is not None:
        out["watched"] = len(selector.get_map()) - (getattr(loop, "_ssock", None) is not None)
    if hasattr(loop, "_asyncgens"):
        out["asyncgens"] = len(loop._asyncgens)
    return out
