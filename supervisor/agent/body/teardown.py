"""What happens when a shutdown begins: the snapshot, the arming, and a message for each step of the teardown.

Two sorts of begin: *asked* (the parent's probe, or a stop signal with a Python handler) arms always; *found* (a
loop is torn down, the main thread ends) arms only when something is left to wait for, and is taken back when the
program goes on.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # CPython's own
import sys
from time import monotonic_ns

import _sigdrain_agent as agent  # type: ignore[import-not-found]  # loaded by path inside the worker
import _sigdrain_agent_frames as frames  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_hooks as hooks  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_late as late  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_monitoring as monitoring  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_sampler as sampler  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_tasks as tasks  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_threads as threads  # type: ignore[import-not-found]  # the same
import _sigdrain_agent_waits as waits  # type: ignore[import-not-found]  # the same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List, Optional

KILLS_TOLD = 20
OF_A_LOOP = frozenset(("cancel", "asyncgens", "executor", "loop-stop", "loop-close", "loop-closed"))
STOP_REQUESTS = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGQUIT)  # SIGHUP mostly asks for a reload

armed = False
asked: Optional[str] = None  # "probe" or "signal"
_kills = 0
_stopping = False  # a stop signal was handled, or a teardown has begun
_sampler_paused = False


def note(what: str, about: Any = None, *more: Any) -> None:
    """The one door of the first tier. Exceptions are its matter."""
    global _stopping
    if not armed and what in OF_A_LOOP and (hooks.rounds >= hooks.ROUNDS_TOLD or not in_main_thread()):
        return
    _stopping = _stopping or what != "probe"
    _NOTES[what](about, *more)
    if _sampler_paused and armed:
        resume()


# -- begin -----------------------------------------------------------------------------------------------------


def begin(reason: str, number: Optional[int] = None, ask: bool = False) -> None:
    """Say how things stand, and switch on everything that is off in a program that runs."""
    global armed, asked
    entered = monotonic_ns()
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, agent.DEFERRED)
    try:
        first, armed = not armed, True
        if ask:
            asked = "probe" if "probe" in (reason, asked) else "signal"
        tasks.find_loops()
        found = tasks.pending()
        for task in found[: tasks.FOLLOWED]:
            tasks.follow(task)
        snapshot(reason, number, first, found)
        sampling = watching = True
        if first:
            late.arm()
        watching = monitoring.start()
        sampling = sampler.start()
        took = (monotonic_ns() - entered) / 1e9
        sampler.announce({"seconds": took, "sampler": sampling, "monitoring": watching})
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def found_something(loop: Any) -> bool:
    """Is there anything to wait for, so that a teardown nobody asked for is worth looking at?"""
    if armed or not in_main_thread():
        return False
    return bool(tasks.pending_count() or len(getattr(loop, "_asyncgens", ()) or ()) or threads.busy())


def in_main_thread() -> bool:
    threading: Any = sys.modules.get("threading")
    return threading is None or bool(threading._main_thread.ident == agent.get_ident())


def disarm() -> None:
    global armed, asked
    armed, asked = False, None
    sampler.stop()
    monitoring.stop()
    late.disarm()
    tasks.followed.clear()


def tired() -> None:
    """From the sampler's thread, when nothing came of it: leave the program as it was."""
    global armed, asked
    armed, asked = False, None
    monitoring.stop()
    late.disarm()


def patience() -> float:
    """Seconds to look before a shutdown that does not go on is taken for none."""
    return 86_400.0 if asked == "probe" and _stopping else 600.0 if asked == "probe" else 60.0


def snapshot(reason: str, number: Optional[int], first: bool, found: List[Any]) -> None:
    asyncio_tasks: Any = sys.modules.get("asyncio.tasks")
    running = None
    for loop in tasks.loops:
        current = asyncio_tasks.current_task(loop) if asyncio_tasks is not None else None
        running = tasks.name_of(current) if current is not None else running
    handlers, displaced = handler_tables()
    agent.say(
        "snapshot",
        reason=reason,
        first=first,
        signal=number,
        handlers=handlers,
        displaced=displaced,
        loops=[waits.loop_state(loop) for loop in tasks.loops if not loop.is_closed()],
        n_tasks=tasks.count_of(found),
        tasks=tasks.describe_all(found, 16_000),
        threads=threads.snapshot()[:8],
        n_threads=threads.count(),
        running=running,
    )


def handler_tables() -> Any:
    handlers, displaced = [], []
    for number in agent.WATCHED:
        history = [handler(number, *entry) for entry in agent.history.get(int(number), ())]
        displaced += history[:-1]
        now = hooks.original(_signal.getsignal(number))
        if history and now is not None and callable(now):
            handlers.append(history[-1])
        else:
            handlers.append(handler(number, hooks.describe(now) if callable(now) else now, None))
    return handlers, displaced


def handler(number: int, what: Any, by: Any, of_loop: bool = False) -> Dict[str, Any]:
    """HANDLER from what the first tier remembered: (name, definition) of a callable, or SIG_DFL, SIG_IGN, None."""
    if type(what) is not tuple:
        kind = "default" if what == _signal.SIG_DFL else "ignore" if what == _signal.SIG_IGN else "foreign"
        return {"signal": int(number), "kind": kind, "name": None, "at": None, "by": by}
    of_loop = of_loop or what[0] in ("_sighandler_noop", "Loop.__sighandler", "Loop._sighandler")
    kind = "loop" if of_loop else "python"
    return {"signal": int(number), "kind": kind, "name": what[0], "at": what[1], "by": by}


