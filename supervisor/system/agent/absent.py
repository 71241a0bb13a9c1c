"""Why a program did not load the agent, as far as its file tells: a script of another language, frozen, isolated."""

from __future__ import annotations

import os
import stat

from supervisor.diagnosis.without_agent import isolating

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Bytes of a file's begin and end that are looked at: a #! line has at most 256 (execve(2)).
_HEAD, _TAIL = 256, 8192
# What PyInstaller puts at the end of its programs (PyInstaller/archive/writers.py, CArchiveWriter), and Nuitka before
# its payload (nuitka/build/static_src/OnefileBootstrap.c).
_FROZEN = ((b"MEI\x0c\x0b\x0a\x0b\x0e", "PyInstaller"), (b"KAX", "Nuitka"), (b"KAY", "Nuitka"))


def reason(argv: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """Return why the command has no agent; None when its file does not tell, or cannot be read."""
    path = _found(argv[0], environ.get("PATH", os.defpath)) if argv else None
    if path is None:
        return None
    head, tail = _ends(path)
    if head.startswith(b"#!"):
        return _of_script(os.path.basename(path), head[2:].split(b"\n", 1)[0].decode(errors="replace").split())
    if head.startswith(b"\x7fELF"):
        packer = next((name for mark, name in _FROZEN if mark in tail), None)
        if packer is not None:
            return f"`{os.path.basename(path)}` is a program frozen by {packer}, which loads nothing from outside"
    return None


def _of_script(name: str, words: list[str]) -> str | None:
    """Return what the #! line of a script says."""
    words = [word for word in words if os.path.basename(word) != "env" and word != "-S" and "=" not in word]
    interpreter = os.path.basename(words[0]) if words else ""
    if not interpreter.startswith(("python", "pypy")):
        return f"`{name}` is a script for {interpreter}, not for Python" if interpreter else None
    option = isolating(tuple(words))
    if option is None:
        return None
    return f"the #! line of `{name}` starts Python with {option}, so the agent was not loaded"


def _found(command: str, path: str) -> str | None:
    """Return the file that the command's name leads to."""
    places = [""] if "/" in command else path.split(":")
    files = (os.path.join(place, command) for place in places)
    return next((file for file in files if os.path.isfile(file) and os.access(file, os.X_OK)), None)


def _ends(path: str) -> tuple[bytes, bytes]:
    """Return the begin and the end of a regular file; nothing of any other."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b"", b""
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return b"", b""
        return os.pread(fd, _HEAD, 0), os.pread(fd, _TAIL, max(found.st_size - _TAIL, 0))
    except OSError:
        return b"", b""
    finally:
        os.close(fd)
