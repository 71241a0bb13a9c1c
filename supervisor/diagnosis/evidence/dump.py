"""Reads the C-level stack dump of faulthandler (CPython, Python/traceback.c): no Python ran when it was written."""

from __future__ import annotations

from supervisor.diagnosis.evidence.frames import NOBODY, frame_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.evidence.frames import Frame, Owner

_WAITS = frozenset(
    {"wait", "acquire", "join", "_wait_for_tstate_lock", "_shutdown", "select", "get", "_worker", "result"}
)
_WAIT_FILES = (
    "/threading.py",
    "/selectors.py",
    "/queue.py",
    "/concurrent/futures/thread.py",
    "/concurrent/futures/_base.py",
)


def stacks(text: str, owner: Owner = NOBODY) -> list[tuple[Frame, ...]]:
    """Return the stacks in the text, outermost frame first, the thread that was current last as faulthandler writes
    it.
    """
    found: list[list[Frame]] = []
    for line in text.splitlines():
        if line.lower().startswith(("thread 0x", "current thread 0x", "stack (most recent call first)")):
            found.append([])
            continue
        frame = _frame(line, owner)
        if frame is not None:
            if not found:
                found.append([])
            found[-1].insert(0, frame)
    return [tuple(stack) for stack in found if stack]


def culprit(text: str, owner: Owner = NOBODY) -> tuple[tuple[Frame, ...], bool] | None:
    """Return the stack that kept the others from running, and whether it is the main thread's; None for no such
    stack.

    faulthandler dumps the main thread last. A thread whose innermost frame waits (for a lock, in a selector) does
    not hold the GIL: then it was another one.
    """
    all_stacks = stacks(text, owner)
    if not all_stacks:
        return None
    running = [stack for stack in all_stacks if not _waits(stack[-1])]
    if not running or running[-1] is all_stacks[-1]:
        return all_stacks[-1], True
    return running[-1], False


def _waits(frame: Frame) -> bool:
    return frame.function in _WAITS and frame.file.endswith(_WAIT_FILES)


def _frame(line: str, owner: Owner) -> Frame | None:
    """Parse ``  File "/app/w.py", line 9 in match`` into its frame."""
    text = line.strip()
    if not text.startswith('File "'):
        return None
    file, quote, rest = text[6:].rpartition('", line ')
    number, _, function = rest.partition(" in ")
    if not quote or not number.isdecimal():
        return None
    return frame_of((file, int(number), function or "?"), owner)
