"""Facts about processes from /proc (proc(5)). None or empty when they cannot be read.

An error only for whoever has to be sure that nobody is there: the census of a worker.
"""

from __future__ import annotations

import errno
import os
import time

from supervisor.core.frozen import Frozen
from supervisor.core.record import Masks, Member, Sample
from supervisor.system.proc import reading
from supervisor.system.proc.reading import children, own_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import TypeVar

    from supervisor.core.spec import WorkerId

    T = TypeVar("T")

# Seconds per clock tick, the grain of start times and CPU times in /proc/pid/stat.
TICK = 1 / os.sysconf("SC_CLK_TCK")
MOST_ARGV_BYTES = 4096
# Ancestors looked at to find out whose a process is; deeper trees exist only by mistake.
MOST_PARENTS = 32
MARK = "SIGDRAIN_MARK"
NOBODY = -1  # no process, group or session has this number
_MARKED = f"{MARK}=".encode()
MOST_ENVIRON_BYTES = 1 << 20
# Looks until an environment counts as empty, and seconds between them: on a busy machine an exec is interrupted.
EXEC_LOOKS, EXEC_PAUSE = 10, 0.0005


class Stat(Frozen):
    """A process as /proc/pid/stat shows it. ``started`` is CLOCK_MONOTONIC seconds, ``cpu`` seconds.

    ``born`` is the start in clock ticks since boot, as it is written there.
    """

    pid: int
    state: str
    parent: int
    group: int
    session: int
    cpu: float
    threads: int
    started: float
    born: int


def stat(pid: int, *, sure: bool = False) -> Stat | None:
    """Return the process's /proc/pid/stat; None when the process is gone. Raises OSError if ``sure``."""
    data = reading.read_record(f"/proc/{pid}/stat", 2048, sure=sure)
    if not data:
        return None
    # The command's name may hold spaces and parentheses; the fields count from the last parenthesis.
    fields = data[data.rindex(b")") + 2 :].split()
    # starttime counts from boot including suspend (CLOCK_BOOTTIME); everything of ours is CLOCK_MONOTONIC.
    suspended = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return Stat(
        pid=pid,
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        cpu=(int(fields[11]) + int(fields[12])) * TICK,
        threads=int(fields[17]),
        started=int(fields[19]) * TICK - suspended,
        born=int(fields[19]),
    )


def newest() -> int | None:
    """Return the pid that was given out last in our PID namespace (proc(5), /proc/loadavg)."""
    global _loadavg
    _loadavg = _loadavg or reading.Kept("/proc/loadavg")
    data = _loadavg.read(128)
    return int(data.split()[4]) if data else None


# Asked before every signal to a group.
_loadavg: reading.Kept | None = None


def argv(pid: int) -> tuple[str, ...]:
    """Return the command line, cut at 4 KiB; of a zombie or a kernel thread the name in brackets."""
    data = reading.read(f"/proc/{pid}/cmdline", MOST_ARGV_BYTES)
    if data:
        return tuple(os.fsdecode(part) for part in data.rstrip(b"\0").split(b"\0"))
    name = reading.read_record(f"/proc/{pid}/comm", 64)
    return (f"[{os.fsdecode(name.strip())}]",) if name else ()


def environment(pid: int) -> list[bytes]:
    """Return the variables that a process was started with, as NAME=value; none when they cannot be read.

    In the middle of its exec a process has none for some 0.1 ms: an orphan of ours would be nobody's in that look.
    """
    looks = EXEC_LOOKS
    while (data := reading.read(f"/proc/{pid}/environ", MOST_ENVIRON_BYTES)) == b"" and looks > 1:
        looks -= 1
        time.sleep(EXEC_PAUSE)
    return data.split(b"\0") if data else []


def masks(pid: int, kept: reading.Kept | None = None) -> Masks | None:
    """Return what a process does with its signals (SigCgt, SigIgn, SigBlk of /proc/pid/status).

    ``kept``: that file, opened before: 40 us instead of 75 after a second of idleness.
    """
    data = reading.read_record(f"/proc/{pid}/status", 8192) if kept is None else kept.read(8192)
    if not data:
        return None
    # SigBlk, SigIgn and SigCgt are three lines in a row, each a name, a colon, a tab and 16 hexadecimal digits.
    start = data.find(b"SigBlk:")
    fields = data[start : start + 78].split()
    if start < 0 or len(fields) < 6:
        return None
    return Masks(caught=int(fields[5], 16), ignored=int(fields[3], 16), blocked=int(fields[1], 16))


