"""Looks at any running process from outside for a moment (proc(5)) and writes down what there is to see.

Reads only: nothing is sent to the process, traced or stopped. Signal 0 of kill(2), which tells a hidden process
from none, sends nothing. What a process may do is not judged here (diagnosis/running/conclusions.py).
"""

from __future__ import annotations

import os
import time

from supervisor.diagnosis.running.facts import Call, Facts, Relative, Thread
from supervisor.errors import SupervisorError
from supervisor.system.proc import files, follow, processes, reading
from supervisor.system.proc.follow import LOCKS, READS, WRITES, call, relative
from supervisor.system.proc.reading import children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Threads looked at one by one, and children told: a process with more has its first ones told.
MOST_THREADS = 256
MOST_CHILDREN = 64
# Looks in one observation: often enough to tell a wait from a passing state, 2 ms of our CPU in all.
LOOKS = 20
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, include/linux/sched.h


class Unseen(SupervisorError):
    """There is no such process, or it is hidden from us."""

    exit_code = 1


def look(pid: int, seconds: float, sleep: Callable[[float], None] = time.sleep) -> Facts:
    """Return everything about a process, its main thread looked at LOOKS times within ``seconds``.

    Raises Unseen when there is no such process, or it cannot be seen.
    """
    status = _status(pid) or _missing(pid)
    group = int(status.get("Tgid", pid))
    if group != pid:
        raise Unseen(f"{pid} is a thread of process {group}", f"explain the process: supervisor explain {group}")
    found = processes.stat(pid)
    if found is None:
        raise _gone(pid)
    facts = _static(pid, status, found)
    return _observe(facts, found, seconds, sleep)


def _gone(pid: int) -> Unseen:
    return Unseen(f"there is no process {pid}", "see what runs with: ps -ef")


def _missing(pid: int) -> dict[str, str]:
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass
    except (ProcessLookupError, OverflowError):
        raise _gone(pid) from None
    raise Unseen(f"process {pid} is hidden from you", f"ask as root or as its user: sudo supervisor explain {pid}")


def _static(pid: int, status: dict[str, str], found: processes.Stat) -> Facts:
    """Return what one look is enough for; the threads as they are now."""
    uids = status.get("Uid", "").split()
    uid = int(uids[0]) if uids else -1
    dead = found.state in "ZX"
    ends = {} if dead else reading.descriptors(pid)
    hidden = [] if ends is not None else ["its descriptors"]
    # A zombie has given its memory back: whether it was a kernel thread is no question then.
    kernel = bool(_flags(pid) & _KERNEL_THREAD)
    tracer = int(status.get("TracerPid", "0"))
    parent = relative(found.parent) if found.parent else None
    masks = processes.masks(found.parent) if dead and found.parent else None
    return Facts(
        pid=pid,
        argv=processes.argv(pid),
        age=max(time.monotonic() - found.started, 0.0),
        observed=0.0,
        looks=0,
        user=_user(uid),
        ours=os.geteuid() in (0, uid),
        cpu=None,
        parent=parent,
        parent_masks=(masks.caught, masks.ignored) if masks else None,
        n_threads=found.threads,
        threads=(Thread(pid, status.get("Name", "?"), (found.state,)),),
        caught=_set(status, "SigCgt"),
        ignored=_set(status, "SigIgn"),
        shared_pending=_set(status, "ShdPnd"),
        mates=_mates(pid) if dead and found.group == pid else (),
        children=tuple(_known(children(pid)[:MOST_CHILDREN])),
        exe=_exe(pid),
        kernel=kernel,
        namespace_init=status.get("NSpid", "").split()[-1:] == ["1"] or pid == 1,
        tracer=relative(tracer) if tracer else None,
        frozen=files.frozen(pid),
        accepted=files.accepted_signals(pid, ends or {}),
        fds=len(ends) if ends is not None and not dead else None,
        fd_limit=files.limit(pid),
        sockets=files.open_sockets(pid, ends) if ends is not None and not dead else None,
        outputs=tuple(files.end(pid, fd, ends or {}, look_for="readers") for fd in (1, 2) if fd in (ends or {})),
        hidden=tuple(hidden),
    )


def _observe(facts: Facts, found: processes.Stat, seconds: float, sleep: Callable[[float], None]) -> Facts:
    """Look again and again; the threads' last states, calls and CPU times."""
    pid, begun = facts.pid, time.monotonic()
    states: list[str] = []
    calls: list[Call | None] = []
    before = {tid: cpu for tid in _tids(pid) if (cpu := _cpu(pid, tid)) is not None}
    last = found
    while True:
        now = processes.stat(pid)
        if now is None or abs(now.started - found.started) > processes.TICK:
            return _with_threads(facts, states, calls, before, last, time.monotonic() - begun).with_(ended=True)
        last = now
        states.append(now.state)
        calls.append(None if facts.kernel or now.state in "RZXTt" else call(pid, pid))
        passed = time.monotonic() - begun
        if passed >= seconds or (now.state in "ZX" and now.threads <= 1):
            break
        sleep(min(max(seconds / LOOKS, 0.005), seconds - passed))
    return _with_threads(facts, states, calls, before, last, time.monotonic() - begun)


