"""What a worker that is being stopped waits for right now, in one phrase for the dashboard's row."""

from __future__ import annotations

from supervisor.diagnosis.attribution.chains import still_held
from supervisor.diagnosis.attribution.holds import holds
from supervisor.diagnosis.evidence.frames import line_of, user_first
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.phrases import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.model import Process

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
    processes = ([leader] if leader else []) + (evidence.others(leader) if leader else [])
    told = [(process, _phrase(process)) for process in processes if not process.of("eof")]
    for process, phrase in told:
        if phrase and (process is leader or phrase.startswith("waits for task")):
            passive = phrase.startswith("main thread") and any(p and p.startswith("waits for task") for _, p in told)
            if not passive:
                return phrase if process is leader else f"child {process.pid} {phrase}"
    return None


def _phrase(process: Process) -> str | None:
    known = [hold for hold in holds(process, 0.0, lambda _file, _line: None) if hold.open]
    held = still_held(process, known)
    if held is not None:
        return _held(held, known)
    return _PHASES.get(process.phases[-1][1]) if process.phases else None


def _held(held: Hold, known: list[Hold]) -> str:
    at = f" at {line_of(held.at)}" if held.at else ""
    if held.task is not None:
        kind = held.wait.kind if held.wait is not None else ""
        others = sum(1 for hold in known if hold.task is not None and hold is not held)
        more = f" ({others} more)" if others else ""
        who = {"server": "waits for clients of its server"}.get(kind, f"waits for {named(held.task, short=True)}")
        return f"{who}{at}{more}"
    assert held.thread is not None and held.block is not None
    if held.what == "loop-blocked":
        return f"event loop blocked{at}"
    if held.what == "executor":
        return f"waits for a pool job{at}"
    if held.what == "main":
        place = user_first(held.block.at, held.block.stack)
        return f"main thread busy at {line_of(place)}" if place else "main thread busy"
    return f"waits for thread {held.thread.name!r}{at}"
