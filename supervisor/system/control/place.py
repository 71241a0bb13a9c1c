"""The private folders of running fleets: the lock, the control socket, and whose config it is. One fleet per config.

``BASE/NAME-HASH8/lock`` holds the supervisor's pid, the fleet's name and the real path of its config, ``control`` is
the socket; HASH8 is made from that path, so that two checkouts with one name do not meet. The lock, not the socket,
says that the fleet runs: a socket is left behind by SIGKILL, a lock is not.

Other users may prepare names in shared folders. So everything is opened below a descriptor of the folder above, never
through a link (O_NOFOLLOW), never waiting for a FIFO (O_NONBLOCK), and its owner is looked at after it was opened.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import stat
import time
from binascii import crc32

from supervisor.core.digits import whole
from supervisor.core.frozen import Frozen
from supervisor.errors import ControlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# `supervisor status` holds the lock of a fleet for an instant, to see whether it can; one that ends removes the file.
TRIES = 3
RETRY = 0.02  # seconds
LONGEST_PATH = 107  # bytes of sun_path without its final NUL (unix(7)); a longer one cannot be connected to
LONGEST_LOCK = 8192  # bytes read of a lock: a pid, a name and a path of at most 4096 bytes (PATH_MAX)
SHORT_NAME = 24  # characters of a fleet's name in its folder's, which leaves room in LONGEST_PATH
MOST_PID = 1 << 22  # PID_MAX_LIMIT (proc(5))
BACKLOG = 64  # callers that wait to be accepted
SOCKET, LOCK = "control", "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Running(Frozen):
    """A fleet that runs: its name, its folder, the real path of its config, its supervisor's pid (0: not known)."""

    name: str
    folder: str
    config: str
    pid: int

    @property
    def key(self) -> str:
        """Return ``NAME-HASH8``, which no other fleet of this user has."""
        return os.path.basename(self.folder)

    @property
    def socket(self) -> str:
        """Return the path of the fleet's control socket, which may not be there (``up`` says why at its start)."""
        return os.path.join(self.folder, SOCKET)


def key(name: str, config: str) -> str:
    """Return the name of the folder of a fleet whose config has this real path."""
    return f"{name[:SHORT_NAME]}-{crc32(os.fsencode(config)):08x}"


def running(environ: Mapping[str, str]) -> list[Running]:
    """Return the fleets of this user that run, sorted by name and config."""
    found: dict[str, Running] = {}
    for base in _bases(environ):
        found |= {fleet.folder: fleet for fleet in _running_in(base)}
    return sorted(found.values(), key=lambda fleet: (fleet.name, fleet.config))


def _bases(environ: Mapping[str, str]) -> list[str]:
    """Return the folders that may have fleets of this user in them; a new fleet goes into the first.

    XDG_RUNTIME_DIR of another user (su, sudo -E) is not used: that user could take away what we make there. A fleet
    that was started without the variable is found with it, and the other way round.
    """
    user = os.geteuid()
    lasting = "/run/sigdrain" if user == 0 else f"/tmp/sigdrain-{user}"
    given, usual = environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{user}"
    bases = [os.path.join(given, "sigdrain")] if _is_of(given, user) else []
    bases.append(lasting)
    if _is_of(usual, user):
        bases.append(os.path.join(usual, "sigdrain"))
    return list(dict.fromkeys(bases))


def _is_of(path: str, user: int) -> bool:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return path.startswith("/") and stat.S_ISDIR(found.st_mode) and found.st_uid == user


def _running_in(base: str) -> Iterator[Running]:
    try:
        above = _opened(base, None)
    except OSError:
        return
    try:
        for name in os.listdir(above):
            lock = _lock_in(name, above)
            if lock is not None:
                pid, _, rest = lock.partition(b"\n")
                title, _, config = rest.partition(b"\n")
                yield Running(
                    title.decode(errors="replace"),
                    os.path.join(base, name),
                    os.fsdecode(config.removesuffix(b"\n")),
                    whole(pid.decode(errors="replace"), MOST_PID) or 0,
                )
    finally:
        os.close(above)


def _lock_in(name: str, above: int) -> bytes | None:
    """Return what the lock of a fleet's folder says while a supervisor holds it; None when none does."""
    folder = fd = -1
    try:
        folder = _opened(name, above)
        fd = _checked(os.open(LOCK, os.O_RDONLY | _PLAIN, dir_fd=folder), stat.S_ISREG)
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(fd, LONGEST_LOCK)
    except OSError:
        pass
    finally:
        _close(fd, folder)
    return None


