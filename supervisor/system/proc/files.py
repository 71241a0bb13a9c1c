"""What a process has open: descriptors, who is at the other end of a pipe, sockets, file locks, its cgroup's freezer.

From /proc alone (proc(5)). None or empty when it cannot be read; never an error.
"""

from __future__ import annotations

import os
import stat

from supervisor.diagnosis.running.facts import Connection, End, Relative, Sockets
from supervisor.system.proc import processes, reading, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from supervisor.diagnosis.running.facts import Kind

MOST_CONNECTIONS = 200  # tCP connections kept of one process; all are counted
MOST_BYTES = 4 << 20  # of a socket table: some 25 000 sockets of the network namespace
MOST_PROCESSES = 2000  # looked into for the other end of a pipe
MOST_HOLDERS = 5  # processes named at the other end of a pipe; the search through /proc ends with the last
# include/net/tcp_states.h
_TCP = {
    b"01": "established", b"02": "connecting", b"03": "being accepted", b"04": "fin-wait-1", b"05": "fin-wait-2",
    b"06": "time-wait", b"08": "close-wait", b"09": "last-ack", b"0B": "closing",
}  # fmt: skip


def limit(pid: int) -> int | None:
    """Return how many descriptors a process may have (RLIMIT_NOFILE, soft); None when unreadable or unlimited."""
    for line in (reading.read(f"/proc/{pid}/limits", 8192) or b"").split(b"\n"):
        if line.startswith(b"Max open files"):
            word = line.split()[3]
            return int(word) if word.isdigit() else None
    return None


def accepted_signals(pid: int, ends: Mapping[int, str]) -> int:
    """Return the set of signals that a process reads from signalfds; they are blocked for that (signalfd(2))."""
    found = 0
    for fd, target in ends.items():
        if target != "anon_inode:[signalfd]":
            continue
        for line in (reading.read(f"/proc/{pid}/fdinfo/{fd}", 1024) or b"").split(b"\n"):
            if line.startswith(b"sigmask:"):
                found |= int(line.split()[1], 16)
    return found


def end(pid: int, fd: int, ends: Mapping[int, str], look_for: Literal["readers", "writers"]) -> End:
    """Return what a descriptor of a process leads to; of a pipe, which processes hold the other end."""
    target = ends[fd]
    kind = _kind(pid, fd, target)
    if kind == "pipe":
        holders, all_seen = _holders(target, readers=look_for == "readers")
        return End(fd, kind, target, holders, all_seen)
    if kind == "socket":
        return End(fd, kind, target, peer=_peer(pid, target))
    return End(fd, kind, target)


def _kind(pid: int, fd: int, target: str) -> Kind:
    if target.startswith("socket:"):
        return "socket"
    if target.startswith("pipe:"):
        return "pipe"
    try:
        mode = os.stat(f"/proc/{pid}/fd/{fd}").st_mode
    except OSError:
        mode = 0
    if stat.S_ISFIFO(mode):
        return "pipe"
    if target.startswith(("/dev/pts/", "/dev/tty", "/dev/console")):
        return "terminal"
    return "file" if stat.S_ISREG(mode) else "other"


def _holders(target: str, readers: bool) -> tuple[tuple[Relative, ...], bool]:
    """Return the processes that hold a pipe open for reading (or writing), and whether every process could be asked.

    The permission bits of the link are the mode in which the descriptor was opened (proc_pid_fd(5)).
    """
    wanted = stat.S_IRUSR if readers else stat.S_IWUSR
    found: list[Relative] = []
    all_seen = True
    names = [name for name in os.listdir("/proc") if name.isdecimal()]
    for name in names[:MOST_PROCESSES]:
        folder = f"/proc/{name}/fd"
        try:
            fds = os.listdir(folder)[: reading.MOST_FDS]
        except FileNotFoundError:
            continue
        except OSError:
            all_seen = False
            continue
        if any(_is(f"{folder}/{fd}", target, wanted) for fd in fds):
            one = processes.stat(int(name))
            if one is not None:
                found.append(Relative(one.pid, processes.argv(one.pid), one.state))
            if len(found) >= MOST_HOLDERS:
                break
    return tuple(found), all_seen and len(names) <= MOST_PROCESSES


def _is(link: str, target: str, mode: int) -> bool:
    try:
        return os.readlink(link) == target and bool(os.lstat(link).st_mode & mode)
    except OSError:
        return False


# ------------------------------------------------------------------ sockets


def open_sockets(pid: int, ends: Mapping[int, str]) -> Sockets:
    """Return the TCP addresses of a process, its peers, and the Unix sockets on which it listens."""
    own = sockets.inodes(ends.values())
    found = [row for inode, row in sockets.table(pid, MOST_BYTES).items() if inode in own] if own else []
    connections = [_connection(row) for row in found if row[0] != sockets.LISTEN]
    return Sockets(sockets.listening(found), tuple(connections[:MOST_CONNECTIONS]), len(connections))


def _connection(row: sockets.Row) -> Connection:
    state, local, peer, queues = row
    unsent, _, unread = queues.partition(b":")
    word = _TCP.get(state, state.decode())
    return Connection(sockets.address(local), sockets.address(peer), word, int(unsent, 16), int(unread, 16))


def _peer(pid: int, target: str) -> str | None:
    """Return the other address of a connected TCP socket."""
    row = sockets.table(pid, MOST_BYTES).get(target[8:-1].encode())
    return sockets.address(row[2]) if row and row[0] != sockets.LISTEN else None


# ------------------------------------------------------------------ locks, cgroup


def lock_holder(pid: int) -> int | None:
    """Return the holder of the file lock that a process waits for (proc_locks(5)); None when it waits for none."""
    holder: int | None = None
    for line in (reading.read("/proc/locks", MOST_BYTES) or b"").decode().split("\n"):
        words = line.split()
        if len(words) > 5 and words[1] == "->":
            if words[5].lstrip("-").isdecimal() and int(words[5]) == pid:
                return holder if holder and holder > 0 else None
        elif len(words) > 4:
            holder = int(words[4]) if words[4].lstrip("-").isdecimal() else None
    return None


def frozen(pid: int, root: str = "/sys/fs/cgroup") -> str | None:
    """Return the cgroup of a process when it is frozen (cgroups(7): v2 cgroup.events, v1 freezer.state), else None.

    A frozen cgroup holds its descendants too; each shows the state it is in, inherited or not.
    """
    for line in os.fsdecode(reading.read(f"/proc/{pid}/cgroup", 8192) or b"").split("\n"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path:
            continue
        if not controllers:
            states = [f"{base}{path}/cgroup.events" for base in (root, f"{root}/unified")]
            if any(b"frozen 1" in (reading.read(state, 1024) or b"") for state in states):
                return path
        elif "freezer" in controllers.split(","):
            state = reading.read(f"{root}/freezer{path}/freezer.state", 64) or b""
            if state.strip() in (b"FROZEN", b"FREEZING"):
                return path
    return None
