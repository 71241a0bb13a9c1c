"""Run programs of plain/ and outside/ under `supervisor run` and judge the explanation.

python -m tests.wild.judge [--python PY] [--supervisor PATH] [--bare] [-v] [CASE...]

CASE is the beginning of a program's name. --python is the interpreter of an environment with requirements.in
(without it only plain/ runs). --bare runs them without a supervisor and checks only that they do what their header
says; it sends one signal only.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from tests.wild import services
from tests.wild.case import load
from tests.wild.play import Tools, play
from tests.wild.verdict import judge, unlike

HERE = Path(__file__).parent


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--supervisor", type=Path, default=Path(sys.executable).with_name("supervisor"))
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("-v", action="store_true", help="print the program's output as well")
    parser.add_argument("cases", nargs="*")
    given = parser.parse_args(argv)
    tools = Tools(given.python or Path(sys.executable), None if given.bare else given.supervisor)
    cases = load(HERE / "plain", given.cases) + (load(HERE / "outside", given.cases) if given.python else [])
    right = 0
    needed = services.running() if given.python else contextlib.nullcontext()
    with needed:
        for case in cases:
            played = play(case, tools)
            if given.bare:
                fault = unlike(case, played)
                ok, words = fault is None, fault or "as its header says"
            else:
                verdict = judge(case, played)
                ok, words = verdict.ok, f"{verdict.word}: {verdict.told}"
            right += ok
            print(
                f"{'ok  ' if ok else 'MISS'} {case.name:28} {played.code!s:>4} {played.seconds:5.2f} s  {words}",
                flush=True,
            )
            if given.v:
                print(played.output)
    print(f"{right}/{len(cases)}")
    return 0 if right == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
