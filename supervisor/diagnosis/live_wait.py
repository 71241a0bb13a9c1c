"""What a worker that is being stopped waits for right now: a phrase for a row, and who waits for whom."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.record import Link, Waiting
from supervisor.diagnosis.attribution.graph import Graph, certain, descend, place
from supervisor.diagnosis.attribution.holds import holds
from supervisor.diagnosis.evidence.frames import line_of, user_first
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.evidence.model import Process
from supervisor.diagnosis.findings.ladder import chain
from supervisor.diagnosis.phrases import held_up, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.model import Evidence

# Messages looked at for what a worker waits for now: some milliseconds, in which the loop does nothing else.
MOST = 1000
# Further tasks that are named in one phrase; the rest is counted. A row has room for two of them.
MOST_LISTED = 2
_PHASES = {
    "executor": "waits for pool jobs",
    "thread-join": "waits for threads",
    "atexit": "runs atexit handlers",
    "finalize": "the interpreter ends",
}


def waiting(messages: Sequence[AgentMessage], now: float, main: int = 0) -> Waiting | None:
    """Return what keeps the worker: ``waits for task 'consume' at queue.py:41 (7 more)``; None when nothing is known.

    ``now`` is monotonic seconds, ``main`` the main process's pid. A child's wait is named when the main process
    has none of its own to tell.
    """
    evidence = gather(bounded(messages), now, main)
    leader = evidence.leader
    if leader is None:
        return None
    told = [found for process in (leader, *evidence.others(leader)) if (found := _now(evidence, process)) is not None]
    at_work = any(one.by_task for one in told)
    for one in told:
        if one.process is leader and not (one.main_thread and at_work):
            return one.waiting
        if one.process is not leader and one.by_task:
            child = one.process.pid
            parent = Link(f"the main process waits for child process {child}", pid=leader.pid)
            inside = one.waiting
            return inside.with_(phrase=f"child {child} {inside.phrase}", chain=(parent, *inside.chain))
    return None


def bounded(messages: Sequence[AgentMessage]) -> Sequence[AgentMessage]:
    """Return what counts of a flood, which must not hold up whoever looks: what was said lately, and at first."""
    if len(messages) <= MOST:
        return messages
    early = [message for message in messages[:-MOST] if message.event in ("hello", "snapshot")]
    return [*early[:MOST], *messages[-MOST:]]


class _Now(Frozen):
    """What one process waits for: a task of it, or (``main_thread``) what its main thread is at."""

    process: Process
    waiting: Waiting
    by_task: bool = False
    main_thread: bool = False


def _now(evidence: Evidence, process: Process) -> _Now | None:
    if process.ended is not None:
        return None
    known = [hold for hold in holds(process, 0.0, _no_source) if hold.open]
    graph = Graph(evidence, None, {process.pid: known})
    steps = descend(graph, process)
    step = place(steps)
    if step is not None:
        held = step.hold
        named_task = held.task is not None and held.kind != "server"
        # Each of these keeps the process by itself: nobody that is known of would end its wait.
        alike = [hold for hold in known if hold.task is not None and not certain(graph.edges(hold), hold)]
        phrase, at = _held(held, [hold for hold in alike if hold is not held])
        told = Waiting(phrase, at, chain([one.hold for one in steps], _no_source))
        return _Now(process, told, by_task=named_task, main_thread=held.what == "main")
    during = _PHASES.get(process.phases[-1].name) if process.phases else None
    return _Now(process, Waiting(during)) if during else None


def _task(hold: Hold) -> str:
    """Return what waits, and where: ``task 'consume' at queue.py:41``."""
    who = "clients of its server" if hold.kind == "server" or hold.task is None else named(hold.task, short=True)
    return f"{who} at {line_of(hold.at)}" if hold.at else who


def _no_source(_file: str, _line: int) -> None:
    """Leave source lines to whoever shows them."""


def _held(held: Hold, others: list[Hold]) -> tuple[str, str | None]:
    """Return the phrase, and the place in it. ``others``: tasks that wait for nobody else, either."""
    line = line_of(held.at) if held.at else None
    at = f" at {line}" if line else ""
    if held.task is not None:
        ordered = sorted(others, key=lambda hold: hold.at is None or not hold.at.users)
        listed = "".join(f", {_task(hold).removeprefix('task ')}" for hold in ordered[:MOST_LISTED])
        rest = len(others) - MOST_LISTED
        return f"waits for {_task(held)}{listed}" + (f" ({rest} more)" if rest > 0 else ""), line
    assert held.thread is not None and held.block is not None
    if held.what == "loop-blocked":
        return f"event loop blocked{at}", line
    if held.what == "executor":
        return f"waits for a pool job{at}", line
    if held.what == "main":
        frame = user_first(held.block.at, held.block.stack)
        line = line_of(frame) if frame else None
        return f"main thread {held_up(held.block)}" + (f" at {line}" if line else ""), line
    return f"waits for thread {held.thread.name!r}{at}", line
