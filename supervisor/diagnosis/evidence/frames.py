"""Places in somebody's source: whose code a frame is, how it is written in a sentence. Reads no file itself.

A frame is ``(file, line, function)``, a stack a tuple of frames, outermost first (agent/wire.py).
"""

from __future__ import annotations

from supervisor.core.record import Where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeAlias

    Frame: TypeAlias = tuple[str, int, str]
    Stack: TypeAlias = tuple[Frame, ...]
    Sources: TypeAlias = Callable[[str, int], str | None]
    Origin: TypeAlias = Literal["user", "library", "stdlib"]

_INSTALLED = ("/site-packages/", "/dist-packages/")


def origin(file: str) -> Origin:
    """Whose code a file is, by its path alone: installed packages, the standard library, else the user's."""
    if any(folder in file for folder in _INSTALLED):
        return "library"
    if file.startswith("<frozen") or _after_stdlib(file) is not None:
        return "stdlib"
    return "user"


def package(file: str) -> str | None:
    """The installed package that a file belongs to (``aiohttp``); None for the user's and the standard library's."""
    found = next((folder for folder in _INSTALLED if folder in file), None)
    return file.rpartition(found)[2].partition("/")[0] if found else None


def short(file: str) -> str:
    """``uvicorn/server.py``, ``asyncio/tasks.py``, ``worker.py``: enough to recognise a file in a sentence."""
    for folder in _INSTALLED:
        if folder in file:
            return file.rpartition(folder)[2]
    stdlib = _after_stdlib(file)
    return stdlib if stdlib is not None else file.rpartition("/")[2] or file


def line_of(where: Frame | Where) -> str:
    """``queue.py:41``."""
    file, line = (where.file, where.line) if isinstance(where, Where) else where[:2]
    return f"{short(file)}:{line}"


def place(frame: Frame) -> str:
    """``queue.py:41 consume``."""
    return f"{line_of(frame)} {frame[2]}"


def where(
    frame: Frame | None,
    sources: Sources,
    cwd: str | None = None,
    task: str | None = None,
    thread: str | None = None,
) -> Where | None:
    """The frame as a record, with its source line. ``cwd`` completes a relative file (a Python 3.8 main script)."""
    if frame is None:
        return None
    file, line, function = frame
    file = absolute(file, cwd)
    text = sources(file, line)
    return Where(file, line, function, (text.strip() or None) if text else None, task, thread)


def absolute(file: str, cwd: str | None) -> str:
    """The file with the folder it is relative to."""
    return f"{cwd.rstrip('/')}/{file}" if cwd and not file.startswith(("/", "<")) else file


def user_first(at: Frame | None, stack: Stack) -> Frame | None:
    """The frame to name: the innermost of the user's own; else the innermost library's; else ``at``.

    ``at`` is the agent's word on the whole stack, of which only both ends are sent. A module's top level that only
    started a library (``uvicorn.run(app)``) is not what waits.
    """
    known = [frame for frame in stack if frame[0] != "..."]
    if at is not None and origin(at[0]) == "user" and at[2] != "<module>":
        return at
    kinds = [origin(frame[0]) for frame in known]
    entered = "library" in kinds or any("/multiprocessing/" in frame[0] for frame in known)
    for kind in ("user", "library"):
        for index in range(len(known) - 1, -1, -1):
            if kinds[index] == kind and not (kind == "user" and known[index][2] == "<module>" and entered):
                return known[index]
    return at if at is not None and (at[2] != "<module>" or not known) else known[-1] if known else at


def _after_stdlib(file: str) -> str | None:
    """What follows ``/lib/python3.12/``; None when the file is not there."""
    _, found, rest = file.partition("/lib/python3")
    if not found:
        return None
    version, slash, rest = rest.partition("/")
    return rest if slash and version.lstrip(".").replace("t", "").isdecimal() else None
