"""Finds, in the program's own files, the lines that call a library. Parses, runs nothing.

Needed for a thread that a library started for itself: no line of the program's own is on its stack, and still one of
them had it started.
"""

from __future__ import annotations

import ast

from supervisor.diagnosis.evidence.enclosing import parsed
from supervisor.diagnosis.evidence.frames import Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supervisor.diagnosis.evidence.frames import Sources

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def starters(package: str, library_file: str, files: Iterable[str], sources: Sources) -> list[Frame]:
    """Return the lines in ``files`` that call a function of the library's file which starts a thread; where none
    does by that function's name, all that call the package.
    """
    found = [call for file in files for call in _calls(package, file, sources)]
    starting = _start_threads(library_file, sources)
    named = [frame for frame, name in found if name in starting]
    return list(dict.fromkeys(named or [frame for frame, _ in found]))


def _calls(package: str, file: str, sources: Sources) -> Iterator[tuple[Frame, str]]:
    """Yield each line of a file that calls the package, or something that it returned, with the name it calls."""
    tree = parsed(file, sources)
    if tree is None:
        return
    bound = _imported(package, tree)
    if not bound:
        return
    for scope, node in _in_order(tree, "<module>"):
        if isinstance(node, ast.Assign) and _root(node.value) in bound:
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.Call) and _root(node.func) in bound:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else _root(node.func)
            yield Frame(file, node.lineno, scope), name or ""


def _imported(package: str, tree: ast.Module) -> set[str]:
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [one for one in node.names if one.name.partition(".")[0] == package]
            bound |= {one.asname or package for one in names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package:
            bound |= {one.asname or one.name for one in node.names}
    return bound


def _in_order(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield all nodes as they stand in the file, each with the name of the function that it is in."""
    for child in ast.iter_child_nodes(node):
        yield scope, child
        yield from _in_order(child, child.name if isinstance(child, _FUNCTIONS) else scope)


def _root(node: ast.AST) -> str | None:
    """Return the name that an expression begins with: ``redis`` of ``redis.Redis(port=1).pubsub()``."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Await | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _start_threads(file: str, sources: Sources) -> set[str]:
    """Return the names of a file's functions that call some ``start()``."""
    tree = parsed(file, sources)
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)] if tree is not None else []
    return {
        function.name
        for function in functions
        if any(isinstance(node, ast.Attribute) and node.attr == "start" for node in ast.walk(function))
    }
