"""Many schedules: ``python -m tests.faults.run [--seeds 0:1000] [--jobs 4] [--show]``; a table at the end.

Exit code 1 when anything was violated. Every violation is printed with the seed that shows it again:
``--seeds 46 --show`` tells what was planned and what was seen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from tests.faults.oracle import violations
from tests.faults.scene import play
from tests.faults.schedule import schedule
from tests.support.clean import compiled_code_is_kept, signals_of_a_shell


def show(seed: int) -> None:
    """Play one seed and tell all of it, instants in seconds since the supervisor was started."""
    plan = schedule(seed)
    with tempfile.TemporaryDirectory(prefix=f"faults-{seed}-") as folder:
        story = play(plan, Path(folder))
        config = Path(folder, "supervisor.toml")
        print(config.read_text() if config.exists() else plan.workers[0])
    print({name: value for name, value in vars(plan).items() if name not in ("workers", "faults")})
    lines = [(fault.at, f"fault: {fault}") for fault in plan.faults]
    lines += [(at - story.began, f"stop requested of {whom or 'all'}") for at, whom in story.requests]
    for one in story.processes:
        who = f"{one.role} {one.name} pid {one.pid}{' deaf' if one.deaf else ''}"
        lines += [(one.hello - story.began, f"{who} says hello")]
        lines += [(came.at - story.began, f"{who} got signal {came.signal}") for came in one.signals]
        lines += [(one.gone - story.began, f"{who} is gone, said {one.announced}")] if one.gone else []
    lines += [(story.ended - story.began, f"the supervisor has ended with {story.code}")] if story.ended else []
    for text, alike in groupby(sorted(lines), key=itemgetter(1)):
        at, *more = [at for at, _ in alike]
        print(f"{at:7.3f}  {text}{f' ({len(more)} more)' if more else ''}")
    print(f"left: {story.left}\n--- stdout\n{story.stdout.decode(errors='replace')}")
    print(f"--- stderr\n{story.stderr.decode(errors='replace')}\n--- violations")
    print("\n".join(violations(plan, story)))


def one(seed: int) -> tuple[int, list[str], float]:
    """Play one seed; its violations, and how many seconds it took."""
    began = time.monotonic()
    plan = schedule(seed)
    with tempfile.TemporaryDirectory(prefix=f"faults-{seed}-") as folder:
        story = play(plan, Path(folder))
    return seed, violations(plan, story), time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="FIRST:END")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--show", action="store_true", help="tell all of the first seed instead")
    asked = parser.parse_args()
    first, _, end = asked.seeds.partition(":")
    signals_of_a_shell()
    compiled_code_is_kept()
    if asked.show:
        show(int(first))
        return 0
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    bad = 0
    seeds = range(int(first), int(end or int(first) + 1))
    with ProcessPoolExecutor(asked.jobs) as pool:
        for seed, broken, seconds in pool.map(one, seeds):
            faults.update(fault.kind for fault in schedule(seed).faults)
            kinds.update({line.partition(":")[0] for line in broken})
            bad += bool(broken)
            for line in broken:
                print(f"seed {seed} ({schedule(seed).command}, {seconds:.1f} s): {line}", flush=True)
    print(f"\n{len(seeds)} schedules, {sum(faults.values())} faults, {bad} with violations")
    print("faults:    ", ", ".join(f"{name} {count}" for name, count in faults.most_common()))
    print("violations:", ", ".join(f"{name} {count}" for name, count in kinds.most_common()) or "none")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
