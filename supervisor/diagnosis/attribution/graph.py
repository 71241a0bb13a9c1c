"""Who waits for whom at an instant, across tasks, threads and processes. Pure.

The nodes are holds (a task in a wait, a thread in a block); an edge leads from who waits to who must end or act
first. ``how`` an edge is known says how far to believe it:

woke      the task that was seen to wake the one that waits
awaits    asyncio's own word: the task, gather, shield or group that is awaited
runs      the thread that does the job that is awaited
joins     the thread that another one joins
loop      the tasks that a thread runs its event loop for
child     the child process that is waited for
polls     what a library that looks again and again can see from its own locals
holds     a task inside `async with` something that leads to the lock, the turn, the connection that is waited for
sets      a task whose code names the method that would end the wait, and the very attribute
names     a task whose code names that method
reaches   a task from which the object can be reached at all
guess     nothing is known: who would fit by what it does, and when it began to

Only the first nine are certain. `names` and `reaches` count when they name one alone; a guess only moves a wait of
which the agent could say nothing.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.attribution.guesses import guesses, kept
from supervisor.diagnosis.attribution.holds import BLOCKED, BUSY, Hold, joining
from supervisor.diagnosis.attribution.nobody import holders, main_task
from supervisor.diagnosis.evidence.model import ON_OTHERS, ON_TASKS, Process
from supervisor.diagnosis.evidence.shapes import UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal, TypeAlias

    from supervisor.diagnosis.evidence.model import Evidence
    from supervisor.diagnosis.evidence.notes import Holders
    from supervisor.diagnosis.evidence.shapes import On

    How: TypeAlias = Literal[
        "woke", "awaits", "runs", "joins", "loop", "child", "polls", "holds", "sets", "names", "reaches", "guess"
    ]  # fmt: skip

CERTAIN = frozenset({"woke", "awaits", "runs", "joins", "loop", "child", "polls", "holds", "sets"})
_OF_TASKS: Mapping[str, How] = {"poll": "polls"}
# A wake-up and the end of the wait that it ends are stamped so far apart (seconds): by the loop, and by the sampler.
SAME_INSTANT = 0.03
# A chain is not followed further than this: longer ones are circles that the evidence does not show as such.
DEEPEST = 40


class Edge(Frozen):
    """One waits for another. ``to``: whose end, or whose act, would end the wait."""

    how: How
    to: Hold


class Graph:
    """The state of all processes at ``at`` (seconds since zero); None: at the last word of each."""

    __slots__ = ("at", "evidence", "known")

    def __init__(self, evidence: Evidence, at: float | None, known: Mapping[int, Sequence[Hold]]) -> None:
        self.evidence = evidence
        self.at = at
        self.known = {pid: [hold for hold in held if self._covers(hold)] for pid, held in known.items()}

    def _covers(self, hold: Hold) -> bool:
        if self.at is None:
            return hold.open
        return hold.start <= self.at and (hold.open or self.at <= hold.end)

    def of(self, process: Process) -> list[Hold]:
        """Return what holds the exit in that process."""
        return self.known.get(process.pid, [])

    def root(self, process: Process) -> Hold | None:
        """Return where the chain of a process begins: its main thread, where that is at something, else its main
        task.
        """
        known = self.of(process)
        threads = [hold for hold in known if hold.thread is not None]
        mains = [hold for hold in threads if hold.thread is not None and hold.thread.main]
        tasks = [hold for hold in known if hold.task is not None]
        main = main_task(process)
        # Another thread than the main one is BLOCKED where it kept Python from running at all (holds._from_dump).
        stuck = [hold for hold in threads if hold.rank == BLOCKED] + [hold for hold in mains if hold.rank == BUSY]
        choices = (
            stuck,
            [hold for hold in mains if hold.block is not None and joining(hold.block)],
            kept(threads) if self._joins_threads(process) else [],
            [hold for hold in tasks if hold.task is main],
            [hold for hold in tasks if hold.task is not None and hold.task.cancelled_at is not None],
            tasks,
            mains,
        )
        best = next((choice for choice in choices if choice), [])
        return min(best, key=lambda hold: (hold.rank, hold.start), default=None)

    def _joins_threads(self, process: Process) -> bool:
        """Return whether the process is in a phase that only waits for its threads."""
        begun = [phase.name for phase in process.phases if self.at is None or phase.at <= self.at]
        return bool(begun) and begun[-1] in ("executor", "thread-join")

    def edges(self, hold: Hold) -> list[Edge]:
        """Return whom the hold waits for, the most certain first; none of them has ended."""
        on = hold.wait.on if hold.wait is not None else hold.block.on if hold.block is not None else UNKNOWN
        found = [*self._wakers(hold), *self._of_tasks(hold, on), *self._of_threads(hold, on)]
        found += self._of_children(hold, on)
        if found:
            return found
        told = holders(hold)
        if told is not None:
            return self._candidates(hold, told)
        return [Edge("guess", other) for other in guesses(hold, self.of(hold.process))]

    def _wakers(self, hold: Hold) -> Iterable[Edge]:
        if hold.open or hold.task is None:
            return
        rows = [row for row in hold.process.wakes if row.task == hold.task.number and row.by_task is not None]
        ended = next((row for row in reversed(rows) if abs(row.at - hold.end) <= SAME_INSTANT), None)
        if ended is not None:
            yield from (Edge("woke", one) for one in self.of(hold.process) if _is_task(one, ended.by_task))

    def _of_tasks(self, hold: Hold, on: On) -> Iterable[Edge]:
        if on.kind not in ON_TASKS and on.kind != "loop":
            return
        tasks = {one.task.number: one for one in self.of(hold.process) if one.task is not None and one is not hold}
        awaited = [tasks[number] for number in on.awaited if number in tasks]
        if not awaited and on.name:  # the agent followed too many tasks to give this one a number
            awaited = [one for one in tasks.values() if one.task is not None and one.task.name == on.name]
        how: How = "loop" if on.kind == "loop" else _OF_TASKS.get(on.kind, "awaits")
        yield from (Edge(how, one) for one in awaited)

    def _of_threads(self, hold: Hold, on: On) -> Iterable[Edge]:
        threads = {one.thread.ident: one for one in self.of(hold.process) if one.thread is not None}
        job = on.job.thread if on.job is not None else None
        if job in threads and threads[job] is not hold:
            yield Edge("runs", threads[job])
        for ident in (on.thread, *on.threads):
            if ident in threads and threads[ident] is not hold and ident != job:
                yield Edge("joins", threads[ident])
        if on.job is not None and on.job.task is not None and hold.thread is not None:  # run_coroutine_threadsafe
            yield from (Edge("awaits", one) for one in self.of(hold.process) if _is_task(one, on.job.task))

    def _of_children(self, hold: Hold, on: On) -> Iterable[Edge]:
        pid = on.child or (hold.block.child if hold.block is not None else None)
        child = self.evidence.processes.get(pid or 0)
        root = self.root(child) if child is not None and child is not hold.process else None
        if root is not None:
            yield Edge("child", root)

    def _candidates(self, hold: Hold, told: Holders) -> list[Edge]:
        """Return who may end the wait: the best of them alone, unless several are as good; then none but as a tie."""
        known = self.of(hold.process)
        edges: list[Edge] = []
        for one in told.found:
            held = [
                h for h in known if _is_task(h, one.task) or (h.thread is not None and h.thread.ident == one.thread)
            ]
            edges += [Edge(_how(one.how), h) for h in held if h is not hold]
        return edges


def certain(edges: Sequence[Edge], hold: Hold) -> list[Edge]:
    """Return the edges that move the place of the cause: all that are certain; else the nearest, when it is alone.

    Merely to reach a bare future proves nothing: a future that nobody set has many who can.
    """
    if not edges:
        return []
    best = edges[0].how
    likewise = [edge for edge in edges if edge.how == best]
    if best == "guess" or best == "holds":
        return likewise
    if best in CERTAIN and best != "sets":
        return [edge for edge in edges if edge.how in CERTAIN]
    if best == "reaches" and hold.users:  # who only rests himself is no reason to leave the line that waits
        likewise = [edge for edge in likewise if edge.to.kind not in ON_OTHERS]
    alone = _last_of_a_row(likewise)
    bare = hold.kind not in ON_OTHERS and _is_bare(hold)
    return alone if len(alone) == 1 and (best == "sets" or not bare) else []


def _is_bare(hold: Hold) -> bool:
    """Return whether the hold waits for a future of which nothing more is known."""
    on = hold.wait.on if hold.wait is not None else UNKNOWN
    return on.object is None or on.object.rpartition(".")[2] == "Future"


def _last_of_a_row(edges: list[Edge]) -> list[Edge]:
    """Return the one of the candidates that the others wait for, where they wait for one another."""
    numbers = {edge.to.task.number for edge in edges if edge.to.task is not None}
    waiting = [edge for edge in edges if edge.to.wait is not None and numbers & set(edge.to.wait.on.awaited)]
    return [edge for edge in edges if edge not in waiting]


class Step(Frozen):
    """One link of a chain: who waits, and how it was come to. ``ties``: who else may be it, as likely."""

    hold: Hold
    how: How | None = None
    ties: tuple[Hold, ...] = ()


def descend(graph: Graph, process: Process) -> tuple[Step, ...]:
    """Return the chain of what keeps the process alive, from its root to whoever waits for nothing any more."""
    root = graph.root(process)
    return _down(graph, Step(root), ()) if root is not None else ()


def _down(graph: Graph, step: Step, before: tuple[Step, ...]) -> tuple[Step, ...]:
    path = (*before, step)
    seen = {id(one.hold) for one in path}
    edges = [edge for edge in graph.edges(step.hold) if id(edge.to) not in seen]
    followed = certain(edges, step.hold)
    if not followed or len(path) >= DEEPEST:
        ties = tuple(edge.to for edge in edges)
        return (*before, step.with_(ties=ties)) if ties else path
    best = min(followed, key=lambda edge: (edge.to.rank, edge.to.start))
    return _down(graph, Step(best.to, best.how), path)


def onwards(graph: Graph, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Follow the chain beyond its last step as far as edges lead."""
    return _down(graph, path[-1], path[:-1]) if path else ()


