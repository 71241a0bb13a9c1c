"""Stacks as the wire wants them: of threads, and of suspended coroutines. It keeps no frame and starts nothing."""

from __future__ import annotations

import gc
import sys

import _sigdrain_agent as agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, List, Optional, Sequence, Tuple, TypeVar, Union

    Place = Tuple[str, int, str]
    _Frame = TypeVar("_Frame", "FrameType", "Spot")

# Frames read of a stack or of a chain of awaits; each one more lengthens every look, during which the program
# waits.
DEPTH = 60
OPTIMIZED = 1  # CO_OPTIMIZED of co_flags: the locals of a function
INTERPRETERS = ("_interpreters", "_xxsubinterpreters") if sys.version_info >= (3, 12) else ()
HAS_GIL = bool(getattr(sys, "_is_gil_enabled", lambda: True)())  # 3.13+
USER, LIBRARY, STANDARD, OURS = 0, 1, 2, 3
sampler = 0  # the sampler's own thread
_ranks: Dict[str, int] = {}
# site-packages, Debian's dist-packages; copies of others' packages inside of one's own.
INSTALLED = ("-packages/", "/_vendor/", "/vendored/", "/third_party/")
COMPILED = (".pyx", ".pxi", ".pxd")
own: Tuple[str, ...] = ()  # prefixes of installed files that are the user's all the same


def loaded(name: str, last: str) -> Any:
    """Return a module of the program; None while it is not there, or is still being imported.

    ``last``: a name that is among the last ones that the module's code defines.
    """
    module = sys.modules.get(name)
    return module if hasattr(module, last) else None


def rank(filename: str) -> int:
    """Return whose code a file is: the user's, an installed package's, the standard library's, ours."""
    found = _ranks.get(filename)
    if found is None:
        found = _ranks[filename] = _rank(filename)
    return found


def _rank(filename: str) -> int:
    if filename.startswith(agent.OURS):
        return OURS
    if own and filename.startswith(own):
        return USER
    if any(part in filename for part in INSTALLED) or filename.endswith(COMPILED):
        return LIBRARY
    if filename.startswith(agent.STDLIB):
        return STANDARD
    if filename.startswith("<"):  # code that exec() made (namedtuple, dataclass), or frozen; or all of the program
        return USER if filename in ("<string>", "<stdin>") and sys.argv[:1] in (["-c"], [""], ["-"]) else STANDARD
    folder, _, name = filename.rpartition("/")
    return LIBRARY if folder.endswith("/bin") and "." not in name else USER  # a console script: it calls a main()


FUNCTION, METHOD = type(rank), type(rank.__get__(0))  # what the module `types` calls FunctionType and MethodType


async def _coroutine() -> None:
    pass


_one = _coroutine()
COROUTINE: Any = type(_one)
_one.close()
del _one, _coroutine


def found_own(prefixes: Sequence[str]) -> None:
    """Count the files that begin so as the user's from now on."""
    global own
    if own != tuple(prefixes):
        own = tuple(prefixes)
        _ranks.clear()


class Spot:
    """A frame's place, without the frame: that would keep the values of its function alive after its end."""

    __slots__ = ("f_code", "f_lineno", "pid")

    def __init__(self, frame: FrameType) -> None:
        self.f_code, self.f_lineno = frame.f_code, frame.f_lineno
        self.pid = waited_for(frame) if self.f_code.co_name in ("wait", "_wait", "poll") else None


def waited_for(frame: FrameType) -> Optional[int]:
    """Return the process that Popen.wait() or Process.join() waits for, where the kernel's answer has no pid."""
    if not frame.f_code.co_filename.endswith(("/subprocess.py", "/popen_fork.py")):
        return None
    pid = getattr(frame.f_locals.get("self"), "pid", None)
    return pid if type(pid) is int else None


def local(frame: FrameType, *names: str) -> List[Any]:
    """Return the values of a function's local variables, None for those it has not.

    Until 3.12 the frame keeps the dictionary that it makes for us, and with it values that the function may delete:
    that is emptied again.
    """
    if not frame.f_code.co_flags & OPTIMIZED:  # a module or class body: there it is the namespace itself
        return [None] * len(names)
    held: Any = frame.f_locals
    found = [held.get(name) for name in names]
    if sys.version_info < (3, 13) and frame.f_trace is None:
        held.clear()
    return found


def sent(frame: Optional[FrameType]) -> Tuple[Optional[int], Optional[int]]:
    """Return (process, signal) of a signal that is being sent, as far as the sender's variables tell them.

    The arguments of os.kill() are not seen without a frame of ours in its tracebacks.
    """
    if frame is None:
        return None, None
    owner, target, *numbers = local(frame, "self", "pid", "sig", "signal", "signum")
    if target is None and rank(frame.f_code.co_filename) == STANDARD:  # multiprocessing, subprocess, asyncio
        target = getattr(owner, "pid", None)
    number = next((int(one) for one in numbers if isinstance(one, int)), None)
    return target if type(target) is int and target > 0 else None, number


def place(frame: Union[FrameType, Spot]) -> Place:
    code = frame.f_code
    return (code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name)


def thread_stack(frame: Optional[FrameType]) -> List[Spot]:
    """Return a running stack, outermost frame first, without our own frames."""
    return [Spot(one) for one in thread_frames(frame)]


def thread_frames(frame: Optional[FrameType]) -> List[FrameType]:
    """Return thread_stack() as frames, which are to be held for a moment only."""
    out: List[FrameType] = []
    while frame is not None and len(out) < DEPTH:
        if rank(frame.f_code.co_filename) != OURS:
            out.append(frame)
        frame = frame.f_back
    out.reverse()
    return out


