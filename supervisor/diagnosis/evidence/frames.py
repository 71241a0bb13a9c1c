"""Places in somebody's source: whose code a frame is, how it is written in a sentence. Reads no file itself."""

from __future__ import annotations

from functools import lru_cache

from supervisor.core.frozen import Frozen
from supervisor.core.record import Where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeAlias

    # `cut` stands for the frames that were left out of the middle of a long stack.
    Origin: TypeAlias = Literal["user", "library", "stdlib", "cut"]
    Stack: TypeAlias = tuple["Frame", ...]
    Sources: TypeAlias = Callable[[str, int], str | None]

_INSTALLED = ("/site-packages/", "/dist-packages/")
# Copies of other people's packages inside one's own: nobody who reads the report wrote them.
_VENDORED = ("/_vendor/", "/vendored/", "/third_party/")
# Code without a file of its own: made by exec() (namedtuple, dataclass), typed in, frozen into the interpreter.
_NO_FILE = ("<string>", "<stdin>", "<frozen", "<__array_function__")
_BUILT_IN = frozenset({"", ".", "src", "lib", "python", "grpcio"})
_COMPILED = (".pyx", ".pxi", ".pxd")


class Frame(Frozen):
    """One place: ``file`` as the interpreter names it, its line, the function; whose code it is."""

    file: str
    line: int
    function: str
    origin: Origin = "user"

    @property
    def users(self) -> bool:
        """Return whether the code is the program's own, which the reader of the report can change."""
        return self.origin == "user"


class Owner(Frozen):
    """What is known of whose code is whose in one process.

    ``own``: folders and files inside site-packages that are the user's all the same (PEP 610, --own). ``absolute``:
    Python names each file by its whole path (3.9+), so a relative one with a folder was compiled elsewhere (Cython).
    """

    own: tuple[str, ...] = ()
    absolute: bool = False


NOBODY = Owner()


@lru_cache(4096)
def origin(file: str, owner: Owner = NOBODY) -> Origin:
    """Return whose code a file is: an installed package's, the standard library's, else the user's."""
    if file == "...":
        return "cut"
    if owner.own and file.startswith(owner.own):
        return "user"
    if owner.absolute and "/" in file and not file.startswith(("/", "<")):
        return "library"
    if any(folder in file for folder in _INSTALLED + _VENDORED) or file.endswith(_COMPILED):
        return "library"
    if file.startswith(_NO_FILE) or _after_stdlib(file) is not None:
        return "stdlib"
    return "library" if _is_command(file) else "user"


def frame_of(raw: tuple[str, int, str], owner: Owner = NOBODY) -> Frame:
    """Return the wire's FRAME ``(file, line, function)`` with its origin."""
    file, line, function = raw
    return Frame(file, line, function, origin(file, owner))


def package(file: str) -> str | None:
    """Return the installed package of a file (``aiohttp``); None for the user's and the standard library's."""
    relative = "/" in file and not file.startswith(("/", "<"))
    if file.endswith(_COMPILED) or relative:  # named as where it was built: src/python/grpcio/grpc/_cython/….pyx.pxi
        return next((part for part in file.split("/")[:-1] if part not in _BUILT_IN), None)
    found = next((folder for folder in _INSTALLED if folder in file), None)
    return file.rpartition(found)[2].partition("/")[0].removesuffix(".py") if found else None


def short(file: str) -> str:
    """Return ``uvicorn/server.py``, ``asyncio/tasks.py``, ``worker.py``: enough to recognise a file in a sentence."""
    for folder in _INSTALLED:
        if folder in file:
            return file.rpartition(folder)[2]
    if not file.startswith(("/", "<")):
        return file
    stdlib = _after_stdlib(file)
    return stdlib if stdlib is not None else file.rpartition("/")[2] or file


def line_of(where: Frame | Where) -> str:
    """Return ``queue.py:41``."""
    return f"{short(where.file)}:{where.line}"


def place(frame: Frame) -> str:
    """Return ``queue.py:41 consume``."""
    return f"{line_of(frame)} {frame.function}"


def where(
    frame: Frame | None,
    sources: Sources,
    cwd: str | None = None,
    task: str | None = None,
    thread: str | None = None,
) -> Where | None:
    """Return the frame as a record with its source line. ``cwd`` completes a relative file (3.8 main scripts)."""
    if frame is None:
        return None
    file = absolute(frame.file, cwd)
    text = sources(file, frame.line)
    return Where(file, frame.line, frame.function, (text.strip() or None) if text else None, task, thread)


def absolute(file: str, cwd: str | None) -> str:
    """Return the file with the folder that it is relative to."""
    return f"{cwd.rstrip('/')}/{file}" if cwd and not file.startswith(("/", "<")) else file


def user_first(at: Frame | None, stack: Stack) -> Frame | None:
    """Return the frame to name: the innermost of the user's own; else the innermost library's; else ``at``.

    ``at`` is the agent's word on the whole stack, of which only both ends are sent. A module's top level that only
    started a library (``uvicorn.run(app)``) is not what waits.
    """
    if at is not None and at.users and at.function != "<module>":
        return at
    known = [frame for frame in stack if frame.origin != "cut"]
    entered = any(frame.origin == "library" or "/multiprocessing/" in frame.file for frame in known)
    for wanted in ("user", "library"):
        for frame in reversed(known):
            if frame.origin == wanted and not (frame.users and frame.function == "<module>" and entered):
                return frame
    return at if at is not None and (at.function != "<module>" or not known) else known[-1] if known else at


def _is_command(file: str) -> bool:
    """Return whether a file is a console script that pip wrote (``/venv/bin/uvicorn``) to call a ``main()``."""
    folder, _, name = file.rpartition("/")
    return folder.endswith("/bin") and "." not in name


def _after_stdlib(file: str) -> str | None:
    """Return what follows ``/lib/python3.12/``; None when the file is not there."""
    _, found, rest = file.partition("/lib/python3")
    if not found:
        return None
    version, slash, rest = rest.partition("/")
    return rest if slash and version.lstrip(".").replace("t", "").isdecimal() else None
