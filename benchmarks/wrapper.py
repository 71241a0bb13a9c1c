"""Experiments on `run`, the wrapper of one command. Targets are the project's own."""

from __future__ import annotations

import os
import random
import select
import time
from pathlib import Path

from benchmarks.harness import MEMBER, Bench, BenchError, Child, Session, now, one_by_one
from benchmarks.peers import PEERS, PYTHON, Job
from benchmarks.report import Column, Experiment, Target, Values

WRAPPERS = ("run", "run --no-agent", "tini", "dumb-init", "catatonit", "timeout(1)")
GROUP = 500
IDLE_SECONDS = 10.0
GRACE = 1.0


def milliseconds(nanoseconds: float) -> float:
    """From the clock's unit to the tables'."""
    return nanoseconds / 1e6


def settle() -> None:
    """Let start-up work end, and do not stay in step with any timer of the peer."""
    time.sleep(0.3 + random.random() * 0.1)


def _whole(child: Child) -> Values:
    """Wall and CPU time of a command that ends by itself, its children included."""
    try:
        ended = child.wait(30)
        assert child.usage
        return {
            "whole": milliseconds(ended - child.begun),
            "cpu": (child.usage.ru_utime + child.usage.ru_stime) * 1000,
        }
    finally:
        child.close()


def _start(bench: Bench, subject: str) -> Values:
    if subject == PYTHON:
        return _whole(bench.spawn([bench.python, "-c", "pass"]))
    peer = PEERS[subject]
    job = Job(Path(), ["true"])  # a wrapper needs no folder
    whole = _whole(bench.spawn(peer.launch(job, bench.programs.find(peer)).argv))
    with Session(bench, subject, "wait") as session:
        session.wait_started(1)
        first = session.stamps()[0].started - session.child.begun
    return {"first": milliseconds(first), **whole}


def _forward(bench: Bench, subject: str) -> Values:
    with Session(bench, subject, "wait") as session:
        session.wait_started(1)
        settle()
        asked = session.stop()
        gone = session.child.wait(15)
        stamp = session.stamps()[0]
    if not stamp.ended:
        raise BenchError("the worker did not get the signal")
    return {"signal": milliseconds(stamp.signalled - asked), "gone": milliseconds(gone - stamp.ended)}


def _group(bench: Bench, subject: str) -> Values:
    with Session(bench, subject, "tree", str(GROUP)) as session:
        session.wait_started(GROUP + 1)
        settle()
        asked = session.stop()
        gone = session.child.wait(60)
        members = [stamp for stamp in session.stamps() if stamp.role == MEMBER]
    signalled = [stamp.signalled for stamp in members if stamp.signalled]
    if len(signalled) < GROUP:
        raise BenchError(f"only {len(signalled)} of {GROUP} members got the signal")
    return {
        "last": milliseconds(max(signalled) - asked),
        "stopped": milliseconds(gone - asked),
        "gone": milliseconds(gone - max(stamp.ended for stamp in members)),
    }


def _kill(bench: Bench, subject: str) -> Values:
    with Session(bench, subject, "ignore", grace=GRACE) as session:
        session.wait_started(1)
        settle()
        worker = os.pidfd_open(session.stamps()[0].pid)
        poller = select.poll()
        poller.register(worker, select.POLLIN)
        asked = session.stop()
        seen = poller.poll((GRACE + 20) * 1000)
        killed = now()
        os.close(worker)
        if not seen:
            raise BenchError("never killed the worker")
        gone = session.child.wait(10)
    return {"late": milliseconds(killed - asked) - GRACE * 1000, "gone": milliseconds(gone - killed)}


def resting(sessions: dict[str, Session], bare: Child, seconds: float) -> dict[str, Values | str]:
    """What each supervisor spends while nothing happens, all side by side in the same seconds.

    ``switches``: context switches, voluntary and not, of all threads (a wake-up cannot hide); ``cpu`` in ms;
    ``uss`` in MB.
    """
    before = {subject: _spent(session) for subject, session in sessions.items()}
    time.sleep(seconds)
    taken: dict[str, Values | str] = {}
    for subject, session in sessions.items():
        switches, cpu = (after - then for after, then in zip(_spent(session), before[subject], strict=True))
        own = session.own()
        memory = sum(uss(process.pid) for process in own)
        taken[subject] = {"switches": switches, "cpu": milliseconds(cpu), "uss": memory, "processes": len(own)}
    taken[PYTHON] = {"uss": uss(bare.pid)}
    return taken


