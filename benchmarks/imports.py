"""What an import costs: wall time and private memory of `python -c "import X"` beside `python -c pass`.

The reason for what the lean path of `run` does without: see the docstring of supervisor/core/frozen.py.
"""

from __future__ import annotations

from benchmarks.harness import Bench, BenchError, one_by_one
from benchmarks.peers import PYTHON
from benchmarks.report import Column, Experiment, Values
from benchmarks.wrapper import milliseconds, uss

MODULES = (
    "select",
    "signal",
    "selectors",
    "enum",
    "ctypes",
    "re",
    "typing",
    "socket",
    "json",
    "argparse",
    "pathlib",
    "subprocess",
    "dataclasses",
    "dataclasses, enum",
    "logging",
    "tomllib",
    "asyncio",
    "psutil",
    "rich.live",
    "typer",
    "typer, rich.live, psutil, asyncio",
)
"""Alternatives that the lean path was chosen from, then what the other commands import."""


def _import(bench: Bench, subject: str) -> Values:
    code = "pass" if subject == PYTHON else f"import {subject}"
    child = bench.spawn([bench.python, "-c", code])
    try:
        ended = child.wait(30)
    finally:
        child.close()
    if child.status:
        raise BenchError(f"{code}: exit status {child.status}")
    return {"whole": milliseconds(ended - child.begun), "uss": _memory(bench, code)}


def _memory(bench: Bench, code: str) -> float:
    """USS in MB of an interpreter that has done ``code`` and sleeps; it tells by closing its stdout."""
    child, ready = bench.piped([bench.python, "-c", f"{code}\nimport os, time; os.close(1); time.sleep(600)"])
    try:
        while ready.read(1):
            pass
        return uss(child.pid)
    finally:
        ready.close()
        child.close()


EXPERIMENTS: tuple[Experiment[Bench], ...] = (
    Experiment(
        "imports",
        "what an import costs",
        'Wall ms of `python -c "import X"` from spawn to exit; USS MB after the import.',
        (Column("whole", "ms", (PYTHON, "whole")), Column("uss", "USS MB", (PYTHON, "uss"))),
        (),
        (PYTHON, *MODULES),
        one_by_one(_import),
        rounds=10,
    ),
)
