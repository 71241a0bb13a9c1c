"""Other people's tests with the agent and without: the same results, or the difference is listed.

    python -m tests.agent.neutrality [--python PATH]… [--probe] [--repeat N] [MODULE…]
    python -m tests.agent.neutrality [--python PATH]… [--probe] [--repeat N] --suite DIR [-- PYTEST ARGUMENTS]

The first runs CPython's own tests, from the interpreter's test package; the second a project's, by pytest, in DIR.
Prints a Markdown table; exit code 1 when a test that passes (fails, is skipped, is there) without the agent does not
do so with it, in any repetition. A test that differs is run again alone, CONFIRM times each way: what then never
differs is listed as "only once" and does not count. tests/agent/explained.py has the differences that must be.

`--probe` also arms the agent while the tests run: SIGURG to each process as soon as it is live on the channel, and
every 0.3 s from then on, so that all that is ever switched on is so, also at the end of each process.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from supervisor.system.agent import inject
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.meeting import Meeting
from tests.agent.explained import ending_explanation, explanation
from tests.agent.harness import by_default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MODULES = (
    "test_atexit test_fork1 test_site test_signal test_threading test_subprocess test_asyncio "
    "test_concurrent_futures test_multiprocessing_spawn"
).split()
TOOK = 3600.0  # seconds for one module: a guard
CONFIRM = 5
CONFIRMED = 8  # differences looked into; with more, something is badly wrong
SPAWNED = "test_spawned"  # under its own name regrtest of 3.12 takes it for a folder of tests
SPAWN = """import unittest
from test import _test_multiprocessing
_test_multiprocessing.install_tests_in_module_dict(globals(), "spawn")
"""  # all there is in test_multiprocessing_spawn.py, which `make install` of 3.11 and 3.12 leaves out

ENV_CHANGED = 3  # regrtest's exit code

Results = dict[str, str]  # test id -> passed, skipped, failed, error


class Subject:
    """A set of tests that an interpreter can run: ``command(junit, only)`` -> argv."""

    def __init__(
        self, name: str, python: str, command: Callable[[str, str | None], list[str]], cwd: str | None = None
    ):
        self.name, self.python, self.command, self.cwd = name, python, command, cwd


def of_cpython(python: str, module: str, scratch: str) -> Subject | None:
    """One module of the interpreter's test package; None when it is not installed. ``scratch``: an empty folder."""
    has = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('test.{module}') is None)"
    extra: list[str] = []
    if subprocess.run([python, "-I", "-c", has], check=False).returncode:
        own = "import importlib.util, sys; sys.exit(importlib.util.find_spec('test._test_multiprocessing') is None)"
        if (
            module != "test_multiprocessing_spawn"
            or subprocess.run([python, "-I", "-c", own], check=False).returncode
        ):
            return None
        Path(scratch, f"{SPAWNED}.py").write_text(SPAWN)
        extra = ["--testdir", scratch]

    def command(junit: str, only: str | None) -> list[str]:
        chosen = ["--match", only] if only else []
        return [
            python,
            "-m",
            "test",
            "--junit-xml",
            junit,
            "--timeout",
            "900",
            "--fail-env-changed",
            *extra,
            *chosen,
            SPAWNED if extra else module,
        ]

    return Subject(module, python, command)


