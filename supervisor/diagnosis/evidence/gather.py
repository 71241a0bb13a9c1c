"""Agent messages of all processes of one worker -> :class:`Evidence`. Tolerates loss, reordering and lies.

The messages come from somebody else's process. Their shapes were checked by agent/wire.py; that a task moves
after it was done, that a time lies after the exit, that half of them are missing is met here, by ignoring what
cannot be and never by failing.
"""

from __future__ import annotations

from supervisor.diagnosis.evidence import tasks, threads
from supervisor.diagnosis.evidence.frames import Owner
from supervisor.diagnosis.evidence.model import NO_HELLO, Evidence, Process, Woken
from supervisor.diagnosis.evidence.notes import (
    Dump,
    Eof,
    Exit,
    Hello,
    LoopStop,
    Phase,
    Snapshot,
    TaskCancelled,
    TaskCreated,
    TaskDestroyed,
    TaskDone,
    TaskMoved,
    TaskWaiting,
    ThreadMoved,
    ThreadWaiting,
    Wakes,
    note_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.evidence.notes import Note

# A process that had left before the stop is another matter. So much is granted (seconds): the zero of one that ended
# by itself is when its end was seen, and the channel's end may have been seen in an earlier batch.
LEFT_BEFORE = 0.5
# Since this minor version of Python 3 the main script's file is an absolute path too.
ABSOLUTE = 9


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
        again = message.event == "hello" and process is not None and process.hello is not NO_HELLO
        if process is None or again:  # exec'd: another program now
            process = evidence.processes[message.pid] = Process(message.pid, zero)
            process.last = at
        if message.event not in ("dump", "eof", "ended"):
            if process.silent is not None and at - process.silent > threads.QUIET:
                process.silence_ended = at
            process.silent = at
        if message.event != "ended":  # the kernel's word on it, also when its agent had gone long before
            process.last = max(process.last, at)
        process.dropped = max(process.dropped, message.dropped)
        if own := message.fields.get("own"):
            process.owner = process.owner.with_(own=tuple(prefix for prefix in own if prefix))
        note = note_of(message, at, process.owner)
        _READERS.get(type(note), _keep)(process, note)
    for process in evidence.processes.values():
        tasks.time_cancels(process)
        threads.end_forgotten_blocks(process)
        threads.end_joined_blocks(process)
        if until is not None and process.ended is None:  # nobody heard its end: it ended with the worker
            process.last = max(process.last, until)
    for pid in [
        p for p, process in evidence.processes.items() if _was_another(process, until if p == main else None)
    ]:
        del evidence.processes[pid]
    return evidence


def _was_another(process: Process, until: float | None) -> bool:
    """Return whether the process had left, or had become another program (exec), before the stop.

    ``until``: the main process lived on until then, so what ended earlier was only its agent.
    """
    ends = process.of(Eof)
    if not ends or process.last > ends[-1].at:
        return False
    end = ends[-1].at
    return end < -LEFT_BEFORE or (end < 0.0 and until is not None and until > end + LEFT_BEFORE)


def _keep(process: Process, note: Note) -> None:
    process.notes.append(note)


def _hello(process: Process, note: Hello) -> None:
    process.hello = note
    process.owner = Owner(absolute=process.minor >= ABSOLUTE)


def _dump(process: Process, note: Dump) -> None:
    if note.text:
        process.dumps.append((note.at, note.text))
    _keep(process, note)


def _eof(process: Process, note: Eof) -> None:
    process.lost += note.lost + note.rejected
    _keep(process, note)


def _phase(process: Process, note: Phase) -> None:
    if not note.name:
        return
    process.phases.append(note)
    for told in note.tasks:
        task = tasks.described(process, note.at, told)
        if task is None:
            continue
        if note.name == "cancel":
            task.at_cancel = True
            task.cancel_sure = True
            task.cancelled_at = note.at if task.cancelled_at is None else task.cancelled_at
        if note.name in ("loop-close", "thread-join"):
            task.at_close = True
    for busy in note.busy:
        threads.glimpsed(process, note.at, busy)
    _keep(process, note)


def _snapshot(process: Process, note: Snapshot) -> None:
    at, first = note.at, process.first is None
    quiet = at - process.silence_ended < threads.SPOKE_AGAIN  # until now not even its sampler could run
    if first and process.hello.forked and any(threads.left_its_loop(told.stack) for told in note.threads):
        process.inherited = {told.task for told in note.tasks if told.task is not None}
    for told in note.tasks:
        task = tasks.described(process, min(at, 0.0) if first else at, told)
        if task is not None and first:
            task.late = False
    for seen in note.threads:
        thread = threads.find(process, seen)
        if thread is None:
            continue
        thread.late = thread.late and not first
        if first:
            thread.at_first = threads.seen(process, at, seen)
        if seen.state in ("callback", "executor", "busy"):
            glimpse, found = first or (process.sampled and not quiet), threads.seen(process, at, seen)
            threads.seen_again(thread, found, seen, glimpse, quiet)
    _keep(process, note)


def _loop_stop(process: Process, note: LoopStop) -> None:
    for told in note.tasks:
        tasks.described(process, note.at, told)
    _keep(process, note)


def _exit(process: Process, note: Exit) -> None:
    """Note that the process ends itself now: tasks that are not in the complete list had ended before."""
    for told in note.tasks:
        tasks.described(process, note.at, told)
    _keep(process, note)
    if note.n_tasks is None or note.n_tasks != len(note.tasks):
        return
    numbers = {told.task for told in note.tasks}
    for task in process.tasks.values():
        wait = task.open_wait
        if wait is not None and task.number not in numbers:
            wait.end = max(note.at, wait.start)


def _wakes(process: Process, note: Wakes) -> None:
    for row in note.rows:
        if row.task is not None and row.t is not None:
            at = row.t / 1e9 - process.zero
            woken = (row.task, row.by_task, row.by_thread, row.how, row.at, row.name)
            process.wakes.append(Woken(min(at, note.at), *woken))
    process.wakes.sort(key=lambda row: row.at)
    _keep(process, note)


_READERS: dict[type[Note], Callable[[Process, Any], None]] = {
    Hello: _hello,
    Dump: _dump,
    Eof: _eof,
    Phase: _phase,
    Snapshot: _snapshot,
    LoopStop: _loop_stop,
    Exit: _exit,
    TaskWaiting: tasks.waiting,
    TaskMoved: tasks.moved,
    TaskCreated: tasks.created,
    TaskDone: tasks.done,
    TaskCancelled: tasks.cancelled,
    TaskDestroyed: tasks.destroyed,
    ThreadWaiting: threads.blocked,
    ThreadMoved: threads.blocked,
    Wakes: _wakes,
}
