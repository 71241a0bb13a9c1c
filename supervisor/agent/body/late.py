"""What is wrapped only after a shutdown began: creating tasks, shield(), the loop's signal callbacks, exits."""

from __future__ import annotations

import os
import sys
from time import monotonic_ns

import _sigdrain_agent as agent
import _sigdrain_agent_edges as edges
import _sigdrain_agent_frames as frames
import _sigdrain_agent_handlers as handlers
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_tasks as tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

CREATED_TOLD = 500  # a server that goes on serving while it drains makes thousands a second
_armed = False
_created = 0
_created_in: Any = None  # (stack, exception handled there) of the create_task() that has just been called
_fresh: List[Dict[str, Any]] = []  # fields of task-created that wait until the task has its name (3.10 and older)
_undo: List[Tuple[Any, str, Any, Any]] = []  # (owner, name, what we put, what was there)


def put(owner: Any, name: str, ours: Any) -> None:
    _undo.append((owner, name, ours, vars(owner).get(name)))
    setattr(owner, name, ours)


def arm() -> None:
    global _armed, _created
    _armed, _created = True, 0
    base: Any = sys.modules.get("asyncio.base_events")
    uvloop: Any = sys.modules.get("uvloop")
    for module, name in ((base, "BaseEventLoop"), (uvloop, "Loop")):
        cls = getattr(module, name, None)
        if cls is not None:
            put(cls, "create_task", hooks.Method(cls.create_task, note_create_task))
    edges.on_new = meet
    asyncio_tasks: Any = sys.modules.get("asyncio.tasks")
    if asyncio_tasks is not None:
        put_entry(asyncio_tasks, "shield", note_shield, sys.modules.get("asyncio"))
    put_entry(sys, "exit", lambda frame: agent.note("exit", "sys.exit", frame))
    put_entry(os, "abort", lambda frame: agent.note("exit", "os.abort", frame))
    put_entry(os, "kill", lambda frame: agent.note("kill", "os.kill", frame))
    signal: Any = sys.modules.get("signal")
    if signal is not None:
        put_entry(signal, "raise_signal", lambda frame: agent.note("kill", "raise_signal", frame))
    watch_loop_callbacks()


def put_entry(module: Any, name: str, notice: Callable[[Any], None], also: Any = None) -> None:
    """Replace a function in its module, and in the one that it says it is of (posix, _signal): pickle looks there."""
    real = getattr(module, name, None)
    if real is None:  # the module is still being imported
        return
    entry = hooks.Entry(real, notice)
    for owner in (module, sys.modules.get(real.__module__), also):
        if getattr(owner, name, None) is real:
            put(owner, name, entry)


def disarm() -> None:
    """Put back what is still ours: somebody may have wrapped it in turn."""
    global _armed, _created_in
    _armed, _created_in = False, None
    tell_created()
    while _undo:
        owner, name, ours, theirs = _undo.pop()
        if vars(owner).get(name) is not ours:
            continue
        if theirs is None:  # a base class has it
            delattr(owner, name)
        else:
            setattr(owner, name, theirs)


def note_create_task(loop: Any, frame: Any) -> Any:
    """Remember who calls, and what is handled there. The task is met when it gives its first step to call_soon();
    where nobody stands in front of that (debug mode), a function with a frame of ours is called instead."""
    global _created_in
    if not _armed or _created >= CREATED_TOLD or len(tasks.followed) >= tasks.FOLLOWED:
        return None
    _created_in = (frames.thread_stack(frame), sys.exc_info()[0])
    return None if edges.expect(loop) else _create_task.__get__(loop)


def _create_task(loop: Any, *args: Any, **kwargs: Any) -> Any:
    task = type(loop).create_task(loop, *args, **kwargs)
    meet(task)
    return task


def meet(task: Any) -> None:
    """Follow a task that no record follows, if it is the one that is being created."""
    global _created, _created_in
    if _created_in is None or not _armed:
        return
    (stack, handling), _created_in = _created_in, None
    _created += 1
    kept = tasks.follow(task, late=True)
    culprit = frames.culprit(stack)
    _fresh.append(
        {
            "t": monotonic_ns(),
            "task": kept,
            "coro": tasks.coro_name(task),
            "by": frames.place(culprit) if culprit is not None else None,
            "handling": handling.__name__ if handling is not None else None,
            "stack": frames.places(stack, 0, 6),
            "late": True,
        }
    )


def tell_created() -> None:
    """Say what was created, once each task has its name."""
    while _fresh:
        fields = _fresh.pop(0)
        kept = fields.pop("task")
        task = kept.ref() if kept is not None else None
        name = tasks.name_of(task) if task is not None else kept.name if kept is not None else None
        del task
        agent.say("task-created", task=kept.number if kept is not None else None, name=name, **fields)


def note_shield(_: Any) -> None:
    """Leave a shield to the next look, whose callbacks show what is shielded."""
    tasks.look_for_shields = True


def watch_loop_callbacks() -> None:
    """Watch the callbacks of add_signal_handler(): asyncio runs them in the next turn of the loop, which a blocked
    loop never takes.
    """
    for loop in list(tasks.loops):
        for number, handle in list((getattr(loop, "_signal_handlers", None) or {}).items()):
            callback = getattr(handle, "_callback", None)
            if number in agent.WATCHED and callback is not None and type(callback) is not hooks.Entry:
                handle._callback = hooks.Entry(callback, noticed_callback(int(number), callback))


def noticed_callback(number: int, callback: Any) -> Callable[[Any], None]:
    name, at = handlers.describe(callback)

    def notice(_: Any) -> None:
        agent.say("signal-callback", signal=number, kind="loop", name=name, at=at)

    return notice
