"""Lines of source files for explanations, read with the rights of the user whose program named the file.

A file's name is the word of a process that we did not write: it may name a device, a FIFO that nobody fills, our own
environment or another user's secret. Only regular files with text are read, bounded, and never with more rights than
that process has. SECURITY.md says who is trusted with what.
"""

from __future__ import annotations

import os
import stat

from supervisor.system.proc import reading
from supervisor.system.process.acting import Acting
from supervisor.system.process.spawn import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.evidence.frames import Sources

# Files kept in memory for one user; then all are forgotten and read again.
MOST_FILES = 64
# Bytes read of one file: what follows has no lines here.
MOST_BYTES = 4 << 20
# Characters of one line: a minified file must not become a report.
MOST_LINE = 1000
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def reader(whose: Identity | None = None) -> Sources:
    """Return ``lookup(file, line)``: the line's text (counted from 1) with its indentation, None without one.

    ``whose``: the user and groups to read as, None for our own. Where they cannot be taken on, nothing is read.
    """
    files: dict[str, list[str]] = {}

    def lookup(file: str, number: int) -> str | None:
        if file not in files:
            if len(files) >= MOST_FILES:
                files.clear()
            files[file] = _text(_read_as(whose, file))
        lines = files[file]
        return lines[number - 1].rstrip()[:MOST_LINE] if 0 < number <= len(lines) else None

    return lookup


def of_process(pid: int) -> Sources:
    """Return a :func:`reader` with the file rights that a running process has (proc_pid_status(5))."""
    fields: dict[str, list[str]] = {}
    for line in (reading.read(f"/proc/{pid}/status", 65536) or b"").decode(errors="replace").splitlines():
        name, _, rest = line.partition(":")
        fields[name] = rest.split()
    uids, gids, root = fields.get("Uid", []), fields.get("Gid", []), _root(pid)
    if len(uids) < 4 or len(gids) < 4:
        return lambda _file, _number: None
    # Real, effective, saved and, last, the one that counts for files.
    lookup = reader(Identity(int(uids[3]), int(gids[3]), tuple(map(int, fields.get("Groups", [])))))
    return lambda file, number: lookup(root + file if file.startswith("/") else file, number)


def _root(pid: int) -> str:
    """Return what stands before the files of a process as we see them: nothing, unless its root is another than ours
    (a container, chroot(2))."""
    try:
        theirs, ours = (os.stat(os.path.join("/proc", str(one), "root")) for one in (pid, "self"))
    except OSError:
        return ""
    return "" if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino) else f"/proc/{pid}/root"


def _text(data: bytes) -> list[str]:
    """Return the lines of a text; none of what is no text."""
    return [] if b"\0" in data else data.decode("utf-8", "replace").splitlines()


def _read_as(whose: Identity | None, file: str) -> bytes:
    """Return a file's content as another user sees it. Needs a process of one thread: rights are a thread's."""
    uid = os.geteuid()
    if whose is None or whose.uid in (None, uid):
        return _read(file, root=uid == 0)
    if uid != 0:
        return b""
    try:
        with Acting(whose):
            return _read(file, root=False)
    except OSError:
        return b""


def _read(file: str, root: bool) -> bytes:
    """Read a regular file of at most MOST_BYTES; files of /proc, whose size is 0, are empty here.

    ``root``: of what not everybody may read only Python source is read, since root may read everything.
    """
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return b""  # to open a device can have effects (a tape rewinds)
        fd = os.open(file, _FLAGS)
    except (OSError, ValueError):
        return b""  # frozen, generated, gone, or a name with a NUL
    try:
        found = os.fstat(fd)
        secret = root and not found.st_mode & stat.S_IROTH and not file.endswith((".py", ".pyw"))
        if not stat.S_ISREG(found.st_mode) or secret:
            return b""
        data, room = b"", min(found.st_size, MOST_BYTES)
        while len(data) < room and (chunk := os.read(fd, room - len(data))):
            data += chunk
        return data
    except OSError:
        return b""
    finally:
        os.close(fd)
