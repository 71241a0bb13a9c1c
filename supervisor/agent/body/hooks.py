"""Where a shutdown can begin: what is wrapped in a program that runs, each once in its life.

Loaded with the first module that is watched, so that a program without signals, threads and asyncio pays nothing.
"""

from __future__ import annotations

import _signal
import atexit
import os
import sys
from _weakref import ref

import _sigdrain_agent as agent

ROUNDS_TOLD = 3  # loops closed while nobody had asked for a stop: after so many it is the program's way of working
rounds = 0
LOOPS = "/asyncio/unix_events.py"  # where a loop's add_signal_handler() is; uvloop's has no frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, Optional


class _Noticed:
    """``__call__`` of Entry. Looking it up is what we notice; what is then called is the original itself."""

    def __get__(self, entry: Any, owner: Any = None) -> Any:
        if entry is None:
            return self
        instead = None
        try:
            instead = entry._notice(sys._getframe().f_back)  # None: called by the interpreter itself
        except BaseException as error:
            agent.failed("entry", error)
        return entry._original if instead is None else instead


class _Theirs:
    """An attribute that every class has of its own; an Entry shows that of what it stands for."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, entry: Any, owner: Any = None) -> Any:
        return self if entry is None else getattr(entry._original, self.name)


class Entry:
    # Stands for a callable and is told when it is called, without a frame of ours on the stack: tracebacks,
    # sys._getframe() and arguments are as without us; so are its class, name and documentation for who asks.
    # What is told may choose another callable to be called instead: one that has a frame, where that is seen by none.

    __slots__ = ("__weakref__", "_notice", "_original")
    __call__ = _Noticed()
    __class__, __module__, __doc__ = _Theirs("__class__"), _Theirs("__module__"), _Theirs("__doc__")

    def __init__(self, original: Any, notice: Callable[[Optional[FrameType]], Any]) -> None:
        self._original = original
        self._notice = notice

    def __eq__(self, other: Any) -> Any:
        return self._original == original(other)

    def __hash__(self) -> int:
        return hash(self._original)

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__:  # not set yet: somebody makes a copy
            raise AttributeError(name)
        return getattr(self._original, name)

    def __repr__(self) -> str:
        return repr(self._original)

    def __reduce__(self) -> str:
        """Pickled and copied as a function is: by its name, in the module that it says it is of."""
        return str(self._original.__qualname__)


class Method:
    """Stands for a method in its class: each look-up on an instance makes an Entry for the bound method."""

    def __init__(self, function: Any, notice: Callable[[Any, Optional[FrameType]], Any]) -> None:
        self.function, self.notice = function, notice

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        bound = self.function.__get__(instance, owner)
        if instance is None:
            return bound
        return Entry(bound, lambda frame: self.notice(instance, frame))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)


def original(thing: Any) -> Any:
    return thing._original if type(thing) is Entry else thing


def watch_signal(module: Any) -> None:
    """Remember who installed which handler through signal.signal, and notice when a handler runs."""
    real_signal, real_getsignal = module.signal, module.getsignal

    def signal(signalnum: Any, handler: Any) -> Any:
        handler = original(handler)
        if signalnum == agent.PROBE and real_getsignal(agent.PROBE) is agent.on_probe:
            if handler == _signal.SIG_DFL:  # the default is to ignore it: as good as ours
                return module.SIG_DFL
            real_signal(signalnum, handler)
            agent.say("probe", probe=False)
            return module.SIG_DFL
        installed = handler
        if signalnum in agent.WATCHED and callable(handler):
            installed = noticed(int(signalnum), handler)
        before = real_signal(signalnum, installed)
        if signalnum in agent.WATCHED:
            remember(int(signalnum), handler, sys._getframe(1))
        return original(before)

    def getsignal(signalnum: Any) -> Any:
        now = original(real_getsignal(signalnum))
        return module.SIG_DFL if now is agent.on_probe else now

    # In another thread it only raises: nothing of ours is then to be in the traceback.
    like(signal, real_signal)
    module.signal = Entry(real_signal, lambda _: signal if agent.get_ident() == agent.main_thread else None)
    module.getsignal = like(getsignal, real_getsignal)
    try:  # Python's own handler of SIGINT was there before us
        if real_getsignal(module.SIGINT) is module.default_int_handler:
            real_signal(module.SIGINT, noticed(int(module.SIGINT), module.default_int_handler))
    except ValueError:  # not the main thread: KeyboardInterrupt will come unannounced
        pass


def noticed(number: int, handler: Any) -> Any:
    about = describe(handler)
    return Entry(handler, lambda frame: agent.note("signal", number, about, frame))


def remember(number: int, handler: Any, frame: FrameType) -> None:
    """Keep the first and the last seven: a program may install handlers in a loop.

    What an event loop's add_signal_handler() installs is its own wake-up; what counts is the callback it was given.
    A function of that name in the program's own code is none of a loop's.
    """
    code = frame.f_code
    of_loop = code.co_name == "add_signal_handler" and code.co_filename.endswith(LOOPS)
    if of_loop:
        handler = frame.f_locals.get("callback", handler)
        frame = frame.f_back or frame
    kept = agent.history.setdefault(number, [])
    if len(kept) > 7:
        del kept[1]
    where = frame.f_code
    by = (where.co_filename, frame.f_lineno, where.co_name)
    kept.append((handler if not callable(handler) else describe(handler), by, of_loop))


def describe(handler: Any) -> Any:
    """Return (name, definition) of a callable; not the callable, which the reference would keep alive."""
    inner = getattr(handler, "func", handler)  # functools.partial
    inner = getattr(inner, "__func__", inner)
    inner = getattr(inner, "__wrapped__", inner)
    where = getattr(inner, "__code__", None)
    name = getattr(inner, "__qualname__", None) or type(inner).__name__
    return (name, (where.co_filename, where.co_firstlineno, where.co_name) if where is not None else None)


def like(ours: Any, theirs: Any) -> Any:
    """Return our function with the name and the documentation of theirs."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        try:
            setattr(ours, name, getattr(theirs, name))
        except (AttributeError, TypeError):
            pass
    ours.__wrapped__ = theirs
    return ours


