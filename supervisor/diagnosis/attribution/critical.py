"""The critical path: from the exit backwards, each stretch charged to the wait whose end ended it. Pure.

Forward attribution (who ended next?) gives the first of two parallel waits a part of what the longer one alone
is guilty of; so the walk goes backwards, as with any critical path: what ended last before this instant? Charge it
from its begin, continue there. What no evidence covers is a stretch of its own, named "unknown: between X and Y".
"""

from __future__ import annotations

from supervisor.agent.body.grain import LOOKS
from supervisor.core.frozen import Frozen
from supervisor.diagnosis.attribution.chains import called, main_task, still_held
from supervisor.diagnosis.attribution.holds import (
    CANCELLED,
    CLOSE,
    LIBRARY,
    POLL,
    SERVER,
    WOKEN,
    Hold,
    holds,
    joining,
)
from supervisor.diagnosis.attribution.timeline import phase_at
from supervisor.diagnosis.evidence.model import ON_TASKS, Process
from supervisor.diagnosis.evidence.notes import SignalReceived

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.record import Marks, PhaseSpan, StretchKind
    from supervisor.diagnosis.evidence.frames import Sources
    from supervisor.diagnosis.evidence.model import Block, Evidence

# Pieces shorter than this (seconds) are not told: the sampler does not see better.
SHORTEST = 0.02
# What a busy machine adds to the sampler's pause before two stamps are no longer one instant, seconds.
JITTER = 0.02
# Between the end of a thread's job and the next step of the task that awaits it, on a busy machine, seconds.
WOKEN_LATE = 0.12
# What begins and ends within so many seconds cannot have held anything.
INSTANT = 0.01
# Where a parent sits while it waits for a child process.
_POOL_FILE = "/concurrent/futures/process.py"
_POOL_FILES = (_POOL_FILE, "/multiprocessing/pool.py")
_CHILD_FILES = (
    "/subprocess.py",
    "/multiprocessing/popen_fork.py",
    "/multiprocessing/process.py",
    "/multiprocessing/connection.py",
    "/multiprocessing/util.py",
    _POOL_FILE,
)
_JOINS = frozenset({"executor", "loop-close", "after-loop", "thread-join", "atexit", "leftovers"})


class Piece(Frozen):
    """A stretch before it is told: ``what`` is a kind of wait, ``hold`` what is charged, if anything."""

    what: StretchKind
    start: float
    end: float
    phase: str
    hold: Hold | None = None
    process: Process | None = None

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def critical_path(evidence: Evidence, marks: Marks, spans: tuple[PhaseSpan, ...], sources: Sources) -> list[Piece]:
    """The pieces of the critical path in order of time; they do not overlap and lie within [0, exited]."""
    leader = evidence.leader
    end = marks.exited if marks.exited is not None else marks.main_exited
    if leader is None or end is None or end <= 0:
        return []
    pieces: list[Piece] = []
    at = end
    for name in ("leftovers", "killed", "finalize"):  # what is known from outside, or comes after Python's own end
        for span in spans:
            if span.name == name and span.start < at:
                pieces.append(Piece(name, span.start, at, name))
                at = span.start
    died = not any(span.name == "finalize" for span in spans)
    pieces += _walk(leader, at, spans, sources, died)
    pieces.reverse()
    return _tidy([part for piece in pieces for part in _through_children(evidence, leader, piece, sources)])


def _walk(process: Process, until: float, spans: tuple[PhaseSpan, ...], sources: Sources, died: bool) -> list[Piece]:
    """The pieces of one process from ``until`` back to zero, the last first. ``died``: it never came to its end."""
    known = [hold for hold in holds(process, until, sources) if hold.start < hold.end]
    pieces: list[Piece] = []
    at = until
    held = still_held(process, known) if died else None
    ended_itself = not any(span.name == "killed" for span in spans)
    if held is not None and held.rank >= LIBRARY and ended_itself:
        known = _as_ended(known, held)
    elif held is not None:
        pieces.append(_piece(held, max(held.start, 0.0), at, spans))
        at = max(held.start, 0.0)
    cut = _cut_at(process)
    cut_off = still_held(process, [h for h in known if h.open and h.start < cut]) if cut is not None else None
    known = [hold for hold in known if not hold.open]
    if cut_off is not None and cut is not None and cut < at + CLOSE:
        known.append(cut_off.with_(open=False, end=cut))
    while at > SHORTEST:
        ending = Ending(known, at, spans)
        hold = next((found for rule in RULES if (found := rule(ending)) is not None), None)
        if hold is not None:
            start = max(hold.start, _joined_until(known, hold, at), 0.0)
            pieces.append(_piece(hold, start, at, spans))
        else:
            ends = [hold.end for hold in known if hold.end < at - CLOSE and hold.rank <= CANCELLED]
            starts = [span.start for span in spans if span.start < at - CLOSE]
            start = max([0.0, *ends, *starts])
            pieces.append(Piece("unknown", start, at, phase_at(spans, (start + at) / 2)))
        at = start
    return pieces


