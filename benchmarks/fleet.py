"""Experiments on `up`, the fleet. Targets are the project's own (issue B)."""

from __future__ import annotations

import json
import time
from statistics import median

from benchmarks.harness import MEMBER, Bench, BenchError, Reader, Session, Stamp, now, one_by_one
from benchmarks.peers import PYTHON
from benchmarks.report import Column, Experiment, Target, Values
from benchmarks.wrapper import IDLE_SECONDS, idle_round, milliseconds, settle

MANAGERS = ("s6", "runit", "supervisord", "circus", "honcho", "pm2")
MANY = 500
IDLE = 100
LINE = 100  # bytes, as in worker.c
GIGABYTE_OF_LINES = 10_000_000
LINES = {"honcho": 100_000}
"""Lines for peers that would take minutes for a gigabyte; the rate does not depend on it."""


def _many(bench: Bench, subject: str) -> Values:
    grouped = subject == "tini -g"
    mode, count = (("tree", str(MANY)), 1) if grouped else (("wait",), MANY)
    with Session(bench, subject, *mode, count=count) as session:
        session.wait_started(MANY + grouped, 120)
        started = max(stamp.started for stamp in session.stamps())
        time.sleep(1)
        settle()
        asked = session.stop()
        gone = session.child.wait(120)
        session.wait_all_ended()  # runsvdir leaves before its workers do
        workers = [stamp for stamp in session.stamps() if not grouped or stamp.role == MEMBER]
    taken = {
        "last": milliseconds(max(stamp.signalled for stamp in workers) - asked),
        "stopped": milliseconds(max(gone, *(stamp.ended for stamp in workers)) - asked),
    }
    if not grouped:  # its members are forked, not started
        taken["each"] = milliseconds(started - session.child.begun) / MANY
    return taken


def _idle(bench: Bench, order: list[str]) -> dict[str, Values | str]:
    return idle_round(bench, [subject for subject in order if subject != PYTHON], IDLE)


def _output(bench: Bench, subject: str) -> Values:
    count = LINES.get(subject, GIGABYTE_OF_LINES)
    with (
        Reader(bench, "check") as reader,
        Session(bench, subject, "lines", str(count), stdout=reader.writer) as session,
    ):
        session.wait_started(1)
        begun = session.stamps()[0].started
        seen = _read_all(reader, count)
        cpu = sum(sum(process.cpu_times()[:2]) for process in session.own())
    megabytes = count * LINE / 1e6
    taken = {
        "rate": megabytes / ((seen.ended - begun) / 1e9),
        "lost": count - seen.lines,
        "disordered": seen.faults,
        "read": megabytes,
    }
    return taken if subject == "bare" else taken | {"cpu": cpu / megabytes * 1000}


def _read_all(reader: Reader, count: int) -> Stamp:
    """Its stamp when all lines have come, or none for 5 s."""
    while True:
        seen = reader.stamp()
        if seen.lines >= count or now() - max(seen.ended, seen.started) > 5e9:
            return seen
        time.sleep(0.01)


def _truth(bench: Bench, subject: str) -> Values:
    taken = {"one": _error(bench, subject, 1, 50_000)}
    if subject != "run":
        taken["hundred"] = _error(bench, subject, 100, 100_000)
    return taken


def _error(bench: Bench, subject: str, count: int, drain: int) -> float:
    """Median over the workers of reported total - (the worker's last stamp - its stamp of the signal), in ms."""
    with Session(bench, subject, "wait", str(drain), count=count, report=True) as session:
        session.wait_started(count)
        settle()
        session.stop()
        session.child.wait(30)
        true = {stamp.pid: (stamp.ended - stamp.signalled) / 1e9 for stamp in session.stamps()}
        shutdowns = json.loads(session.report.read_text())["shutdowns"]
    if len(shutdowns) != count:
        raise BenchError(f"{len(shutdowns)} shutdowns reported of {count}")
    return float(median((each["spans"]["total"] - true[each["pid"]]) * 1000 for each in shutdowns))


EXPERIMENTS: tuple[Experiment[Bench], ...] = (
    Experiment(
        "many",
        f"{MANY} workers started and stopped",
        f"ms from spawn to the last worker's first instruction / {MANY}; from the stop signal to the last handler, "
        "and to all workers and the supervisor gone. tini -g has one worker with as many forked members.",
        (
            Column("each", "start ms each"),
            Column("last", "last signalled ms", ("tini -g", "last")),
            Column("stopped", "stopped ms", ("tini -g", "stopped")),
        ),
        (
            Target("up", "each", "value", 1.2),
            Target("up", "last", "ratio", 1.3),
            Target("up", "stopped", "ratio", 1.5),
        ),
        ("up", "tini -g", *MANAGERS),
        one_by_one(_many),
        rounds=3,
    ),
    Experiment(
        "idle-many",
        f"{IDLE_SECONDS:g} s of nothing, {IDLE} workers",
        "Context switches and CPU ms of the supervisor's processes in that time; private memory (USS) MB of all of "
        "them. All side by side.",
        (
            Column("switches", "switches"),
            Column("cpu", "CPU ms"),
            Column("uss", "USS MB", (PYTHON, "uss")),
            Column("processes", "processes"),
        ),
        (
            Target("up", "switches", "value", 0),
            Target("up", "cpu", "value", 0),
            Target("up", "uss", "more", 6.0),
        ),
        (PYTHON, "up", *MANAGERS),
        _idle,
        rounds=2,
    ),
    Experiment(
        "output",
        "prefixed output, and nothing lost",
        f"MB/s of one worker's lines of {LINE} bytes from its first instruction to the last byte read from the "
        "supervisor's stdout (bare: nothing between them); the supervisor's CPU ms per MB; lines missing or out of "
        "sequence.",
        (
            Column("rate", "MB/s", ("honcho", "rate")),
            Column("cpu", "CPU ms/MB"),
            Column("lost", "lines lost"),
            Column("disordered", "out of sequence"),
            Column("read", "MB"),
        ),
        (
            Target("up", "rate", "least", 100),
            Target("up", "lost", "value", 0),
            Target("up", "disordered", "value", 0),
        ),
        ("bare", "up", "honcho"),
        one_by_one(_output),
        rounds=3,
    ),
    Experiment(
        "truth",
        "the measured total against the worker's own stamps",
        "ms that the report's total is more than the time from the worker's handler to its last instruction: one "
        "worker draining 50 ms; median of 100 draining 100 ms and leaving at once.",
        (Column("one", "1 worker ms"), Column("hundred", "100 workers ms")),
        (
            Target("run", "one", "value", 1.0),
            Target("up", "one", "value", 1.0),
            Target("up", "hundred", "value", 3.0),
        ),
        ("run", "up"),
        one_by_one(_truth),
        rounds=7,
    ),
)
