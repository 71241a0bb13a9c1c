"""Drills of real programs, through the command: what counts, what is told, and the exit code. Gates on logic only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from tests.support.processes import until

if TYPE_CHECKING:
    from pathlib import Path

# Each run of it takes as long in its cleanup as the next line of a file says.
WORKER = """
import asyncio, os, signal, sys

async def flush(seconds):
    try:
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(seconds)

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with open("run", "a+") as file:
        number = file.tell() // 2
        file.write("x\\n")
    times = [float(one) for one in os.environ.get("TIMES", "0.01").split()]
    task = asyncio.create_task(flush(times[number % len(times)]), name="flush")
    await stop.wait()

asyncio.run(main())
"""
LINE = 8  # of the await in the cleanup


def command(folder: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supervisor", "drill", *argv],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def drilled(folder: Path, *argv: str, **env: str) -> tuple[int, dict[str, Any]]:
    done = command(folder, "--json", "-q", *argv, **env)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def worker(tmp_path: Path) -> list[str]:
    (tmp_path / "w.py").write_text(WORKER)
    return ["--", sys.executable, "w.py"]


def test_a_clean_program_is_stopped_as_often_as_was_asked(tmp_path: Path, worker: list[str]) -> None:
    code, told = drilled(tmp_path, "-n", "3", "--after", "0", *worker)
    drill = told["drill"]
    assert code == 0 and drill["verdict"] == "pass"
    assert (drill["runs"], drill["wanted"], len(told["shutdowns"])) == (3, 3, 3)
    assert (tmp_path / "run").read_text() == "x\n" * 4, "one more to warm up"
    assert drill["outcomes"] == {"clean": 3}
    total = drill["spans"]["total"]
    assert 0 < total["min"] <= total["p50"] <= total["max"]
    assert total["as_max"] == ["p90", "p95", "p99"] and total["confidence"] == round(1 - 0.95**3, 4)
    assert {one["asked_by"] for one in told["shutdowns"]} == {"drill"}
    assert drill["recommend"]["timeout_stop"] >= 2 and "59 runs" in drill["recommend"]["why"]
    assert [trial["use"] for trial in drill["trials"]] == ["measured"] * 3
    assert all(trial["ready_by"] == "quiet" and trial["moment"] == 0 for trial in drill["trials"])


def test_the_same_cause_is_one_with_its_runs_and_its_line(tmp_path: Path, worker: list[str]) -> None:
    demands = ["--budget", "cleanup.max=50ms", "--budget", "outcome.killed=0", "--forbid", "slow-task"]
    done = command(
        tmp_path, "-n", "2", "--warmup", "0", "--after", "0", *demands, "--report", "r.json", "--report", "r.md",
        "--report", "r.junit.xml", *worker, TIMES="0.3 0.4", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY="summary",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    drill = json.loads((tmp_path / "r.json").read_text())["drill"]
    (cause,) = [one for one in drill["populations"][0]["causes"] if one["code"] == "slow-task"]
    assert (cause["runs"], cause["where"]["line"]) == ([1, 2], LINE)
    assert 0.25 < cause["seconds"] <= cause["worst"] and cause["worst_run"] == 2
    assert [one["kept"] for one in drill["budget"]] == [False, True, False]
    assert drill["budget"][0]["where"]["line"] == LINE
    text = " ".join(done.stdout.split())
    assert "slow-task in 2 of 2 runs" in text and f"w.py:{LINE} flush" in text
    assert f"::error file=w.py,line={LINE},title=Shutdown budget%3A cleanup.max=50ms::" in done.stdout
    summary = (tmp_path / "summary").read_text()
    assert summary == (tmp_path / "r.md").read_text() and "| cleanup.max=50ms |" in summary
    suite = ElementTree.parse(tmp_path / "r.junit.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("2", "0")
    assert f"w.py:{LINE}" in (suite.findall("testcase/failure")[0].get("message") or "")


def test_a_killed_run_is_more_than_and_no_timeout_is_recommended(tmp_path: Path, worker: list[str]) -> None:
    code, told = drilled(
        tmp_path, "-n", "2", "--warmup", "0", "--after", "0", "-g", "1.5", "--limit", "1", *worker, TIMES="60 0.01"
    )
    drill = told["drill"]
    total = drill["spans"]["total"]
    assert code == 1 and drill["outcomes"] == {"killed": 1, "clean": 1}
    assert total["max"] is None and total["p95_bound"] is None and total["beyond"] >= 1.5
    assert total["censored"] == 1 and total["min"] < 1.5
    assert drill["recommend"]["timeout_stop"] is None and "--grace 60" in drill["recommend"]["why"]
    assert drill["budget"][0]["kept"] is False
    shown = command(tmp_path, "-n", "1", "--warmup", "0", "--after", "0", "-g", "0.5", *worker, TIMES="60").stdout
    assert "total " in shown and "> " in shown and "(1 of 1 was killed)" in shown


def test_a_run_whose_leftovers_were_killed_is_more_than(tmp_path: Path) -> None:
    script = "(trap '' TERM; while :; do sleep 1; done) & trap 'exit 0' TERM; while :; do sleep 0.1; done"
    argv = [
        "-n",
        "1",
        "--warmup",
        "0",
        "--after",
        "0",
        "-g",
        "0.5",
        "--ready",
        "after=0.5s",
        "--",
        "bash",
        "-c",
        script,
    ]
    _, told = drilled(tmp_path, *argv, "--", "bash", "-c", script)
    total = told["drill"]["spans"]["total"]
    assert told["drill"]["outcomes"] == {"clean": 1}
    assert total["max"] is None and total["censored"] == 1 and told["drill"]["recommend"]["timeout_stop"] is None


def test_a_program_that_does_not_stay_ends_the_drill(tmp_path: Path) -> None:
    script = "echo one >> runs; echo 'no database' >&2; exit 3"
    code, told = drilled(tmp_path, "-n", "9", "--warmup", "0", "--", "sh", "-c", script)
    drill = told["drill"]
    assert (code, drill["runs"], drill["ended_early"]) == (1, 0, 3)
    assert drill["spans"] == {} and "three runs in a row" in drill["stopped"]
    assert (tmp_path / "runs").read_text() == "one\n" * 3
    shown = command(tmp_path, "-n", "9", "--", "sh", "-c", script)
    assert "| no database" in shown.stdout


@pytest.mark.parametrize(("argv", "code"), [(["./nosuch"], 127), (["/etc/passwd"], 126)])
def test_a_command_that_cannot_be_run_is_told_as_run_does(tmp_path: Path, argv: list[str], code: int) -> None:
    done = command(tmp_path, "-n", "5", "--", *argv)
    assert done.returncode == code and f"cannot start '{argv[0]}'" in done.stderr and "hint:" in done.stderr


def test_a_run_that_ends_early_is_in_no_figure(tmp_path: Path, worker: list[str]) -> None:
    (tmp_path / "early.sh").write_text('if [ -e first ]; then exec "$@"; fi; touch first; exit 0\n')
    argv = ["-n", "2", "--warmup", "0", "--after", "0"]
    code, told = drilled(tmp_path, *argv, "--", "sh", "early.sh", *worker[1:])
    drill = told["drill"]
    assert (code, drill["runs"], drill["ended_early"]) == (1, 1, 1)
    assert drill["spans"]["total"]["runs"] == 1
    assert "1 run ended early" in drill["budget"][0]["found"]
    (tmp_path / "first").unlink()
    assert drilled(tmp_path, *argv, "--allow-early", "--", "sh", "early.sh", *worker[1:])[0] == 0


def test_stops_while_starting_are_a_population_of_their_own(tmp_path: Path, worker: list[str]) -> None:
    _, told = drilled(tmp_path, "-n", "2", "--during-startup", "--seed", "1", "--allow-early", *worker)
    drill = told["drill"]
    assert [trial["population"] for trial in drill["trials"]] == ["starting"] * 2
    assert {one["population"] for one in drill["populations"]} <= {"starting"}
    assert drill["moment"]["kind"] == "during start-up" and drill["seed"] == 1
    moments = [trial["moment"] for trial in drill["trials"] if trial["use"] == "measured"]
    assert drill["moment"]["low"] == 0 and all(0 <= one <= drill["moment"]["high"] for one in moments)


def test_a_second_request_comes_in_the_middle(tmp_path: Path, worker: list[str]) -> None:
    _, told = drilled(tmp_path, "-n", "2", "--after", "0", "--twice", "-g", "30", *worker, TIMES="1.5")
    requests = [one["requests"] for one in told["shutdowns"]]
    assert requests == [2, 2], "half of the warm-up's 1.5 s is well above the 0.1 s that count as one"
    assert all(one["outcome"] == "killed" for one in told["shutdowns"])


def test_an_interrupt_keeps_what_was_measured(tmp_path: Path, worker: list[str]) -> None:
    argv = [
        sys.executable,
        "-m",
        "supervisor",
        "drill",
        "-n",
        "50",
        "--warmup",
        "0",
        "--after",
        "0",
        "--json",
        *worker,
    ]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("run 1/50"), first
        until(lambda: (tmp_path / "run").read_text() == "x\nx\n", "the second run has begun")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    drill = json.loads(out)["drill"]
    assert drill["runs"] == 1 and drill["stopped"] == "interrupted after 1 run"


@pytest.mark.usefixtures("worker")
def test_a_fleet_is_drilled_as_a_whole(tmp_path: Path) -> None:
    config = f'[worker.a]\ncommand = ["{sys.executable}", "w.py"]\n[worker.b]\ncommand = "sleep 100"\n'
    (tmp_path / "supervisor.toml").write_text(config)
    code, told = drilled(
        tmp_path,
        "-n",
        "2",
        "--warmup",
        "0",
        "--after",
        "0",
        "-c",
        "supervisor.toml",
        "--budget",
        "fleet.total.max=60",
    )
    drill = told["drill"]
    assert code == 0 and [one["worker"] for one in drill["populations"]] == ["a", "b", None]
    whole = drill["populations"][2]
    assert drill["spans"] == whole["spans"] and whole["outcomes"] == {"ended": 2}
    assert len(told["shutdowns"]) == 4


def test_a_run_begins_to_count_when_its_check_says_so(tmp_path: Path, worker: list[str]) -> None:
    slow = f"import time, runpy\ntime.sleep(0.7)\nprint('serving', flush=True)\nrunpy.run_path('{worker[2]}')\n"
    (tmp_path / "slow.py").write_text(slow)
    argv = ["-n", "2", "--warmup", "0", "--after", "0.2", "--ready", "log=serving", "--", sys.executable, "slow.py"]
    _, told = drilled(tmp_path, *argv)
    trials = told["drill"]["trials"]
    assert [trial["ready_by"] for trial in trials] == ["check"] * 2
    assert all(trial["ready_after"] >= 0.7 for trial in trials)


def test_a_program_that_never_gets_ready_ends_the_drill(tmp_path: Path) -> None:
    config = '[worker.a]\ncommand = "sleep 100"\nready = { tcp = "127.0.0.1:1", timeout = "0.5s" }\n'
    (tmp_path / "supervisor.toml").write_text(config)
    code, told = drilled(tmp_path, "-n", "5", "-c", "supervisor.toml")
    assert code == 1 and told["drill"]["stopped"].startswith("a did not get ready")
    assert "127.0.0.1:1" in command(tmp_path, "-n", "5", "-c", "supervisor.toml").stdout


def test_a_worker_is_drilled_with_what_it_depends_on(tmp_path: Path) -> None:
    config = '[worker.db]\ncommand = "sleep 100"\n[worker.other]\ncommand = "sleep 100"\n'
    config += '[worker.api]\ncommand = "sleep 100"\ndepends_on = ["db"]\n'
    (tmp_path / "supervisor.toml").write_text(config)
    _, told = drilled(tmp_path, "-n", "1", "--warmup", "0", "--after", "0", "-c", "supervisor.toml", "api")
    assert [one["worker"] for one in told["shutdowns"]] == ["api", "db"], "stopped in reverse order"


def test_no_process_and_no_descriptor_is_left(tmp_path: Path) -> None:
    """Run after run in one process: as many descriptors after the third as after the first."""
    script = "import os\nfrom supervisor.drill import telling, trials\nfrom supervisor.cli.drill import plan\n"
    script += "from supervisor.cli.measuring import DRILL\nfrom supervisor.cli.options import parse\n"
    script += "made = plan(*parse(['-n', '3', '--after', '0', '--no-agent', '--', 'sleep', '100'], {}, DRILL))\n"
    script += "for trial in trials.trials(made):\n    print(len(os.listdir('/proc/self/fd')), trial.use)\n"
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4 and len(set(lines)) == 1, (lines, time.monotonic() - begun)
