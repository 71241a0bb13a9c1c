"""Signal handlers: who installed which, and when one runs. Loaded with the module `signal`."""

from __future__ import annotations

import _signal
import sys

import _sigdrain_agent as agent
import _sigdrain_agent_hooks as hooks

LOOPS = "/asyncio/unix_events.py"  # where a loop's add_signal_handler() is; uvloop's has no frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


def watch_signal(module: Any) -> None:
    """Remember who installed which handler through signal.signal, and notice when a handler runs."""
    real_signal, real_getsignal = module.signal, module.getsignal

    def signal(signalnum: Any, handler: Any) -> Any:
        handler = hooks.original(handler)
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
        return hooks.original(before)

    def getsignal(signalnum: Any) -> Any:
        now = hooks.original(real_getsignal(signalnum))
        return module.SIG_DFL if now is agent.on_probe else now

    # In another thread it only raises: nothing of ours is then to be in the traceback.
    hooks.like(signal, real_signal)
    module.signal = hooks.Entry(real_signal, lambda _: signal if agent.get_ident() == agent.main_thread else None)
    module.getsignal = hooks.like(getsignal, real_getsignal)
    try:  # Python's own handler of SIGINT was there before us
        if real_getsignal(module.SIGINT) is module.default_int_handler:
            real_signal(module.SIGINT, noticed(int(module.SIGINT), module.default_int_handler))
    except ValueError:  # not the main thread: KeyboardInterrupt will come unannounced
        pass


def noticed(number: int, handler: Any) -> Any:
    about = describe(handler)
    return hooks.Entry(handler, lambda frame: agent.note("signal", number, about, frame))


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


WATCH = {"signal": watch_signal}