def _as_ended(known: list[Hold], held: Hold) -> list[Hold]:
    """The process waited for somebody and then left by itself: what it waited for had ended, and who was it?

    One that was cancelled had ended.
    """
    followed = held.rank == CANCELLED
    kept = [hold for hold in known if hold is held or not hold.open or (hold.rank == CANCELLED and not followed)]
    return [hold.with_(open=False) for hold in kept]


def _cut_at(process: Process) -> float | None:
    """When a further stop request broke off what its event loop was running (KeyboardInterrupt, SystemExit)."""
    main = main_task(process)
    if main is None or main.done_at is not None:
        return None
    for phase in process.phases:
        if phase.name in ("loop-close", "thread-join") and phase.at > CLOSE:
            asked = [note for note in process.of(SignalReceived) if phase.at - 2 * CLOSE < note.at <= phase.at]
            return phase.at if asked else None
    return None


def _piece(hold: Hold, start: float, end: float, spans: tuple[PhaseSpan, ...]) -> Piece:
    middle = (max(start, hold.start) + min(end, hold.end)) / 2
    return Piece(hold.what, start, end, phase_at(spans, middle), hold, hold.process)


# ------------------------------------------------------------------ who ended at an instant


class Ending:
    """Everything that ended at the instant ``at`` of the walk, as far as it may have held the exit.

    ``now``: within the sampler's grain; ``before``: earlier, but nothing else is known to have gone on since.
    """

    __slots__ = ("at", "before", "best", "known", "now", "tick")

    def __init__(self, known: list[Hold], at: float, spans: tuple[PhaseSpan, ...]) -> None:
        self.known = known
        self.at = at
        self.tick = _grain(at)
        ended = [hold for hold in known if hold.start < at - INSTANT and 0.0 < hold.end <= at + self.tick]
        now = [hold for hold in ended if hold.end >= at - self.tick]
        joined = phase_at(spans, at - 0.001) in _JOINS or any(_waits_for_thread(hold) for hold in now)
        self.now = [hold for hold in now if _may_count(hold, joined)]
        self.before = [hold for hold in ended if _may_count(hold, joined)]
        self.best = min(self.now, key=_preference, default=None)


def _grain(at: float) -> float:
    """Within how many seconds two stamps so long after the stop may be of one instant."""
    return max(CLOSE, next(pause for until, pause in LOOKS if at < until + 2 * CLOSE) + JITTER)


def clients_left(ending: Ending) -> Hold | None:
    """A read that the client ended by leaving: who waited for the clients to leave is what held the exit."""
    best = ending.best
    if best is None or best.kind != "read":
        return None
    return next((hold for hold in ending.now if hold.rank == SERVER), best)


def job_returned(ending: Ending) -> Hold | None:
    """A job that a task waited for: the loop had to be woken by its thread, and to be given the processor."""
    waiting = ending.best
    if waiting is None or waiting.kind != "executor":
        return None
    jobs = [hold for hold in ending.known if hold.what == "executor" and hold.end > waiting.start]
    now = [job for job in jobs if waiting.end - WOKEN_LATE <= job.end <= waiting.end + CLOSE]
    return max(now, key=lambda job: job.end, default=waiting)


def ended_itself(ending: Ending) -> Hold | None:
    """What ends by a clock, a file or work of its own."""
    best = ending.best
    return best if best is not None and best.rank < POLL and not _vague_librarys(best) else None


def handler_returned(ending: Ending) -> Hold | None:
    """A library waited for a future of its own: for the user's code that it had called, where that ended now."""
    best = ending.best
    if best is None or best.rank >= POLL:
        return None
    now = [hold for hold in ending.now if not _vague_librarys(hold)]
    theirs = called([hold for hold in now if hold.rank < POLL], best)
    return min(theirs, key=_preference, default=None) or _cut_short(now) or best


