"""Schedules of faults on real processes, and the oracle on stories made by hand: each rule can say no."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.oracle import violations
from tests.faults.scene import play
from tests.faults.schedule import Schedule, Worker, schedule
from tests.faults.story import Came, Process, Story

if TYPE_CHECKING:
    from pathlib import Path

# Chosen among the first hundred: some of `run`, some of `up`; together they hold most kinds of fault.
FIXED = (5, 7, 14, 15, 27, 34, 55, 58, 77, 83)


@pytest.mark.parametrize("seed", FIXED)
def test_a_schedule_of_faults(seed: int, tmp_path: Path) -> None:
    plan = schedule(seed)
    assert violations(plan, play(plan, tmp_path)) == [], f"python -m tests.faults.run --seeds {seed} --show"


@pytest.mark.outside
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_many_schedules_of_faults(seed: int, tmp_path: Path) -> None:
    plan = schedule(seed)
    assert violations(plan, play(plan, tmp_path)) == [], f"python -m tests.faults.run --seeds {seed} --show"


def test_a_seed_is_a_schedule() -> None:
    assert schedule(7) == schedule(7) != schedule(8)
    kinds = {fault.kind for seed in range(100) for fault in schedule(seed).faults}
    assert len(kinds) >= 14, sorted(kinds)
    assert all(5 <= len(schedule(seed).faults) <= 20 for seed in range(100))


# ------------------------------------------------------------------ the oracle

PLAN = Schedule(0, "up", (Worker("w", "ignore", (0.5,)),), (), 1.0, signal.SIGTERM)


def main(**changes: Any) -> Process:
    """A deaf main process: asked at 11.0, it took the signal at 11.01 and was killed at 11.52."""
    process = Process(7, "main", "w", 10.0, "7-1", True, [Came(11.01, signal.SIGTERM, 0.0)], gone=11.52)
    for name, value in changes.items():
        setattr(process, name, value)
    return process


def record(**changes: Any) -> dict[str, Any]:
    end = {
        "worker": "w",
        "instance": 0,
        "start": 1,
        "pid": 7,
        "signal": "SIGKILL",
        "exit_code": None,
        "started": True,
    }
    return end | {"outcome": "killed"} | changes


def story(*processes: Process, ends: list[dict[str, Any]] | None = None, **changes: Any) -> Story:
    given: dict[str, Any] = {"requests": [(11.0, None)], "began": 9.9, "ended": 11.6, "code": 137}
    ends = [record()] if ends is None else ends
    return Story(processes=list(processes or [main()]), report={"shutdowns": ends}, **given | changes)


def test_a_good_story_is_good() -> None:
    assert violations(PLAN, story()) == []


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (story(hung=True), "hang"),
        (story(main(), Process(8, "bystander", "bystander", 9.0, "8-1", True, [Came(11.0, 15, 0.0)])), "stranger"),
        (story(main(), Process(8, "bystander", "bystander", 9.0, "8-1", True, gone=11.0)), "stranger"),
        (story(main(signals=[*main().signals, Came(11.2, signal.SIGUSR1, 0.0)])), "passed on"),
        (story(main(), Process(8, "escapee", "w", 10.0), left=[8]), "left"),
        (
            story(stderr=b'Traceback (most recent call last):\n  File "/x/supervisor/loop/loop.py", line 1'),
            "traceback",
        ),
        (
            story(stdout=b'w | Traceback (most recent call last):\nw |   File "<sigdrain-agent>/x", line 1'),
            "traceback",
        ),
        (story(answers=[b"{nothing}\n"]), "control"),
        (story(terminal_differs="the cursor is not put back"), "terminal"),
        (story(ends=[]), "report"),
        (story(ends=[record(), record()]), "report"),
        (story(ends=[record(), record(start=3)]), "report"),
        (story(ends=[record(signal=None, exit_code=0, outcome="clean")]), "report"),
        (story(main(deaf=False, announced=3), ends=[record(signal=None, exit_code=0)]), "report"),
        (story(code=0), "code"),
        (story(main(gone=11.4)), "ladder"),
        (story(main(signals=[Came(11.4, signal.SIGTERM, 0.0)])), "ladder"),
        (story(main(signals=[])), "ladder"),
    ],
)
def test_a_bad_story_is_bad(told: Story, word: str) -> None:
    found = violations(PLAN, told)
    assert found and all(line.startswith(word) for line in found), found


def test_a_workers_own_traceback_is_its_own() -> None:
    own = b'Traceback (most recent call last):\n  File "/app/worker.py", line 1\nKeyboardInterrupt\n'
    late = b"Exception ignored when trying to write to the signal wakeup fd:\n"
    late += b'Traceback (most recent call last):\n  File "<sigdrain-agent>/x", line 1\nOSError\n'
    assert violations(PLAN, story(stderr=own + late)) == []


def test_an_exit_code_is_wanted() -> None:
    plan = replace(PLAN, workers=(Worker("w", "exit", (0.5,), lines=2),))
    gentle = main(deaf=False, announced=0)
    ends = [record(signal=None, exit_code=0, outcome="clean")]
    lines = b"w | w 7-1 0\nw | w 7-1 1\n"
    assert violations(plan, story(gentle, ends=ends, code=0, stdout=lines)) == []
    assert [line[:4] for line in violations(plan, story(gentle, ends=ends, code=1, stdout=lines))] == ["code"]
    assert [line[:6] for line in violations(plan, story(gentle, ends=ends, code=0, stdout=lines[:10]))] == ["output"]


def test_a_second_request_excuses_an_early_kill_and_a_suspension_a_late_word() -> None:
    assert violations(PLAN, story(main(gone=11.3), requests=[(11.0, None), (11.2, None)])) == []
    assert violations(PLAN, story(main(signals=[Came(11.4, signal.SIGTERM, 0.0)], stopped=True))) == []
    assert violations(PLAN, story(main(signals=[Came(11.4, signal.SIGTERM, 0.35)]))) == []


@pytest.mark.parametrize(("number", "broken"), [(signal.SIGUSR1, []), (signal.SIGTERM, ["left"])])
def test_a_command_that_dies_of_no_request_has_ended_by_itself(number: int, broken: list[str]) -> None:
    """`run` passes every signal on; what has left the group is ended only when a stop was asked for."""
    plan = replace(PLAN, command="run", workers=(Worker("w", "default", (0.5,)),))
    dead = main(deaf=False, signals=[], gone=10.5)
    ends = [record(signal=signal.Signals(number).name, outcome="signalled")]
    told = story(dead, Process(8, "escapee", "w", 10.0), ends=ends, code=-number, requests=[], left=[8])
    assert [line[:4] for line in violations(plan, told)] == broken


@pytest.mark.parametrize(("started", "broken"), [(False, ["code"]), (True, [])])
def test_a_command_that_is_missing_fails_the_fleet_once_it_is_known(started: bool, broken: list[str]) -> None:
    """It may have been stopped between fork and exec, before that could fail."""
    plan = replace(PLAN, workers=(Worker("w", "exit", (0.5,), missing=True),))
    told = Story(
        requests=[(11.0, None)], began=9.9, ended=11.6, code=0, report={"shutdowns": [record(started=started)]}
    )
    assert [line[:4] for line in violations(plan, told)] == broken


def test_a_signal_that_came_before_the_process_could_take_it_is_of_no_known_age() -> None:
    late = Came(11.4, signal.SIGTERM, 0.0)
    assert violations(PLAN, story(main(hello=11.39, gone=11.6, signals=[late]))) == []
    assert violations(PLAN, story(main(hello=11.0, gone=11.6, signals=[late]))) != []


@pytest.mark.parametrize(("frame", "broken"), [("<frozen site>", []), ("<sigdrain-agent>/x", ["traceback"])])
def test_an_interpreter_may_give_up_when_it_is_interrupted(frame: str, broken: list[str]) -> None:
    text = (
        "Fatal Python error: init_import_site: Failed to import the site module\nPython runtime state: initialized\n"
    )
    text += f'Traceback (most recent call last):\n  File "{frame}", line 5, in x\nKeyboardInterrupt\n'
    assert [line.partition(" ")[0] for line in violations(PLAN, story(stderr=text.encode()))] == broken