def path_to(graph: Graph, process: Process, target: Hold) -> tuple[Step, ...]:
    """Return the chain from the process's root down to that hold; empty when no edge leads there."""
    root = graph.root(process)
    if root is None:
        return ()
    return _search(graph, root, target, sure=True) or _search(graph, root, target, sure=False)


def _search(graph: Graph, root: Hold, target: Hold, sure: bool) -> tuple[Step, ...]:
    """Return the shortest way by edges that move the place of a cause (``sure``), or by any."""
    todo: list[tuple[Step, ...]] = [(Step(root),)]
    seen: set[int] = set()
    while todo:
        path = todo.pop(0)
        hold = path[-1].hold
        if _same(hold, target):
            return path
        if id(hold) in seen or len(path) >= DEEPEST:
            continue
        seen.add(id(hold))
        edges = graph.edges(hold)
        todo += [(*path, Step(edge.to, edge.how)) for edge in (certain(edges, hold) if sure else edges)]
    return ()


def still_held(graph: Graph, process: Process) -> Hold | None:
    """Return the hold that keeps the process alive, on the innermost line of the user's; None when none is known."""
    path = descend(graph, process)
    if path and path[0].hold.what == "loop-blocked" and path[0].hold.users:
        return path[0].hold  # whatever it waits for: it should not do so on the loop
    step = place(path)
    return step.hold if step is not None else None


def place(path: Sequence[Step]) -> Step | None:
    """Return the step to name: the innermost on a line of the user's own; where there is none, the innermost of
    all.
    """
    return next((step for step in reversed(path) if step.hold.users), path[-1] if path else None)


def _same(one: Hold, other: Hold) -> bool:
    """Return whether two holds are of one stay: a wait that a cancel cut in two is told in two parts."""
    if one.task is not None:
        return one.task is other.task
    return one.thread is not None and one.thread is other.thread


def _is_task(hold: Hold, number: int | None) -> bool:
    return number is not None and hold.task is not None and hold.task.number == number


def _how(told: str) -> How:
    if told == "holds":
        return "holds"
    return "sets" if told == "sets" else "names" if told == "names" else "reaches"