def _with_threads(
    facts: Facts,
    states: list[str],
    calls: list[Call | None],
    before: dict[int, float],
    last: processes.Stat,
    observed: float,
) -> Facts:
    pid = facts.pid
    threads = [_thread(pid, tid, before) for tid in _tids(pid)]
    mains = [one for one in threads if one is not None and one.tid == pid]
    main = (mains[0] if mains else facts.main).with_(
        states=tuple(states) or facts.main.states, calls=tuple(calls) or (None,)
    )
    others = [one for one in threads if one is not None and one.tid != pid]
    spent = [one.cpu for one in (main, *others) if one.cpu is not None]
    status = _status(pid) or {}
    facts = facts.with_(
        observed=observed,
        looks=len(states),
        cpu=sum(spent) if spent else None,
        threads=(main, *others),
        n_threads=last.threads,
        caught=_set(status, "SigCgt") if status else facts.caught,
        ignored=_set(status, "SigIgn") if status else facts.ignored,
        shared_pending=_set(status, "ShdPnd") if status else facts.shared_pending,
        children=tuple(_known(children(pid)[:MOST_CHILDREN])),
        stack=_stack(pid) if main.state == "D" else None,
    )
    if not facts.kernel and main.state not in "RZX" and call(pid, pid) is None and not _readable(pid):
        facts = facts.with_(hidden=(*facts.hidden, "its system calls"))
    return _with_call(facts, main.calls[-1] if main.calls else None)


def _with_call(facts: Facts, current: Call | None) -> Facts:
    """Add what the main thread's call has to do with: a descriptor, a child, a lock."""
    pid = facts.pid
    if current is None or not current.args:
        return facts
    first = current.args[0]
    if current.name in READS | WRITES | LOCKS | {"accept", "accept4", "connect"}:
        ends = reading.descriptors(pid) or {}
        if first in ends:
            facts = facts.with_(end=files.end(pid, first, ends, "readers" if current.name in WRITES else "writers"))
        if current.name in LOCKS:
            holder = files.lock_holder(pid)
            facts = facts.with_(lock_holder=relative(holder) if holder else None)
    child = follow.awaited(current)
    if child is not None:
        facts = facts.with_(awaited=relative(child))
    return facts.with_(waits_for=follow.follow(pid, current))


# ------------------------------------------------------------------ one process, one thread


def _thread(pid: int, tid: int, before: dict[int, float]) -> Thread | None:
    status = _status(pid, tid)
    if status is None:
        return None
    spent = _cpu(pid, tid)
    wchan = reading.read(f"/proc/{pid}/task/{tid}/wchan", 128)
    state = status.get("State", "?")[:1]
    return Thread(
        tid=tid,
        name=status.get("Name", "?"),
        states=(state,),
        calls=(None if state in "RZXTt" else call(pid, tid),),
        cpu=max(spent - before[tid], 0.0) if spent is not None and tid in before else None,
        wchan=os.fsdecode(wchan) if wchan and wchan != b"0" else None,
        pending=_set(status, "SigPnd"),
        blocked=_set(status, "SigBlk"),
    )


def _tids(pid: int) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))[:MOST_THREADS]
    except OSError:
        return []


def _cpu(pid: int, tid: int) -> float | None:
    """Return the CPU seconds of a thread: in nanoseconds where the kernel keeps schedstat, else in clock ticks."""
    data = reading.read(f"/proc/{pid}/task/{tid}/schedstat", 128)
    if data and data.split()[0].isdigit():
        return int(data.split()[0]) / 1e9
    data = reading.read(f"/proc/{pid}/task/{tid}/stat", 2048)
    if not data:
        return None
    fields = data[data.rindex(b")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) * processes.TICK


def _status(pid: int, tid: int | None = None) -> dict[str, str] | None:
    data = reading.read(f"/proc/{pid}/status" if tid is None else f"/proc/{pid}/task/{tid}/status", 8192)
    if not data:
        return None
    pairs = (line.partition(":") for line in os.fsdecode(data).split("\n"))
    return {key: value.strip() for key, _, value in pairs}


def _set(status: dict[str, str], key: str) -> int:
    return int(status.get(key, "0") or "0", 16)


def _flags(pid: int) -> int:
    data = reading.read(f"/proc/{pid}/stat", 2048)
    return int(data[data.rindex(b")") + 2 :].split()[6]) if data else 0


def _stack(pid: int) -> tuple[str, ...] | None:
    """Return kernel functions, innermost first (proc_pid_stack(5)); only root may read them."""
    data = reading.read(f"/proc/{pid}/stack", 8192)
    if not data:
        return None
    lines = (line.rpartition(b"] ")[2].partition(b"+")[0] for line in data.splitlines())
    return tuple(os.fsdecode(line) for line in lines if line)


def _readable(pid: int) -> bool:
    return reading.read(f"/proc/{pid}/syscall", 256) is not None


def _exe(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)


def _known(pids: Iterable[int]) -> list[Relative]:
    return [one for one in map(relative, pids) if one is not None]


def _mates(pid: int) -> tuple[Relative, ...]:
    """Return who is alive of the process group that the process led."""
    every = (processes.stat(int(name)) for name in os.listdir("/proc") if name.isdecimal() and int(name) != pid)
    same = [one.pid for one in every if one is not None and one.group == pid and one.state not in "ZX"]
    return tuple(_known(same[:MOST_CHILDREN]))
