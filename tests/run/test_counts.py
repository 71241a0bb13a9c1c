"""Cost as counts, which no busy machine can change: modules, wake-ups, system calls, compiled files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisor.runs import ahead
from tests.support.processes import SUPERVISOR, Wrapped, python, status, until

DRIVER = str(Path(__file__).parents[1] / "support" / "driver.py")
HEAVY = {
    "typer", "click", "rich", "psutil", "pydantic", "asyncio", "logging", "dataclasses", "enum", "typing",
    "collections", "functools", "re", "subprocess", "signal", "selectors", "threading", "json", "inspect",
}  # fmt: skip
# Above `python -c pass`. Measured 35 and 71; raise them only with a reason, each module costs some 0.2 ms. The worker
# waits for the first ones. What comes after the fork is core and loop, split by subject into many small modules.
MOST_AT_FORK = 36
MOST_AT_END = 72
# Of the supervisor alone for `run -- true`, above `python -c pass`. Measured 1000, nearly all of them imports. What
# pip below 26 writes into the command itself (`import re`: 230 calls) is not ours and not counted.
MOST_SYSTEM_CALLS = 1080
COMMAND = [sys.executable, "-c", "from _sigdrain_entry import main; main()"]


def loaded(*options: str, folder: Path) -> tuple[set[str], set[str]]:
    fork, end = folder / "fork", folder / "end"
    command = [sys.executable, "-X", "frozen_modules=on", DRIVER, "modules", *options, "--", "true"]
    subprocess.run(command, env=_cached(folder) | {"AT_FORK": str(fork), "AT_END": str(end)}, check=True)
    bare = [sys.executable, "-c", "import sys; print(*sys.modules)"]
    base = set(subprocess.run(bare, capture_output=True, text=True, check=True).stdout.split())
    return set(fork.read_text().split()) - base, set(end.read_text().split()) - base


def _cached(folder: Path) -> dict[str, str]:
    """An environment in which every module is compiled once and found so afterwards."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "cache")
    subprocess.run([SUPERVISOR, "run", "--", "true"], env=env, check=True)
    return env


@pytest.mark.parametrize("options", [(), ("--no-agent",), ("--grace", "3", "-r", "TERM:INT")])
def test_the_lean_path_imports_little(options: tuple[str, ...], tmp_path: Path) -> None:
    at_fork, at_end = loaded(*options, folder=tmp_path)
    assert not HEAVY & {name.partition(".")[0] for name in at_end}
    assert len(at_fork) <= MOST_AT_FORK, sorted(at_fork)
    assert len(at_end) <= MOST_AT_END, sorted(at_end)


def test_nothing_is_compiled_at_run_time(tmp_path: Path) -> None:
    env = _cached(tmp_path) | {"PYTHONVERBOSE": "1"}
    said = subprocess.run(
        [SUPERVISOR, "run", "--", "true"], env=env, capture_output=True, text=True, check=True
    ).stderr
    ours = [line for line in said.splitlines() if line.startswith("# code object from ") and "supervisor" in line]
    assert any("supervisor" in line and line.endswith(".pyc'") for line in ours), "the question was put rightly"
    assert [line for line in ours if line.endswith((".py'", ".py"))] == []


def _switches(pid: int) -> tuple[int, int]:
    found = status(pid)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(found["voluntary_ctxt_switches"]), int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("agent", [False, True])
def test_an_idle_supervisor_never_wakes_up(agent: bool) -> None:
    """Neither before a stop request nor, between the looks from outside, after it."""
    command = [sys.executable, "-c", "print('ready', flush=True); import time; time.sleep(60)"]
    with Wrapped(command, *(() if agent else ("--no-agent",))) as wrapped:
        wrapped.ready()
        seen = [_switches(wrapped.pid)]

        def settled() -> bool:
            time.sleep(ahead.QUIET + 0.3)  # what is imported ahead begins so late
            seen.append(_switches(wrapped.pid))
            return seen[-1] == seen[-2]

        until(settled, "start-up over")
        before = seen[-1]
        time.sleep(2)  # what is measured
        assert _switches(wrapped.pid) == before


def test_a_stop_without_escalation_costs_few_wake_ups() -> None:
    with Wrapped(python("stubborn.py"), "--escalation", "none") as wrapped:
        wrapped.ready()
        before, _ = _switches(wrapped.pid)
        wrapped.send(15)
        assert wrapped.line() == "SIGTERM"
        time.sleep(1.2)  # what is measured: the looks of the first second (core.life.LOOKS) and a few replies
        assert _switches(wrapped.pid)[0] - before <= 12


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to count system calls")
def test_system_calls_of_a_short_run(tmp_path: Path) -> None:
    env = _cached(tmp_path)

    def count(command: list[str]) -> int:
        path = tmp_path / "trace"
        done = subprocess.run(["strace", "-o", path, *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip("strace may not trace here: " + done.stderr.strip())
        return len(path.read_text().splitlines())

    ours = count([*COMMAND, "run", "--", "true"]) - count([sys.executable, "-c", "pass"])
    assert ours <= MOST_SYSTEM_CALLS
