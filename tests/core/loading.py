"""The core's modules as one namespace: the real ones, or a copy with a fault under another package name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import supervisor.core

SOURCE = Path(supervisor.core.__file__).parent
TESTS = Path(__file__).parent


class Core:
    """``core.events``, ``core.fleet`` …: the modules of one copy of the core."""

    actions: ModuleType
    events: ModuleType
    fleet: ModuleType
    ladder: ModuleType
    life: ModuleType
    record: ModuleType
    restart: ModuleType
    signals: ModuleType
    spec: ModuleType
    step: ModuleType

    def __init__(self, package: str) -> None:
        for name in self.__class__.__annotations__:
            setattr(self, name, importlib.import_module(f"{package}.{name}"))


REAL = Core("supervisor.core")


def copy(folder: Path, package: str, *, file: str, old: str, new: str) -> Core:
    """A copy of the core in ``folder`` as ``package``, with one text replaced in one file."""
    target = folder / package
    target.mkdir()
    for path in SOURCE.glob("*.py"):
        text = path.read_text()
        if path.name == file:
            assert text.count(old) == 1, f"{file}: {text.count(old)} places for the fault {old!r}; it must be one"
            text = text.replace(old, new)
        (target / path.name).write_text(text.replace("supervisor.core", package))
    sys.path.insert(0, str(folder))
    try:
        return Core(package)
    finally:
        sys.path.remove(str(folder))


def forget(package: str) -> None:
    """Drop a copy's modules again."""
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]
