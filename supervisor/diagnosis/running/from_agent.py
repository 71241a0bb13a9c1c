"""What a worker's agents have told so far, as the places where its processes are now. Pure."""

from __future__ import annotations

from supervisor.core.contract.state import waits
from supervisor.diagnosis.attribution.holds import holds
from supervisor.diagnosis.attribution.nobody import main_task
from supervisor.diagnosis.evidence.frames import NOBODY, where
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.evidence.notes import Snapshot, note_of
from supervisor.diagnosis.live_wait import waiting
from supervisor.diagnosis.phrases import waited, waited_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from supervisor.agent.wire import AgentMessage
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.evidence.model import Process

MOST_SAID = 12  # waits told by `supervisor explain`; more than a screen is read by nobody


def said(messages: Sequence[AgentMessage], now: float, main: int) -> list[dict[str, Any]]:
    """Return the waits that last, of all processes, those that likely hold the others first.

    ``now`` is monotonic seconds, ``main`` the main process's pid. Each is ``{"pid", "what", "seconds", "where"}``;
    the source lines are left to whoever asked.
    """
    evidence = gather(messages, now, main)
    living = [process for process in evidence.processes.values() if process.ended is None and not process.is_helper]
    told = [(hold.rank, hold.start, process, hold) for process in living for hold in _open(process)]
    told.sort(key=lambda one: (one[2].pid != main, one[0], one[1]))
    return [_told(process, hold) for _, _, process, hold in told[:MOST_SAID]]


def seen(looks: Sequence[AgentMessage], main: int) -> list[dict[str, Any]]:
    """Return where the tasks and threads of a program that goes on were at a look, in the form of :func:`said`.

    How long they have been there is not known: ``seconds`` is None.
    """
    told: list[dict[str, Any]] = []
    for message in sorted(looks, key=lambda one: one.pid != main):
        note = note_of(message, message.at, NOBODY)
        if not isinstance(note, Snapshot):
            continue
        waits = [
            (f"task {task.name!r} waits {waited_on(task.on)}".rstrip(), task.at or task.leaf) for task in note.tasks
        ]
        waits += [
            ("the main thread" if thread.main else f"thread {thread.name!r}", thread.at or thread.leaf)
            for thread in note.threads
            if not thread.rests
        ]
        for what, at in waits:
            place = where(at, lambda _file, _line: None)
            known = None if place is None else {key: getattr(place, key) for key in place.__match_args__}
            told.append({"pid": message.pid, "what": what, "seconds": None, "where": known})
    return told[:MOST_SAID]


def visited(messages: Sequence[AgentMessage], now: float, pid: int) -> dict[str, Any]:
    """Return what one look at a program told that was started without an agent: who waits for whom, and where
    everything is, as the supervisor of a worker answers.

    Nobody knows whether it was asked to stop. One that rests, in a sleep of its main task or elsewhere than in its
    loop, waits for none of its tasks.
    """
    leader = gather(messages, now, pid).leader
    rests = leader is None or leader.first is None or _rests(leader, leader.first)
    return {**waits(None if rests else waiting(messages, now, pid)), "said": seen(messages, pid)}


def _rests(process: Process, first: Snapshot) -> bool:
    main = next((thread for thread in first.threads if thread.main), None)
    ends = any(task.cancelling or task.handling for task in first.tasks)
    if ends or main is None or main.state in ("join-threads", "join-executor") or main.callback is not None:
        return False
    task = main_task(process)
    asleep = task is not None and task.open_wait is not None and task.open_wait.kind == "sleep"
    return asleep or (bool(first.tasks) and main.state == "busy")


def answered(messages: Sequence[AgentMessage], since: float) -> set[int]:
    """Return the processes whose agents have said something of themselves since then (monotonic seconds)."""
    return {message.pid for message in messages if message.at >= since and message.event in ("snapshot", "ready")}


def _open(process: Process) -> list[Hold]:
    return [hold for hold in holds(process, 0.0, lambda _file, _line: None) if hold.open]


def _told(process: Process, hold: Hold) -> dict[str, Any]:
    task = hold.task.name if hold.task is not None else None
    thread = hold.thread.name if hold.thread is not None else None
    place = where(hold.at, lambda _file, _line: None, process.cwd, task, thread)
    return {
        "pid": process.pid,
        "what": _what(hold),
        "seconds": max(-hold.start, 0.0),
        "where": None if place is None else {key: getattr(place, key) for key in place.__match_args__},
    }


def _what(hold: Hold) -> str:
    if hold.task is not None:
        return f"task {hold.task.name!r} waits {waited(hold.wait)}".rstrip()
    if hold.what == "loop-blocked":
        return "the event loop is blocked"
    name = hold.thread.name if hold.thread is not None else "?"
    return "the main thread" if hold.what == "main" else f"thread {name!r}"
