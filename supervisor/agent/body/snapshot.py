"""The snapshot: how handlers, loops, tasks and threads stand when a shutdown begins, and at each probe after."""

from __future__ import annotations

import _signal
import sys

import _sigdrain_agent as agent
import _sigdrain_agent_handlers as handlers
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_own as own
import _sigdrain_agent_tasks as tasks
import _sigdrain_agent_threads as threads
import _sigdrain_agent_waits as waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional


def say(reason: str, number: Optional[int], first: bool, found: List[Any]) -> None:
    asyncio_tasks: Any = sys.modules.get("asyncio.tasks")
    running = None
    for loop in tasks.loops:
        current = asyncio_tasks.current_task(loop) if asyncio_tasks is not None else None
        running = tasks.name_of(current) if current is not None else running
    now_installed, displaced = handler_tables()
    agent.say(
        "snapshot",
        reason=reason,
        first=first,
        signal=number,
        handlers=now_installed,
        displaced=displaced,
        loops=[waits.loop_state(loop) for loop in tasks.loops if not loop.is_closed()],
        n_tasks=tasks.count_of(found),
        tasks=tasks.describe_all(found, 16_000),
        threads=threads.snapshot()[:8],
        n_threads=threads.count(),
        running=running,
        children=children()[:20],
        **(dict(zip(("started", "own"), own.look())) if first else {}),
    )


def children() -> List[Dict[str, Any]]:
    """Return CHILD of each process that multiprocessing has started here and not yet joined."""
    module: Any = sys.modules.get("multiprocessing.process")
    found: List[Dict[str, Any]] = []
    for process in list(getattr(module, "_children", None) or ()):
        popen: Any = getattr(process, "_popen", None)
        child = getattr(popen, "pid", None)
        if type(child) is not int:
            continue
        found.append(
            {
                "pid": child,
                "name": str(process.name),
                "how": str(getattr(popen, "method", None) or "fork"),
                "daemon": bool(process.daemon),
                "alive": popen.returncode is None,
            }
        )
    return found


def handler_tables() -> Any:
    now_installed, displaced = [], []
    for number in agent.WATCHED:
        history = [handler(number, *entry) for entry in agent.history.get(int(number), ())]
        for entry in history[: agent.inherited.get(int(number), 0)]:
            entry["inherited"] = True
        displaced += history[:-1]
        now = hooks.original(_signal.getsignal(number))
        if history and now is not None and callable(now):
            now_installed.append(history[-1])
        else:
            now_installed.append(handler(number, handlers.describe(now) if callable(now) else now, None))
    return now_installed, displaced


def handler(number: int, what: Any, by: Any, of_loop: bool = False) -> Dict[str, Any]:
    """Return HANDLER from what the first tier remembered: (name, definition) of a callable, or SIG_DFL, SIG_IGN,
    None.
    """
    if type(what) is not tuple:
        kind = "default" if what == _signal.SIG_DFL else "ignore" if what == _signal.SIG_IGN else "foreign"
        return {"signal": int(number), "kind": kind, "name": None, "at": None, "by": by}
    of_loop = of_loop or what[0] in ("_sighandler_noop", "Loop.__sighandler", "Loop._sighandler")
    kind = "loop" if of_loop else "python"
    return {"signal": int(number), "kind": kind, "name": what[0], "at": what[1], "by": by}
