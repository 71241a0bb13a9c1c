"""Puts the agent into a worker's environment, and makes and removes the private folder that they meet in."""

from __future__ import annotations

import os

from supervisor.errors import SupervisorError
from supervisor.system.proc import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 2, "agent", "boot")
SOCKET = "agent.sock"
VARIABLE = "SIGDRAIN_AGENT_SOCKET"
PREFIX = "sigdrain-"
LONGEST_PATH = 107  # bytes of sun_path without its final NUL, unix(7)


def environment(base: Mapping[str, str], folder: str) -> dict[str, str]:
    """The variables to add to ``base`` (the worker's own) so that its Python processes load the agent.

    An empty component of PYTHONPATH means the current directory: none is made where the worker had no PYTHONPATH.
    """
    theirs = [entry for entry in base.get("PYTHONPATH", "").split(os.pathsep) if entry != BOOT]
    kept = os.pathsep.join(theirs)
    return {"PYTHONPATH": BOOT + os.pathsep + kept if kept else BOOT, VARIABLE: os.path.join(folder, SOCKET)}


def make_folder(uid: int | None = None, gid: int | None = None, env: Mapping[str, str] | None = None) -> str:
    """A new folder, mode 0700, owned by ``uid`` (None: our own), with a path short enough for a socket in it.

    SupervisorError: no place to put it.
    """
    tried = []
    for base in _bases(uid is not None and uid != os.geteuid(), os.environ if env is None else env):
        folder = os.path.join(base, f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
        if len(os.fsencode(folder)) + 1 + len(SOCKET) > LONGEST_PATH:
            tried.append(f"{base}: path too long for a socket")
            continue
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            tried.append(f"{base}: {error.strerror}")
            continue
        try:
            if uid is not None and uid != os.geteuid():
                os.chown(folder, uid, -1 if gid is None else gid)
        except OSError as error:
            os.rmdir(folder)
            tried.append(f"{base}: cannot give it to uid {uid}: {error.strerror}")
            continue
        return folder
    raise SupervisorError(
        f"no place for the agent's private folder ({'; '.join(tried)})",
        "set XDG_RUNTIME_DIR or TMPDIR to a writable folder with a short path, or use --no-agent",
    )


def _bases(another_user: bool, env: Mapping[str, str]) -> Iterator[str]:
    """Folders of which a worker can reach what is inside: XDG_RUNTIME_DIR only when it is our own user's worker."""
    runtime = env.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and not another_user and os.path.isdir(runtime):
        yield runtime
    if os.geteuid() == 0:
        yield "/run"
    temporary = env.get("TMPDIR", "")
    if temporary.startswith("/") and not another_user:
        yield temporary
    yield "/tmp"


def remove_folder(folder: str) -> bool:
    """Remove the folder and the files in it; never follows a link, never descends. False: something is left."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    os.unlink(entry.path)
                except OSError:  # a folder that the worker made there
                    pass
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _served(folder: str) -> bool:
    """Whether somebody listens there: a pid says nothing where containers share the folder (/tmp, /run/user)."""
    import _socket

    caller = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
    try:
        caller.connect(os.path.join(folder, SOCKET))
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        return True  # a full queue, or not ours to ask
    finally:
        caller.close()
    return True


def sweep(base: str) -> None:
    """Remove our own user's folders in ``base`` whose supervisor is gone: SIGKILL leaves no time for it."""
    try:
        names = os.listdir(base)
    except OSError:
        return
    for name in names:
        pid = name.removeprefix(PREFIX).partition("-")[0]
        folder = os.path.join(base, name)
        if not name.startswith(PREFIX) or not pid.isdecimal() or os.path.exists(f"/proc/{pid}") or _served(folder):
            continue
        try:
            if os.lstat(folder).st_uid == os.geteuid() and os.path.isdir(folder) and not os.path.islink(folder):
                remove_folder(folder)
        except OSError:
            continue


def agent_of(pid: int) -> int | None:
    """The pid of the supervisor whose agent this process was given at its start, 0 if that is not told; else None.

    One variable of the environment is looked for; nothing of it is kept.
    """
    start = f"{VARIABLE}=".encode()
    for entry in (reading.read(f"/proc/{pid}/environ", 1 << 20) or b"").split(b"\0"):
        if entry.startswith(start):
            folder = os.path.basename(os.path.dirname(os.fsdecode(entry)))
            word = folder.removeprefix("sigdrain-").partition("-")[0]
            return int(word) if word.isdecimal() else 0
    return None
