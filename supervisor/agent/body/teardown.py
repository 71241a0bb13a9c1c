"""A message for each step of a teardown that the first tier notices: the doors from boot and hooks to the body."""

from __future__ import annotations

import _signal
import sys
from time import monotonic_ns

import _sigdrain_agent as agent
import _sigdrain_agent_arming as arming
import _sigdrain_agent_edges as edges
import _sigdrain_agent_frames as frames
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_late as late
import _sigdrain_agent_monitoring as monitoring
import _sigdrain_agent_sampler as sampler
import _sigdrain_agent_snapshot as snapshot
import _sigdrain_agent_tasks as tasks
import _sigdrain_agent_threads as threads
import _sigdrain_agent_waits as waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, Optional

KILLS_TOLD = 20  # calls of os.kill() and raise_signal() that are told: a program may send signals in a loop
OF_A_LOOP = frozenset(("cancel", "asyncgens", "executor", "loop-stop", "loop-close", "loop-closed"))
STOP_REQUESTS = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGQUIT)  # SIGHUP mostly asks for a reload

_kills = 0


def note(what: str, about: Any = None, *more: Any) -> None:
    """Open the one door of the first tier: run the step of this name. Exceptions end here."""
    if not arming.armed and what in OF_A_LOOP and (hooks.rounds >= hooks.ROUNDS_TOLD or not arming.in_main_thread()):
        return
    arming.stopping = arming.stopping or what != "probe"
    if arming.armed:
        late.tell_created()
        edges.drain(monotonic_ns())
    _NOTES[what](about, *more)
    arming.resume_sampler()


def on_probe(*_: Any) -> None:
    if arming.only_a_look_is_wanted():
        arming.look()
    else:
        arming.begin("probe", None, ask=True)


def on_signal(number: int, described: Any, *_: Any) -> None:
    agent.say("signal-received", **snapshot.handler(number, described, None))
    interrupt = described[0] == "default_int_handler" and "asyncio" not in sys.modules
    if (
        number in STOP_REQUESTS and arming.asked_by is None and not interrupt
    ):  # an interactive shell survives a Ctrl-C
        arming.begin("signal", number, ask=True)
    else:
        late.watch_loop_callbacks()


def on_cancel(loop: Any, frame: Optional[FrameType] = None) -> None:
    """Note that asyncio cancels what is left (_cancel_all_tasks()): the main coroutine has ended."""
    if loop is None and frame is not None:
        loop = frame.f_locals.get("loop")
    tasks.meet_if_loop(loop)
    arming.begin_if_any_left("cancel", loop)
    left = tasks.pending(loop)
    error = sys.exc_info()[0]
    for task in left[: tasks.FOLLOWED]:
        kept = tasks.follow(task)
        if kept is not None and arming.armed:
            tasks.saw_cancel(kept, tell=False)
    agent.say(
        "phase",
        name="cancel",
        n_tasks=tasks.count_of(left),
        tasks=tasks.describe_all(left),
        by=frames.place(frame) if frame is not None else None,
        exception=error.__name__ if error is not None else None,
    )


def on_asyncgens(loop: Any, *_: Any) -> None:
    tasks.meet(loop)
    arming.begin_if_any_left("asyncgens", loop)
    told = []
    for generator in list(getattr(loop, "_asyncgens", None) or ())[:50]:
        culprit = frames.culprit(frames.await_chain(generator))
        name = str(getattr(generator, "__qualname__", "?"))
        told.append({"name": name, "at": frames.place(culprit) if culprit is not None else None})
    agent.say("phase", name="asyncgens", generators=told)


def on_executor(loop: Any, *_: Any) -> None:
    tasks.meet(loop)
    arming.begin_if_any_left("executor", loop)
    agent.say("phase", name="executor", busy=threads.busy()[:10], queued=threads.queued())


def on_loop_stop(loop: Any, frame: Optional[FrameType] = None) -> None:
    tasks.meet(loop)
    if arming.armed or arming.in_main_thread():
        left = tasks.pending(loop)
        by = None if is_handle(frame) else frames.caller(frame)
        agent.say("loop-stop", by=by, n_tasks=tasks.count_of(left), tasks=tasks.describe_all(left))


def is_handle(frame: Optional[FrameType]) -> bool:
    """Return whether the loop itself made the call: a callback that it was given
    (call_soon_threadsafe(loop.stop)).
    """
    code = frame.f_code if frame is not None else None
    return code is not None and code.co_name == "_run" and code.co_filename.endswith("asyncio/events.py")


