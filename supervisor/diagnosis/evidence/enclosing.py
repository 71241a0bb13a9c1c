"""Finds, in the source around a line, the `except` that takes a CancelledError thrown there. Parses, runs nothing.

Needed before Python 3.12, where the interpreter does not tell which handler caught it. The file may not be what was
run, or be written for a newer Python than ours: where it cannot be parsed, nothing is known.
"""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

from supervisor.diagnosis.evidence.frames import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.evidence.frames import Frame, Sources, Stack

MOST_LINES = 20_000  # 0.2 s of parsing
# Since Python 3.8 CancelledError derives from BaseException: `except Exception` lets it pass.
_TAKES = ("CancelledError", "BaseException")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WITHS = (ast.With, ast.AsyncWith)
_TRIES = (ast.Try, ast.TryStar)
# What makes a `with` end by itself: asyncio (3.11), async-timeout, anyio, trio.
_LIMITS = frozenset({"timeout", "timeout_at", "fail_after", "fail_at", "move_on_after", "move_on_at"})
_PARTS = ("body", "handlers", "orelse", "finalbody", "cases")


def catching(stack: Stack, sources: Sources, cwd: str | None = None) -> Frame | None:
    """Return the innermost `except` that takes CancelledError and whose `try` holds a line of the stack, as a
    frame.
    """
    for frame in _own(stack):
        outer: ast.AST | None = None
        found: int | None = None
        for part, node in _around(absolute(frame.file, cwd), frame.line, sources):
            if isinstance(outer, _TRIES) and part == "body":
                taking = next((handler for handler in outer.handlers if _takes(handler)), None)
                found = taking.lineno if taking is not None else found  # of several the innermost
            outer = node
        if found is not None:
            return frame.with_(line=found)
    return None


def retried(stack: Stack, sources: Sources, cwd: str | None = None) -> bool:
    """Return whether some frame's line lies in a handler that takes CancelledError and whose `try` is inside a
    loop.
    """
    for frame in _own(stack):
        loops = False
        for _, node in _around(absolute(frame.file, cwd), frame.line, sources):
            if loops and isinstance(node, ast.ExceptHandler) and _takes(node):
                return True
            loops = loops or isinstance(node, _LOOPS)
    return False


def entered(frame: Frame, sources: Sources, cwd: str | None = None) -> Frame | None:
    """Return the innermost `with` or `async with` around the frame's line; None when it is in none."""
    around = [node for _, node in _around(absolute(frame.file, cwd), frame.line, sources) if isinstance(node, _WITHS)]
    return frame.with_(line=around[-1].lineno) if around else None


def bounded(stack: Stack, sources: Sources, cwd: str | None = None) -> bool:
    """Return whether a timeout ends what the stack waits for: that of a `with` around one of the user's lines, or one
    that is given in a call of the line.
    """
    for frame in _own(stack):
        around = [node for _, node in _around(absolute(frame.file, cwd), frame.line, sources)]
        if any(_limits(item.context_expr) for node in around if isinstance(node, _WITHS) for item in node.items):
            return True
        if around and not any(hasattr(around[-1], part) for part in _PARTS) and _gives_timeout(around[-1]):
            return True
    return False


def _limits(node: ast.AST) -> bool:
    """Return whether an expression makes a time limit: asyncio.timeout(5), anyio.move_on_after(5)."""
    return isinstance(node, ast.Call) and _name(node) in _LIMITS and any(map(_is_given, node.args[:1]))


def _gives_timeout(statement: ast.AST) -> bool:
    """Return whether a call in the statement is given a timeout; None is none."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            named = [keyword.value for keyword in node.keywords if keyword.arg == "timeout"]
            if any(map(_is_given, named)) or (_name(node) == "wait_for" and any(map(_is_given, node.args[1:2]))):
                return True
    return False


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def _is_given(value: ast.expr) -> bool:
    return not (isinstance(value, ast.Constant) and value.value is None)


def same_loop(one: Frame, other: Frame, sources: Sources, cwd: str | None = None) -> bool:
    """Return whether both lines are of one function and lie within the same loop of it."""
    if (one.file, one.function) != (other.file, other.function):
        return False
    file = absolute(one.file, cwd)
    loops = [{id(n) for _, n in _around(file, at.line, sources) if isinstance(n, _LOOPS)} for at in (one, other)]
    return bool(loops[0] & loops[1])  # the parsed tree is kept, so a node is the same one


def in_turn(frame: Frame, sources: Sources, cwd: str | None = None) -> bool:
    """Return whether the line is in a `while` loop of its function: it is come to again and again."""
    around = _around(absolute(frame.file, cwd), frame.line, sources)
    return any(isinstance(node, ast.While) for _, node in around)


def _own(stack: Stack) -> list[Frame]:
    """Return the user's frames, innermost first."""
    return [frame for frame in reversed(stack) if frame.users]


def _takes(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    named = (getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(handler.type))
    return any(name in _TAKES for name in named)


def _around(file: str, line: int, sources: Sources) -> list[tuple[str, ast.AST]]:
    """Return the statements around a line from its function inwards, each with the part of the outer one that it is
    in.
    """
    found: list[tuple[str, ast.AST]] = []
    node: ast.AST | None = _tree(_text(file, sources))
    while node is not None:
        inner = [(part, child) for part in _PARTS for child in getattr(node, part, ()) if _covers(child, line)]
        part, node = inner[0] if inner else ("", None)
        if isinstance(node, _SCOPES):
            found.clear()
        elif node is not None:
            found.append((part, node))
    return found


def _covers(node: ast.AST, line: int) -> bool:
    if isinstance(node, ast.match_case):  # has no place of its own
        return node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0)
    if not isinstance(node, ast.stmt | ast.ExceptHandler):
        return False
    return node.lineno <= line <= (node.end_lineno or 0)


def _text(file: str, sources: Sources) -> str:
    lines: list[str] = []
    while len(lines) < MOST_LINES and (text := sources(file, len(lines) + 1)) is not None:
        lines.append(text.rstrip("\n"))
    return "\n".join(lines)


@lru_cache(16)
def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's file is not for our terminal
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
