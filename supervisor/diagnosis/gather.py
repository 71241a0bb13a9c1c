"""Agent messages of all processes of one worker -> :class:`Evidence`. Tolerates loss, reordering and lies.

The messages come from somebody else's process. Their shapes were checked by agent/wire.py; that a task moves
after it was done, that a time lies after the exit, that half of them are missing is met here, by ignoring what
cannot be and never by failing.
"""

from __future__ import annotations

from supervisor.diagnosis.evidence import Block, Evidence, Note, Process, Task, Thread, Wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.frames import Frame, Stack

# The agent does not tell of waits shorter than this (agent/wire.py): one that it stopped mentioning ended so soon.
UNTOLD = 0.05
# Two accounts of the same wait differ by a sampler's tick at most (10 ms, 50 ms after two seconds).
SAME = 0.12
MOST_TASKS = 5000
# Where a child that multiprocessing forked begins; the fork itself may be in the part of the stack that was cut.
_CHILD_BEGINS = ("/multiprocessing/popen_fork.py", "/multiprocessing/process.py", "/concurrent/futures/process.py")
# A sampler that can run has told something within this time while anything waits (its grain grows to 0.25 s).
QUIET = 0.6


def gather(messages: Iterable[AgentMessage], zero: float, main: int, until: float | None = None) -> Evidence:
    """Sort the messages by process, task and thread.

    ``zero`` is monotonic seconds, ``main`` the main process's pid, ``until`` the worker's end in seconds since
    zero, which no instant may exceed.
    """
    evidence = Evidence(zero, main)
    for message in sorted(messages, key=lambda message: (message.at, message.seq)):
        at = message.at - zero
        if until is not None and at > until:
            at = until
        process = evidence.processes.get(message.pid)
        if process is None or (message.event == "hello" and process.hello):  # exec'd: another program now
            process = evidence.processes[message.pid] = Process(message.pid)
            process.first = process.last = at
        if message.event != "dump" and message.event != "eof":
            if process.silent is not None and at - process.silent > QUIET:
                process.silence_ended = at
            process.silent = at
        process.last = max(process.last, at)
        process.dropped = max(process.dropped, message.dropped)
        _READERS.get(message.event, _keep)(process, Note(at, message.event, _whole(message.fields)))
    for process in evidence.processes.values():
        _end_forgotten_blocks(process)
    for pid in [pid for pid, process in evidence.processes.items() if _was_another(process)]:
        del evidence.processes[pid]
    return evidence


def _whole(value: Any) -> Any:
    """The fields without the holes that a list may have (wire.decode lets null through everywhere)."""
    if type(value) is dict:
        return {key: _whole(item) for key, item in value.items()}
    if type(value) is list:
        return [_whole(item) for item in value if item is not None]
    return value


def _was_another(process: Process) -> bool:
    """It had left, or had become another program (exec), before the stop; a moment for one that ended by itself."""
    ends = process.of("eof")
    return bool(ends) and process.last <= ends[-1].at < (-0.5 if process.phases else 0.0)


def _keep(process: Process, note: Note) -> None:
    process.notes.append(note)


def _hello(process: Process, note: Note) -> None:
    fields = note.fields
    process.hello = fields


def _ready(process: Process, note: Note) -> None:
    fields = note.fields
    if fields.get("sampler") is not None:
        process.sampler = fields["sampler"]


def _dump(process: Process, note: Note) -> None:
    process.dump = note.fields.get("text") or process.dump
    _keep(process, note)


def _eof(process: Process, note: Note) -> None:
    fields = note.fields
    process.lost += (fields.get("lost") or 0) + (fields.get("rejected") or 0)
    _keep(process, note)


