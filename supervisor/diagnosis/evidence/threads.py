"""Messages about threads -> their lives: at which line each stayed, from when to when."""

from __future__ import annotations

from supervisor.diagnosis.evidence import notes
from supervisor.diagnosis.evidence.frames import user_first
from supervisor.diagnosis.evidence.model import Block, Process, Thread
from supervisor.diagnosis.evidence.tasks import SAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.evidence.frames import Frame, Stack
    from supervisor.diagnosis.evidence.notes import ThreadMoved, ThreadWaiting
    from supervisor.diagnosis.evidence.shapes import ThreadTold

# Threads remembered of one process: a program that creates them for ever must not fill our memory.
MOST_THREADS = 5000
# A sampler that can run has told something within this time while anything waits: two of the pauses that it makes in
# the first five minutes (agent/body/grain.py, LOOKS).
QUIET = 0.6
# A snapshot that comes so soon after a silence is of the place where the silence was, seconds.
SPOKE_AGAIN = 0.1
_JOIN = frozenset({"executor", "thread-join", "atexit"})  # atexit: pools of Python 3.8
# A first import: it reads and compiles files, once in the life of a process.
_IMPORT = "<frozen importlib"
# Where a child that multiprocessing forked begins; the fork itself may be in the part of the stack that was cut.
_LOOPS = ("/asyncio/base_events.py", "/asyncio/runners.py", "/uvloop/__init__.py")
_CHILD_BEGINS = ("/multiprocessing/popen_fork.py", "/multiprocessing/process.py", "/concurrent/futures/process.py")


def find(process: Process, told: ThreadTold) -> Thread | None:
    """Return the thread that is told of; None when it cannot be said which."""
    ident = told.thread
    if ident is None or (ident not in process.threads and len(process.threads) >= MOST_THREADS):
        return None
    thread = process.threads.get(ident)
    if thread is None:
        thread = process.threads[ident] = Thread(process.pid, ident)
    thread.name = told.name or thread.name
    thread.main = thread.main or told.main
    thread.daemon = told.daemon
    thread.started_by = told.by or thread.started_by
    return thread


def blocked(process: Process, note: ThreadWaiting | ThreadMoved) -> None:
    """Note that the thread stays at a line, or has left it."""
    at, told = note.at, note.told
    thread = find(process, told)
    if thread is None:
        return
    start = at - max(note.seconds or 0.0, 0.0)
    where, state, stack = _own_part(process, told)
    block = thread.blocks[-1] if thread.blocks else None
    if block is None or (block.at, block.state) != (where, state) or not _goes_on(block, start):
        block = Block(start, at, where, state)
        thread.blocks.append(block)
    block.end = max(at, block.start)
    block.ended, block.glimpse = type(note) is notes.ThreadMoved, False
    block.stack = stack or block.stack
    block.cpu = note.cpu if note.cpu is not None else block.cpu
    _describe(block, told)
    # What a snapshot says of the kernel is no answer: the main thread takes it, and then reads /proc.
    block.doing = told.doing or block.doing
    block.fd = told.fd if told.fd is not None else block.fd


def _own_part(process: Process, told: ThreadTold) -> tuple[Frame | None, str, Stack]:
    """Return the place, state and stack of a thread without what a forked child has below them: its parent's frames,
    whose loop does not run here.
    """
    forked = fork_at(told.stack) if process.hello.forked else 0
    if not forked:
        return told.at or told.leaf, told.state, told.stack
    stack = told.stack[forked:]
    return user_first(None, stack) or stack[-1], "busy" if told.state == "callback" else told.state, stack


def _describe(block: Block, told: ThreadTold) -> None:
    block.leaf = told.leaf or block.leaf
    block.child = told.child or block.child
    block.on = told.on if told.on.kind else block.on
    block.job = told.job or block.job
    block.callback = told.callback or block.callback
    block.delayed = told.delayed if told.delayed is not None else block.delayed
    block.importing = block.importing or told.importing or any(f.file.startswith(_IMPORT) for f in told.stack)