def user(pid: int) -> str | None:
    """Return as whom a process runs: the name of its effective user, or its number; None when it cannot be read."""
    data = reading.read_record(f"/proc/{pid}/status", 8192)
    start = data.find(b"Uid:")
    if start < 0:
        return None
    uid = int(data[start:].split(maxsplit=3)[2])
    if uid == 0:
        return "root"
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, OSError, KeyError):  # no descriptor is left, or there is no such entry
        return f"user {uid}"


def pending(pid: int, signal: int) -> bool:
    """Return whether no thread of a process has taken a signal yet that was sent to it (ShdPnd of proc(5))."""
    data = reading.read_record(f"/proc/{pid}/status", 8192) or b""
    fields = data[data.find(b"ShdPnd:") :].split(maxsplit=2)
    return len(fields) > 1 and bool(int(fields[1], 16) >> (signal - 1) & 1)


def mark(worker: WorkerId) -> str:
    """Return the value of MARK in a worker's environment: it tells to which worker an orphan belongs."""
    return f"{os.getpid()}.{worker}"


def in_a_pipeline() -> bool:
    """Return whether the rest of a shell's pipeline is in our process group, besides us and our ancestors."""
    ancestors: set[int] = set()
    one = stat(os.getpid())
    while one is not None and one.pid not in ancestors:
        ancestors.add(one.pid)
        one = stat(one.parent) if one.parent else None
    group = os.getpgrp()
    names = (int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) not in ancestors)
    return any(found is not None and found.group == group and found.state != "Z" for found in map(stat, names))


def lives(child: int) -> bool:
    """Return whether a child of ours is alive, by waitid(2) alone."""
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def owner(pid: int, leaders: Mapping[int, T]) -> T | None:
    """Return which of the ``leaders`` (by pid) a process stems from, or is in the group or session of."""
    for _ in range(MOST_PARENTS):
        if pid in leaders:
            return leaders[pid]
        found = stat(pid)
        if found is None or pid <= 1:
            return None
        for known in (found.session, found.group):
            if known in leaders:
                return leaders[known]
        pid = found.parent
    return None