# -- the notes of the first tier -------------------------------------------------------------------------------


def on_probe(*_: Any) -> None:
    begin("probe", None, ask=True)


def on_signal(number: int, described: Any, *_: Any) -> None:
    agent.say("signal-received", **handler(number, described, None))
    interrupt = described[0] == "default_int_handler" and "asyncio" not in sys.modules
    if number in STOP_REQUESTS and asked is None and not interrupt:  # an interactive shell survives a Ctrl-C
        begin("signal", number, ask=True)
    else:
        late.watch_loop_callbacks()


def on_cancel(loop: Any, frame: Optional[FrameType] = None) -> None:
    """_cancel_all_tasks(): the main coroutine has ended; what is left is cancelled."""
    if loop is None and frame is not None:
        loop = frame.f_locals.get("loop")
    tasks.meet_if_loop(loop)
    if found_something(loop):
        begin("cancel")
    left = tasks.pending(loop)
    error = sys.exc_info()[0]
    for task in left[: tasks.FOLLOWED]:
        kept = tasks.follow(task)
        if kept is not None and armed:
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
    if found_something(loop):
        begin("asyncgens")
    told = []
    for generator in list(getattr(loop, "_asyncgens", None) or ())[:50]:
        culprit = frames.culprit(frames.await_chain(generator))
        name = str(getattr(generator, "__qualname__", "?"))
        told.append({"name": name, "at": frames.place(culprit) if culprit is not None else None})
    agent.say("phase", name="asyncgens", generators=told)


def on_executor(loop: Any, *_: Any) -> None:
    tasks.meet(loop)
    if found_something(loop):
        begin("executor")
    agent.say("phase", name="executor", busy=threads.busy()[:10], queued=threads.queued())


def on_loop_stop(loop: Any, frame: Optional[FrameType] = None) -> None:
    tasks.meet(loop)
    if armed or in_main_thread():
        left = tasks.pending(loop)
        by = None if is_handle(frame) else frames.caller(frame)
        agent.say("loop-stop", by=by, n_tasks=tasks.count_of(left), tasks=tasks.describe_all(left))


def is_handle(frame: Optional[FrameType]) -> bool:
    """The loop itself made the call: somebody gave it the callback (call_soon_threadsafe(loop.stop)), and is gone."""
    code = frame.f_code if frame is not None else None
    return code is not None and code.co_name == "_run" and code.co_filename.endswith("asyncio/events.py")


def on_loop_close(loop: Any, frame: Optional[FrameType] = None) -> None:
    if loop.is_closed():
        return
    tasks.meet(loop)
    if found_something(loop):
        begin("loop-close")
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
        hooks.rounds += asked is None
        tasks.loops[:] = [one for one in tasks.loops if one is not loop]
        if armed and asked is None and not threads.busy():
            disarm()


def on_complaint(_: Any, context: Dict[str, Any]) -> None:
    """loop.call_exception_handler(). Only an armed agent tells of others than destroyed tasks."""
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
    elif armed:
        error = context.get("exception")
        agent.say("loop-exception", message=message[:200], exception=type(error).__name__ if error else None)


def on_thread_join(*_: Any) -> None:
    """threading._shutdown(): the main thread is at its end; non-daemon threads are joined."""
    tasks.find_loops()
    busy = threads.busy(daemons=sys.version_info < (3, 9))  # 3.8: pool threads are daemons, joined at exit
    left = tasks.pending()
    if not armed and (busy or left):
        begin("thread-join")
    agent.say(
        "phase",
        name="thread-join",
        busy=busy[:10],
        queued=threads.queued(),
        loops=[waits.loop_state(loop) for loop in tasks.loops],
        n_tasks=tasks.count_of(left),
        tasks=tasks.describe_all(left, 8_000),
    )


def on_exit(how: str, frame: Optional[FrameType] = None) -> None:
    left = tasks.pending()
    agent.say(
        "exit",
        how=how,
        by=frames.caller(frame),
        n_tasks=tasks.count_of(left),
        tasks=tasks.describe_all(left, 12_000),
        busy=threads.busy()[:5],
    )


def on_kill(how: str, frame: Optional[FrameType] = None) -> None:
    """os.kill() of anybody, or signal.raise_signal(): the process may be about to die of its own signal."""
    global _kills
    _kills += 1
    if _kills <= KILLS_TOLD:
        agent.say("exit", how=how, by=frames.caller(frame))


def on_finalize(*_: Any) -> None:
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


# -- fork ------------------------------------------------------------------------------------------------------


def before_fork() -> None:
    """A fork in a process with two threads warns on 3.12+: be one thread while it happens."""
    global _sampler_paused
    if armed:
        sampler.gone()
        _sampler_paused = True


def resume() -> None:
    """Look again, at the next thing we notice: right after the fork would be before Python counts threads."""
    global _sampler_paused
    _sampler_paused = False
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, agent.DEFERRED)
    try:
        sampler.start()
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def after_fork() -> None:
    global armed, asked, _sampler_paused
    sampler.forget()
    if armed:
        armed, asked, _sampler_paused = False, None, False
        monitoring.stop()
        late.disarm()
    tasks.followed.clear()
    del tasks.loops[:]
