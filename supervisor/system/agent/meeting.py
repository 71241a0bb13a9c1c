"""Where the agents of one user's processes meet their supervisor: a lasting folder, and our socket in it.

The folder belongs to the user whose processes use it: they leave their C-level stacks there, and compiled code. So
nothing in it is trusted. It is opened once, checked by its descriptor, and everything in it is named from there; the
socket is bound as that user, so that nothing has to be given away by its path afterwards.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat

from supervisor.errors import SupervisorError
from supervisor.system.trust import stranger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from supervisor.system.process.spawn import Identity

FOLDER = "sigdrain-agent-"
# Bytes of sun_path without its final NUL (unix(7)).
LONGEST_PATH = 107
# Agents that wait to be accepted. One does not wait itself: a full queue would be no agent.
BACKLOG = 1024
# What follows our name in that of the socket at which `run` is asked about its command; ours is in its environment.
QUESTIONS = ".ask"
CALLERS = 8  # who waits to be accepted there: `supervisor explain`, one at a time


class Meeting:
    """The folder of a user, and the names in it that are this supervisor's: ``PID-RANDOM`` and ``PID-RANDOM.…``."""

    def __init__(self, whose: Identity | None = None, env: Mapping[str, str] | None = None) -> None:
        """Make the place; ``whose``: the user of the processes, None for ours.

        Raises SupervisorError when there is no place.
        """
        self._whose = whose if whose is not None and whose.uid not in (None, os.geteuid()) else None
        self.uid = os.geteuid() if self._whose is None or self._whose.uid is None else self._whose.uid
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._listener: _socket.socket | None = None
        tried = []
        for base in _bases(self._whose is not None, os.environ if env is None else env):
            self.folder = os.path.join(base, f"{FOLDER}{self.uid}")
            self.path = os.path.join(self.folder, self._name)
            if len(os.fsencode(self.path)) > LONGEST_PATH:
                tried.append(f"{base}: its path is too long for a socket")
                continue
            try:
                self._fd = self._open(base)
                return
            except OSError as error:
                tried.append(f"{base}: {error.strerror}")
        raise SupervisorError(
            f"no place for the agent's folder ({'; '.join(tried)})",
            "set XDG_RUNTIME_DIR or TMPDIR to a folder of your own with a short path, or use --no-agent",
        )

    def _open(self, base: str) -> int:
        """Return a descriptor of the folder, made where it is missing. Raises OSError when it is not to be used."""
        if (why := stranger(base)) is not None:
            raise PermissionError(1, why)
        parent = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            name = os.path.basename(self.folder)
            try:
                os.mkdir(name, 0o700, dir_fd=parent)
            except FileExistsError:
                pass
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        finally:
            os.close(parent)
        try:
            self._claim(fd)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _claim(self, fd: int) -> None:
        """Make sure that the folder is the user's, and closed to others."""
        found = os.fstat(fd)
        if found.st_uid == os.geteuid() != self.uid:  # made just now
            os.fchown(fd, self.uid, -1)
        elif found.st_uid != self.uid:
            raise PermissionError(1, f"{self.folder} belongs to another user (uid {found.st_uid})")
        if found.st_mode & 0o077:
            os.fchmod(fd, 0o700)

    def listen(self) -> _socket.socket:
        """Return our listening socket, which only the user and root can reach. Raises OSError.

        Agents may come from the first call on: they wait in its queue.
        """
        if self._listener is not None:
            return self._listener
        self._listener = self._bound(self._name, _socket.SOCK_SEQPACKET, BACKLOG)
        return self._listener

    def questions(self) -> _socket.socket:
        """Return a second listening socket, for who asks about the processes. To be called once. Raises OSError."""
        if len(os.fsencode(self.path + QUESTIONS)) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "its path is too long for a socket", self.path + QUESTIONS)
        return self._bound(self._name + QUESTIONS, _socket.SOCK_STREAM, CALLERS)

    def datagrams(self, suffix: str) -> tuple[_socket.socket, str]:
        """Return a datagram socket that only the user and root can send to, and its path. Raises OSError.

        Its file is removed with :meth:`forget`. The kernel says with each message who sent it (SO_PASSCRED, unix(7)).
        """
        if len(os.fsencode(self.path + suffix)) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "its path is too long for a socket", self.path + suffix)
        self._remove(self._name + suffix)
        bound = self._bound(self._name + suffix, _socket.SOCK_DGRAM, None)
        bound.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        return bound, self.path + suffix

    def forget(self, suffix: str) -> None:
        """Remove the file of a socket that was made for datagrams."""
        self._remove(self._name + suffix)

    def _bound(self, name: str, kind: int, backlog: int | None) -> _socket.socket:
        """Return a listening socket of that name in the folder, made as the folder's user. Raises OSError."""
        listener = _socket.socket(_socket.AF_UNIX, kind | _socket.SOCK_CLOEXEC)
        before = os.umask(0o177)
        try:
            listener.setblocking(False)
            if self._whose is None:
                listener.bind(self._here(name))
            else:
                from supervisor.system.process.acting import Acting

                with Acting(self._whose):
                    listener.bind(self._here(name))
            if backlog is not None:
                listener.listen(backlog)
        except OSError:
            listener.close()
            raise
        finally:
            os.umask(before)
        return listener

    def is_dump(self, dump: str, pid: int, fd: int) -> bool:
        """Return whether this descriptor of a process is its dump file."""
        try:
            ours = os.stat(f"{self._name}.{dump}", dir_fd=self._fd, follow_symlinks=False)
            return os.path.samestat(ours, os.stat(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            return False

    def read_dump(self, dump: str, start: int, most: int) -> bytes:
        """Return at most ``most`` bytes of what faulthandler wrote, from ``start`` on; no link is followed."""
        name = f"{self._name}.{dump}"
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
        except OSError:
            return b""
        try:
            return os.pread(fd, most, start) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        except OSError:
            return b""
        finally:
            os.close(fd)

    def take_dump(self, dump: str, most: int, start: int = 0) -> bytes:
        """Read a process's dump file, and remove it."""
        data = self.read_dump(dump, start, most)
        self._remove(f"{self._name}.{dump}")
        return data

    def close(self) -> None:
        """Close the socket and remove what has our name. The folder stays, for the next supervisor of this user."""
        if self._listener is not None:
            self._listener.close()
        self._remove(self._name)
        self._remove(self._name + QUESTIONS)
        os.close(self._fd)

    def sweep(self) -> None:
        """Remove what supervisors left that were killed by SIGKILL and could not do it themselves.

        A pid says nothing where containers share the folder: who is unknown here may be asked whether it listens.
        """
        try:
            names = os.listdir(self._fd)
        except OSError:
            return
        served: dict[str, bool] = {}
        for name in names:
            owner = name.partition(".")[0]
            pid, dash, mark = owner.partition("-")
            if not (pid.isdecimal() and dash and len(mark) == 8) or owner == self._name:
                continue
            if owner not in served:
                served[owner] = os.path.exists(f"/proc/{pid}") or self._served(owner)
            if not served[owner]:
                self._remove(name)

    def _served(self, name: str) -> bool:
        """Return whether a process listens at this socket of the folder."""
        try:
            if not stat.S_ISSOCK(os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_mode):
                return False
        except OSError:
            return False
        caller = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        try:
            caller.setblocking(False)
            caller.connect(self._here(name))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True  # a full queue, or not ours to ask
        finally:
            caller.close()
        return True

    def _here(self, name: str) -> str:
        """Return a path that leads into the folder we opened, wherever its name leads by now."""
        return f"/proc/self/fd/{self._fd}/{name}"

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._fd)
        except OSError:
            pass


def _bases(another_user: bool, env: Mapping[str, str]) -> Iterator[str]:
    """Return the folders to try. XDG_RUNTIME_DIR must be ours: su and sudo -E leave that of the user before."""
    runtime, temporary = env.get("XDG_RUNTIME_DIR", ""), env.get("TMPDIR", "")
    if runtime.startswith("/") and not another_user and _is_ours(runtime):
        yield runtime
    if os.geteuid() == 0:
        yield "/run"
    if temporary.startswith("/") and not another_user:
        yield temporary
    yield "/tmp"


def _is_ours(folder: str) -> bool:
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def questions_at(path: str) -> str | None:
    """Return where the supervisor that meets its agents at ``path`` can be asked; None when that is no place of ours.

    The path is from a process's environment, where anything may stand.
    """
    folder, name = os.path.split(path)
    pid, _, mark = name.partition("-")
    ours = os.path.basename(folder) == f"{FOLDER}{os.geteuid()}" and pid.isdecimal() and len(mark) == 8
    return path + QUESTIONS if ours and os.path.exists(path + QUESTIONS) else None