class Census:
    """Finds the processes of a worker. Remembers command lines, so that a repeated look stays cheap.

    With a subreaper (or as PID 1) every descendant is reachable from our own children; without one, orphans go to
    init and only those that stayed in the worker's process group are found, by a scan of all of /proc.
    """

    def __init__(self, subreaper: bool) -> None:
        self._subreaper = subreaper
        self._argv: dict[tuple[int, int], tuple[str, ...]] = {}
        self._adopted: list[int] | None = None
        self._marks: dict[int, bytes] | None = None
        # Orphans that have no environment at all, by pid and start: nobody waits for one of theirs again.
        self._bare: set[tuple[int, int]] = set()

    def refresh(self) -> None:
        """Forget who our children were. Between two calls they and their marks are read once for all workers:

        hundreds may end in one batch.
        """
        self._adopted = self._marks = None

    def without_orphans(self, ours: Callable[[int], bool], dead: Collection[int]) -> bool:
        """Return whether it is certain that these dead main processes have left no process: all our children are
        ``ours``.

        Whom a process leaves comes to its subreaper before the end of that process can be seen. False without a
        subreaper, and when our children cannot be read: the dead are zombies still, and must be among them.
        """
        if not self._subreaper:
            return False
        try:
            children = own_children()
        except OSError:
            return False
        return set(dead) <= set(children) and all(map(ours, children))

    def members(
        self, main: int, group: int, mains: Collection[int], mark: str | None, *, dead: bool = False
    ) -> list[Member]:
        """Return the living processes of a worker besides its main process ``main``. ``dead``: that is a zombie.

        ``mains`` are the main processes of all workers: the others' descendants are not ours; ``mark`` is the value
        of SIGDRAIN_MARK in this worker's environment, needed only where several workers share a supervisor.
        Raises OSError where nobody can look: no descriptors, no memory, no /proc.
        """
        found = self._descendants(main, mains, mark, dead) if self._subreaper else self._group(main, group)
        return [
            Member(one.pid, self._command(one), one.started, one.group == group, one.state, one.born)
            for one in found
            if one.state not in "ZX"
        ]

    def marked(self, mains: Collection[int], mark: str) -> list[Member]:
        """Return who is alive of a worker whose main process is gone, in all its starts: known only with a
        subreaper.
        """
        return self.members(NOBODY, NOBODY, mains, mark, dead=True) if self._subreaper else []

    def _descendants(self, main: int, mains: Collection[int], mark: str | None, dead: bool) -> list[Stat]:
        if self._adopted is None:
            self._adopted = [pid for pid in own_children() if pid not in mains]
        found = [] if dead else self._subtree(main)
        for pid in self._adopted:
            one = stat(pid, sure=True)
            if one is None and lives(pid):
                raise PermissionError(errno.EACCES, "hidden, see hidepid in proc(5)", f"/proc/{pid}")
            if one is not None and self._belongs(one, main, mark):
                found += [one, *self._subtree(pid)]
        return found

    def _subtree(self, top: int) -> list[Stat]:
        """Return all descendants of a process. A zombie has none: we have adopted them."""
        found: list[Stat] = []
        parents = [top]
        while parents:
            for child in children(parents.pop(), sure=True):
                one = stat(child, sure=True)
                if one is not None:
                    found.append(one)
                    parents.append(child)
        return found

    def _belongs(self, one: Stat, main: int, mark: str | None) -> bool:
        if mark is None or main in (one.group, one.session):
            return True
        if self._marks is None:
            self._marks = self._marks_of(self._adopted or ())
        return self._marks.get(one.pid) == mark.encode()

    def _marks_of(self, pids: Collection[int]) -> dict[int, bytes]:
        """Return the value of MARK in the environment of each process; a zombie has none.

        Who else shows none may be in the middle of an exec. All of them are waited for together, and each only once
        in its life: a daemon with an empty environment must not cost some milliseconds in every look of every worker.
        """
        bare: set[tuple[int, int]] = set()
        found: dict[int, bytes] = {}
        waiting: list[Stat] = []
        for one in (stat(pid, sure=True) for pid in pids):
            if one is None or one.state in "ZX" or self._mark_of(one, found):
                continue
            if (one.pid, one.born) in self._bare:
                bare.add((one.pid, one.born))
            else:
                waiting.append(one)
        for _ in range(EXEC_LOOKS - 1):
            if not waiting:
                break
            time.sleep(EXEC_PAUSE)
            waiting = [one for one in waiting if not self._mark_of(one, found)]
        self._bare = bare | {(one.pid, one.born) for one in waiting}
        return found

    @staticmethod
    def _mark_of(one: Stat, found: dict[int, bytes]) -> bool:
        """Look once for MARK in a process's environment. False when there is no environment to be seen."""
        data = reading.read(f"/proc/{one.pid}/environ", MOST_ENVIRON_BYTES, sure=True)
        for entry in data.split(b"\0") if data else ():
            if entry.startswith(_MARKED):
                found[one.pid] = entry[len(_MARKED) :]
                break
        return data != b""

    def _group(self, main: int, group: int) -> list[Stat]:
        every = (stat(int(name), sure=True) for name in os.listdir("/proc") if name.isdecimal() and int(name) != main)
        found = [one for one in every if one is not None and one.group == group]
        if group == main:
            return found
        # The group is ours and that of a pipeline: only what stems from the main process belongs to the worker.
        return [one for one in found if one in self._subtree(main)]

    def _command(self, one: Stat) -> tuple[str, ...]:
        key = (one.pid, one.born)
        if key not in self._argv:
            if len(self._argv) > 4096:
                self._argv.clear()
            self._argv[key] = argv(one.pid)
        return self._argv[key]


def sample(pid: int, at: float) -> Sample | None:
    """Look at a process once from outside; None when the process is gone or a zombie."""
    found = stat(pid)
    if found is None or found.state in "ZX":
        return None
    told = Sample(at, found.state, found.cpu, found.threads, children=len(children(pid)))
    try:
        from supervisor.system.proc import sockets, syscalls
    except (ImportError, OSError):
        return told  # no descriptor is left to import with
    listening, connections = sockets.of_process(pid, at)
    return told.with_(syscall=syscalls.current(pid), listening=listening, connections=connections)
