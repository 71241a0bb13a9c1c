"""The await graph of a running asyncio program, as ``python -m asyncio pstree`` of its own interpreter prints it.

CPython 3.14 and later; it reads the memory of the program and does not stop it. Only the same version can.
"""

from __future__ import annotations

from supervisor.system.proc import python
from supervisor.system.process import entering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.running.facts import Facts

# The first CPython whose asyncio looks into others: https://docs.python.org/3.14/whatsnew/3.14.html
FIRST = (3, 14)
MOST = 200  # lines
PATIENCE = 10.0  # seconds: a program with thousands of tasks takes some


def tree(facts: Facts) -> tuple[str, ...] | None:
    """Return the lines of its await graph; None where there is none to be had."""
    version = python.numbers(python.version(facts.pid, facts.exe) or "")
    if version < FIRST or facts.exe is None or not python.is_interpreter(facts.exe):
        return None
    try:
        rights = entering.rights_of(facts.pid)
        run = entering.run(facts.pid, rights, ["-I", "-S", "-m", "asyncio", "pstree", str(rights.inner)])
    except entering.NotEntered:
        return None
    output, code = run.finished(PATIENCE)
    lines = [line.rstrip() for line in output.decode(errors="replace").splitlines()]
    return tuple(line for line in lines if line)[:MOST] or None if code == 0 else None
