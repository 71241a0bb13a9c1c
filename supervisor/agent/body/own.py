"""Whose program this is: the package that was started, and what of the installed packages is the user's own code.

Installed code is somebody else's, unless it was installed from a folder or a repository (PEP 610: `pip install .`, as
in every container image), or is what the console script or `-m` started and no server that runs others' programs.
"""

from __future__ import annotations

import os
import sys
from os import O_CLOEXEC, O_RDONLY, close, read
from os import open as open_file

import _sigdrain_agent as agent
import _sigdrain_agent_servers as servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Optional, Tuple

VARIABLE = "SIGDRAIN_OWN"  # names of packages, with commas between
INFOS = 1_000  # installed distributions that are looked at: 3 us each
LARGEST = 1 << 18  # bytes of a RECORD that are read: the packages of a larger distribution may be missed
MOST = 50  # prefixes that are told


_found: Optional[Tuple[Optional[str], List[str]]] = None


def look() -> Tuple[Optional[str], List[str]]:
    """Return the package of the program and the prefixes of its own files.

    The package is the top package of the command that was started, None for a script of the user's own; the prefixes
    are those of files that are the user's though they are installed. Asked once in a process's life; never raises.
    """
    global _found
    if _found is None:
        started, paths = None, []
        try:
            started = _started()
            paths = _own(started)
        except Exception as error:
            agent.failed("own", error)
        _found = started, [path + os.sep if os.path.isdir(path) else path + ".py" for path in paths[:MOST]]
    return _found


def _own(started: Optional[str]) -> List[str]:
    names = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    if started is not None and started not in servers.SERVERS:
        names.append(started)
    paths: List[str] = []
    for folder in sys.path:
        if type(folder) is str and folder.endswith("-packages") and os.path.isdir(folder):
            paths += [os.path.join(folder, name) for name in names if _is_there(folder, name)]
            paths += _from_elsewhere(folder)
    return paths


def _started() -> Optional[str]:
    main: Any = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:  # python -m
        name = str(spec.name)
        return name.partition(".")[0] if "-packages" in str(getattr(spec, "origin", "")) else None
    file = getattr(main, "__file__", None)
    if type(file) is not str or os.path.basename(os.path.dirname(os.path.abspath(file))) != "bin":
        return None
    for line in _text(file, 4_096).split("\n"):  # what pip and uv write: `from uvicorn.main import main`
        words = line.split()
        if len(words) > 3 and words[0] == "from" and words[2] == "import":
            return words[1].partition(".")[0]
    return None


def _is_there(folder: str, name: str) -> bool:
    path = os.path.join(folder, name)
    return bool(name) and (os.path.isdir(path) or os.path.exists(path + ".py"))


def _from_elsewhere(folder: str) -> Iterator[str]:
    """Yield the top packages of distributions that were not installed from an index."""
    infos = [name for name in os.listdir(folder) if name.endswith(".dist-info")]
    for info in infos[:INFOS]:
        path = os.path.join(folder, info)
        if not os.path.exists(path + "/direct_url.json"):
            continue
        tops = {line.partition("/")[0].partition(",")[0] for line in _text(path + "/RECORD", LARGEST).split("\n")}
        for top in sorted(tops):
            name = top[:-3] if top.endswith(".py") else top
            if name.isidentifier() and name != "supervisor" and _is_there(folder, name):
                yield os.path.join(folder, name)


def _text(path: str, most: int) -> str:
    try:
        fd = open_file(path, O_RDONLY | O_CLOEXEC)
    except OSError:
        return ""
    try:
        return read(fd, most).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        close(fd)