def ended_before(ending: Ending) -> Hold | None:
    """It only waited for somebody: who ended just before, within what a poller needs to notice?"""
    if ending.best is None:
        return None
    since = ending.at - ending.tick - max(h.period if h.rank == POLL else CLOSE for h in ending.now)
    causes = (hold for hold in ending.before if hold.rank < POLL and hold.end >= since)
    return min(causes, key=_preference, default=None)


def given_up(ending: Ending) -> Hold | None:
    """It only waited for somebody, whom it gave up and cancelled."""
    return _cut_short(ending.now) if ending.best is not None else None


def woken(ending: Ending) -> Hold | None:
    """It only waited for somebody of whom nothing is known."""
    return ending.best


# In order of belief: the first that answers is charged.
RULES: tuple[Callable[[Ending], Hold | None], ...] = (
    clients_left,
    job_returned,
    ended_itself,
    handler_returned,
    ended_before,
    given_up,
    woken,
)


def _joined_until(known: list[Hold], hold: Hold, at: float) -> float:
    """From when on a join is its own: until the last thread ended that it may have waited for.

    The thread that joins may notice late (its sampler and itself get the processor one after the other); what it
    waited for until then is that thread's matter.
    """
    if not _joins(hold):
        return hold.start
    ends = [
        other.end
        for other in known
        if _bystander(other) and _may_count(other, True) and other.rank < POLL and hold.start < other.end < at
    ]
    return max(ends, default=hold.start)


def _preference(hold: Hold) -> tuple[int, bool, bool, bool, float]:
    """What says most first: a known kind of wait before a bare future, code of the user's before the library's."""
    vague = hold.wait is not None and hold.kind in ("future", "")
    nobodys = hold.at is None or hold.at.origin == "stdlib"
    return hold.rank, _bystander(hold), nobodys, vague, hold.start


def _bystander(hold: Hold) -> bool:
    """A thread whose end means nothing while the loop runs and nobody joins it."""
    return hold.thread is not None and not hold.thread.main


def _may_count(hold: Hold, joined: bool) -> bool:
    if not _bystander(hold):
        return True
    return joined and hold.thread is not None and (not hold.thread.daemon or hold.what == "executor")


def _waits_for_thread(hold: Hold) -> bool:
    if hold.wait is not None:
        return hold.kind in ("executor", "future", "")
    return _joins(hold)


def _joins(hold: Hold) -> bool:
    """The main thread waits for another one."""
    return hold.block is not None and hold.thread is not None and hold.thread.main and joining(hold.block)


def _vague_librarys(hold: Hold) -> bool:
    """A library's wait for a future of its own: somebody set it, and nothing tells who."""
    return hold.rank == LIBRARY and hold.wait is not None and hold.kind in ("future", "")


def _cut_short(now: list[Hold]) -> Hold | None:
    """The task that another waited for until it gave up and cancelled it (wait_for, timeouts).

    Of those that ended as cancelled at this time: what the end of main takes along had held nobody.
    """
    gave_up = [hold for hold in now if hold.rank == WOKEN and hold.kind in ("task", "tasks") and not hold.open]
    waiting = {hold.task for hold in gave_up}
    ended = [hold for hold in now if hold.rank == CANCELLED and hold.task not in waiting]
    if not gave_up:  # a server that looked again and again until its patience was over
        theirs = [hold for one in now if one.rank == POLL for hold in called(ended, one)]
        return min(theirs, key=lambda hold: hold.start, default=None)
    awaited = _awaited(gave_up, now)
    cut = [hold for hold in ended if hold.task is not None and hold.task.number in awaited]
    cut += [hold for one in gave_up for hold in called(ended, one)]
    cut = cut if awaited else ended
    best = min(cut, key=lambda hold: (not hold.users, hold.start), default=None)
    if best is None or best.users:
        return best
    # What wait_for() wraps in a task of its own says less than the line that waited so long.
    return next((hold for hold in gave_up if hold.users and _waits_for(hold, best)), best)


def _awaited(waiting: list[Hold], now: list[Hold]) -> set[int]:
    """The tasks that these wait for, and those that they wait for in turn; empty where the agent could not tell."""
    found: set[int] = set()
    todo = list(waiting)
    while todo:
        numbers = set(_numbers(todo.pop())) - found
        found |= numbers
        todo += [hold for hold in now if hold.task is not None and hold.task.number in numbers]
    return found


