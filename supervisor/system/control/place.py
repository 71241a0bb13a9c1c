"""The private folder of a running fleet: its lock and its control socket. One supervisor per fleet."""

from __future__ import annotations

import _socket
import fcntl
import os
import time

from supervisor.errors import ControlError, SupervisorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# `supervisor status` holds the lock of a fleet for an instant, to see whether it can; one that ends removes the file.
TRIES = 3
RETRY = 0.02
LONGEST_PATH = 107  # bytes of sun_path without its final NUL (unix(7))
BACKLOG = 64  # callers that wait to be accepted
SOCKET = "control"
LOCK = "lock"


def base(environ: Mapping[str, str]) -> str:
    """Where all fleets of this user have their folders."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and os.path.isdir(runtime):
        return os.path.join(runtime, "sigdrain")
    return "/run/sigdrain" if os.geteuid() == 0 else f"/tmp/sigdrain-{os.geteuid()}"


def socket_path(fleet: str, environ: Mapping[str, str]) -> str:
    """The path of a fleet's control socket. Raises SupervisorError when a socket cannot have so long a one."""
    path = os.path.join(base(environ), fleet, SOCKET)
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise SupervisorError(f"the path of the control socket is too long: {path}", "give the fleet a shorter name")
    return path


def running(environ: Mapping[str, str]) -> list[str]:
    """The fleets whose folder exists and whose lock is held."""
    folder = base(environ)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [name for name in names if holder(os.path.join(folder, name)) is not None]


def holder(folder: str) -> int | None:
    """The pid of the supervisor that holds the lock, 0 if it did not say; None when nobody holds it."""
    try:
        fd = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(fd, 32).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(fd)
    return None


def listen(path: str) -> _socket.socket:
    """A socket that listens at ``path`` and that nobody but its owner can reach. Raises OSError."""
    listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        listening.bind(path)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


class Folder:
    """A fleet's folder, locked while this object lives. The lock, not the socket, says that the fleet runs:
    a socket is left behind by SIGKILL, a lock is not."""

    def __init__(self, fleet: str, environ: Mapping[str, str]) -> None:
        """Raises ControlError when another supervisor runs this fleet, SupervisorError when it cannot be made."""
        self.fleet = fleet
        self.socket = socket_path(fleet, environ)
        self.path = os.path.dirname(self.socket)
        for _ in range(TRIES):
            try:
                found = self._locked()
            except OSError as error:
                raise SupervisorError(
                    f"cannot make the fleet's folder {self.path}: {error.strerror}",
                    "fix its permissions, or set XDG_RUNTIME_DIR to a folder of your own",
                ) from None
            if found is not None:
                break
            time.sleep(RETRY)
        else:
            pid = holder(self.path)
            raise ControlError(
                f"the fleet {fleet!r} is already running{f' (pid {pid})' if pid else ''}",
                "watch it: supervisor top; stop it: supervisor stop; or give this one another [fleet] name",
            ) from None
        self._lock = found
        try:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
            if os.path.lexists(self.socket):
                os.unlink(self.socket)  # of a supervisor that was SIGKILLed: nobody holds the lock
        except OSError as error:
            os.close(self._lock)
            raise SupervisorError(
                f"cannot use the fleet's folder {self.path}: {error.strerror}",
                "make room on its disk, or remove what is in the way there",
            ) from None

    def _locked(self) -> int | None:
        """The lock's descriptor, None when somebody holds it or has just removed it. Raises OSError."""
        path, base = os.path.join(self.path, LOCK), os.path.dirname(self.path)
        os.makedirs(os.path.dirname(base), exist_ok=True)
        try:
            # Others may pass through the first one: root keeps copies of the agent in it, for workers of other users.
            for folder, closed in ((base, 0o066), (self.path, 0o077)):
                try:
                    os.mkdir(folder, 0o700)
                except FileExistsError:
                    pass
                _check_ours(folder, closed)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None  # the folder went away between two of these lines: its fleet has ended
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(fd)
        return None

    def close(self) -> None:
        """Remove everything; the lock goes last."""
        for name in (SOCKET, LOCK):
            try:
                os.unlink(os.path.join(self.path, name))
            except OSError:
                pass
        try:
            os.rmdir(self.path)
        except OSError:
            pass
        os.close(self._lock)


def _check_ours(folder: str, closed: int) -> None:
    """Refuse a folder that somebody else prepared, as in /tmp; take from ours the mode bits ``closed``."""
    found = os.lstat(folder)
    if found.st_uid != os.geteuid():
        raise PermissionError(1, f"it belongs to user {found.st_uid}", folder)
    if found.st_mode & closed:
        os.chmod(folder, found.st_mode & 0o777 & ~closed)
