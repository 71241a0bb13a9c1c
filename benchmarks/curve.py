"""Experiments on how the cost of one worker grows with their number, and where the time of its end goes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks.harness import Bench, BenchError, Session, one_by_one
from benchmarks.peers import SECTIONS
from benchmarks.report import Column, Experiment, Target, Values
from benchmarks.wrapper import milliseconds, settle

COUNTS = (50, 200, 500, 1000, 2000)
MANY = 500


def _curve(bench: Bench, subject: str) -> Values:
    taken: dict[str, float] = {}
    for count in COUNTS:
        with Session(bench, subject, "wait", count=count) as session:
            session.wait_started(count, 300)
            started = max(stamp.started for stamp in session.stamps())
            time.sleep(1)
            settle()
            asked = session.stop()
            gone = session.child.wait(300)
            session.wait_all_ended()
            ended = max(gone, *(stamp.ended for stamp in session.stamps()))
        taken[f"start {count}"] = milliseconds(started - session.child.begun) / count
        taken[f"end {count}"] = milliseconds(ended - asked) / count * 1000
    taken["growth"] = taken[f"end {COUNTS[-1]}"] / taken[f"end {COUNTS[0]}"]
    return taken


def _profile(bench: Bench, subject: str) -> Values:
    """Seconds of each section -> us per end."""
    out = Path(os.environ.get("TMPDIR", "/tmp")) / f"sections-{os.getpid()}.json"
    os.environ[SECTIONS] = str(out)
    try:
        with Session(bench, subject, "wait", count=MANY) as session:
            session.wait_started(MANY, 120)
            time.sleep(1)
            settle()
            session.stop()
            session.child.wait(120)
        spent = json.loads(out.read_text())
    except FileNotFoundError:
        raise BenchError("the profiled run left no figures") from None
    finally:
        del os.environ[SECTIONS]
        out.unlink(missing_ok=True)
    each = {section: seconds / MANY * 1e6 for section, seconds in spent.items()}
    return each | {"all": sum(each.values())}


EXPERIMENTS: tuple[Experiment[Bench], ...] = (
    Experiment(
        "curve",
        "one worker among many",
        "Start: ms from spawn to the last worker's first instruction, for each of N workers. End: us from the stop "
        "signal to all of them and the supervisor gone, for each. Growth: an end among the most over one among the "
        "least.",
        (
            *(Column(f"start {count}", f"start of {count}, ms each") for count in COUNTS),
            *(Column(f"end {count}", f"end of {count}, us each") for count in COUNTS),
            Column("growth", "growth"),
        ),
        (Target("up", "growth", "value", 1.25),),
        ("up", "s6"),
        one_by_one(_curve),
        rounds=3,
    ),
    Experiment(
        "profile",
        f"where the time of an end goes, {MANY} workers",
        "us for each end, by the innermost section that ran, from the stop request to the end of the loop. The "
        "instrument makes all of it slower: compare sections, not sums.",
        tuple(
            Column(name, name)
            for name in (
                "all",
                "core",
                "who has ended",
                "reading masks",
                "sending",
                "who is left",
                "reaping",
                "looking",
                "telling",
                "performing",
                "turning",
                "reading signals",
                "waiting",
                "elsewhere",
            )
        ),
        (),
        ("up, by section",),
        one_by_one(_profile),
        rounds=3,
    ),
)
