"""Agent messages of all processes of one worker -> :class:`Evidence`. Tolerates loss, reordering and lies.

The messages come from somebody else's process. Their shapes were checked by agent/wire.py; that a task moves
after it was done, that a time lies after the exit, that half of them are missing is met here, by ignoring what
cannot be and never by failing.
"""

from __future__ import annotations

from supervisor.diagnosis.evidence import tasks, threads
from supervisor.diagnosis.evidence.model import Evidence, Note, Process, stack_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from supervisor.agent.wire import AgentMessage


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
            process.last = at
        if message.event != "dump" and message.event != "eof":
            if process.silent is not None and at - process.silent > threads.QUIET:
                process.silence_ended = at
            process.silent = at
        process.last = max(process.last, at)
        process.dropped = max(process.dropped, message.dropped)
        _READERS.get(message.event, _keep)(process, Note(at, message.event, _whole(message.fields)))
    for process in evidence.processes.values():
        threads.end_forgotten_blocks(process)
        threads.end_joined_blocks(process)
    for pid in [
        p for p, process in evidence.processes.items() if _was_another(process, until if p == main else None)
    ]:
        del evidence.processes[pid]
    return evidence


def _whole(value: Any) -> Any:
    """The fields without the holes that a list may have (wire.decode lets null through everywhere)."""
    if type(value) is dict:
        return {key: _whole(item) for key, item in value.items()}
    if type(value) is list:
        return [_whole(item) for item in value if item is not None]
    return value


def _was_another(process: Process, until: float | None) -> bool:
    """It had left, or had become another program (exec), before the stop. A moment is granted: the zero of one that
    ended by itself is when its end was seen, and the channel's may have been seen in an earlier batch.

    ``until``: the main process lived on until then, so what ended earlier was only its agent.
    """
    ends = process.of("eof")
    if not ends or process.last > ends[-1].at:
        return False
    return ends[-1].at < -0.5 or (ends[-1].at < 0.0 and until is not None and until > ends[-1].at + 0.5)


def _keep(process: Process, note: Note) -> None:
    process.notes.append(note)


def _hello(process: Process, note: Note) -> None:
    process.hello = note.fields


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
    for described in fields.get("tasks") or ():
        task = tasks.described(process, at, described)
        if task is None:
            continue
        if name == "cancel":
            task.cancel_sure = True
            task.cancelled_at = at if task.cancelled_at is None else task.cancelled_at
        if name in ("loop-close", "thread-join"):
            task.at_close = True
    for told in fields.get("busy") or ():
        threads.glimpsed(process, at, told)
    _keep(process, note)


def _snapshot(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    first = not process.of("snapshot")
    quiet = at - process.silence_ended < 0.1  # until now not even its sampler could run
    seen_threads, seen_tasks = fields.get("threads") or (), fields.get("tasks") or ()
    if first and process.hello.get("forked") and any(threads.fork_at(stack_of(told)) for told in seen_threads):
        process.inherited = {told["task"] for told in seen_tasks if told.get("task") is not None}
    for described in seen_tasks:
        task = tasks.described(process, min(at, 0.0) if first else at, described)
        if task is not None and first:
            task.late = False
    for described in seen_threads:
        thread = threads.find(process, described)
        if thread is None:
            continue
        thread.late = thread.late and not first
        if first:
            thread.at_first = threads.seen(at, described)
        if described.get("state") in ("callback", "executor", "busy"):
            threads.seen_again(thread, at, described, first, quiet)
    _keep(process, note)


def _with_tasks(process: Process, note: Note) -> None:
    at, fields = note.at, note.fields
    for described in fields.get("tasks") or ():
        tasks.described(process, at, described)
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


_READERS = {
    "hello": _hello,
    "dump": _dump,
    "eof": _eof,
    "phase": _phase,
    "snapshot": _snapshot,
    "loop-stop": _with_tasks,
    "exit": _exit,
    "task-waiting": tasks.waiting,
    "task-moved": tasks.moved,
    "task-created": tasks.created,
    "task-done": tasks.done,
    "task-cancelled": tasks.cancelled,
    "task-destroyed": tasks.destroyed,
    "thread-waiting": threads.blocked,
    "thread-moved": threads.blocked,
}
