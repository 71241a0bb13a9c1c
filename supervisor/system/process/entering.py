"""Runs the program of another process with that process's rights: its namespaces, root, user and capabilities.

What is run comes from the other process and may be anything; so it never has a right that its owner has not. Its
seccomp filter and its security label are not taken over: it cannot gain by that what its namespaces do not hold.
"""

from __future__ import annotations

import os
import select
import socket
import time

from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.errors import SupervisorError
from supervisor.system import libc
from supervisor.system.proc import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# clone(2): the flag of each namespace, by its name in /proc/PID/ns; clocks are the same in all but that of time.
_KINDS = {
    "user": 0x10000000, "mnt": 0x00020000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000,
    "uts": 0x04000000, "cgroup": 0x02000000,
}  # fmt: skip
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
FAILED = 126  # exit code of a program that could not be run
ENDING = 5.0  # seconds for its end after it was told
MOST_OUTPUT = 8 << 20  # bytes that are read of it


class NotEntered(SupervisorError):
    """Its rights cannot be taken on, for a reason that the message says."""

    exit_code = 1


class Rights(Frozen):
    """Whose a process is. ``uid`` and ``gid`` as seen from within its user namespace, ``groups`` as we see them;
    ``permitted``: bit n for capability n; ``kinds``: flags of the namespaces that are not ours; ``inner``: its pid
    in the innermost."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    permitted: int
    kinds: int
    inner: int


def rights_of(pid: int) -> Rights:
    """Return the rights of a process. Raises NotEntered when they are not those of one user, or cannot be read."""
    lines = (line.partition(":") for line in os.fsdecode(_status(pid)).splitlines())
    status = {key: value.split() for key, _, value in lines}
    uids, gids = set(status["Uid"]), set(status["Gid"])
    if len(uids) > 1 or len(gids) > 1:
        raise NotEntered("it runs with the rights of several users (a set-user-ID program)")
    uid, gid = int(uids.pop()), int(gids.pop())
    if os.geteuid() not in (0, uid):
        raise NotEntered("it belongs to another user", "ask as root or as that user")
    try:
        kinds = sum(flag for name, flag in _KINDS.items() if _namespace(pid, name) != _namespace("self", name))
        maps = [_map(pid, kind) for kind in ("uid", "gid")] if kinds & _KINDS["user"] else [[], []]
    except PermissionError:
        raise NotEntered("you may not look into it (ptrace(2))", "ask as root") from None
    return Rights(
        uid=_inner(uid, maps[0]),
        gid=_inner(gid, maps[1]),
        groups=tuple(map(int, status["Groups"])),
        permitted=int(status["CapPrm"][0], 16),
        kinds=kinds,
        inner=int(status.get("NSpid", [str(pid)])[-1]),
    )


def _status(pid: int) -> bytes:
    data = reading.read(f"/proc/{pid}/status", 65536)
    if not data:
        raise NotEntered("it has ended")
    return data


def _namespace(pid: int | str, name: str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/{name}")
    except FileNotFoundError:  # a kernel without it
        return None


def _map(pid: int, kind: str) -> list[tuple[int, int, int]]:
    """Return (inside, outside, length) of each range (user_namespaces(7))."""
    lines = os.fsdecode(reading.read(f"/proc/{pid}/{kind}_map", 65536) or b"").splitlines()
    return [(int(inside), int(outside), int(length)) for inside, outside, length in (line.split() for line in lines)]


def _inner(number: int, ranges: list[tuple[int, int, int]]) -> int:
    if not ranges:
        return number
    for inside, outside, length in ranges:
        if outside <= number < outside + length:
            return inside + number - outside
    raise NotEntered(f"its user namespace does not know its own user or group ({number})")


class Entered:
    """A program that runs with another process's rights: its standard input, output and errors are one socket."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self.line = line

    def finished(self, seconds: float) -> tuple[bytes, int]:
        """Wait so long for its end; return all that it wrote and its exit code. What takes longer is ended."""
        until, data = time.monotonic() + seconds, b""
        try:
            while (left := until - time.monotonic()) > 0 and len(data) < MOST_OUTPUT:
                self.line.settimeout(left)
                chunk = self.line.recv(1 << 16)
                if not chunk:
                    break
                data += chunk
        except OSError:  # too late, or it did not read what it was given
            pass
        return data, self.ended(max(until - time.monotonic(), 0.0))

    def ended(self, seconds: float = ENDING) -> int:
        """Wait so long for its end, then kill it; return its exit code, or minus the signal that ended it."""
        self.line.close()
        pidfd = os.pidfd_open(self.pid)
        try:
            if not _is_over(pidfd, seconds):
                os.kill(self.pid, signum.KILL)
        finally:
            os.close(pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _is_over(pidfd: int, seconds: float) -> bool:
    """Return whether a process has ended, or ends in so many seconds (pidfd_open(2))."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def run(pid: int, rights: Rights, arguments: Sequence[str], keep: Sequence[int] = ()) -> Entered:
    """Start the executable of a process anew, with its rights and these ``arguments`` after its own name.

    ``keep``: descriptors that it gets besides. Raises NotEntered when its files cannot be opened; what fails later
    is a line on the socket, ``cannot …``, and the exit code FAILED. Needs a process of one thread.
    """
    try:
        pidfd = os.pidfd_open(pid)  # first: while it lives its pid is nobody else's
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        exe = os.open(f"/proc/{pid}/exe", os.O_PATH | os.O_CLOEXEC)
    except PermissionError:
        raise NotEntered("you may not look into it (ptrace(2))", "ask as root") from None
    except OSError as error:
        raise NotEntered(f"it cannot be opened: {error.strerror}") from None
    if rights_of(pid) != rights or _is_over(pidfd, 0.0):
        for fd in (pidfd, root, exe):
            os.close(fd)
        raise NotEntered("it has ended, or has become another program meanwhile")
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            for fd in range(3):
                os.dup2(theirs.fileno(), fd)
            for fd in keep:
                os.set_inheritable(fd, True)
            _take_on(rights, pidfd, root)
            name = _name(rights.inner)
            os.execve(exe, [name, *arguments], _ENVIRONMENT)
        except BaseException as error:  # this is a copy of us: it must not go on
            told = error.strerror if isinstance(error, OSError) else error
            os.write(1, f"cannot take on its rights: {told}\n".encode())
        finally:
            os._exit(FAILED)
    for fd in (pidfd, root, exe):
        os.close(fd)
    theirs.close()
    return Entered(child, ours)


def _name(pid: int) -> str:
    """Return the path of the executable as its own root has it: the interpreter finds its library from there."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError as error:
        raise OSError(error.errno, f"no /proc in its root: {error.strerror}") from None


def _take_on(rights: Rights, pidfd: int, root: int) -> None:
    """Become, in this order: one of its groups, in its namespaces, below its root, with its capabilities, its user.

    Within a user namespace groups may not be set (user_namespaces(7)). The namespace of pids is only for children:
    then this process waits for one, which returns instead.
    """
    if os.geteuid() == 0:
        os.setgroups(rights.groups)
    if rights.kinds:
        libc.setns(pidfd, rights.kinds)
    if rights.kinds & _KINDS["pid"]:
        _wait_in_between()
    os.fchdir(root)
    if not _is_root(root):
        os.chroot(".")
    os.chdir("/")
    if os.geteuid() == 0 or rights.kinds & _KINDS["user"]:
        _drop(rights)
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    if rights.kinds & _KINDS["pid"]:
        _end_with_parent()


def _is_root(root: int) -> bool:
    """Return whether this is our root already: only root may say so again."""
    ours = os.stat("/")
    theirs = os.stat(root)
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _wait_in_between() -> None:
    child = os.fork()
    if child:
        os.closerange(0, 256)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(code if code >= 0 else FAILED)


def _end_with_parent() -> None:
    """Have the kernel end this process with the one that waits in between, which we know and may have to kill."""
    libc.prctl(libc.PR_SET_PDEATHSIG, signum.KILL)


def _drop(rights: Rights) -> None:
    """Keep the capabilities that it has, and become its user."""
    for number in range(64):
        if not rights.permitted >> number & 1:
            try:
                libc.prctl(libc.PR_CAPBSET_DROP, number)
            except OSError:  # EINVAL: the kernel has no more
                break
    os.setresgid(rights.gid, rights.gid, rights.gid)
    libc.prctl(libc.PR_SET_KEEPCAPS, 1)
    os.setresuid(rights.uid, rights.uid, rights.uid)
    libc.capset(rights.permitted, rights.permitted)
    if rights.uid != 0:  # root keeps what is permitted over exec, others what is ambient (capabilities(7))
        for number in range(64):
            if rights.permitted >> number & 1:
                libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_RAISE, number)