def on_loop_close(loop: Any, frame: Optional[FrameType] = None) -> None:
    if loop.is_closed():
        return
    tasks.meet(loop)
    arming.begin_if_any_left("loop-close", loop)
    edges.disarm(loop)  # what is called on a closed loop raises: our frame is not to be in that traceback
    left = tasks.pending(loop)
    open_files = dict(getattr(loop, "_transports", None) or {})
    agent.say(
        "phase",
        name="loop-close",
        n_tasks=tasks.count_of(left),
        tasks=tasks.describe_all(left, 10_000),
        by=frames.caller(frame),
        transports=[waits.transport(one, fd) for fd, one in list(open_files.items())[:30]],
        busy=threads.busy()[:5],
        queued=threads.queued(),
    )


def on_loop_closed(loop: Any, *_: Any) -> None:
    if loop.is_closed():
        agent.say("phase", name="loop-closed")
        hooks.rounds += arming.asked_by is None
        tasks.loops[:] = [one for one in tasks.loops if one is not loop]
        if arming.armed and arming.asked_by is None and not threads.busy():
            arming.disarm()


def on_complaint(_: Any, context: Dict[str, Any]) -> None:
    """Tell what loop.call_exception_handler() is told. An agent that is not armed tells of destroyed tasks only."""
    message = str(context.get("message", ""))
    task = context.get("task")
    if task is not None and (tasks.record(task) or tasks.last_seen(task)):
        task.remove_done_callback(tasks.on_done)  # what asyncio logs shows the task's callbacks: not ours
    if message.startswith("Task was destroyed") and task is not None:
        kept = tasks.record(task) or tasks.last_seen(task)
        chain = frames.await_chain(tasks.coro_of(task))
        culprit = frames.culprit(chain)
        at = frames.place(culprit) if culprit is not None else kept.at if kept else None
        agent.say(
            "task-destroyed",
            task=kept.number if kept else None,
            name=tasks.name_of(task),
            coro=tasks.coro_name(task),
            at=at,
            late=kept.late if kept else None,
        )
    elif arming.armed:
        error = context.get("exception")
        agent.say("loop-exception", message=message[:200], exception=type(error).__name__ if error else None)


def on_thread_join(*_: Any) -> None:
    """Note that the main thread is at its end and joins non-daemon threads (threading._shutdown())."""
    tasks.find_loops()
    busy = threads.busy(daemons=sys.version_info < (3, 9))  # 3.8: pool threads are daemons, joined at exit
    left = tasks.pending()
    if not arming.armed and (busy or left):
        arming.begin("thread-join")
    agent.say(
        "phase",
        name="thread-join",
        busy=busy[:10],
        queued=threads.queued(),
        loops=[waits.loop_state(loop) for loop in tasks.loops],
        n_tasks=tasks.count_of(left),
        tasks=tasks.describe_all(left, 8_000),
        exception=unhandled(),
    )


def unhandled() -> Optional[str]:
    """Return the exception with which the main module ended. In a prompt it may be any line's, of long ago."""
    kind = None if hasattr(sys, "ps1") else getattr(sys, "last_type", None)
    return getattr(kind, "__name__", None)


def on_exit(how: str, frame: Optional[FrameType] = None, number: Optional[int] = None) -> None:
    left = tasks.pending()
    agent.say(
        "exit",
        how=how,
        by=frames.caller(frame),
        signal=number,
        n_tasks=tasks.count_of(left),
        tasks=tasks.describe_all(left, 12_000),
        busy=threads.busy()[:5],
    )


def on_kill(how: str, frame: Optional[FrameType] = None) -> None:
    """Note os.kill() or signal.raise_signal(): the process may be about to die of its own signal."""
    global _kills
    _kills += 1
    if _kills > KILLS_TOLD:
        return
    target, number = frames.sent(frame)
    if how == "os.kill" and target is not None and target != agent.pid:
        agent.say("exit", how=how, by=frames.caller(frame), target=target, signal=number)
    else:
        on_exit(how, frame, number)


def on_finalize(*_: Any) -> None:
    edges.disarm()
    sampler.stop()
    monitoring.stop()


_NOTES: Dict[str, Callable[..., None]] = {
    "probe": on_probe,
    "signal": on_signal,
    "cancel": on_cancel,
    "asyncgens": on_asyncgens,
    "executor": on_executor,
    "loop-stop": on_loop_stop,
    "loop-close": on_loop_close,
    "loop-closed": on_loop_closed,
    "complaint": on_complaint,
    "thread-join": on_thread_join,
    "exit": on_exit,
    "kill": on_kill,
    "finalize": on_finalize,
}
