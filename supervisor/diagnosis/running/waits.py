"""What the main thread of a running process is at: the wait that all looks agree on, or the CPU. Pure."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.record import Finding, Link
from supervisor.diagnosis.evidence.frames import line_of, origin, short
from supervisor.diagnosis.phrases import bare, figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.record import Severity, Where
    from supervisor.diagnosis.running.facts import Call, Facts, Relative
    from supervisor.diagnosis.running.stacks import Reading

# More than half of the time on the CPU, of one core: it computes rather than waits.
BUSY = 0.5
MOST_TASKS = 5
# Of the looks, that found the same call: it waits there rather than passes by.
SAME = 0.8
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox"})
_READS = frozenset({"read", "readv", "pread64", "recvfrom", "recvmsg"})
_WRITES = frozenset({"write", "writev", "pwrite64", "sendto", "sendmsg"})
_POLLS = frozenset(
    {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6", "io_uring_enter"}
)
_SLEEPS = frozenset({"nanosleep", "clock_nanosleep"})
_SIGNALS = frozenset({"pause", "rt_sigsuspend", "rt_sigtimedwait"})
_ASK = "Ask as root, or as its user, what it reads from."
_FUTEX = frozenset({"futex", "futex_waitv"})
_CHAINED = frozenset({"waits-for-child", "waits-for-file-lock", "waits-for-input", "output-blocked"})
_WAYS = {
    "child": "{who} waits for its child {other}", "lock": "{who} waits for a file lock that {other} holds",
    "writer": "{who} waits for bytes from {other}", "reader": "{who} waits until {other} reads",
}  # fmt: skip


def dominant(facts: Facts) -> Call | None:
    """Return the system call in which nearly all looks found the main thread."""
    calls = [call for call in facts.main.calls if call is not None]
    if not calls:
        return None
    name = max({call.name for call in calls}, key=lambda name: sum(call.name == name for call in calls))
    if sum(call.name == name for call in calls) < SAME * len(facts.main.calls):
        return None
    return next(call for call in reversed(calls) if call.name == name)


def busy(facts: Facts) -> bool:
    """Return whether the process computes; on a busy machine it may have to wait for a CPU, which is state R too."""
    runnable = sum(state == "R" for state in facts.main.states) >= SAME * max(len(facts.main.states), 2)
    return runnable or bool(facts.cpu is not None and facts.observed > 0 and facts.cpu / facts.observed > BUSY)


def main_thread(facts: Facts, read: Reading | None, tree: Sequence[str] = (), python: bool = True) -> list[Finding]:
    """Return what the main thread does, in at most two findings. ``tree``: the lines of `asyncio pstree`."""
    # Where a loop at rest was started says nothing of what its tasks wait for.
    at = read.where if read is not None and read.doing != "loop-idle" else None
    if facts.main.state in "ZX":
        return [_main_ended(facts)]
    found = [_busy(facts, at)] if busy(facts) else []
    if read is not None and read.doing == "loop-blocked":
        return [*found, _blocked(read)]
    if read is not None and read.doing in ("joins-threads", "joins-pool"):
        return [*found, _joins(facts, read)]
    call = dominant(facts)
    told = _wait(facts, call, at) if call is not None else None
    if told is not None and told.code in _CHAINED:
        told = told.with_(chain=chain(facts, at))
    if told is not None and call is not None and call.name in _POLLS and (tasks := in_tasks(tree)):
        told = told.with_(advice=_NAMED, proof=(*told.proof, *tasks[:MOST_TASKS]))
    elif told is not None and call is not None and call.name in _POLLS and not python:
        told = told.with_(advice=_NOT_OURS)
    return [*found, told] if told is not None else found


def chain(facts: Facts, at: Where | None) -> tuple[Link, ...]:
    """Return who waits for whom from the process on, each by what the kernel shows."""
    told: list[Link] = []
    who, where, pid = "its main thread", at, facts.pid
    for step in facts.waits_for:
        other = f"{words_of(step.argv)} (pid {step.pid})"
        told.append(Link(_WAYS[step.way].format(who=who, other=other), where, pid))
        who, where, pid = other, None, step.pid
    if told:
        last = facts.waits_for[-1]
        stopped = f"is stopped (state {last.state})" if last.state in "Tt" else None
        told.append(Link(f"{who} {stopped or (f'is in {last.call}' if last.call else 'runs')}", pid=pid))
    return tuple(told)


def words_of(argv: Sequence[str]) -> str:
    """Return what a process is called in short."""
    return argv[0].rpartition("/")[2] if argv else "?"


def in_tasks(tree: Sequence[str]) -> list[str]:
    """Return the tasks in which an await graph ends, each with its innermost line of the user's own.

    Lines are ``└── (T) name`` and below it ``└──  function file:line`` (Lib/asyncio/tools.py, CPython 3.14).
    """
    found: list[tuple[int, str, str]] = []  # depth, task, place
    for line in tree:
        text = line.lstrip(" │├└─")
        if text.startswith("(T) "):
            depth = line.index("(T)")
            if found and found[-1][0] < depth:  # it awaits this one
                found.pop()
            found.append((depth, text[4:], ""))
            continue
        function, _, where = text.rpartition(" ")
        file, _, number = where.rpartition(":")
        if found and number.isdecimal() and origin(file) == "user":
            depth, task, _ = found[-1]
            found[-1] = (depth, task, f" at {short(file)}:{number} {bare(function)}")
    return [f"task {task!r} is{place}" for _, task, place in found if place]


def _wait(facts: Facts, call: Call, at: Where | None) -> Finding | None:
    seen = f"its main thread was in {call.name} at {_looks(facts)}"
    if call.name in ("wait4", "waitid"):
        return _child(facts, seen, at)
    if call.name in _WRITES:
        return _output(facts, seen, at)
    if call.name in _READS:
        return _input(facts, seen, at)
    if call.name in ("flock", "fcntl"):
        return _file_lock(facts, seen, at)
    if call.name in _FUTEX:
        return _lock(facts, seen, at)
    title, advice = _PLAIN.get(call.name, (f"It waits in the system call {call.name}", ""))
    return Finding("waits", "note", title, advice or "Its manual page says what ends it.", where=at, proof=(seen,))


_EVENTS = (
    "It waits for events: files, sockets, timers (an event loop at rest)",
    "Only its tasks know which one; run under supervisor run or up, they are named in the report.",
)
_NOT_OURS = "Only the program itself knows which one: see its debugger or its log."
_NAMED = (
    "Make the stop end the waits of these tasks: cancel them, set what they wait for, or put a timeout around it."
)
_SLEEP = ("It sleeps for a fixed time", "Wait for an event with a timeout instead, so that a stop can end the sleep.")
_ACCEPT = (
    "It waits for a connection in accept",
    "Make the handler close the socket or raise: Python repeats accept() after a handler returns.",
)
_OPEN = ("It waits in open, as for the other end of a FIFO", "Open the other end, or open with O_NONBLOCK.")
_DISK = ("It waits for the disk", "Look at the disk: iostat -x 1")
_PLAIN = {
    **dict.fromkeys(_POLLS, _EVENTS),
    **dict.fromkeys(_SLEEPS, _SLEEP),
    **dict.fromkeys(_SIGNALS, ("It waits for a signal", "Send it one that it handles.")),
    **dict.fromkeys(("accept", "accept4"), _ACCEPT),
    **dict.fromkeys(("open", "openat"), _OPEN),
    **dict.fromkeys(("fsync", "fdatasync"), _DISK),
    "connect": ("It waits for a connection to be made", "Put a timeout on the connect."),
}


def _busy(facts: Facts, at: Where | None) -> Finding:
    used = facts.cpu or 0.0
    running = sorted((one for one in facts.threads if one.cpu), key=lambda one: -(one.cpu or 0.0))
    proof = [f"it used {figure(used)} of CPU in {figure(facts.observed)}"]
    if facts.n_threads > 1:
        shares = (f"{one.name} ({one.tid}) {figure(one.cpu or 0.0)}" for one in running[:3])
        proof.append(f"by thread: {', '.join(shares)}")
    advice = "Make the work check for the stop request." if at else f"See where: perf top -p {facts.pid}"
    return Finding("busy", "warning", "It computes", advice, where=at, proof=tuple(proof))


def _child(facts: Facts, seen: str, at: Where | None) -> Finding:
    living = [child for child in facts.children if child.state != "Z"]
    awaited = [facts.awaited] if facts.awaited is not None else living
    names = ", ".join(_called(child) for child in awaited[:3]) + (", …" if len(awaited) > 3 else "")
    stopped = [child for child in awaited if child.state in "Tt"]
    proof = [seen, *(f"{_called(child)} is stopped (state {child.state})" for child in stopped[:3])]
    advice = (
        f"See what the child waits for: supervisor explain {awaited[0].pid}"
        if awaited
        else "It has no child any more."
    )
    severity: Severity = "note"
    program = (facts.exe or "").rpartition("/")[2]
    if program in _SHELLS:
        if facts.caught & 1 << (signum.TERM - 1):
            severity = "warning"
            proof.append("a shell runs its trap when the command in the foreground has ended (bash(1), SIGNALS)")
            advice = f"Start the command with & and `wait`, or with exec; {advice[:1].lower()}{advice[1:]}"
        else:
            proof.append("a shell passes no signal on to the command it waits for")
            advice = f"Make the script exec its last command; {advice[:1].lower()}{advice[1:]}"
    title = (
        f"It waits for its {'child' if len(awaited) == 1 else 'children'} {names}"
        if awaited
        else "It waits for a child"
    )
    return Finding("waits-for-child", severity, title, advice, where=at, proof=tuple(proof))


def _output(facts: Facts, seen: str, at: Where | None) -> Finding:
    end = facts.end
    if end is None:
        return Finding(
            "output-blocked", "warning", "Its write does not complete", "Read its output.", where=at, proof=(seen,)
        )
    name = {1: "its stdout", 2: "its stderr"}.get(end.fd, f"descriptor {end.fd}")
    to = {"pipe": "a pipe", "socket": f"a connection to {end.peer or 'a peer'}", "terminal": "a terminal"}
    proof = [f"{seen}, to {name}: {to.get(end.kind, end.target)}"]
    advice = "Make the peer read, or limit the wait."
    if end.kind == "pipe":
        others = [one for one in end.holders or () if one.pid != facts.pid]
        proof += [f"its reader is {_called(one)}{_stopped(one)}" for one in others]
        if others:
            advice = f"Make it read, or stop it; see what it does: supervisor explain {others[0].pid}"
        else:
            proof.append("no other process" + ("" if end.all_seen else " that you may look into") + " reads it")
            advice = (
                "Only it holds the reading end itself: no process will ever read."
                if end.all_seen
                else "Ask as root to see which process reads."
            )
    elif end.kind == "terminal":
        advice = "Its terminal takes no output: Ctrl-S was pressed (press Ctrl-Q), or the window is gone or stopped."
    return Finding(
        "output-blocked",
        "warning",
        f"No process reads what it writes to {name}",
        advice,
        where=at,
        proof=tuple(proof),
    )


def _input(facts: Facts, seen: str, at: Where | None) -> Finding:
    end = facts.end
    if end is None:
        return Finding("waits-for-input", "note", "It waits for bytes to read", _ASK, where=at, proof=(seen,))
    name = "its stdin" if end.fd == 0 else f"descriptor {end.fd}"
    source = {"pipe": "a pipe", "socket": end.peer or "a socket", "terminal": "a terminal"}.get(end.kind, end.target)
    proof = [f"{seen}, on {name}: {source}"]
    writers = [one for one in end.holders or () if one.pid != facts.pid]
    proof += [f"its writer is {_called(one)}{_stopped(one)}" for one in writers[:3]]
    advice = "Put a timeout on the read, and let a stop request end it."
    if end.kind == "pipe" and not writers and end.all_seen:
        proof.append("no other process can write to it")
        advice = "It holds the writing end itself, so the end of the input never comes: close it after the fork."
    elif writers:
        advice = f"See what the writer does: supervisor explain {writers[0].pid}"
    return Finding(
        "waits-for-input", "note", f"It waits for bytes from {source}", advice, where=at, proof=tuple(proof)
    )


def _file_lock(facts: Facts, seen: str, at: Where | None) -> Finding:
    what = f" {facts.end.target}" if facts.end is not None else ""
    holder = facts.lock_holder
    title = f"It waits for a lock on the file{what}"
    if holder is None:
        return Finding(
            "waits-for-file-lock", "warning", title, "See which process holds it: lslocks", where=at, proof=(seen,)
        )
    advice = f"See what the holder does: supervisor explain {holder.pid}"
    proof = (seen, f"the lock is held by {_called(holder)}{_stopped(holder)} (/proc/locks)")
    return Finding("waits-for-file-lock", "warning", title, advice, where=at, proof=proof)


def _lock(facts: Facts, seen: str, at: Where | None) -> Finding:
    others = [
        one
        for one in facts.threads[1:]
        if one.calls and one.calls[-1] is not None and one.calls[-1].name not in _FUTEX
    ]
    doing = [f"{one.name} ({one.tid}) in {one.calls[-1].name}" for one in others if one.calls[-1] is not None]
    running = [f"{one.name} ({one.tid}) runs" for one in facts.threads[1:] if one.state == "R"]
    told = ", ".join((running + doing)[:4])
    proof = [seen, *([f"its other threads: {told}"] if told else [])]
    if facts.n_threads > 1 and not told:
        proof.append(f"its {facts.n_threads - 1} other threads wait, too")
    advice = (
        "One of its threads must release it."
        if facts.n_threads > 1
        else "Another process shares the lock, or no thread is left to release it."
    )
    return Finding(
        "waits-for-lock",
        "note",
        "Its main thread waits for a lock or for another thread",
        advice,
        where=at,
        proof=tuple(proof),
    )


def _blocked(read: Reading) -> Finding:
    return Finding(
        "loop-blocked",
        "warning",
        "Its event loop is blocked: no other task, timer or signal callback runs meanwhile",
        "Move this call into a thread (asyncio.to_thread), or use its asynchronous counterpart.",
        where=read.where,
    )


def _joins(facts: Facts, read: Reading) -> Finding:
    who = [f"{one.thread or '?'} at {line_of(one)} {one.function}" for one in read.others]
    pool = read.doing == "joins-pool"
    return Finding(
        "executor-busy" if pool else "waits-for-threads",
        "warning",
        f"Its main thread waits for {'a pool job' if pool else 'a thread'} to end",
        "Make the job check for the stop request; drop jobs that only queue: shutdown(cancel_futures=True)."
        if pool
        else "Make that work check for the stop request, or make it a daemon thread that may be cut short.",
        where=read.others[0] if read.others else read.where,
        proof=tuple(f"thread {one}" for one in who[:5]),
        chain=_joined(facts, read, pool),
    )


def _joined(facts: Facts, read: Reading, pool: bool) -> tuple[Link, ...]:
    """Return what the main thread waits for as a chain; of several threads it is not known for which one."""
    first = Link(f"its main thread joins {'a pool of threads' if pool else 'a thread'}", read.where, facts.pid)
    if not read.others:
        return (first,)
    if len(read.others) > 1:
        return (first, Link(f"one of {len(read.others)} threads is at work", pid=facts.pid))
    only = read.others[0]
    return (first, Link(f"thread {only.thread or '?'} is", only, facts.pid))


def _main_ended(facts: Facts) -> Finding:
    names = ", ".join(f"{one.name} ({one.tid})" for one in facts.threads[1:4])
    return Finding(
        "main-thread-ended",
        "warning",
        "Its main thread has ended, and other threads keep the process alive",
        "Make the main thread wait for the others or end the process (exit(3)), not only itself (pthread_exit(3)).",
        proof=(f"threads still running: {names}",),
    )


def _called(one: Relative) -> str:
    return f"{words_of(one.argv)} (pid {one.pid})"


def _stopped(one: Relative) -> str:
    return f", which is stopped (state {one.state})" if one.state in "Tt" else ""


def _looks(facts: Facts) -> str:
    calls = [call for call in facts.main.calls if call is not None]
    return (
        f"all {facts.looks} looks in {figure(facts.observed)}"
        if len(calls) == facts.looks
        else f"{len(calls)} of {facts.looks} looks"
    )
