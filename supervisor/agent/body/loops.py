"""The steps in which an event loop ends. Loaded with asyncio."""

from __future__ import annotations

import _signal
import sys

import _sigdrain_agent as agent
import _sigdrain_agent_hooks as hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Optional


def wrap(owner: Any, name: str, what: str) -> None:
    """Notice each call of a method that runs once in a loop's life."""
    real = getattr(owner, name, None)
    if real is not None:
        setattr(owner, name, hooks.Method(real, lambda loop, frame: hooks.step(what, loop, frame)))


def wrap_close(owner: Any) -> None:
    """Notice the begin and the end of loop.close(). Of a loop that runs it only raises."""
    real = owner.close

    def close(self: Any) -> Any:
        hooks.step("loop-close", self, sys._getframe(1))
        # While a loop is closed, its wake-up descriptor is closed before Python forgets it: any signal then makes the
        # interpreter complain on stderr, and the only one may be ours. So it waits.
        blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, [agent.PROBE])
        try:
            return real(self)
        finally:
            if agent.PROBE not in blocked:
                _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [agent.PROBE])
            hooks.step("loop-closed", self, None)

    hooks.like(close, real)
    owner.close = hooks.Method(real, lambda loop, _: None if loop.is_running() else close.__get__(loop))


def watch_loop(cls: Any) -> None:
    wrap(cls, "shutdown_asyncgens", "asyncgens")
    wrap(cls, "shutdown_default_executor", "executor")
    cls.stop = hooks.Method(cls.stop, note_stop)
    complain = cls.call_exception_handler

    def noticed_complaint(self: Any, context: Dict[str, Any]) -> Any:
        if agent.body is not None or str(context.get("message", "")).startswith("Task was destroyed"):
            agent.note("complaint", self, context)
        return complain(self, context)

    cls.call_exception_handler = hooks.like(noticed_complaint, complain)


def note_stop(loop: Any, frame: Optional[FrameType]) -> None:
    if frame is None or frame.f_code.co_name != "_run_until_complete_cb":  # each run_until_complete() ends so
        agent.note("loop-stop", loop, frame)


def watch_unix_events(module: Any) -> None:
    wrap_close(module._UnixSelectorEventLoop)


def watch_runners(module: Any) -> None:
    module._cancel_all_tasks = hooks.Entry(module._cancel_all_tasks, lambda frame: hooks.step("cancel", None, frame))


def watch_uvloop(module: Any) -> None:
    watch_loop(module.Loop)
    wrap_close(module.Loop)
    if hasattr(module, "_cancel_all_tasks"):  # its own copy for Python 3.10 and older
        watch_runners(module)


WATCH = {
    "asyncio.base_events": lambda module: watch_loop(module.BaseEventLoop),
    "asyncio.runners": watch_runners,
    "asyncio.unix_events": watch_unix_events,
    "uvloop": watch_uvloop,
}
