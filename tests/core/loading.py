"""The core's modules as one namespace: the real ones, or a copy with a fault under another package name."""

from __future__ import annotations

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
    "events": "events",
    "fleet": "fleet.step",
    "ladder": "ladder",
    "life": "worker.life",
    "record": "record",
    "restart": "worker.restart",
    "signum": "signum",
    "spec": "spec",
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


def copy(folder: Path, package: str, *, file: str, old: str, new: str) -> Core:
    """A copy of the core in ``folder`` as ``package``, with one text replaced in one file."""
    target = folder / package
    target.mkdir()
    for path in SOURCE.rglob("*.py"):
        text, place = path.read_text(), path.relative_to(SOURCE)
        if str(place) == file:
            assert text.count(old) == 1, f"{file}: {text.count(old)} places for the fault {old!r}; it must be one"
            text = text.replace(old, new)
        (target / place).parent.mkdir(exist_ok=True)
        (target / place).write_text(text.replace("supervisor.core", package))
    sys.path.insert(0, str(folder))
    try:
        return Core(package)
    finally:
        sys.path.remove(str(folder))


def forget(package: str) -> None:
    """Drop a copy's modules again."""
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]