def _phase(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    name = fields.get("name")
    if not name:
        return
    process.phases.append((at, name, fields))
    tasks = [_described(process, at, task) for task in fields.get("tasks") or ()]
    for task in tasks:
        if task is None:
            continue
        if name == "cancel":
            task.cancel_sure = True
            task.cancelled_at = at if task.cancelled_at is None else task.cancelled_at
        if name in ("loop-close", "thread-join"):
            task.at_close = True
    _keep(process, note)


def _snapshot(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    first = not process.of("snapshot")
    quiet = at - process.silence_ended < 0.1  # until now not even its sampler could run
    if first and process.hello.get("forked") and any(_fork_at(_stack(t)) for t in fields.get("threads") or () if t):
        process.inherited = {t["task"] for t in fields.get("tasks") or () if t and t.get("task") is not None}
    for described in fields.get("tasks") or ():
        task = _described(process, min(at, 0.0) if first else at, described)
        if task is not None and first:
            task.late = False
    for described in fields.get("threads") or ():
        thread = _thread(process, described)
        if thread is None:
            continue
        thread.late = thread.late and not first
        if described.get("state") in ("callback", "executor", "busy"):
            _seen_again(thread, at, described, first, quiet)
    _keep(process, note)


def _with_tasks(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    for described in fields.get("tasks") or ():
        _described(process, at, described)
    _keep(process, note)


def _exit(process: Process, note: Note) -> None:
    """The process ends itself now: whoever is not in the complete list of its tasks had ended before."""
    _with_tasks(process, note)
    listed = note.get("tasks") or ()
    if note.get("n_tasks") is None or note.get("n_tasks") != len(listed):
        return
    numbers = {described.get("task") for described in listed}
    for task in process.tasks.values():
        wait = task.open_wait
        if wait is not None and task.number not in numbers:
            wait.end = max(note.at, wait.start)


# ------------------------------------------------------------------ tasks


def _task(process: Process, at: float, fields: Mapping[str, Any]) -> Task | None:
    number = fields.get("task")
    if number is None or (number not in process.tasks and len(process.tasks) >= MOST_TASKS):
        return None
    if number in process.inherited:
        return None
    task = process.tasks.get(number)
    if task is None:
        task = process.tasks[number] = Task(process.pid, number, at)
    task.name = fields.get("name") or task.name
    task.coro = fields.get("coro") or task.coro
    task.late = task.late or bool(fields.get("late"))
    task.shielded = task.shielded or bool(fields.get("shielded"))
    task.caught = fields.get("caught") or task.caught
    cancelling = fields.get("cancelling")
    task.cancel_sure = task.cancel_sure or (cancelling is not None and cancelling > 0)
    since_cancel = fields.get("since_cancel")
    if since_cancel is not None and task.cancelled_at is None:
        task.cancelled_at = at - max(since_cancel, 0.0)
    return task


def _described(process: Process, at: float, fields: Mapping[str, Any], since: float | None = None) -> Task | None:
    """A TASK: where the task is now, and (with ``since``) from when on."""
    task = _task(process, at, fields)
    if task is None or task.done_at is not None:
        return task
    where = fields.get("at") or fields.get("leaf")
    if where is None:
        return task
    start = at if since is None else since
    wait = task.open_wait
    if wait is None or wait.at != where or (since is not None and since > wait.start + SAME + (at - since) * 0.05):
        if wait is not None:
            wait.end = _forgotten(wait, start)
        wait = Wait(start, where)
        task.waits.append(wait)
    _describe(wait, at, fields)
    return task


def _describe(wait: Wait, at: float, fields: Mapping[str, Any]) -> None:
    wait.leaf = fields.get("leaf") or wait.leaf
    wait.told = wait.told or fields.get("seconds") is not None
    wait.stack = _stack(fields) or wait.stack
    wait.handling = fields.get("handling") or wait.handling
    on = fields.get("on")
    if not on:
        return
    due = wait.fields.get("due")
    # A sleep that outlives its own end is another sleep of the same line: somebody polls.
    if wait.kind == "sleep" and due is not None and at > wait.fields["seen"] + due + UNTOLD:
        wait.polled = True
    wait.fields = {**{key: value for key, value in on.items() if value is not None}, "seen": at}


def _forgotten(wait: Wait, latest: float) -> float:
    """The end of a wait that nobody reported: a short one ended within what is not told, a long one just now."""
    if wait.told:
        return max(wait.start, latest)
    seen: float = wait.fields.get("seen", wait.start)
    return max(wait.start, min(latest, seen + UNTOLD))


def _waiting(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    _described(process, at, fields, at - max(fields.get("seconds") or 0.0, 0.0))


def _moved(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    task = _task(process, at, fields)
    was = fields.get("was") or fields.get("was_leaf")
    if task is None or task.done_at is not None:
        return
    if was is not None:
        _close(task, at, was, fields.get("seconds"), fields.get("was_leaf"))
    _described(process, at, fields, at)


def _close(task: Task, at: float, where: Frame, seconds: float | None, leaf: Frame | None) -> None:
    """The task's wait at ``where`` ended now, having lasted ``seconds``."""
    start = at - max(seconds, 0.0) if seconds is not None else at
    wait = task.open_wait
    if wait is not None and wait.at != where:
        wait.end = _forgotten(wait, start)
        wait = None
    if wait is None:
        if task.waits and (last := task.waits[-1]).end is not None:
            start = max(start, last.end)
        wait = Wait(min(start, at), where, leaf)
        task.waits.append(wait)
    wait.end = max(at, wait.start)


def _created(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    task = _task(process, at, fields)
    if task is not None:
        task.late = True
        task.created_by = fields.get("by")
        task.created_handling = fields.get("handling")


def _done(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    task = _task(process, at, fields)
    if task is None or task.done_at is not None:
        return
    where = fields.get("at") or fields.get("leaf")
    if where is not None and fields.get("seconds") is not None:
        _close(task, at, where, fields["seconds"], fields.get("leaf"))
    elif task.open_wait is not None:
        task.open_wait.end = at
    if fields.get("cancelling") == 0 and not task.cancel_sure:
        task.cancelled_at = None  # another task's cancellation, met where it was awaited
    task.done_at = at
    task.outcome = fields.get("outcome")
    task.exception = fields.get("exception")
    task.moves = fields.get("moves") or 0


def _cancelled(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    task = _task(process, at, fields)
    if task is not None:
        if task.cancelled_at is None:
            task.cancelled_at = at
        task.cancelled_by = fields.get("by") or task.cancelled_by
        _keep(process, note)


def _destroyed(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    task = _task(process, at, fields)
    if task is not None:
        task.destroyed = True
        if fields.get("at") and not task.waits:
            task.waits.append(Wait(at, fields["at"]))
    _keep(process, note)


# ------------------------------------------------------------------ threads


def _thread(process: Process, fields: Mapping[str, Any]) -> Thread | None:
    ident = fields.get("thread")
    if ident is None or (ident not in process.threads and len(process.threads) >= MOST_TASKS):
        return None
    thread = process.threads.get(ident)
    if thread is None:
        thread = process.threads[ident] = Thread(process.pid, ident)
    thread.name = fields.get("name") or thread.name
    thread.main = thread.main or bool(fields.get("main"))
    thread.daemon = bool(fields.get("daemon"))
    return thread


def _blocked(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    thread = _thread(process, fields)
    if thread is None:
        return
    start = at - max(fields.get("seconds") or 0.0, 0.0)
    where, state = fields.get("at") or fields.get("leaf"), fields.get("state") or "busy"
    stack = _stack(fields)
    forked = _fork_at(stack) if process.hello.get("forked") else 0
    if forked:  # below it are the frames of the parent, whose loop does not run here
        stack, state = stack[forked:], "busy" if state == "callback" else state
    block = thread.blocks[-1] if thread.blocks else None
    if block is None or block.ended or block.at != where or block.state != state or start > block.end + SAME:
        block = Block(start, at, where, state)
        thread.blocks.append(block)
    block.end = max(at, block.start)
    block.ended = note.event == "thread-moved"
    block.leaf = fields.get("leaf") or block.leaf
    block.stack = stack or block.stack
    block.doing = fields.get("doing") or block.doing
    block.fd = fields["fd"] if fields.get("fd") is not None else block.fd
    block.pid = fields.get("pid") or block.pid
    block.cpu = fields["cpu"] if fields.get("cpu") is not None else block.cpu


def _end_forgotten_blocks(process: Process) -> None:
    """A thread that was to be told again (at twice the time) and was not, has left its place."""
    heard = process.silent or 0.0
    for thread in process.threads.values():
        for block in thread.blocks:
            expected = block.start + 2 * (block.end - block.start) + QUIET
            if not block.ended and (heard > expected or block is not thread.blocks[-1]):
                block.ended = True


def _fork_at(stack: Stack) -> int:
    """How many frames of a forked child's stack are its parent's; 0 when multiprocessing did not fork it."""
    frames = [index for index, frame in enumerate(stack) if frame[0].endswith(_CHILD_BEGINS)]
    return frames[0] if frames else 0


def _seen_again(thread: Thread, at: float, fields: Mapping[str, Any], first: bool, quiet: bool) -> None:
    """A thread in a snapshot. At the place of the snapshot before, and no word since: it never left it."""
    where, state = fields.get("at") or fields.get("leaf"), fields.get("state") or "busy"
    block = thread.blocks[-1] if thread.blocks else None
    if block is not None and block.at == where and (quiet or not block.ended):
        block.end, block.ended = max(at, block.end), False
        return
    block = Block(at, at, where, state)
    block.ended = first
    block.stack, block.leaf = _stack(fields), fields.get("leaf")
    thread.blocks.append(block)


def _stack(fields: Mapping[str, Any]) -> Stack:
    return tuple(frame for frame in fields.get("stack") or () if frame)


_READERS = {
    "hello": _hello,
    "ready": _ready,
    "dump": _dump,
    "eof": _eof,
    "phase": _phase,
    "snapshot": _snapshot,
    "loop-stop": _with_tasks,
    "exit": _exit,
    "task-waiting": _waiting,
    "task-moved": _moved,
    "task-created": _created,
    "task-done": _done,
    "task-cancelled": _cancelled,
    "task-destroyed": _destroyed,
    "thread-waiting": _blocked,
    "thread-moved": _blocked,
}