def step(what: str, loop: Any, frame: Optional[FrameType]) -> None:
    """Tell a step of a teardown.

    Where nothing is left to wait for, the step is told without loading what explains.
    """
    global rounds
    if agent.body is None:
        if agent.get_ident() != agent.main_thread:  # a loop of some thread came to its end: no shutdown
            return
        if nothing_left(loop):
            if rounds < ROUNDS_TOLD:
                agent.say("phase", name=what, n_tasks=0)
            rounds += what == "loop-closed"
            return
    agent.note(what, loop, frame)


def nothing_left(loop: Any) -> bool:
    """Return whether no task, generator, connection or thread is left; False when that is not plain to see."""
    threading, tasks = sys.modules.get("threading"), sys.modules.get("asyncio.tasks")
    try:
        if threading is not None and len(threading._active) > 1:
            return False
        if len(getattr(loop, "_asyncgens", None) or ()) or len(getattr(loop, "_transports", None) or ()):
            return False
        if sys.version_info >= (3, 14) and tasks is not None and loop is not None:
            return not tasks.all_tasks(loop)
        for name in ("_scheduled_tasks", "_all_tasks", "_eager_tasks"):
            found = getattr(tasks, name, ())
            references = list(getattr(found, "data", found))
            if len(references) > 100:
                return False
            for reference in references:
                task = reference() if isinstance(reference, ref) else reference
                if task is not None and not task.done():
                    return False
        return True
    except (AttributeError, RuntimeError, TypeError):
        return False


def wrap(owner: Any, name: str, what: str) -> None:
    """Notice each call of a method that runs once in a loop's life."""
    real = getattr(owner, name, None)
    if real is not None:
        setattr(owner, name, Method(real, lambda loop, frame: step(what, loop, frame)))


def wrap_close(owner: Any) -> None:
    """Notice the begin and the end of loop.close(). Of a loop that runs it only raises."""
    real = owner.close

    def close(self: Any) -> Any:
        step("loop-close", self, sys._getframe(1))
        # While a loop is closed, its wake-up descriptor is closed before Python forgets it: any signal then makes the
        # interpreter complain on stderr, and the only one may be ours. So it waits.
        blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, [agent.PROBE])
        try:
            return real(self)
        finally:
            if agent.PROBE not in blocked:
                _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [agent.PROBE])
            step("loop-closed", self, None)

    like(close, real)
    owner.close = Method(real, lambda loop, _: None if loop.is_running() else close.__get__(loop))


def watch_loop(cls: Any) -> None:
    wrap(cls, "shutdown_asyncgens", "asyncgens")
    wrap(cls, "shutdown_default_executor", "executor")
    cls.stop = Method(cls.stop, note_stop)
    complain = cls.call_exception_handler

    def noticed_complaint(self: Any, context: Dict[str, Any]) -> Any:
        if agent.body is not None or str(context.get("message", "")).startswith("Task was destroyed"):
            agent.note("complaint", self, context)
        return complain(self, context)

    cls.call_exception_handler = like(noticed_complaint, complain)


def note_stop(loop: Any, frame: Optional[FrameType]) -> None:
    if frame is None or frame.f_code.co_name != "_run_until_complete_cb":  # each run_until_complete() ends so
        agent.note("loop-stop", loop, frame)


def watch_unix_events(module: Any) -> None:
    wrap_close(module._UnixSelectorEventLoop)


def watch_runners(module: Any) -> None:
    module._cancel_all_tasks = Entry(module._cancel_all_tasks, lambda frame: step("cancel", None, frame))


def watch_uvloop(module: Any) -> None:
    watch_loop(module.Loop)
    wrap_close(module.Loop)
    if hasattr(module, "_cancel_all_tasks"):  # its own copy for Python 3.10 and older
        watch_runners(module)


def watch_threading(module: Any) -> None:
    module._shutdown = Entry(module._shutdown, note_thread_join)


def note_thread_join(frame: Optional[FrameType]) -> None:
    atexit.register(at_first_exit)  # callbacks run last in, first out: this one before all others
    step("thread-join", None, frame)


def at_first_exit() -> None:
    global _exiting
    if not _exiting:  # a child of multiprocessing joins its threads twice
        _exiting = True
        agent.say("phase", name="atexit")


def watch_hard_exit() -> None:
    entry = Entry(os._exit, note_hard_exit)
    module = os._exit.__module__
    os._exit = entry
    if module in sys.modules:  # posix: pickle looks it up there
        sys.modules[module]._exit = entry  # type: ignore[attr-defined]  # of that module


def note_hard_exit(frame: Optional[FrameType]) -> None:
    if agent.body is not None or "asyncio" in sys.modules:
        agent.note("exit", "os._exit", frame)
    else:
        by = (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) if frame is not None else None
        agent.say("exit", how="os._exit", by=by)


WATCH: Dict[str, Callable[[Any], None]] = {
    "signal": watch_signal,
    "threading": watch_threading,
    "asyncio.base_events": lambda module: watch_loop(module.BaseEventLoop),
    "asyncio.runners": watch_runners,
    "asyncio.unix_events": watch_unix_events,
    "uvloop": watch_uvloop,
}

_exiting = False
watch_hard_exit()
