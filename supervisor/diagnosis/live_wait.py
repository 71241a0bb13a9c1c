"""What a worker that is being stopped waits for right now, in one phrase for the dashboard's row."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.attribution.graph import Graph, still_held
from supervisor.diagnosis.attribution.holds import holds
from supervisor.diagnosis.evidence.frames import line_of, user_first
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.evidence.model import Process
from supervisor.diagnosis.phrases import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.model import Evidence

MOST = 1000
_PHASES = {
    "executor": "waits for pool jobs",
    "thread-join": "waits for threads",
    "atexit": "runs atexit handlers",
    "finalize": "the interpreter ends",
}


def waiting(messages: Sequence[AgentMessage], now: float, main: int = 0) -> str | None:
    """``waits for task 'consume' at queue.py:41 (7 more)``; None when nothing is known.

    ``now`` is monotonic seconds, ``main`` the main process's pid. A child's wait is named when the main process
    has none of its own to tell.
    """
    if len(messages) > MOST:  # a flood must not hold up whoever paints; what matters was said lately, or at first
        early = [message for message in messages[:-MOST] if message.event in ("hello", "snapshot")]
        messages = [*early[:MOST], *messages[-MOST:]]
    evidence = gather(messages, now, main)
    leader = evidence.leader
    if leader is None:
        return None
    told = [found for process in (leader, *evidence.others(leader)) if (found := _now(evidence, process)) is not None]
    at_work = any(one.by_task for one in told)
    for one in told:
        if one.process is leader and not (one.main_thread and at_work):
            return one.phrase
        if one.process is not leader and one.by_task:
            return f"child {one.process.pid} {one.phrase}"
    return None


class _Now(Frozen):
    """What one process waits for: a task of it, or (``main_thread``) what its main thread is at."""

    process: Process
    phrase: str
    by_task: bool = False
    main_thread: bool = False


def _now(evidence: Evidence, process: Process) -> _Now | None:
    if process.ended is not None:
        return None
    known = [hold for hold in holds(process, 0.0, lambda _file, _line: None) if hold.open]
    held = still_held(Graph(evidence, None, {process.pid: known}), process)
    if held is not None:
        named_task = held.task is not None and held.kind != "server"
        return _Now(process, _held(held, known), by_task=named_task, main_thread=held.what == "main")
    phrase = _PHASES.get(process.phases[-1].name) if process.phases else None
    return _Now(process, phrase) if phrase else None


def _held(held: Hold, known: list[Hold]) -> str:
    at = f" at {line_of(held.at)}" if held.at else ""
    if held.task is not None:
        others = sum(1 for hold in known if hold.task is not None and hold is not held)
        more = f" ({others} more)" if others else ""
        if held.kind == "server":
            return f"waits for clients of its server{at}{more}"
        return f"waits for {named(held.task, short=True)}{at}{more}"
    assert held.thread is not None and held.block is not None
    if held.what == "loop-blocked":
        return f"event loop blocked{at}"
    if held.what == "executor":
        return f"waits for a pool job{at}"
    if held.what == "main":
        place = user_first(held.block.at, held.block.stack)
        return f"main thread busy at {line_of(place)}" if place else "main thread busy"
    return f"waits for thread {held.thread.name!r}{at}"
