"""Experiments on `up`, the fleet. Targets are the project's own."""

from __future__ import annotations

import json
import os
import time
from statistics import median

import psutil

from benchmarks.harness import MEMBER, Bench, BenchError, Child, Reader, Session, Stamp, now, one_by_one
from benchmarks.peers import PEERS, PYTHON
from benchmarks.report import Column, Experiment, Target, Values
from benchmarks.wrapper import IDLE_SECONDS, idle_round, milliseconds, settle

MANAGERS = ("s6", "runit", "supervisord", "circus", "honcho", "pm2")
MANY = 500
IDLE = 100
BUSY = 50
BUSY_PERIOD, BUSY_BURN, BUSY_SECONDS = 200_000, 1500, 10.0  # microseconds, microseconds; 38 % of a core in all
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


def _dashboard(bench: Bench, subject: str) -> Values:
    """``up`` with BUSY workers that print; with its dashboard as a client of its own, or without."""
    mode = ("busy", str(BUSY_PERIOD), str(BUSY_BURN))
    with Reader(bench, "delay") as reader, Session(bench, "up", *mode, count=BUSY, stdout=reader.writer) as session:
        session.wait_started(BUSY)
        if subject == "up":
            return _watched(session, reader, None, -1)
        program = bench.programs.find(PEERS["up"])
        config = session.launch.argv[session.launch.argv.index("-c") + 1]
        terminal = {"TERM": "xterm-256color"}
        child, master = bench.on_terminal([program, "top", "-c", config], terminal, columns=120, rows=BUSY + 10)
        try:
            return _watched(session, reader, child, master)
        finally:
            child.close()
            os.close(master)


def _watched(session: Session, reader: Reader, top: Child | None, master: int) -> Values:
    _drain(master, 2)  # start-up is not what is measured
    if top is not None and not top.running:
        raise BenchError(f"`top` ended with {top.status}")
    ours, watcher = session.own(), [psutil.Process(top.pid)] if top else []
    watcher += [child for process in watcher for child in process.children(recursive=True)]
    before, since, spent = reader.reset(), now(), _cpu(ours)
    watched = _cpu(watcher)
    painted = _drain(master, BUSY_SECONDS)
    seconds = (now() - since) / 1e9
    after = reader.stamp()
    taken = {
        "worst": after.worst / 1000,
        "mean": (after.total - before.total) / (after.lines - before.lines) / 1000,
        "up": (_cpu(ours) - spent) / seconds * 100,
    }
    if not watcher:
        return taken
    return taken | {"top": (_cpu(watcher) - watched) / seconds * 100, "painted": painted / seconds / 1000}


def _cpu(processes: list[psutil.Process]) -> float:
    """CPU seconds so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _drain(master: int, seconds: float) -> int:
    """Reads what a terminal shows, as an emulator would; the number of bytes."""
    end, size = now() + int(seconds * 1e9), 0
    while now() < end:
        time.sleep(0.02)
        try:
            size += len(os.read(master, 1 << 20)) if master >= 0 else 0
        except OSError:  # nothing to read, or it has ended
            continue
    return size


EXPERIMENTS: tuple[Experiment[Bench], ...] = (
    Experiment(
        "many",
        f"{MANY} workers started and stopped",
        f"ms from spawn to the last worker's first instruction / {MANY}; from the stop signal to the last handler, "
        "and to all workers and the supervisor gone. tini -g has one worker with as many forked members.",
        (
            Column("each", "start ms each", ("s6", "each")),
            Column("last", "last signalled ms", ("tini -g", "last")),
            Column("stopped", "stopped ms", ("tini -g", "stopped")),
        ),
        (
            Target("up", "each", "ratio", 1.0),
            Target("up", "last", "ratio", 2.3),
            Target("up", "stopped", "ratio", 7.0),
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
    Experiment(
        "dashboard",
        f"the dashboard with {BUSY} busy rows",
        f"{BUSY} workers that compute and print; `up` on pipes, with and without `top` (120 columns). CPU in % of "
        f"one core over {BUSY_SECONDS:g} s; ms from a line's writing to its arrival through `up`: the loop's delay.",
        (
            Column("top", "CPU of top %"),
            Column("up", "CPU of up %", ("up", "up")),
            Column("worst", "worst delay ms", ("up", "worst")),
            Column("mean", "mean delay ms", ("up", "mean")),
            Column("painted", "painted kB/s"),
        ),
        (Target("up and top", "top", "value", 10), Target("up and top", "worst", "ratio", 1.5)),
        ("up", "up and top"),
        one_by_one(_dashboard),
        rounds=5,
    ),
)
