"""The words of titles and proofs: figures with units, names of tasks and waits. No decision."""

from __future__ import annotations

from supervisor.core import signum, units
from supervisor.diagnosis.evidence.frames import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.record import Masks
    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.evidence.model import Block, Task, Wait
    from supervisor.diagnosis.evidence.shapes import Job, On

_WAITS = {
    "task": "for another task",
    "tasks": "for other tasks",
    "shield": "for a shielded task",
    "sleep": "in a sleep",
    "event": "for an event to be set",
    "condition": "for a condition",
    "lock": "for a lock",
    "semaphore": "for a semaphore",
    "barrier": "at a barrier",
    "queue-get": "for an item in a queue",
    "queue-put": "for room in a queue",
    "queue-join": "for all items of a queue to be done",
    "executor": "for a job in a thread",
    "read": "for bytes to read",
    "drain": "for the peer to receive bytes",
    "child": "for a child process",
    "server": "for the server's clients to leave",
    "socket": "for a socket",
    "future": "for a future",
    "poll": "in a loop that sleeps and looks again",
    "group": "for the other tasks of its group",
}

_IN_KERNEL = {
    "lock": "waiting for a lock",
    "sleep": "sleeping",
    "poll": "waiting for files or a timer",
    "read": "reading",
    "write": "writing",
    "wait-child": "waiting for a child process",
}
_ENDED = {
    "returned": "but returned all the same",
    "cancelled": "ended as cancelled",
    "exception": "ended with an exception",
}


def figure(seconds: float) -> str:
    """Return a duration as everywhere: ``85 ms``, ``1.24 s``, ``2 min 05 s``."""
    return units.duration(seconds)


def instant(at: float) -> str:
    """Return a moment after zero: ``0 s``, ``1.24 s``."""
    return units.instant(at)


def named(task: Task, short: bool = False) -> str:
    """Return ``task 'consume'``; an automatic name says less than the coroutine's: ``task Task-5 (handle)``.

    ``short``: ``task handle``, where there is no room.
    """
    if is_automatic(task.name):
        return f"task {task.coro}" if short else f"task {task.name} ({task.coro})"
    return f"task {_brief(task.name)!r}"


def _brief(name: str) -> str:
    """Return ``StreamingResponse.__call__.wrap`` of a function's whole name, which anyio gives its tasks."""
    parts = name.split(".")
    return ".".join([part for part in parts if part != "<locals>"][-3:]) if "<locals>" in parts else name


def is_automatic(name: str) -> bool:
    """Return whether asyncio made up a task's name: ``Task-5``."""
    return name.startswith("Task-") and name[5:].isdecimal()


def capital(text: str) -> str:
    """Return the text with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def waited(wait: Wait | None) -> str:
    """Return what a wait is for: ``for an event to be set``; empty when it is unknown."""
    return waited_on(wait.on) if wait is not None else ""


def waited_on(on: On) -> str:
    """Return the same of what the agent told of it."""
    words = _WAITS.get(on.kind, "")
    if on.kind == "task" and on.name:
        return f"for task {on.name!r}"
    if on.kind in ("read", "drain") and on.peer:
        return f"{words} ({on.peer})"
    if on.kind == "child" and on.child:
        return f"for child process {on.child}"
    return words


def several(names: Sequence[str], what: str, most: int = 3, total: int | None = None) -> str:
    """Return ``task 'a'``; ``3 tasks (a, b, c)``; ``12 tasks (a, b, c, …)``."""
    count = len(names) if total is None else max(total, len(names))
    if count == 1 and names:
        return f"{what} {names[0]}"
    shown = ", ".join(names[:most]) + (", …" if count > most else "")
    return f"{count} {what}s ({shown})" if shown else f"{count} {what}{'s' if count != 1 else ''}"


def task_name(task: Task) -> str:
    """Return a task's name as it stands in a list: ``'consume'`` or ``Task-5 (handle)``."""
    return named(task).removeprefix("task ")


def pending_names(tasks: Sequence[Task], total: int | None = None) -> str:
    """Return ``task 'a'`` or ``3 tasks (…)``."""
    return several([task_name(task) for task in tasks], "task", total=total)


def job_name(job: Job | None) -> str:
    """Return ``the job queue.Queue.get()``; ``a job`` when it is not known which."""
    name = (job.name or (job.at.function if job.at is not None else None)) if job is not None else None
    return f"the job {name}()" if name else "a job"


def at_line(frame: Frame | None) -> str:
    """Return ``at queue.py:41 consume``; empty when the place is unknown."""
    return f"at {place(frame)}" if frame else ""


def signal_name(signal: int | None) -> str:
    """Return ``SIGTERM``; ``the stop signal`` when it is not known which."""
    return signum.name(signal) if signal else "the stop signal"


def bare(function: str) -> str:
    """Return the last part of a function's name: ``flush`` of ``Writer.flush`` or ``main.<locals>.flush``."""
    return function.rpartition(".")[2]


def in_kernel(doing: str | None) -> str:
    """Return what the kernel says of a thread: ``sleeping`` (agent/wire.py, ``doing``); empty for little."""
    return _IN_KERNEL.get(doing or "", "")


def held_up(block: Block) -> str:
    """Return what kept a thread at one line: it was ``blocked`` in the kernel, or ``busy``."""
    return "blocked" if in_kernel(block.doing) and not block.computes else "busy"


def ended(outcome: str | None) -> str:
    """Return how a task ended after its cancellation."""
    return _ENDED.get(outcome or "", "had not ended")


def another_signal(masks: Masks, signal: int) -> str:
    """Return the words about another signal to stop with, of which the process takes note."""
    name = signal_name(signal)
    for other in (signum.TERM, signum.INT, signum.QUIT):
        if other != signal and masks.disposition(other) != "ignored" and not masks.blocks(other):
            short = signal_name(other).removeprefix("SIG")
            return f'or send {short}: run --rewrite {name}:{short}, in a config stop.signal = "{short}"'
    return "which takes note of no other stop signal either: only SIGKILL is left"
