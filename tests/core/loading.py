"""The core's modules as one namespace: the real ones, or a copy with a fault under another package name."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import supervisor.core

SOURCE = Path(supervisor.core.__file__).parent
TESTS = Path(__file__).parent
MODULES = {
    "actions": "actions",
    "dues": "worker.dues",
    "events": "events",
    "fleet": "fleet.step",
    "ladder": "ladder",
    "notify": "notify",
    "life": "worker.life",
    "record": "record",
    "restart": "worker.restart",
    "signum": "signum",
    "spec": "spec",
    "state": "fleet.state",
    "states": "worker.states",
    "step": "worker.step",
}


class Core:
    """``core.events``, ``core.fleet`` …: the modules of one copy of the core, by the names of ``MODULES``."""

    def __init__(self, package: str) -> None:
        for name, module in MODULES.items():
            setattr(self, name, importlib.import_module(f"{package}.{module}"))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> ModuleType: ...


REAL = Core("supervisor.core")


def copy(folder: Path, package: str, *, module: str, name: str, old: str, new: str) -> Core:
    """Return a copy of the core in ``folder`` as ``package``, with a fault in one function, class or constant."""
    target = folder / package
    target.mkdir()
    for path in SOURCE.rglob("*.py"):
        text, place = path.read_text(), path.relative_to(SOURCE)
        if ".".join(place.with_suffix("").parts) == module:
            text = mutated(text, name, old, new)
        (target / place).parent.mkdir(exist_ok=True)
        (target / place).write_text(text.replace("supervisor.core", package))
    sys.path.insert(0, str(folder))
    try:
        return Core(package)
    finally:
        sys.path.remove(str(folder))


def mutated(source: str, name: str, old: str, new: str) -> str:
    """Return the source with one expression or statement replaced where ``name`` is defined.

    ``name`` is a function, a class, ``Class.method`` or a constant of the module; ``old`` and ``new`` are code. How
    ``old`` is laid out in the source makes no difference, nor what stands around it; there must be one of it.
    """
    tree = ast.parse(source)
    wanted, replacement = ast.dump(_one(old)), _one(new)
    swap = _Swap(wanted, replacement)
    swap.visit(_definition(tree, name))
    assert swap.found == 1, f"{name}: {swap.found} places for the fault {old!r}; it must be one"
    return ast.unparse(ast.fix_missing_locations(tree))


def _one(code: str) -> ast.AST:
    """The expression, or the one statement, that the code is."""
    (statement,) = ast.parse(code).body
    return statement.value if isinstance(statement, ast.Expr) else statement


def _definition(tree: ast.Module, name: str) -> ast.AST:
    found: ast.AST = tree
    for part in name.split("."):
        body: list[ast.stmt] = found.body  # type: ignore[attr-defined]  # a module or a class
        (found,) = [
            one
            for one in body
            if (isinstance(one, ast.FunctionDef | ast.ClassDef) and one.name == part)
            or (isinstance(one, ast.Assign) and [ast.unparse(target) for target in one.targets] == [part])
        ]
    return found


class _Swap(ast.NodeTransformer):
    def __init__(self, wanted: str, replacement: ast.AST) -> None:
        self.wanted, self.replacement, self.found = wanted, replacement, 0

    def visit(self, node: ast.AST) -> ast.AST:
        if ast.dump(node) == self.wanted:
            self.found += 1
            return self.replacement
        self.generic_visit(node)
        return node


def forget(package: str) -> None:
    """Drop a copy's modules again."""
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]