class Folder:
    """The folder of the fleet that this process runs, locked while this object lives."""

    def __init__(self, name: str, config: str, environ: Mapping[str, str]) -> None:
        """Name the folder; ``config`` is the config file's real path.

        Raises ControlError when the fleet runs, OSError (with the folder as its file) when there can be no folder.
        """
        base = _bases(environ)[0]
        self._name = key(name, config)
        self.path = os.path.join(base, self._name)
        self.socket = os.path.join(self.path, SOCKET)
        try:
            for _ in range(TRIES):
                holders = [fleet for fleet in running(environ) if fleet.config == config]
                if not holders and self._taken(base):
                    break
                time.sleep(RETRY)
            else:
                raise _runs_already(name, holders[0].pid if holders else 0, config)
        except OSError as error:
            error.filename = self.path
            raise
        try:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, b"%d\n%s\n%s\n" % (os.getpid(), name.encode(), os.fsencode(config)), 0)
        except OSError as error:
            self.close()
            error.filename = self.path
            raise

    def listen(self) -> _socket.socket:
        """Make the control socket, which nobody but this user (and root) can reach. Raises OSError."""
        if len(os.fsencode(self.socket)) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "its path is too long for a socket", self.socket)
        _remove(SOCKET, self._folder)  # of a supervisor that was SIGKILLed: nobody held the lock
        listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        before = os.umask(0o177)
        try:
            listening.bind(f"/proc/self/fd/{self._folder}/{SOCKET}")
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            error.filename = self.socket
            raise
        finally:
            os.umask(before)
        return listening

    def close(self) -> None:
        """Remove socket, lock and folder; the lock goes last."""
        _remove(SOCKET, self._folder)
        _remove(LOCK, self._folder)
        try:
            os.rmdir(self._name, dir_fd=self._above)
        except OSError:
            pass
        _close(self._lock, self._folder, self._above)

    def _taken(self, base: str) -> bool:
        """Make the folder and take its lock; False when somebody holds it or has just removed it. Raises OSError."""
        above = folder = lock = -1
        try:
            # Others may pass through the first: root keeps copies of the agent in it, for workers of other users.
            above = _made(base, None, 0o066)
            folder = _made(self._name, above, 0o077)
            lock = _checked(os.open(LOCK, os.O_RDWR | os.O_CREAT | _PLAIN, 0o600, dir_fd=folder), stat.S_ISREG)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = os.stat(LOCK, dir_fd=folder, follow_symlinks=False)
            place = os.stat(self._name, dir_fd=above, follow_symlinks=False)
            if os.path.samestat(os.fstat(lock), there) and os.path.samestat(os.fstat(folder), place):
                self._above, self._folder, self._lock = above, folder, lock
                above = folder = lock = -1
                return True
        except (BlockingIOError, FileNotFoundError):
            pass  # it is held; or the folder went away between two of these lines: its fleet has ended
        finally:
            _close(lock, folder, above)
        return False


def _runs_already(name: str, pid: int, config: str) -> ControlError:
    import shlex

    option = f"-c {shlex.quote(config)}"
    return ControlError(
        f"the fleet {name!r} of {config} is already running{f' (pid {pid})' if pid else ''}",
        f"see it with: supervisor top {option}",
    )


def _made(path: str, above: int | None, closed: int) -> int:
    """Return the descriptor of a folder of ours, made if it is not there, without the mode bits ``closed``.

    Raises OSError.
    """
    try:
        os.mkdir(path, 0o700, dir_fd=above)
    except FileExistsError:
        pass
    fd = _opened(path, above)
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    if mode & closed:
        os.fchmod(fd, mode & ~closed)
    return fd


def _opened(path: str, above: int | None) -> int:
    """Return the descriptor of a folder that is there and ours. Raises OSError."""
    return _checked(os.open(path, _FOLDER | _PLAIN, dir_fd=above), stat.S_ISDIR)


def _checked(fd: int, kind: Callable[[int], bool]) -> int:
    """Return the descriptor if its file is of that kind and ours; else close it. Raises PermissionError."""
    found = os.fstat(fd)
    if found.st_uid == os.geteuid() and kind(found.st_mode):
        return fd
    os.close(fd)
    reason = f"it belongs to user {found.st_uid}" if found.st_uid != os.geteuid() else "it is of another kind"
    raise PermissionError(errno.EPERM, reason)


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        pass


def _close(*fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)
