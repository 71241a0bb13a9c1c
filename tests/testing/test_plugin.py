"""The pytest plugin and the API, in a project of its own in a temporary folder, as a user has them."""

from __future__ import annotations

import os
import subprocess
import sys
from math import inf
from typing import TYPE_CHECKING

import pytest

from supervisor.testing import DrillError, drill

if TYPE_CHECKING:
    from pathlib import Path

APP = """
import asyncio, signal, sys

async def flush():
    try:
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(float(sys.argv[1]))

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(flush(), name="flush")
    print("serving", flush=True)
    await stop.wait()

asyncio.run(main())
"""
SUITE = """
import sys

def test_it_stops_in_time(drill):
    result = drill([sys.executable, "app.py", "0.01"], runs=1, warmup=0, after=0, ready="log=serving")
    assert result.total.p95 < 60
    assert not result.findings

def test_it_is_slow(drill):
    result = drill([sys.executable, "app.py", "0.8"], runs=1, warmup=0, after=0, ready="log=serving")
    assert result.total.max < 0.1

def test_without_a_drill():
    pass
"""


def pytest_in(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *argv],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_failing_test_shows_its_drill(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "test_app.py").write_text(SUITE)
    done = pytest_in(tmp_path, "-q")
    text = " ".join(done.stdout.split())
    assert done.returncode == 1 and "1 failed, 2 passed" in text, done.stdout
    assert "supervisor drill -" in text and "app.py:8 flush" in text and "the longest, run 1" in text
    assert done.stdout.count("supervisor drill -") == 1, "only of the test that fails"


def test_a_suite_that_makes_no_drill_pays_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_none.py").write_text(
        "import sys\n\ndef test_it():\n"
        "    ours = {name for name in sys.modules if name.partition('.')[0] == 'supervisor'}\n"
        "    assert ours <= {'supervisor', 'supervisor.testing', 'supervisor.testing.plugin'}, ours\n"
    )
    done = pytest_in(tmp_path, "-q")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def app(tmp_path: Path) -> list[str]:
    (tmp_path / "app.py").write_text(APP)
    return [sys.executable, str(tmp_path / "app.py")]


def test_the_result_has_figures_findings_and_its_text(app: list[str]) -> None:
    result = drill([*app, "0.4"], runs=2, warmup=0, after=0, ready="log=serving", budget=["total.max=1ms"])
    assert result.runs == 2 and result.outcomes == {"clean": 2} and not result.passed
    assert 0.4 <= result.total.min <= result.total.median <= result.total.p95 == result.total.max
    assert result.ready.max > 0 and result.timeout is not None
    (slow,) = [one for one in (*result.findings, *result.notes) if one.code == "slow-task"]
    assert (slow.line, slow.function, slow.runs) == (8, "flush", (1, 2)) and slow.chain
    assert "app.py:8 flush" in str(slow) and "-> " in str(slow)
    assert str(result) == result.text and "slow-task" in result.text
    assert result.document["schema"] == "supervisor.report/1"


def test_a_killed_run_is_longer_than_anything(app: list[str]) -> None:
    result = drill([*app, "60"], runs=1, warmup=0, after=0, grace=0.3)
    assert result.total.p95 == inf and result.outcomes == {"killed": 1} and result.timeout is None


def test_what_cannot_be_drilled_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DrillError, match="three runs in a row"):
        drill(["true"], runs=5, warmup=0)
    with pytest.raises(DrillError, match="not a duration"):
        drill(["true"], options=["--after", "soon"])
    with pytest.raises(DrillError, match=r"nosuch\.py.*no such file"):
        drill([tmp_path / "nosuch.py"])


def test_the_test_process_stays_as_it_was() -> None:
    import signal

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    drill(["sleep", "100"], runs=1, warmup=0, after=0)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
