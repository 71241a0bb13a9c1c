"""`up` as PID 1 of a container: orphans are reaped, exit codes are a shell's, a stop fits into `docker stop`."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from supervisor.cli.up import INIT_LIMIT, as_init
from supervisor.core import ladder
from supervisor.core.spec import FleetSpec
from tests.core.script import worker
from tests.support.namespaces import lacks
from tests.support.processes import SUPERVISOR, children, python, state, status, until
from tests.up.fleet import Up, shutdowns

if TYPE_CHECKING:
    from pathlib import Path

needs_root = pytest.mark.skipif(bool(lacks("-pf", "--mount-proc")), reason=lacks("-pf", "--mount-proc"))


class Container(Up):
    """`supervisor up` as PID 1 of namespaces of its own; ``init`` is its pid outside of them."""

    def __init__(self, folder: Path, config: str, *options: str, **popen: Any) -> None:
        argv = ["unshare", "-pf", "--mount-proc", "--kill-child", SUPERVISOR, "up", *options]
        super().__init__(folder, config, argv=argv, **popen)
        self.init = until(lambda: children(self.pid), "the init process")[0]

    def __enter__(self) -> Container:
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Do what `docker stop` does first; the exit code of the container."""
        until(lambda: "NSpid" in status(self.init), "it runs")
        os.kill(self.init, number)
        return self.wait()


@needs_root
def test_orphans_are_reaped(tmp_path: Path) -> None:
    """Nobody else could: a daemon that is nobody's any more, and one without an environment."""
    script = "for n in 1 2 3; do (setsid env -i sleep 0.05 &); done; echo ready; exec sleep 60"
    with Container(tmp_path, f'[worker.a]\ncommand = ["sh", "-c", "{script}"]\n') as fleet:
        fleet.saw("ready")
        until(lambda: len(children(fleet.init)) == 1, "only the worker is left of its children")
        assert [state(pid) for pid in children(fleet.init)] != ["Z"]
        assert fleet.stop() == 0


@needs_root
@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -KILL $$$$", 137), ("exit 0", 0)])
def test_exit_codes(script: str, code: int, tmp_path: Path) -> None:
    with Container(tmp_path, f'[worker.a]\ncommand = ["sh", "-c", "{script}"]\nrestart = "never"\n') as fleet:
        assert fleet.wait() == code


@needs_root
def test_what_a_worker_has_left_is_ended_with_the_fleet(tmp_path: Path) -> None:
    command = python("family.py", "daemon", "2", "silent")
    text = f'[worker.a]\ncommand = {command}\nrestart = "never"\non_exit = "ignore"\n'
    text += f"[worker.b]\ncommand = {[sys.executable, '-c', 'import time; time.sleep(60)']}\n"
    with Container(tmp_path, text, "--report", str(tmp_path / "report.json")) as fleet:
        fleet.saw("ready")
        until(lambda: len(children(fleet.init)) == 3, "two daemons and the other worker")
        assert fleet.stop() == 0
    (ended,) = shutdowns(tmp_path / "report.json")["a"]
    assert [one["fate"] for one in ended["leftovers"]] == ["ended"] * 2


@needs_root
def test_a_stop_is_over_and_told_before_docker_stop_loses_patience(tmp_path: Path) -> None:
    text = f"[worker.a]\ncommand = {python('stubborn.py')}\n"
    with Container(tmp_path, text, "--report", str(tmp_path / "report.json")) as fleet:
        fleet.saw("ready")
        assert fleet.stop() == 137
    (ended,) = shutdowns(tmp_path / "report.json")["a"]
    (kill,) = [climb for climb in ended["escalation"] if climb["signal"] == "SIGKILL"]
    assert INIT_LIMIT - 0.01 <= kill["at"] < 10.0
    assert ended["outcome"] == "killed"


def test_only_a_fleet_that_says_nothing_of_its_time_is_limited() -> None:
    def limit(*ladders: str, own: float | None = None) -> float | None:
        workers = tuple(worker(f"w{place}", text) for place, text in enumerate(ladders))
        return as_init(FleetSpec(workers, limit=own)).limit

    assert limit(ladder.DEFAULT, ladder.DEFAULT) == INIT_LIMIT
    assert limit(ladder.DEFAULT, "TERM/25/KILL") is None
    assert limit(ladder.DEFAULT, own=25.0) == 25.0
