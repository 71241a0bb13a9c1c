"""What must hold of every story, whoever wrote the supervisor. Pure: a schedule and a story give violations.

Each rule is sound on a busy machine: an instant that we took is compared only in the direction in which lateness
cannot accuse. A process's death is seen at its death or later, a request is stamped before it is sent.
"""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

from tests.faults.schedule import STOPPING, UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.schedule import Schedule, Worker
    from tests.faults.story import Process, Story

# How much sooner than the ladder says a SIGKILL may be, seconds: rounding.
EARLY = 0.02
# A process may hear of a signal this much later than it was sent, seconds, beyond the wait for a processor that the
# kernel has counted: its own work between the two.
DULL = 0.1
# The agent's own, by which faulthandler writes C-level stacks: a program that takes every signal gets it too.
DUMP = signal.SIGRTMAX - 3
# A frame of ours, or an interpreter that gave up (a worker's may, where descriptors are few).
OURS = re.compile(r'File "[^"]*/supervisor/|File "<sigdrain-agent|Fatal Python')
# Whoever lived less than this, seconds, before it was killed may have been born behind the last signal.
BIRTH = 0.3


def violations(schedule: Schedule, story: Story) -> list[str]:
    """Return what was broken, each a sentence; empty when all held."""
    return list(_violations(schedule, story))


def _violations(schedule: Schedule, story: Story) -> Iterator[str]:
    if story.hung:
        yield f"hang: not ended {schedule.patience:.1f} s and more after it was asked to"
        return
    yield from _strangers(story)
    yield from _passed_on(schedule, story)
    yield from _nobody_left(schedule, story)
    yield from _words(schedule, story)
    if story.terminal_differs:
        yield f"terminal: {story.terminal_differs}"
    if story.supervisor_killed:
        return
    yield from _report(schedule, story)
    yield from _code(schedule, story)
    if not _short_of_means(schedule):
        yield from _ladder(schedule, story)
        yield from _output(schedule, story)


def _short_of_means(schedule: Schedule) -> bool:
    return schedule.descriptors is not None and schedule.descriptors <= 64


def _strangers(story: Story) -> Iterator[str]:
    for one in story.processes:
        if one.role == "bystander":
            for came in one.signals:
                yield f"stranger: pid {one.pid} got signal {came.signal}"
            if one.gone is not None and not one.killed:
                yield f"stranger: pid {one.pid} was ended"


def _passed_on(schedule: Schedule, story: Story) -> Iterator[str]:
    """`up` asks its workers to stop and passes nothing else on."""
    for one in story.processes:
        for came in one.signals if one.role != "bystander" and schedule.command == "up" else ():
            if came.signal not in (*STOPPING, signal.SIGCONT, UNEXPECTED, DUMP):
                yield f"passed on: pid {one.pid}, {one.role} of {one.name}, got signal {came.signal}"


def _nobody_left(schedule: Schedule, story: Story) -> Iterator[str]:
    known = {one.pid: one for one in story.processes if one.gone is None}
    for pid in story.left:
        process = known.get(pid)
        role = process.role if process else "unknown"
        if story.supervisor_killed and role != "main":
            continue  # only a main process has a parent-death signal
        if role in ("escapee", "unknown") and _unasked(schedule, story):
            continue  # `run` lists what its command has left when nobody asked for a stop; it may not have said hello
        yield f"left: pid {pid}, {role} of {process.name if process else '?'}, runs on"


def _unasked(schedule: Schedule, story: Story) -> bool:
    """Whether a single command may have ended by itself, before a stop was asked for."""
    main = next((one for one in story.processes if one.role == "main"), None)
    if schedule.command == "up" or main is None:
        return False
    # `run` leaves as its command has: one that died of a signal that is no request, passed on or not, was not asked.
    of_a_stop = story.code is None or -story.code in (*STOPPING, signal.SIGKILL)
    took = any(came.signal in STOPPING for came in main.signals)
    took = took or (main.announced is None and not main.killed and of_a_stop)
    if took and not main.terminated:
        return False
    return story.asked is None or main.gone is None or main.gone < story.asked + 1.0