def _goes_on(block: Block, start: float) -> bool:
    """Return whether what is told from ``start`` on is still this stay.

    On a busy machine the sampler's first look comes long after the phase that named the thread; had the thread been
    anywhere else for long meanwhile, it would have been told.
    """
    if block.glimpse:
        return start <= block.end + QUIET
    return not block.ended and start <= block.end + SAME


def glimpsed(process: Process, at: float, told: ThreadTold) -> None:
    """Note a thread that was at work when a phase began: its stay, told later, began no later than this."""
    thread = find(process, told)
    if thread is None:
        return
    block = thread.blocks[-1] if thread.blocks else None
    found = seen(process, at, told)
    if (
        block is not None
        and (block.at, block.state) == (found.at, found.state)
        and (block.glimpse or not block.ended)
    ):
        block.end = max(at, block.end)
        _describe(block, told)
        return
    found.ended = found.glimpse = True
    thread.blocks.append(found)


def end_forgotten_blocks(process: Process) -> None:
    """End the stay of a thread that was to be told again (at twice the time) and was not: it has left its place."""
    heard = process.silent or 0.0
    for thread in process.threads.values():
        for block in thread.blocks:
            if not block.ended and (heard > _expected(block) or block is not thread.blocks[-1]):
                block.ended = True


def end_joined_blocks(process: Process) -> None:
    """End all stays of a process that came to its finalization; where the sampler did not say so, the phase does.

    Pool jobs and non-daemon threads ended with the phase that joined them, the main thread with the phase it was in.
    """
    if process.phase_start("finalize") is None:
        return
    ends = [(name.name, after.at) for name, after in zip(process.phases, process.phases[1:], strict=False)]
    for thread in process.threads.values():
        block = thread.blocks[-1] if thread.blocks else None
        if block is None or block.ended or (thread.daemon and block.state != "executor"):
            continue
        over = [after for name, after in ends if after > block.end and (thread.main or name in _JOIN)]
        if over:
            block.end, block.ended = over[0], True


def fork_at(stack: Stack) -> int:
    """Return how many frames of a forked child's stack are its parent's; 0 when multiprocessing did not fork it."""
    frames = [index for index, frame in enumerate(stack) if frame.file.endswith(_CHILD_BEGINS)]
    return frames[0] if frames else 0


def left_its_loop(stack: Stack) -> bool:
    """Return whether the thread is in a child that multiprocessing forked without a loop there: the tasks are its
    parent's.
    """
    begin = fork_at(stack)
    return begin > 0 and not any(frame.file.endswith(_LOOPS) for frame in stack[begin:])


def seen_again(thread: Thread, found: Block, told: ThreadTold, glimpse: bool, quiet: bool) -> None:
    """Note a thread in a snapshot, ``found`` there.

    At the place of the snapshot before, and with no word since, it never left that place.

    ``glimpse``: at a place where it was not before it may be for an instant, as its sampler would tell otherwise.
    """
    block = thread.blocks[-1] if thread.blocks else None
    if block is not None and block.at == found.at and _stayed(block, found, quiet):
        block.end, block.ended = max(found.end, block.end), False
        _describe(block, told)
        return
    found.ended = glimpse
    thread.blocks.append(found)


def _stayed(block: Block, found: Block, quiet: bool) -> bool:
    """Return whether a thread that is found at its last place never left it; its sampler would have told."""
    if block.ended:
        return quiet and block.leaf == found.leaf
    return quiet or block.leaf == found.leaf or found.end <= _expected(block)


def _expected(block: Block) -> float:
    """Return when a thread that stays is told again at the latest: at twice the time."""
    return block.start + 2 * (block.end - block.start) + QUIET


def seen(process: Process, at: float, told: ThreadTold) -> Block:
    """Return where a thread was found."""
    where, state, stack = _own_part(process, told)
    block = Block(at, at, where, state)
    block.stack = stack
    _describe(block, told)
    return block
