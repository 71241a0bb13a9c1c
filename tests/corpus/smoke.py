"""Runs corpus programs bare, without any supervisor, and checks that what their headers claim is so.

``python -m tests.corpus.smoke [part of an id ...] [--python 3.12] [--target main] [-v]``; see README.md.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.corpus.drive import DriveError, Run, Target, interpreters, label, lacks, run
from tests.corpus.manifest import Program, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def check(program: Program, result: Run) -> list[str]:
    """Where a bare run contradicts the header; ``program`` is that of the version (:meth:`Program.on`)."""
    found = []
    status = "KILL" if result.killed else str(result.status)
    if status not in program.exit:
        found.append(f"exit {status}, claimed {'/'.join(program.exit)}")
    if program.total is not None and not result.killed:
        # A good program may end sooner: what it waits for (a poll) depends on when it was asked.
        low = program.total - 0.15 if program.kind == "bad" else 0.0
        high = program.total * 1.3 + 0.6
        if not low <= result.seconds <= high:
            found.append(f"took {result.seconds:.2f} s, claimed {program.total:.2f} s")
    text = result.out + result.err
    found += [f"did not print {word!r}" for word in program.prints if word not in text]
    found += [f"printed {word!r}" for word in program.silent if word in text]
    if program.kind == "good" and "Traceback" in text:
        found.append("printed a traceback")
    if len(result.left) != program.leaves and not result.killed:
        found.append(f"left {[command for _, command in result.left]}, claimed {program.leaves}")
    if program.answer is not None:
        wrong = [text for text in result.answers if not text.startswith(program.answer)]
        found += [f"answered {text[:60]!r}" for text in wrong]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run corpus programs bare and check their headers' claims.")
    parser.add_argument("names", nargs="*", help="parts of program ids, such as bad/ or good/uvicorn")
    parser.add_argument("--python", action="append", default=[], help="only this version, such as 3.12")
    parser.add_argument("--target", choices=("group", "main"), default="group", help="who gets the stop")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the programs printed")
    options = parser.parse_args(arguments)
    runs = failures = 0
    for program in load():
        if options.names and not any(name in program.id for name in options.names):
            continue
        for version, python in interpreters(options.python).items():
            name = label(version)
            if not program.runs_on(version) or (options.python and name not in options.python):
                continue
            missing = lacks(program, python)
            if missing:
                print(f"skip  {program.id:32} {name:5} needs {' '.join(missing)}", flush=True)
                continue
            text, wrong, printed = judge(program.on(version), python, options.target)
            runs += 1
            failures += bool(wrong)
            print(f"{'WRONG' if wrong else 'ok':5} {program.id:32} {name:5} {text}", flush=True)
            if options.verbose or wrong:
                print("".join(f"      | {line}\n" for line in printed.splitlines()[-25:]), end="")
    print(f"{runs} runs, {failures} wrong")
    return 1 if failures or not runs else 0


def judge(truth: Program, python: Path, target: Target) -> tuple[str, bool, str]:
    """One run: what to say of it, whether it contradicts the header, and what the program printed."""
    try:
        result = run(truth, python, target=target, kill_after=truth.grace)
    except DriveError as error:
        return str(error), True, ""
    wrong = check(truth, result)
    return f"{result.seconds:6.2f} s {'; '.join(wrong)}", bool(wrong), result.out + result.err


if __name__ == "__main__":
    sys.exit(main())
