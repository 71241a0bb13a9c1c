"""Reads the C-level stack dump of faulthandler (CPython, Python/traceback.c): no Python ran when it was written."""

from __future__ import annotations

from supervisor.diagnosis.frames import user_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.frames import Frame


def stacks(text: str) -> list[tuple[Frame, ...]]:
    """The stacks in the text, outermost frame first, the thread that was current last as faulthandler writes it."""
    found: list[list[Frame]] = []
    for line in text.splitlines():
        if line.lower().startswith(("thread 0x", "current thread 0x", "stack (most recent call first)")):
            found.append([])
            continue
        frame = _frame(line)
        if frame is not None:
            if not found:
                found.append([])
            found[-1].insert(0, frame)
    return [tuple(stack) for stack in found if stack]


def innermost(text: str) -> Frame | None:
    """The place to name: of the main thread, which faulthandler dumps last; None when there is none."""
    all_stacks = stacks(text)
    return user_first(None, all_stacks[-1]) if all_stacks else None


def _frame(line: str) -> Frame | None:
    """``  File "/app/w.py", line 9 in match`` -> its frame."""
    text = line.strip()
    if not text.startswith('File "'):
        return None
    file, quote, rest = text[6:].rpartition('", line ')
    number, _, function = rest.partition(" in ")
    if not quote or not number.isdecimal():
        return None
    return (file, int(number), function or "?")
