"""Where a process waited for a child process of its own: the child's path instead of the parent's wait. Pure."""

from __future__ import annotations

from supervisor.diagnosis.attribution.graph import Graph, path_to
from supervisor.diagnosis.attribution.holds import CLOSE, POLL
from supervisor.diagnosis.attribution.walk import SHORTEST, Piece, walk
from supervisor.diagnosis.evidence.notes import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.attribution.holds import Hold, Known
    from supervisor.diagnosis.evidence.model import Block, Evidence, Process

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
# How long a parent process may take to notice the end of its child, seconds (polling with sleep: gunicorn 1 s,
# uvicorn 0.5 s). Only where nothing else tells which child it waited for.
REAPING = 1.1
# What the kernel shows of a thread that does nothing until it is woken, or looks again.
_ASLEEP = frozenset({"sleep", "poll", "lock", "wait-child"})


def through_children(
    evidence: Evidence, known: Known, parent: Process, piece: Piece, killed: float | None
) -> list[Piece]:
    """Return the child's path for a piece in which a process waited for a child of its own that has an agent too.

    ``killed``: when SIGKILL ended the worker, None when none did.
    """
    child = _waited_for(evidence, parent, piece, killed) if piece.process in (None, parent) else None
    if child is None:
        return [piece]
    finalize = child.phase_start("finalize")
    until = min(finalize if finalize is not None else child.last, piece.end)
    cut = evidence.killer(child) is not None or (killed is not None and child.last >= killed - CLOSE)
    walked = [*reversed(walk(evidence, known, child, until, (), finalize is None, cut))]
    via = (*piece.via, piece.hold) if piece.hold is not None else piece.via
    own = [
        part.with_(
            start=max(part.start, piece.start), phase=part.phase or piece.phase, process=part.process or child,
            via=(*via, *_between(evidence, known, child, part.hold)),
        )
        for part in walked
        if part.end > piece.start
    ]  # fmt: skip
    if all(part.what == "unknown" for part in own):
        return [piece]
    own = [deeper for part in own for deeper in through_children(evidence, known, child, part, killed)]
    gone = min(max(child.last, until), piece.end)
    if gone - until > SHORTEST:
        own.append(Piece("finalize", until, gone, "finalize", None, child, via))
    rest = piece.with_(start=gone)
    return [*own, rest] if rest.seconds > 0 else own


def _between(evidence: Evidence, known: Known, child: Process, hold: Hold | None) -> tuple[Hold, ...]:
    """Return where the child itself waited for the hold's process, a child of its own; nowhere when it is its own."""
    if hold is None or hold.process is child:
        return ()
    graph = Graph(evidence, None if hold.open else hold.start, known)
    return tuple(step.hold for step in path_to(graph, child, hold) if step.hold.process is not hold.process)


def _waited_for(evidence: Evidence, parent: Process, piece: Piece, killed: float | None) -> Process | None:
    """Return the child whose end ended the piece; None when the parent waited for none, or its own line tells."""
    if piece.seconds < SHORTEST or _blocks_its_loop(piece):
        return None
    ends = {child: _end(child, killed) for child in _below(evidence, parent)}
    family = [child for child in ends if piece.start < ends[child] <= piece.end + CLOSE]
    told = [child for child in family if _told(parent, child)]
    named = [child for child in family if child.pid == _named(piece.hold)] if piece.hold is not None else []
    if _waits_for_child_by_name(piece) and not any(_at_users_code(child, piece) for child in named):
        return None
    waits = piece.what in ("unknown", "leftovers") if piece.hold is None else _is_passive(piece.hold)
    if not named and not waits and not (told and piece.hold is not None and _sleeps(piece.hold)):
        return None
    late = [child for child in told or family if ends[child] >= piece.end - REAPING]
    ended = named or [child for child in late if child.phases or child in told]
    ended = ended or [child for child in family if child.first is not None]
    if any(_at_users_code(child, piece) for child in ended):  # a pool's idle children end with the last busy one
        ended = [child for child in ended if _at_users_code(child, piece)]
    return max(ended, key=lambda child: (bool(child.phases), child.last), default=None)


def _end(child: Process, killed: float | None) -> float:
    """Return when the child ended: whom SIGKILL ended with the rest ended then, however late that was seen."""
    return child.last if killed is None else min(child.last, killed)


def _below(evidence: Evidence, parent: Process) -> list[Process]:
    """Return the processes that this one may wait for: of the main process all, a shell between them has no agent."""
    others = evidence.others(parent)
    return others if parent is evidence.leader else [child for child in others if child.hello.ppid == parent.pid]


def _told(parent: Process, child: Process) -> bool:
    """Return whether the parent has sent the child a signal: then it waits for the child's end."""
    return any(note.target == child.pid for note in parent.of(Exit))


def _named(hold: Hold | None) -> int | None:
    """Return the pid of the child that the hold waits for."""
    if hold is None:
        return None
    if hold.wait is not None:
        return hold.wait.on.child
    return (hold.block.child or hold.block.on.child) if hold.block is not None else None


def _sleeps(hold: Hold) -> bool:
    return hold.block is not None and hold.thread is not None and hold.thread.main and hold.block.doing in _ASLEEP


def _at_users_code(child: Process, piece: Piece) -> bool:
    places = [block.at for thread in child.threads.values() for block in thread.blocks if block.end > piece.start]
    places += [wait.at for task in child.tasks.values() for wait in task.waits if wait.until(piece.end) > piece.start]
    return any(at is not None and at.users for at in places)


def _blocks_its_loop(piece: Piece) -> bool:
    """Return whether the wait blocks an event loop, which it should not: the child may take its time."""
    hold = piece.hold
    return (
        hold is not None
        and hold.what == "loop-blocked"
        and hold.block is not None
        and hold.users
        and (hold.block.doing == "wait-child" or joins_pool(hold.block))
    )


def _waits_for_child_by_name(piece: Piece) -> bool:
    """Return whether the user's own line waits for the child: the place to tell, unless the child's own is known."""
    hold = piece.hold
    if hold is None or hold.at is None or not hold.at.users or hold.at.function == "<module>":
        return False
    if hold.wait is not None:
        return hold.kind == "child"
    return hold.block is not None and hold.block.doing == "wait-child"


def joins_pool(block: Block) -> bool:
    """Return whether the thread waits in the shutdown or for a result of a pool of processes."""
    return any(frame.file.endswith(_POOL_FILES) for frame in block.stack)


def _is_passive(hold: Hold) -> bool:
    if hold.wait is not None:
        return hold.rank >= POLL or hold.kind in ("child", "sleep")
    block = hold.block
    if block is None or hold.thread is None:
        return False
    if not hold.thread.main:  # by which a ProcessPoolExecutor, or a server, hears of its children
        hears = any(frame.file.endswith("/multiprocessing/connection.py") for frame in block.stack[-4:])
        return hears or any(frame.file.endswith(_POOL_FILE) for frame in block.stack)
    inside = [frame for frame in (block.leaf, *block.stack[-3:]) if frame is not None]
    joins = any(frame.file.endswith(_CHILD_FILES) for frame in inside)
    return block.doing == "wait-child" or joins or (hold.at is not None and hold.at.origin == "library")
