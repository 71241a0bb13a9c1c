"""The chain of a finding in words: who waits for whom, from the exit of the worker down to the cause."""

from __future__ import annotations

from supervisor.core.record import Link
from supervisor.diagnosis.attribution.graph import Graph, onwards, path_to
from supervisor.diagnosis.attribution.nobody import gone, holders, left_over, main_task
from supervisor.diagnosis.evidence.frames import line_of, package, place, where
from supervisor.diagnosis.phrases import at_line, job_name, named, several, task_name, waited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supervisor.diagnosis.attribution.graph import Step
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Frame, Sources
    from supervisor.diagnosis.evidence.model import Process
    from supervisor.diagnosis.evidence.notes import Holders
    from supervisor.diagnosis.findings.case import Case

# So long (seconds) before a wait ended everybody who waited for it still waited: one look of the sampler.
BEFORE_THE_END = 0.01
_PHASES = {
    "cancel": "asyncio.run() cancelled what was left and waits for it",
    "asyncgens": "asyncio.run() closes the async generators",
    "executor": "asyncio.run() waits for the jobs of its thread pool",
    "thread-join": "the interpreter joins the non-daemon threads",
    "atexit": "the interpreter runs the atexit handlers",
}
MOST_TIES = 4  # tasks named where each of them may be the one that is waited for


def ladder(case: Case, piece: Piece) -> tuple[Step, ...]:
    """Return the steps of who waited for whom, from the root of the piece's process down to what it is charged to.

    Where a certain chain leads there from the main process, from that one's root.
    """
    if piece.hold is None:
        return ()
    graph = _graph(case, piece.hold)
    return onwards(graph, _from_leader(case, piece, graph) or path_to(graph, piece.hold.process, piece.hold))


def _from_leader(case: Case, piece: Piece, graph: Graph) -> tuple[Step, ...]:
    apart = case.leader is not None and piece.hold is not None and piece.hold.process is not case.leader
    return path_to(graph, case.leader, piece.hold) if apart and case.leader and piece.hold and not piece.via else ()


def _graph(case: Case, hold: Hold) -> Graph:
    """Return who waited for whom just before the hold ended."""
    return Graph(case.evidence, None if hold.open else max(hold.end - BEFORE_THE_END, hold.start), case.known)


def links(case: Case, piece: Piece, steps: Sequence[Step]) -> tuple[Link, ...]:
    """Return the chain as it is told."""
    hold = piece.hold
    if hold is None:
        return ()
    told: list[Link] = []
    leader = case.leader
    if leader is not None and hold.process is not leader and (not steps or steps[0].hold.process is hold.process):
        told += [_link(one, case.sources) for one in _parents(case, piece, leader)]
        if not piece.via:
            told.append(Link(f"the main process waits for child process {hold.process.pid}", pid=leader.pid))
    if piece.phase in _PHASES and (not steps or steps[0].hold.thread is None or not steps[0].hold.thread.main):
        told.append(Link(_PHASES[piece.phase], pid=hold.process.pid))
    found = [step.hold for step in steps] or [hold]
    return _with_children((*told, *chain(found, case.sources)))


def _with_children(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return the links; the first one in another process begins with that, where the words before do not say so."""
    told: list[Link] = []
    for before, link in zip((None, *links), links, strict=False):
        new = before is not None and link.pid != before.pid and f"process {link.pid}" not in before.what
        told.append(link.with_(what=f"child process {link.pid}: {link.what}") if new else link)
    return tuple(told)


def _parents(case: Case, piece: Piece, leader: Process) -> list[Hold]:
    """Return where the parents waited meanwhile, from the root of the main process on."""
    if not piece.via:
        return []
    way = [step.hold for step in path_to(_graph(case, piece.via[0]), leader, piece.via[0])]
    return [*(way or piece.via[:1]), *piece.via[1:]]


def chain(found: Sequence[Hold], sources: Sources) -> tuple[Link, ...]:
    """Return holds, each waiting for the next, as links, with what is known of the end of the last one's wait."""
    told = [_link(one, sources) for one in found]
    end = _end(found[-1].process, holders(found[-1]), on_the_way(found)) if found else None
    return (*told, Link(end, pid=found[-1].process.pid)) if end else tuple(told)


def _link(hold: Hold, sources: Sources) -> Link:
    process = hold.process
    task = hold.task.name if hold.task is not None else None
    thread = hold.thread.name if hold.thread is not None else None
    at = where(hold.at, sources, process.cwd, task, thread)
    return Link(_said_of_task(hold) if hold.task is not None else _said_of_thread(hold), at, process.pid)


def _said_of_task(hold: Hold) -> str:
    task, wait = hold.task, hold.wait
    assert task is not None
    library = package(hold.at.file) if hold.at is not None and not hold.users else None
    who = library or ("main" if task is main_task(hold.process) else named(task))
    words = waited(wait) or "at work"
    leaf = _leaf(hold.at, wait.leaf if wait is not None else None)
    return f"{who} {'waits ' if words != 'at work' else 'is '}{words}{leaf}"


def _said_of_thread(hold: Hold) -> str:
    thread, block = hold.thread, hold.block
    assert thread is not None and block is not None
    who = "the main thread" if thread.main else f"thread {thread.name!r}"
    leaf = _leaf(hold.at, block.leaf)
    if block.callback:
        return f"atexit runs {block.callback}{leaf}"
    if block.job is not None:
        by = f", submitted at {line_of(block.job.by)}" if block.job.by is not None else ""
        return f"{who} runs {job_name(block.job)}{by}{leaf}"
    if block.on.kind == "join":
        return f"{who} joins a thread{leaf}"
    if block.on.kind == "child" or block.doing == "wait-child":
        child = block.child or block.on.child
        return f"{who} waits for {f'child process {child}' if child else 'a child process'}{leaf}"
    return f"{who} is {at_line(hold.at) or 'at work'}{leaf}"


def _leaf(at: Frame | None, leaf: Frame | None) -> str:
    """Return the library's innermost line beside the user's."""
    return f" in {place(leaf)}" if leaf is not None and leaf != at and leaf.origin == "library" else ""


def on_the_way(found: Iterable[Hold]) -> set[int]:
    """Return the numbers of the tasks on a chain: none of them can end the wait that the chain leads to."""
    return {hold.task.number for hold in found if hold.task is not None}


def _end(process: Process, found: Holders | None, waiting: set[int]) -> str | None:
    """Return what follows the last wait: no task or thread, or those of which each may be the one."""
    if found is None:
        return None
    left = left_over(found, waiting)
    if left:
        tasks = [process.tasks[one.task] for one in left if one.task is not None and one.task in process.tasks]
        names = [
            f"{task_name(task)} ({line_of(task.last_at)})" if task.last_at else task_name(task) for task in tasks
        ]
        return f"perhaps for {several(names, 'task', MOST_TIES)}" if names else None
    return f"nobody: {gone(found)}" if found.gone else None
