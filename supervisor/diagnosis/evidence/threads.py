"""Messages about threads -> their lives: at which line each stayed, from when to when."""

from __future__ import annotations

from supervisor.diagnosis.evidence.frames import user_first
from supervisor.diagnosis.evidence.model import Block, Note, Process, Thread, stack_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.diagnosis.evidence.frames import Stack

# Two accounts of the same wait differ by a sampler's tick at most (10 ms, 50 ms after two seconds).
SAME = 0.12
MOST_THREADS = 5000
# A sampler that can run has told something within this time while anything waits (its grain grows to 0.25 s).
QUIET = 0.6
_JOIN = frozenset({"executor", "thread-join", "atexit"})  # atexit: pools of Python 3.8
# Where a child that multiprocessing forked begins; the fork itself may be in the part of the stack that was cut.
_CHILD_BEGINS = ("/multiprocessing/popen_fork.py", "/multiprocessing/process.py", "/concurrent/futures/process.py")


def find(process: Process, fields: Mapping[str, Any]) -> Thread | None:
    """The thread that the fields are about; None when it cannot be told."""
    ident = fields.get("thread")
    if ident is None or (ident not in process.threads and len(process.threads) >= MOST_THREADS):
        return None
    thread = process.threads.get(ident)
    if thread is None:
        thread = process.threads[ident] = Thread(process.pid, ident)
    thread.name = fields.get("name") or thread.name
    thread.main = thread.main or bool(fields.get("main"))
    thread.daemon = bool(fields.get("daemon"))
    return thread


def blocked(process: Process, note: Note) -> None:
    """It stays at a line, or has left it."""
    at, fields = note.at, note.fields
    thread = find(process, fields)
    if thread is None:
        return
    start = at - max(fields.get("seconds") or 0.0, 0.0)
    where, state = fields.get("at") or fields.get("leaf"), fields.get("state") or "busy"
    stack = stack_of(fields)
    forked = fork_at(stack) if process.hello.get("forked") else 0
    if forked:  # below it are the frames of the parent, whose loop does not run here
        stack, state = stack[forked:], "busy" if state == "callback" else state
        where = user_first(None, stack) or stack[-1]
    block = thread.blocks[-1] if thread.blocks else None
    if block is None or (block.at, block.state) != (where, state) or not _goes_on(block, start):
        block = Block(start, at, where, state)
        thread.blocks.append(block)
    block.end = max(at, block.start)
    block.ended, block.glimpse = note.event == "thread-moved", False
    block.leaf = fields.get("leaf") or block.leaf
    block.stack = stack or block.stack
    block.doing = fields.get("doing") or block.doing
    block.fd = fields["fd"] if fields.get("fd") is not None else block.fd
    block.pid = fields.get("pid") or block.pid
    block.cpu = fields["cpu"] if fields.get("cpu") is not None else block.cpu


def _goes_on(block: Block, start: float) -> bool:
    """Whether what is told from ``start`` on is still this stay.

    On a busy machine the sampler's first look comes long after the phase that named the thread; had the thread been
    anywhere else for long meanwhile, it would have been told.
    """
    if block.glimpse:
        return start <= block.end + QUIET
    return not block.ended and start <= block.end + SAME


def glimpsed(process: Process, at: float, fields: Mapping[str, Any]) -> None:
    """A thread that was at work when a phase began: its stay, told later, began no later than this."""
    thread = find(process, fields)
    if thread is None:
        return
    block = thread.blocks[-1] if thread.blocks else None
    found = seen(at, fields)
    if (
        block is not None
        and (block.at, block.state) == (found.at, found.state)
        and (block.glimpse or not block.ended)
    ):
        block.end = max(at, block.end)
        return
    found.ended = found.glimpse = True
    thread.blocks.append(found)


def end_forgotten_blocks(process: Process) -> None:
    """A thread that was to be told again (at twice the time) and was not, has left its place."""
    heard = process.silent or 0.0
    for thread in process.threads.values():
        for block in thread.blocks:
            expected = block.start + 2 * (block.end - block.start) + QUIET
            if not block.ended and (heard > expected or block is not thread.blocks[-1]):
                block.ended = True


def end_joined_blocks(process: Process) -> None:
    """A process that came to its finalization has left every line; where the sampler did not say so, the phase does.

    Pool jobs and non-daemon threads ended with the phase that joined them, the main thread with the phase it was in.
    """
    if process.phase_start("finalize") is None:
        return
    ends = list(zip(process.phases, process.phases[1:], strict=False))
    for thread in process.threads.values():
        block = thread.blocks[-1] if thread.blocks else None
        if block is None or block.ended or (thread.daemon and block.state != "executor"):
            continue
        over = [after for (_, name, _), (after, _, _) in ends if after > block.end and (thread.main or name in _JOIN)]
        if over:
            block.end, block.ended = over[0], True


def fork_at(stack: Stack) -> int:
    """How many frames of a forked child's stack are its parent's; 0 when multiprocessing did not fork it."""
    frames = [index for index, frame in enumerate(stack) if frame[0].endswith(_CHILD_BEGINS)]
    return frames[0] if frames else 0


def seen_again(thread: Thread, at: float, fields: Mapping[str, Any], first: bool, quiet: bool) -> None:
    """A thread in a snapshot. At the place of the snapshot before, and no word since: it never left it."""
    where = fields.get("at") or fields.get("leaf")
    block = thread.blocks[-1] if thread.blocks else None
    if block is not None and block.at == where and (quiet or not block.ended):
        block.end, block.ended = max(at, block.end), False
        return
    block = seen(at, fields)
    block.ended = first
    thread.blocks.append(block)


def seen(at: float, fields: Mapping[str, Any]) -> Block:
    """Where a snapshot found a thread."""
    block = Block(at, at, fields.get("at") or fields.get("leaf"), fields.get("state") or "busy")
    block.stack, block.leaf = stack_of(fields), fields.get("leaf")
    return block
