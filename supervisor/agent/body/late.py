"""What is wrapped only after a shutdown began: creating tasks, shield(), the loop's signal callbacks, exits."""

from __future__ import annotations

import os
import sys

import _sigdrain_agent as agent
import _sigdrain_agent_frames as frames
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_tasks as tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Tuple

CREATED_TOLD = 500  # a server that goes on serving while it drains makes thousands a second
_armed = False
_created = 0
_undo: List[Tuple[Any, str, Any, Any]] = []  # (owner, name, what we put, what was there)


def put(owner: Any, name: str, ours: Any) -> None:
    _undo.append((owner, name, ours, getattr(owner, name)))
    setattr(owner, name, ours)


def arm() -> None:
    global _armed, _created
    _armed, _created = True, 0
    base: Any = sys.modules.get("asyncio.base_events")
    uvloop: Any = sys.modules.get("uvloop")
    for module, name in ((base, "BaseEventLoop"), (uvloop, "Loop")):
        cls = getattr(module, name, None)
        if cls is not None:
            put(cls, "create_task", noticed_create_task(cls.create_task))
    asyncio_tasks: Any = sys.modules.get("asyncio.tasks")
    if asyncio_tasks is not None:
        shield = noticed_shield(asyncio_tasks.shield)
        for owner in (asyncio_tasks, sys.modules.get("asyncio")):
            if owner is not None:
                put(owner, "shield", shield)
    put_entry(sys, "exit", lambda frame: agent.note("exit", "sys.exit", frame))
    put_entry(os, "abort", lambda frame: agent.note("exit", "os.abort", frame))
    put_entry(os, "kill", lambda frame: agent.note("kill", "os.kill", frame))
    signal: Any = sys.modules.get("signal")
    if signal is not None:
        put_entry(signal, "raise_signal", lambda frame: agent.note("kill", "raise_signal", frame))
    watch_loop_callbacks()


def put_entry(module: Any, name: str, notice: Callable[[Any], None]) -> None:
    """There, and in the module that the function says it is of (posix, _signal): pickle looks it up there."""
    real = getattr(module, name)
    entry = hooks.Entry(real, notice)
    for owner in (module, sys.modules.get(real.__module__)):
        if getattr(owner, name, None) is real:
            put(owner, name, entry)


def disarm() -> None:
    """Put back what is still ours: somebody may have wrapped it in turn."""
    global _armed
    _armed = False
    while _undo:
        owner, name, ours, theirs = _undo.pop()
        if getattr(owner, name, None) is ours:
            setattr(owner, name, theirs)


def noticed_create_task(real: Callable[..., Any]) -> Callable[..., Any]:
    def create_task(self: Any, coro: Any, *args: Any, **kwargs: Any) -> Any:
        task = real(self, coro, *args, **kwargs)
        try:
            if _armed and _created < CREATED_TOLD and len(tasks.followed) < tasks.FOLLOWED:
                created(task)
        except BaseException as error:
            agent.failed("create_task", error)
        return task

    return hooks.like(create_task, real)  # type: ignore[no-any-return]  # loaded by path


def created(task: Any) -> None:
    global _created
    _created += 1
    handling = sys.exc_info()[0]
    stack = frames.thread_stack(sys._getframe(2))
    kept = tasks.follow(task, late=True)
    culprit = frames.culprit(stack)
    agent.say(
        "task-created",
        task=kept.number if kept is not None else None,
        name=tasks.name_of(task),
        coro=tasks.coro_name(task),
        by=frames.place(culprit) if culprit is not None else None,
        handling=handling.__name__ if handling is not None else None,
        stack=frames.places(stack, 0, 6),
        late=True,
    )


def noticed_shield(real: Callable[..., Any]) -> Callable[..., Any]:
    def shield(arg: Any, *args: Any, **kwargs: Any) -> Any:
        outer = real(arg, *args, **kwargs)
        try:
            kept = tasks.record(arg)
            if kept is not None:
                kept.shielded = True
        except BaseException as error:
            agent.failed("shield", error)
        return outer

    return hooks.like(shield, real)  # type: ignore[no-any-return]  # loaded by path


def watch_loop_callbacks() -> None:
    """asyncio runs add_signal_handler()'s callback in the next turn of the loop, which a blocked loop never takes."""
    for loop in list(tasks.loops):
        for number, handle in list((getattr(loop, "_signal_handlers", None) or {}).items()):
            callback = getattr(handle, "_callback", None)
            if number in agent.WATCHED and callback is not None and type(callback) is not hooks.Entry:
                handle._callback = hooks.Entry(callback, noticed_callback(int(number), callback))


def noticed_callback(number: int, callback: Any) -> Callable[[Any], None]:
    name, at = hooks.describe(callback)

    def notice(_: Any) -> None:
        agent.say("signal-callback", signal=number, kind="loop", name=name, at=at)

    return notice
