"""Puts the agent into a worker's environment, from files that the worker's user can read."""

from __future__ import annotations

import os
import stat

from supervisor.errors import SupervisorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.system.process.spawn import Identity

HOME = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 2, "agent"))
BOOT = os.path.join(HOME, "boot")
VARIABLE = "SIGDRAIN_AGENT_SOCKET"
OWN = "SIGDRAIN_OWN"  # body/own.py reads it
# Where root keeps copies of the agent for workers whose user cannot read our installation.
COPIES = "/run/sigdrain"


def environment(base: Mapping[str, str], path: str, home: str = HOME, own: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the variables to add to ``base`` (the worker's own) so that its Python processes load the agent.

    ``path``: of the socket; ``home``: of the agent's files; ``own``: packages that are the user's. An empty component
    of PYTHONPATH means the current directory: none is made where the worker had no PYTHONPATH.
    """
    boot = os.path.join(home, "boot")
    theirs = [entry for entry in base.get("PYTHONPATH", "").split(os.pathsep) if entry != boot]
    kept = os.pathsep.join(theirs)
    found = {"PYTHONPATH": boot + os.pathsep + kept if kept else boot, VARIABLE: path}
    return {**found, OWN: ",".join(own)} if own else found


def home_for(whose: Identity | None) -> str:
    """Return the folder of the agent's files that a user can read: ours, or a copy. Raises SupervisorError."""
    if whose is None or whose.uid in (None, os.geteuid()):
        return HOME
    from supervisor.system.process.acting import Acting

    names = _names(HOME)
    try:
        with Acting(whose):
            readable = all(os.access(os.path.join(HOME, name), os.R_OK, effective_ids=True) for name in names)
        return HOME if readable else _copy({name: _content(HOME, name) for name in names})
    except OSError as error:
        raise SupervisorError(
            f"uid {whose.uid} cannot read the agent's files in {HOME}, and no copy can be made in {COPIES}: "
            f"{error.strerror}",
            "install it where every user can read it, or mend that folder",
        ) from None


def _names(home: str) -> list[str]:
    """Return the paths of the agent's files below its home: what is loaded by path in a worker."""
    return [
        f"{folder}/{name}"
        for folder in ("boot", "body")
        for name in sorted(os.listdir(os.path.join(home, folder)))
        if name.endswith(".py")
    ]


def _content(home: str, name: str) -> bytes:
    with open(os.path.join(home, name), "rb") as file:
        return file.read()


# ------------------------------------------------------------------ a copy that every user can read


def _copy(files: dict[str, bytes]) -> str:
    """Return a folder below COPIES with exactly these files, root's own. Raises OSError.

    Its name tells its content. It is written beside and renamed, so that it is whole from the first moment on; one
    that is there already is used only when every byte is the same and nobody but root can have changed it.
    """
    import hashlib

    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    final = os.path.join(COPIES, f"agent-{digest.hexdigest()[:16]}")
    _make_base()
    if not os.path.lexists(final):
        beside = os.path.join(COPIES, f".agent-{os.getpid()}-{os.urandom(4).hex()}")
        _fill(beside, files)
        try:
            os.rename(beside, final)
        except OSError:  # another supervisor was quicker
            _clear(beside, files)
    _check(final, files)
    return final


def _make_base() -> None:
    """Make the folder of the copies, which others may pass through but not list: fleets have theirs in it too."""
    from supervisor.system.trust import stranger

    parent = os.path.dirname(COPIES)
    if (why := stranger(parent, ours=False)) is not None:
        raise PermissionError(1, why)
    try:
        os.mkdir(COPIES, 0o711)
    except FileExistsError:
        pass
    fd = os.open(COPIES, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if found.st_uid != 0 or found.st_mode & 0o022:
            raise PermissionError(1, f"others than root may write to {COPIES}")
        if found.st_mode & 0o011 != 0o011:
            os.fchmod(fd, stat.S_IMODE(found.st_mode) | 0o011)
    finally:
        os.close(fd)


def _fill(folder: str, files: dict[str, bytes]) -> None:
    for path in (folder, *sorted({os.path.join(folder, os.path.dirname(name)) for name in files})):
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)  # whatever the umask; root alone may write to what is above
    for name, content in files.items():
        fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.fchmod(fd, 0o644)
            left = memoryview(content)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)


def _clear(folder: str, files: dict[str, bytes]) -> None:
    for name in files:
        os.unlink(os.path.join(folder, name))
    for path in {os.path.join(folder, os.path.dirname(name)) for name in files}:
        os.rmdir(path)
    os.rmdir(folder)


def _check(home: str, files: dict[str, bytes]) -> None:
    """Raise PermissionError unless the copy is root's alone, and byte for byte what it should be."""
    paths = [home, *{os.path.join(home, os.path.dirname(name)) for name in files}]
    paths += [os.path.join(home, name) for name in files]
    for path in paths:
        found = os.lstat(path)
        if found.st_uid != 0 or found.st_mode & 0o022 or stat.S_ISLNK(found.st_mode):
            raise PermissionError(1, f"{path} is not root's alone")
    if {name: _content(home, name) for name in _names(home)} != files:
        raise PermissionError(1, f"{home} is not what it was: remove it")


# ------------------------------------------------------------------ whose agent


def agent_of(pid: int) -> int | None:
    """Return the pid of the supervisor whose agent a process was given, 0 if untold; None without an agent."""
    path = meeting_of(pid)
    if path is None:
        return None
    word = os.path.basename(path).partition("-")[0]
    return int(word) if word.isdecimal() else 0


def meeting_of(pid: int) -> str | None:
    """Return where the agent of a process was told to meet its supervisor; None without an agent.

    One variable of the environment is looked for; nothing of it is kept. The process may have written there anything.
    """
    from supervisor.system.proc import reading

    start = f"{VARIABLE}=".encode()
    for entry in (reading.read(f"/proc/{pid}/environ", 1 << 20) or b"").split(b"\0"):
        if entry.startswith(start):
            return os.fsdecode(entry[len(start) :])
    return None