def _words(schedule: Schedule, story: Story) -> Iterator[str]:
    for name, data in (("stdout", story.stdout), ("stderr", story.stderr)):
        for traceback in _tracebacks(data.decode(errors="replace")):
            if traceback.startswith("Fatal") and _short_of_means(schedule):
                continue
            yield f"traceback on {name}: {traceback}"
    if schedule.json_lines and not schedule.terminal and not story.stalled and not story.supervisor_killed:
        for line in story.stdout.splitlines():
            try:
                if not isinstance(json.loads(line), dict):
                    yield f"log: no object: {line!r}"
            except ValueError:
                yield f"log: no JSON: {line[:200]!r}"
    for answer in story.answers:
        for line in answer.splitlines():
            try:
                json.loads(line)
            except ValueError:
                if len(answer) < 1 << 15:  # else cut by our own read
                    yield f"control: no JSON: {line[:200]!r}"


def _tracebacks(text: str) -> Iterator[str]:
    """Those that are ours: with a frame of the supervisor, or of the agent in a program that asked for none.

    A worker may have its own (Python's for SIGINT, also before anything of it runs), and one that a signal of the
    harness meets while asyncio closes its loop is told of it by CPython, in whatever frame it is, be it the agent's.
    """
    for head in re.finditer(r"(Traceback \(most recent call last\)|Fatal Python error)", text):
        if "signal wakeup fd" in text[max(head.start() - 200, 0) : head.start()]:
            continue
        told = text[head.start() : head.start() + 1500]
        if told.startswith("Fatal") and "KeyboardInterrupt" in told:
            continue  # a Ctrl-C while an interpreter starts; the traceback behind it is looked at by itself
        told = told[: told.find("Traceback (most", 20)] if "Traceback (most" in told[20:] else told
        if OURS.search(told):
            yield told


# -------------------------------------------------------------------- report and exit code


def _report(schedule: Schedule, story: Story) -> Iterator[str]:
    if story.report_fault:
        yield f"report: {story.report_fault}"
    mains = [one for one in story.processes if one.role == "main"]
    if story.report is None:
        if mains and not _short_of_means(schedule):
            yield "report: none was written"
        return
    ends = story.report["shutdowns"]
    starts = [(end["worker"], end["instance"], end["start"]) for end in ends]
    for start in {start for start in starts if starts.count(start) > 1}:
        yield f"report: {start} has {starts.count(start)} records"
    if schedule.command == "up":
        for worker, instance in {start[:2] for start in starts}:
            numbers = sorted(start[2] for start in starts if start[:2] == (worker, instance))
            if numbers != list(range(1, len(numbers) + 1)):
                yield f"report: {worker}.{instance} has records of starts {numbers}"
    for main in mains:
        # Several of one pid where it was given again: one of them must fit.
        faults = [_misfit(main, end) for end in ends if end["pid"] == main.pid]
        if not faults:
            yield f"report: no record of pid {main.pid}, a start of {main.name}"
        elif all(faults):
            yield f"report: pid {main.pid} of {main.name} {faults[0]}"


def _misfit(main: Process, end: dict[str, Any]) -> str:
    """Why this record cannot be the end of this process; "" when it can."""
    if main.announced is None and end["signal"] is None and end["outcome"] != "stuck":
        return f"died of a signal, the record says exit {end['exit_code']}"
    if main.announced is not None and end["signal"] is None and end["exit_code"] != main.announced:
        return f"left with {main.announced}, the record says {end['exit_code']}"
    if main.killed and main.announced is None and end["outcome"] == "clean":
        return "was killed by a stranger, the record says clean"
    return ""