def _numbers(hold: Hold) -> tuple[int, ...]:
    return hold.wait.on.tasks if hold.wait is not None and hold.kind in ON_TASKS else ()


def _waits_for(hold: Hold, other: Hold) -> bool:
    return other.task is not None and other.task.number in _numbers(hold)


# ------------------------------------------------------------------ several processes

# How long a parent process may take to notice the end of its child, seconds (polling with sleep: gunicorn 1 s,
# uvicorn 0.5 s). Only where nothing else tells which child it waited for.
REAPING = 1.1


def _through_children(evidence: Evidence, leader: Process, piece: Piece, sources: Sources) -> list[Piece]:
    """A piece in which the leader waited for a child process that has an agent too: the child's own path instead."""
    waits = piece.what in ("unknown", "leftovers") if piece.hold is None else _is_passive(piece.hold)
    if not waits or piece.seconds < SHORTEST or _waits_for_child_by_name(piece):
        return [piece]
    ended = [
        child
        for child in evidence.others(leader)
        if child.phases and piece.start < child.last <= piece.end + CLOSE and child.last >= piece.end - REAPING
    ]
    ended += [
        child
        for child in evidence.others(leader)
        if child not in ended and child.first is not None and piece.start < child.last <= piece.end + CLOSE
    ]
    if not ended:
        return [piece]
    if any(_at_users_code(child, piece) for child in ended):  # a pool's idle children end with the last busy one
        ended = [child for child in ended if _at_users_code(child, piece)]
    child = ended[-1] if ended[-1].phases else max(ended, key=lambda process: process.last)
    finalize = child.phase_start("finalize")
    until = min(finalize if finalize is not None else child.last, piece.end)
    walked = reversed(_walk(child, until, (), sources, died=finalize is None))
    own = [
        part.with_(start=max(part.start, piece.start), phase=part.phase or piece.phase, process=child)
        for part in walked
        if part.end > piece.start
    ]
    if all(part.what == "unknown" for part in own):
        return [piece]
    rest = piece.with_(start=until)
    return [*own, rest] if rest.seconds > 0 else own


def _at_users_code(child: Process, piece: Piece) -> bool:
    places = [block.at for thread in child.threads.values() for block in thread.blocks if block.end > piece.start]
    places += [wait.at for task in child.tasks.values() for wait in task.waits if wait.until(piece.end) > piece.start]
    return any(at is not None and at.users for at in places)


def _waits_for_child_by_name(piece: Piece) -> bool:
    """The user's own line waits for the child: that line is the place to tell, whatever the child does."""
    hold = piece.hold
    if hold is None or hold.at is None or not hold.at.users or hold.at.function == "<module>":
        return False
    if hold.wait is not None:
        return hold.kind == "child"
    if hold.what == "loop-blocked" and hold.block is not None and joins_pool(hold.block):
        return True  # the child may take its time: the loop should not have been blocked by it
    return hold.block is not None and hold.block.doing == "wait-child"


def joins_pool(block: Block) -> bool:
    """The thread waits in the shutdown or for a result of a pool of processes."""
    return any(frame.file.endswith(_POOL_FILES) for frame in block.stack)


def _is_passive(hold: Hold) -> bool:
    if hold.wait is not None:
        return hold.rank >= POLL or hold.kind in ("child", "sleep")
    block = hold.block
    if block is None or hold.thread is None:
        return False
    if not hold.thread.main:  # the thread by which a ProcessPoolExecutor hears of its children
        return any(frame.file.endswith(_POOL_FILE) for frame in block.stack)
    inside = [frame for frame in (block.leaf, *block.stack[-3:]) if frame is not None]
    joins = any(frame.file.endswith(_CHILD_FILES) for frame in inside)
    return block.doing == "wait-child" or joins or (hold.at is not None and hold.at.origin == "library")


def _tidy(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of one cause become one piece, and what is too short to be told is left out."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last is not None and _same(last, piece):
            merged[-1] = last.with_(end=piece.end)
        elif piece.seconds >= SHORTEST:
            merged.append(piece)
    return merged


def _same(one: Piece, other: Piece) -> bool:
    if one.what != other.what or one.process is not other.process:
        return False
    if one.hold is None or other.hold is None:
        return one.hold is other.hold and one.phase == other.phase
    return one.hold.at == other.hold.at and one.hold.task is other.hold.task and one.hold.thread is other.hold.thread
