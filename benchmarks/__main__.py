"""`python -m benchmarks EXPERIMENT…`: runs experiments, prints Markdown. See README.md for the method."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import sysconfig
from pathlib import Path

from benchmarks import curve, fleet, imports, wrapper
from benchmarks.harness import Bench, BenchError, build_worker, prepare_process, rounds
from benchmarks.peers import OURS, PEERS, PeerAbsent, Programs
from benchmarks.report import Experiment, report

SETS = {
    "wrapper": wrapper.EXPERIMENTS,
    "fleet": fleet.EXPERIMENTS,
    "scale": curve.EXPERIMENTS,
    "imports": imports.EXPERIMENTS,
}
ALL: dict[str, Experiment[Bench]] = {each.name: each for group in SETS.values() for each in group}


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line. Options may also come from the environment, for CI."""
    names = [*ALL, *(name for name in SETS if name not in ALL), "all"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("experiment", nargs="+", choices=names, metavar="EXPERIMENT", help=", ".join(names))
    parser.add_argument("--rounds", type=int, help="rounds per experiment (default: each experiment's own)")
    parser.add_argument("--peers", default="", help="only these besides ours and the references, comma-separated")
    parser.add_argument("--supervisor", help="our command (default: `supervisor` beside this Python)")
    parser.add_argument(
        "--peers-dir",
        type=Path,
        default=os.environ.get("BENCHMARK_PEERS"),
        help="a folder of virtual environments, unpacked packages, an npm folder (default: $BENCHMARK_PEERS)",
    )
    parser.add_argument("--raw", type=Path, help="append the value of each round to this file (JSON lines)")
    return parser.parse_args(arguments)


def chosen(names: list[str]) -> list[Experiment[Bench]]:
    """The experiments named, sets unfolded, each once, in the order of the modules."""
    wanted = {each.name for name in names for each in SETS.get(name, ())} | set(names)
    return [each for each in ALL.values() if each.name in wanted or "all" in wanted]


def present(bench: Bench, experiment: Experiment[Bench], only: set[str]) -> tuple[list[str], list[str]]:
    """(subjects that can run, what to say of those that cannot)."""
    references = {column.beside[0] for column in experiment.columns if column.beside}
    able: list[str] = []
    absent: list[str] = []
    for subject in experiment.subjects:
        if only and subject not in only and subject not in references and subject not in OURS:
            continue
        try:
            if subject in PEERS:
                bench.programs.find(PEERS[subject])
            able.append(subject)
        except PeerAbsent as error:
            absent.append(str(error))
    return able, absent


def run(bench: Bench, experiment: Experiment[Bench], only: set[str], count: int | None, raw: Path | None) -> None:
    """All rounds of one experiment; progress on stderr, the table on stdout."""
    subjects, absent = present(bench, experiment, only)
    total = count or experiment.rounds

    def told(done: int) -> None:
        print(f"\r{experiment.name}: {done}/{total} ", end="", file=sys.stderr, flush=True)

    results = rounds(bench, experiment, subjects, total, told)
    print(file=sys.stderr)
    print(report(experiment, results, absent), flush=True)
    if raw:
        with raw.open("a") as file:
            for values in results.rounds:
                print(json.dumps({"experiment": experiment.name, **values}), file=file)


def build() -> str:
    """Return which Python is measured: one with profile-guided and link-time optimisation runs a good deal faster."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS"))
    found = [name for name, option in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto")) if option in options]
    how = " and ".join(found) if found else "no PGO, no LTO"
    return f"{platform.python_implementation()} {platform.python_version()} ({how})"


def main() -> int:
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave by way of every `with`
    prepare_process()
    only = set(filter(None, options.peers.split(",")))
    if unknown := only - set(PEERS):
        print(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}", file=sys.stderr)
        return 2
    try:
        bench = Bench(build_worker(), Programs(options.supervisor, options.peers_dir))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{build()}, Linux {platform.release()}, {cores} cores, load {load:.1f}\n")
    for experiment in chosen(options.experiment):
        run(bench, experiment, only, options.rounds, options.raw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