def uss(pid: int) -> float:
    """Private memory of a process in MB: what would come back if it ended (proc(5), smaps_rollup)."""
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(field[1]) for field in fields if field[0] in ("Private_Clean:", "Private_Dirty:")) * 1024 / 1e6


def _spent(session: Session) -> tuple[int, int]:
    """(context switches, nanoseconds on a CPU) of all threads so far."""
    switches = cpu = 0
    for process in session.own():
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0])
            status = (task / "status").read_text().splitlines()
            switches += sum(int(line.split()[1]) for line in status if "voluntary_ctxt_switches" in line)
    return switches, cpu


def bare_interpreter(bench: Bench) -> Child:
    """An interpreter that has imported nothing of its own accord and sleeps."""
    return bench.spawn([bench.python, "-c", "import time; time.sleep(600)"])


def _idle(bench: Bench, order: list[str]) -> dict[str, Values | str]:
    return idle_round(bench, [subject for subject in order if subject != PYTHON], 1)


def idle_round(bench: Bench, subjects: list[str], count: int) -> dict[str, Values | str]:
    """One round of an idle experiment, with ``count`` workers under each subject."""
    sessions: dict[str, Session] = {}
    failed: dict[str, Values | str] = {}
    bare = bare_interpreter(bench)
    try:
        for subject in subjects:
            session = Session(bench, subject, "wait", count=count)
            sessions[subject] = session
            try:
                session.wait_started(count)
            except BenchError as error:
                failed[subject] = str(error)
                sessions.pop(subject).close()
        time.sleep(2)
        return failed | resting(sessions, bare, IDLE_SECONDS)
    finally:
        bare.close()
        for session in sessions.values():
            session.close()


EXPERIMENTS: tuple[Experiment[Bench], ...] = (
    Experiment(
        "start",
        "until the worker runs, and a whole short command",
        "ms from spawn to the worker's first instruction; wall and CPU ms of `-- true` from spawn to exit.",
        (
            Column("first", "first instruction ms", (PYTHON, "whole")),
            Column("whole", "whole ms", (PYTHON, "whole")),
            Column("cpu", "CPU ms", (PYTHON, "cpu")),
        ),
        (
            Target("run", "first", "ratio", 1.6),
            Target("run --no-agent", "first", "ratio", 1.6),
            Target("run --no-agent", "whole", "ratio", 3.5),
        ),
        (PYTHON, *WRAPPERS),
        one_by_one(_start),
        rounds=20,
    ),
    Experiment(
        "forward",
        "SIGTERM through the wrapper, and its own end",
        "ms from kill() to the worker's handler; from the worker's last instruction to the wrapper gone.",
        (Column("signal", "signal ms", ("tini", "signal")), Column("gone", "gone ms", ("tini", "gone"))),
        (
            Target("run --no-agent", "signal", "ratio", 3.5),
            Target("run", "gone", "ratio", 5.0),
            Target("run --no-agent", "gone", "ratio", 5.0),
        ),
        ("bare", *WRAPPERS),
        one_by_one(_forward),
        rounds=20,
    ),
    Experiment(
        "group",
        f"a process group of {GROUP} members",
        "ms from kill() to the last member's handler, to the wrapper gone, and from the last member's end to it.",
        (
            Column("last", "last signalled ms", ("tini -g", "last")),
            Column("stopped", "stopped ms", ("tini -g", "stopped")),
            Column("gone", "gone after last ms", ("tini -g", "gone")),
        ),
        (Target("run", "stopped", "ratio", 1.5),),
        ("run", "tini -g", "dumb-init", "timeout(1)"),
        one_by_one(_group),
        rounds=7,
    ),
    Experiment(
        "idle",
        f"{IDLE_SECONDS:g} s of nothing, one worker",
        "Context switches and CPU ms of the wrapper in that time; private memory (USS) MB. All side by side.",
        (
            Column("switches", "switches"),
            Column("cpu", "CPU ms"),
            Column("uss", "USS MB", (PYTHON, "uss")),
            Column("processes", "processes"),
        ),
        (
            Target("run", "switches", "value", 0),
            Target("run", "cpu", "value", 0),
            Target("run", "uss", "more", 3.0),
        ),
        (PYTHON, *WRAPPERS),
        _idle,
        rounds=3,
    ),
    Experiment(
        "kill",
        "how late SIGKILL is",
        f"All signals ignored: ms from kill() to the death, less the grace of {GRACE:g} s; then to the wrapper gone.",
        (Column("late", "late ms"), Column("gone", "gone ms")),
        (Target("run", "late", "value", 5.0),),
        ("run", "timeout(1)", "supervisord", "circus", "s6", "pm2"),
        one_by_one(_kill),
        rounds=7,
    ),
)