def of_project(python: str, folder: str, arguments: list[str]) -> Subject:
    """The tests of a project, run by the interpreter's own pytest in the project's folder."""

    def command(junit: str, only: str | None) -> list[str]:
        chosen = ["-k", only.rpartition(".")[2].partition("[")[0]] if only else []
        return [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={junit}", *chosen, *arguments]

    return Subject(os.path.basename(os.path.abspath(folder)), python, command, folder)


def run(subject: Subject, agent: bool, probe: bool = False, only: str | None = None) -> tuple[Results, str]:
    """(result of each test, how the whole ended), with the agent or without."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    channel = Channel(Meeting())
    if agent:
        env |= inject.environment(env, channel.meeting.path)
    with tempfile.TemporaryDirectory() as scratch:
        junit = os.path.join(scratch, "junit.xml")
        with open(os.path.join(scratch, "output"), "wb") as output:
            child = subprocess.Popen(
                subject.command(junit, only),
                env=env,
                cwd=subject.cwd or scratch,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=by_default(),  # noqa: PLW1509 - we have one thread
            )
            attend(child, channel, probe)
        results = read_junit(junit)
        said = Path(scratch, "output").read_text(errors="replace")
        if keep := os.environ.get("SIGDRAIN_NEUTRALITY_OUTPUT"):  # for whoever looks into a difference
            name = f"{subject.name}-{'probed' if probe else 'agent' if agent else 'plain'}-{child.pid}"
            Path(keep, name).write_text(said)
    channel.close()
    return results, verdict(child.returncode, said)


def verdict(code: int, said: str) -> str:
    """How the whole ended, and what regrtest (with --fail-env-changed) found altered when that is why (exit 3)."""
    if code != ENV_CHANGED:
        return f"exit {code}"
    altered = {
        "threads" if what in ("threading_cleanup", "Dangling") else what
        for what in re.findall(r"^Warning -- ([\w.]+)", said, re.MULTILINE)
    }
    return f"exit {code}, altered: {', '.join(sorted(altered)) or '?'}"


def attend(child: subprocess.Popen[bytes], channel: Channel, probe: bool) -> None:
    """Hear the agents until the child has ended; ask them again and again if ``probe``."""
    begun = time.monotonic()
    probed: dict[int, float] = {}
    while child.poll() is None and time.monotonic() < begun + TOOK:
        select.select([channel], [], [], 0.1)
        channel.read(time.monotonic())
        now = time.monotonic()
        for pid in filter(channel.live, channel.pids() if probe else []):
            if now > probed.get(pid, 0.0) + 0.3:
                probed[pid] = now
                try:
                    os.kill(pid, signal.SIGURG)
                except ProcessLookupError:
                    pass
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:  # nothing is left of it
        pass
    child.wait()


def read_junit(path: str) -> Results:
    """The JUnit file of CPython's `test` or of pytest; nothing when a crash came before it was written."""
    results: Results = {}
    if not os.path.exists(path):
        return results
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
        kinds = {child.tag for child in case}
        result = next((kind for kind in ("error", "failure", "skipped") if kind in kinds), "passed")
        results[name] = result
    return results


class Comparison:
    """What the repetitions of one subject gave in each mode: ``plain``, ``agent``, ``probed``."""

    def __init__(self, subject: Subject, version: str):
        self.subject, self.version = subject, version
        self.results: dict[str, dict[str, set[str]]] = {}
        self.verdicts: dict[str, list[str]] = {}

    def measure(self, modes: Iterable[str], repeat: int) -> None:
        """Interleaved, so that a busy hour of the machine hits all modes."""
        for _ in range(repeat):
            for mode in modes:
                results, verdict = run(self.subject, mode != "plain", mode == "probed")
                self.verdicts.setdefault(mode, []).append(verdict)
                seen = self.results.setdefault(mode, {})
                for name in {*results, *self.results["plain"]}:
                    seen.setdefault(name, set()).add(results.get(name, "absent"))

    def differences(self, mode: str) -> dict[str, tuple[set[str], set[str]]]:
        """Tests with a result in ``mode`` that they never had without the agent: {id: (without, with)}."""
        plain, ours = self.results["plain"], self.results[mode]
        pairs = {name: (plain.get(name, {"absent"}), ours.get(name, {"absent"})) for name in {*plain, *ours}}
        return {name: pair for name, pair in sorted(pairs.items()) if not pair[1] <= pair[0]}

    def judge(self, mode: str) -> tuple[list[str], list[str], list[str]]:
        """(unexplained, explained, only once), each a line for people."""
        unexplained: list[str] = []
        explained: list[str] = []
        once: list[str] = []
        found = self.differences(mode)
        if len(found) > 10 * CONFIRMED:
            return [f"{len(found)} tests, the first {next(iter(found))}"], [], []
        for name, (without, with_) in found.items():
            line = f"{name}: {'/'.join(sorted(without))} -> {'/'.join(sorted(with_))}"
            reason = explanation(name, self.version, mode == "probed")
            if reason is not None:
                explained.append(f"{line} ({reason})")
            elif len(unexplained) >= CONFIRMED or self.confirmed(name, mode):  # after a crash all are absent
                unexplained.append(line)
            else:
                once.append(line)
        without_all, with_all = set(self.verdicts["plain"]), set(self.verdicts[mode])
        if not with_all & without_all and not (unexplained or explained or once):  # "env changed" comes and goes
            line = f"the whole: {'/'.join(sorted(without_all))} -> {'/'.join(sorted(with_all))}"
            reasons = {ending_explanation(one) for one in with_all}
            if None in reasons:
                unexplained.append(line)
            else:
                explained.append(f"{line} ({'; '.join(sorted(filter(None, reasons)))})")
        return unexplained, explained, once

    def confirmed(self, name: str, mode: str) -> bool:
        """Does it differ again when run alone?"""
        outcomes: dict[str, set[str]] = {"plain": set(), mode: set()}
        for _ in range(CONFIRM):
            for one, seen in outcomes.items():
                seen.add(run(self.subject, one != "plain", one == "probed", only=name)[0].get(name, "absent"))
        return not outcomes[mode] <= outcomes["plain"]

    def row(self, mode: str) -> tuple[str, bool]:
        """(a line of the table, is all well?)"""
        unexplained, explained, once = self.judge(mode)
        said = [*unexplained, *(f"explained: {line}" for line in explained), *(f"only once: {line}" for line in once)]
        repeat = len(self.verdicts[mode])
        text = (
            f"| {self.version} | {self.subject.name} | {mode} | {repeat} | {len(self.results['plain'])} "
            f"| {summary(self.verdicts['plain'])} | {summary(self.verdicts[mode])} | {'; '.join(said) or 'none'} |"
        )
        return text, bool(self.results["plain"]) and not unexplained


def summary(verdicts: list[str]) -> str:
    return ", ".join(f"{verdicts.count(one)} × {one}" for one in sorted(set(verdicts)))


HEAD = "| Python | tests | mode | runs | number | without | with | differences |\n|---|---|---|---|---|---|---|---|"


def version_of(python: str) -> str:
    """ "3.12" """
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tests", nargs="*", help="modules of CPython's tests, or pytest's arguments after --suite")
    parser.add_argument("--python", action="append", help="an interpreter with its test package (repeatable)")
    parser.add_argument("--suite", help="the folder of a project with tests for pytest")
    parser.add_argument("--probe", action="store_true", help="compare with an armed agent too")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    modes = ["agent", "probed"] if options.probe else ["agent"]
    print(HEAD, flush=True)
    same = True
    for python in options.python or [sys.executable]:
        for test in [options.suite] if options.suite else options.tests or MODULES:
            with tempfile.TemporaryDirectory() as scratch:
                if options.suite:
                    subject: Subject | None = of_project(python, test, options.tests)
                else:
                    subject = of_cpython(python, test, scratch)
                if subject is None:
                    print(f"| {version_of(python)} | {test} | | | | | | not in this interpreter's test package |")
                    continue
                comparison = Comparison(subject, version_of(python))
                comparison.measure(["plain", *modes], options.repeat)
                for mode in modes:
                    text, well = comparison.row(mode)
                    print(text, flush=True)
                    same = same and well
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