def _code(schedule: Schedule, story: Story) -> Iterator[str]:
    mains = [one for one in story.processes if one.role == "main"]
    code = story.code
    if schedule.descriptors is not None and code == 125:
        return  # out of means, and says so
    if schedule.command == "run":
        if not mains:
            return  # it was ended before it could say hello
        (main, *more) = mains
        if more:
            yield f"run: {len(mains)} main processes"
        elif main.announced is None and code is not None and code >= 0:
            yield f"code: the command died of a signal, run left with {code}"
        elif main.announced is not None and code != main.announced and not main.killed:
            yield f"code: the command left with {main.announced}, run with {code}"
        return
    bad, good = _verdict(schedule, mains, story)
    if bad and code == 0:
        yield f"code: 0 although {bad}"
    if good and code != 0:
        yield f"code: {code} although every worker ended as wanted"


def _verdict(schedule: Schedule, mains: list[Process], story: Story) -> tuple[str, bool]:
    """Why the fleet's end must be a failure, or ""; and whether it must be none. Most stories leave it open."""
    ends = story.report["shutdowns"] if story.report is not None else []
    for worker in schedule.workers:
        # A stop that comes between fork and exec ends the process before that can fail.
        if worker.missing and any(end["worker"] == worker.name and not end["started"] for end in ends):
            return f"{worker.name} could not be started", False
    for main in mains:
        if main.deaf and not main.killed and main.gone is not None:
            return f"pid {main.pid} of {main.name} had to be killed", False
    asked = story.asked
    good = (
        asked is not None
        and len(mains) == sum(worker.instances for worker in schedule.workers)
        and all(main.announced == 0 and main.gone is not None and main.gone > asked for main in mains)
        and all(worker.lives is None for worker in schedule.workers)
        and not any(one.deaf or one.stopped or one.killed or one.terminated for one in story.processes)
        and all(whom is None for _, whom in story.requests)
    )
    return "", good


# -------------------------------------------------------------------- the ladder


def _ladder(schedule: Schedule, story: Story) -> Iterator[str]:
    """SIGKILL only after the whole ladder, and after a stop signal that the process could see."""
    for worker in schedule.workers:
        requests = sorted(at for at, whom in story.requests if whom in (None, worker.name))
        for one in story.of(worker.name):
            if one.deaf and not one.killed and not one.terminated and one.gone is not None:
                yield from _patience(worker, one, one.gone, [at for at in requests if at < one.gone], story)


def _patience(worker: Worker, one: Process, gone: float, asked: list[float], story: Story) -> Iterator[str]:
    who = f"pid {one.pid}, {one.role} of {worker.name},"
    total = sum(worker.waits)
    if len(asked) == 1 and one.role == "main" and gone - asked[0] < total - EARLY:
        yield f"ladder: {who} was killed {gone - asked[0]:.3f} s after the only request; {worker.ladder}"
    told = [came for came in one.signals if came.signal in STOPPING]
    if not told and len(asked) <= 1 and gone - one.hello > BIRTH and not one.stopped:
        yield f"ladder: {who} was killed without a signal before"
    # What a process finds as soon as it looks may have waited for it as long as its start took.
    waited = bool(told) and told[0].at - one.hello < DULL
    if told and not waited and len(asked) <= 1 and not one.stopped and not story.supervisor_stopped:
        first = told[0].at - told[0].late - DULL
        if gone - first < worker.waits[0] - EARLY:
            yield f"ladder: {who} was killed {gone - first:.3f} s at most after its first signal; {worker.ladder}"


# -------------------------------------------------------------------- output


def _output(schedule: Schedule, story: Story) -> Iterator[str]:
    """A reader that reads loses nothing, and sees each line once."""
    if schedule.terminal or story.stalled or schedule.json_lines:
        return
    lines = story.stdout.splitlines()
    for worker in schedule.workers:
        for main in story.of(worker.name):
            if main.role == "main" and main.announced is not None and worker.lines:
                mark = f"{worker.name} {main.token} ".encode()
                arrived = sum(mark in line for line in lines)
                if arrived != worker.lines:
                    yield f"output: {arrived} of {worker.lines} lines of pid {main.pid} of {worker.name} arrived"
