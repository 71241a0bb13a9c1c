"""Finds, in the text around a line, the `except` that takes a CancelledError thrown there. Reads lines, runs nothing.

Needed before Python 3.12, where the interpreter does not tell which handler caught it. By indentation alone: the
lines come one by one from a callback, and a parser would need the whole file to be what was run.
"""

from __future__ import annotations

from supervisor.diagnosis.frames import absolute, origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.frames import Frame, Sources, Stack

_MOST_LINES = 200
# Since Python 3.8 CancelledError derives from BaseException: `except Exception` lets it pass.
_TAKES = ("CancelledError", "BaseException")


def catching(stack: Stack, sources: Sources, cwd: str | None = None) -> Frame | None:
    """The innermost frame whose line lies in a `try` with an `except` that takes CancelledError, at that `except`."""
    for frame in reversed(stack):
        if frame[0] == "..." or origin(frame[0]) != "user":
            continue
        line = _handler(absolute(frame[0], cwd), frame[1], sources)
        if line is not None:
            return (frame[0], line, frame[2])
    return None


def retried(stack: Stack, sources: Sources, cwd: str | None = None) -> bool:
    """Some frame's line lies in a handler that takes CancelledError and whose `try` is inside a loop."""
    for frame in reversed(stack):
        if frame[0] == "..." or origin(frame[0]) != "user":
            continue
        heads = _heads(absolute(frame[0], cwd), frame[1], sources)
        for index, head in enumerate(heads):
            taking = head.startswith("except:") or (head.startswith("except") and any(n in head for n in _TAKES))
            if taking and any(outer.startswith(("while ", "for ", "async for ")) for outer in heads[index + 1 :]):
                return True
    return False


def _heads(file: str, line: int, sources: Sources) -> list[str]:
    """The heads of the blocks around a line, innermost first, up to its function."""
    text = sources(file, line)
    heads: list[str] = []
    if text is None:
        return heads
    indent = _indent(text)
    for number in range(line - 1, max(line - _MOST_LINES, 0), -1):
        above = sources(file, number)
        if above is None:
            break
        if not above.strip() or above.lstrip().startswith("#") or _indent(above) >= indent:
            continue
        indent = _indent(above)
        heads.append(above.strip())
        if heads[-1].startswith(("def ", "async def ", "class ")):
            break
    return heads


def _handler(file: str, line: int, sources: Sources) -> int | None:
    text = sources(file, line)
    if text is None:
        return None
    indent = _indent(text)
    for number in range(line - 1, max(line - _MOST_LINES, 0), -1):
        above = sources(file, number)
        if above is None:
            return None
        if not above.strip() or above.lstrip().startswith("#") or _indent(above) >= indent:
            continue
        indent = _indent(above)
        head = above.strip()
        if head.startswith("try:"):
            found = _except_below(file, line, indent, sources)
            if found is not None:
                return found
        if head.startswith(("def ", "async def ", "class ")):
            return None
    return None


def _except_below(file: str, line: int, indent: int, sources: Sources) -> int | None:
    for number in range(line + 1, line + _MOST_LINES):
        below = sources(file, number)
        if below is None:
            return None
        if not below.strip() or below.lstrip().startswith("#") or _indent(below) > indent:
            continue
        head = below.strip()
        if _indent(below) < indent or not head.startswith(("except", "else", "finally")):
            return None
        if head.startswith("except:") or (head.startswith("except") and any(name in head for name in _TAKES)):
            return number
    return None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
