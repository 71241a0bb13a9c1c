"""Where a shutdown can begin: what stands in front of functions of a program that runs, put there once in its life.

Loaded with the first module that is watched, so that a program without signals, threads and asyncio pays nothing.
"""

from __future__ import annotations

import atexit
import os
import sys
from _weakref import ref

import _sigdrain_agent as agent

ROUNDS_TOLD = 3  # loops closed while nobody had asked for a stop: after so many it is the program's way of working
rounds = 0
STARTERS = 256  # threads that are remembered at once
CLIMBED = 12  # frames above the start of a thread that are: an executor and a library are between it and the user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List, Optional, Tuple


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


def like(ours: Any, theirs: Any) -> Any:
    """Return our function with the name and the documentation of theirs."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        try:
            setattr(ours, name, getattr(theirs, name))
        except (AttributeError, TypeError):
            pass
    ours.__wrapped__ = theirs
    return ours


def find_watched(asking: Any, name: str, path: Any, target: Any) -> Any:
    """Return the spec that the finders but the ``asking`` one find, whose loader has the module watched.

    None where there is none, or its loader cannot be told to.
    """
    spec = None
    for finder in sys.meta_path:
        if finder is not asking and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                break
    loader: Any = spec and spec.loader
    try:
        real = loader.exec_module

        def exec_module(module: Any) -> None:
            loader.__dict__.pop("exec_module", None)
            real(module)
            agent.watch(name, module)

        exec_module.__code__ = exec_module.__code__.replace(co_filename=agent.IMPORTLIB)  # so it is in tracebacks
        loader.exec_module = exec_module
    except AttributeError:
        return None
    return spec


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


def watch_threading(module: Any) -> None:
    module._shutdown = Entry(module._shutdown, note_thread_join)
    module.Thread.start = Method(module.Thread.start, note_thread_start)


def note_thread_start(thread: Any, frame: Optional[FrameType]) -> None:
    """Remember the lines that start a thread: 3 us of the 50 that a start takes. Nothing of the program is kept."""
    lines: List[Tuple[str, int, str]] = []
    while frame is not None and len(lines) < CLIMBED:
        code = frame.f_code
        lines.append((code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    if len(starters) >= STARTERS:
        for key in [key for key, (known, _) in list(starters.items()) if known() is None] or [next(iter(starters))]:
            starters.pop(key, None)
    starters[id(thread)] = (ref(thread), lines)


def started_by(thread: Any) -> List[Tuple[str, int, str]]:
    """Return the lines that started a thread, innermost first; none of one that was not seen or is forgotten."""
    known, lines = starters.get(id(thread), (None, []))
    return lines if known is not None and known() is thread else []


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


WATCH = {"threading": watch_threading}
starters: Dict[int, Tuple[Any, List[Tuple[str, int, str]]]] = {}  # id(thread) -> (reference, lines)
_exiting = False
watch_hard_exit()