def await_pairs(thing: Any) -> List[Tuple[Any, Optional[FrameType]]]:
    """Return a suspended coroutine and what it awaits, outermost first, each with its frame.

    Generators and asynchronous generators are passed through. Cython's coroutines have no frame while they wait.
    """
    out: List[Tuple[Any, Optional[FrameType]]] = []
    while thing is not None and len(out) < DEPTH:
        if type(thing) is COROUTINE:  # as below, with fewer questions
            out.append((thing, thing.cr_frame))
            found = thing.cr_running or thing.cr_await  # see awaited()
            thing = None if found is True else found
            continue
        thing = driven(thing)
        frame = frame_of(thing)
        if frame is None and (type(thing).__name__ != "coroutine" or not hasattr(type(thing), "cr_await")):
            break
        out.append((thing, frame))
        thing = awaited(thing, frame)
    return out


def await_chain(thing: Any) -> List[FrameType]:
    """Return the frames of a suspended coroutine, outermost first."""
    return [frame for _, frame in await_pairs(thing) if frame is not None]


def driven(thing: Any) -> Any:
    """Return what an asend(), an athrow() or a coroutine's wrapper drives; anything else is returned itself."""
    if type(thing).__name__ not in ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper"):
        return thing
    # Nothing in Python names it; the collector knows it (true on 3.8 to 3.14).
    names = ("async_generator", "coroutine")
    return next((item for item in gc.get_referents(thing) if type(item).__name__ in names), None)


def frame_of(thing: Any) -> Optional[FrameType]:
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame: Optional[FrameType] = getattr(thing, name, None)
        if frame is not None:
            return frame
    return None


def awaited(thing: Any, frame: Optional[FrameType]) -> Any:
    """Return what a suspended coroutine or generator waits for; None for one that runs now.

    To ask one that runs is fatal: CPython 3.10 to 3.12 may then take whatever lies beside its stack for the answer
    (genobject.c, _PyGen_yf). Both are asked in one expression without a call, so that no other thread runs between.
    Of an asynchronous generator "running" means something else; one that runs has a caller.
    """
    if hasattr(thing, "cr_frame"):
        found = thing.cr_running or thing.cr_await
    elif hasattr(thing, "gi_frame"):
        found = thing.gi_running or thing.gi_yieldfrom
    else:
        found = (frame is not None and frame.f_back is not None) or thing.ag_await
    return None if found is True else found


def handling(thing: Any) -> Optional[str]:
    """Return the exception that a suspended coroutine is handling, by class name: CancelledError means that it runs
    its cleanup. The interpreter keeps it in the coroutine's exception state, which only the collector shows.
    """
    for _ in range(DEPTH):
        if thing is None:
            return None
        for item in gc.get_referents(thing):
            if issubclass(type(item), BaseException) and type(item).__name__ == "CancelledError":
                return "CancelledError"
        thing = driven(thing)
        frame = frame_of(thing)
        thing = awaited(thing, frame) if frame is not None else None
    return None


def culprit(frames: Sequence[_Frame]) -> Optional[_Frame]:
    """Return the innermost frame of the user's own code; else of an installed package; else the innermost."""
    best: Optional[_Frame] = None
    best_rank = OURS
    for frame in reversed(frames):
        its = rank(frame.f_code.co_filename)
        if its == USER:
            return frame
        if its < best_rank:
            best, best_rank = frame, its
    if best_rank == STANDARD and frames:
        return frames[-1]
    return best


def places(frames: Sequence[Union[FrameType, Spot]], head: int = 3, tail: int = 7) -> List[Any]:
    """Return a STACK whose middle is cut."""
    if len(frames) <= head + tail:
        return [place(frame) for frame in frames]
    cut = [("...", len(frames) - head - tail, "")]
    return [place(f) for f in frames[:head]] + cut + [place(f) for f in frames[-tail:]]


def caller(frame: Optional[FrameType]) -> Optional[Place]:
    """Return the caller: the innermost frame at or below this one that is not the standard library's."""
    found = None
    while frame is not None:
        its = rank(frame.f_code.co_filename)
        if its < STANDARD:
            return place(frame)
        if found is None and its == STANDARD:
            found = frame
        frame = frame.f_back
    return place(found) if found is not None else None


def alone() -> bool:
    """Return whether this is the only interpreter of the process.

    Until 3.13 only who wants another one loads the module; since 3.14 concurrent.futures does, and so each program
    with asyncio: there the module is asked (0.4 µs).
    """
    for name in INTERPRETERS:
        module: Any = sys.modules.get(name)
        if module is not None:
            try:
                return sys.version_info >= (3, 14) and len(module.list_all()) == 1
            except (AttributeError, RuntimeError):
                return False
    return True


def running() -> Dict[int, FrameType]:
    """Return the innermost frame of each thread, without the sampler's and our own frames on the caller's stack.

    Only the caller's frame is returned where another thread's cannot be walked while it runs.

    A frame of ours that held this answer would be a cycle, and with it all frames below and what they hold would
    live until the collector comes.

    No other's: without a GIL, and (3.12+) beside interpreters with a lock of their own: sys._current_frames() makes
    frame objects of their threads too, in our heap, while they run; CPython's test_threading then dies of it.
    """
    found: Dict[int, FrameType] = {}
    if HAS_GIL and alone():
        found = sys._current_frames()
    found.pop(sampler, None)
    ident = agent.get_ident()
    if ident == sampler:
        return found
    found.pop(ident, None)
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and rank(frame.f_code.co_filename) == OURS:
        frame = frame.f_back
    if frame is not None:
        found[ident] = frame
    return found
