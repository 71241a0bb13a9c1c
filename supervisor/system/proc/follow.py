"""The system call in which a thread of any process sleeps, and from there on who waits for whom across processes.

Only what the kernel shows for certain is followed: a child that is waited for, the holder of a file lock, the one
process at the other end of a pipe.
"""

from __future__ import annotations

import os

from supervisor.diagnosis.running.facts import Call, Relative, Step
from supervisor.system.proc import files, processes, reading, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.running.facts import Way

# Calls in which a process hangs and that syscalls.py has no name for (asm/unistd_64.h, asm-generic/unistd.h).
_MORE = {435: "clone3"} | (
    {2: "open", 56: "clone", 58: "vfork", 257: "openat"}
    if os.uname().machine == "x86_64"
    else {56: "openat", 220: "clone"}
)
READS = frozenset({"read", "readv", "pread64", "recvfrom", "recvmsg"})
WRITES = frozenset({"write", "writev", "pwrite64", "sendto", "sendmsg"})
LOCKS = frozenset({"flock", "fcntl"})
WAITS = frozenset({"wait4", "waitid"})
MOST_STEPS = 8  # processes in one chain of who waits for whom


def relative(pid: int) -> Relative | None:
    """Return another process in short; None when it is gone."""
    found = processes.stat(pid)
    return None if found is None else Relative(pid, processes.argv(pid), found.state)


def call(pid: int, tid: int) -> Call | None:
    """Return the system call in which a thread sleeps; None when it runs, or is not ours to look at."""
    data = reading.read(f"/proc/{pid}/task/{tid}/syscall", 256)
    words = data.split() if data else []
    if not words or not words[0].isdigit():
        return None
    number = int(words[0])
    # The table of syscalls.py has no other door.
    name = syscalls._NAMES.get(number) or _MORE.get(number) or f"system call {number}"
    return Call(name, tuple(_signed(int(word, 16)) for word in words[1:7]))


def _signed(word: int) -> int:
    """Return an int argument, whose -1 is told as 0xffffffff or with all 64 bits set."""
    return -1 if word in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else word


def follow(pid: int, current: Call) -> tuple[Step, ...]:
    """Return whom a process waits for that sleeps in this call, whom that one waits for, and so on to the last."""
    found: list[Step] = []
    seen = {pid}
    while len(found) < MOST_STEPS and (after := _next(pid, current)) is not None:
        way, other = after
        known = relative(other)
        if other in seen or known is None:
            break
        seen.add(other)
        pid, now = other, call(other, other)
        found.append(Step(other, known.argv, known.state, way, now.name if now is not None else None))
        if now is None:
            break
        current = now
    return tuple(found)


def _next(pid: int, current: Call) -> tuple[Way, int] | None:
    """Return the one process for which another waits in this call, and how; None when there is none, or several."""
    if current.name in WAITS:
        child = awaited(current)
        living = [one for one in reading.children(pid) if (found := processes.stat(one)) and found.state not in "ZX"]
        child = child if child is not None else living[0] if len(living) == 1 else None
        return ("child", child) if child is not None else None
    if current.name in LOCKS:
        holder = files.lock_holder(pid)
        return ("lock", holder) if holder is not None else None
    if current.name in READS | WRITES and current.args:
        ends = reading.descriptors(pid) or {}
        if current.args[0] not in ends:
            return None
        reads = current.name in READS
        end = files.end(pid, current.args[0], ends, "writers" if reads else "readers")
        others = [one.pid for one in end.holders or () if one.pid != pid]
        return ("writer" if reads else "reader", others[0]) if len(others) == 1 and end.all_seen else None
    return None


def awaited(current: Call) -> int | None:
    """Return the one child that a wait is for by its pid; -1 and 0 stand for any (wait(2))."""
    first = current.args[0] if current.args else 0
    child = current.args[1] if current.name == "waitid" and first == 1 else first if current.name == "wait4" else 0
    return child if 0 < child < 1 << 31 else None
