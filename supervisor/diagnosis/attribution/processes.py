"""Where a process waited for a child process of its own: the child's path instead of the parent's wait. Pure."""

from __future__ import annotations

from supervisor.diagnosis.attribution.holds import CLOSE, POLL
from supervisor.diagnosis.attribution.walk import SHORTEST, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.attribution.holds import Hold, Known
    from supervisor.diagnosis.attribution.walk import Piece
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


def through_children(evidence: Evidence, known: Known, leader: Process, piece: Piece) -> list[Piece]:
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
    walked = reversed(walk(evidence, known, child, until, (), died=finalize is None))
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
