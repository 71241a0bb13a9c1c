"""What the end of a run needs is imported in quiet moments, and only then."""

from __future__ import annotations

import importlib
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from supervisor.core import events, ladder
from supervisor.core.fleet import step
from supervisor.core.fleet.state import Fleet, new
from supervisor.core.spec import FIRST, ExecSpec, FleetSpec, StopSpec, WorkerSpec
from supervisor.runs import ahead
from tests.support.processes import Wrapped, python, status, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Standing:
    """As much of a loop as is asked."""

    def __init__(self) -> None:
        stop = StopSpec(ladder.parse("TERM/10/KILL"))
        self.fleet: Fleet = new(FleetSpec(tuple(WorkerSpec(name, ExecSpec((name,)), stop) for name in "ab")))

    def see(self, *facts: events.Event) -> None:
        self.fleet, _ = step.step(self.fleet, *facts)


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which modules were asked for; none is imported."""
    found: list[str] = []
    monkeypatch.setattr(ahead, "import_module", found.append)
    return found


def test_everything_is_imported_and_then_nothing_is_due(wanted: list[str]) -> None:
    source = ahead.Ahead(Standing(), 10.0, records=True, keeps=False)  # type: ignore[arg-type]  # the loop's state is all that is asked
    assert source.deadline == 10.0 + ahead.QUIET
    turns = 0
    while source.deadline is not None:
        source.tick(source.deadline)
        turns += 1
    assert wanted == [*ahead.RECORDING, *ahead.TELLING]
    assert turns <= len(wanted)


def test_nothing_is_imported_while_a_worker_stops(wanted: list[str]) -> None:
    loop = Standing()
    source = ahead.Ahead(loop, 10.0, records=False, keeps=False)  # type: ignore[arg-type]  # as above
    loop.see(events.StartAsked(10.0), events.Forked(10.1, FIRST, 7), events.Started(10.2, FIRST))
    loop.see(events.StopAsked(10.5, "command stop", (FIRST,)))
    source.tick(11.0)
    assert (wanted, source.deadline) == ([], 11.0 + ahead.BUSY)
    loop.see(events.StopAsked(11.5, "command stop"))
    source.tick(12.0)
    assert (wanted, source.deadline) == ([], None), "the fleet goes down: at the end, if at all"


def test_a_failure_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise OSError(24, "Too many open files", name)

    monkeypatch.setattr(ahead, "import_module", fails)
    source = ahead.Ahead(Standing(), 10.0, records=True, keeps=False)  # type: ignore[arg-type]  # as above
    source.tick(11.0)
    assert source.deadline is None


def test_the_list_is_what_the_end_imports() -> None:
    """In a process of its own: what the list imports is all of ours that telling a bad end needs."""
    program = """
import sys
from supervisor.runs import ahead, wrapping, wrapped
assert ahead.imported(ahead.STOPPING + ahead.RECORDING + ahead.TELLING + ahead.KEEPING)
before = set(sys.modules)
import supervisor.diagnosis.explain, supervisor.system.sources, supervisor.system.agent.absent
import json, sqlite3
import supervisor.runs.history, supervisor.runs.recording, supervisor.runs.telling
import supervisor.system.origin, supervisor.views.markdown
import ast, shlex, textwrap, supervisor.diagnosis.evidence.enclosing
print(*(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    for name in ahead.TELLING:
        importlib.import_module(name)


def test_an_end_without_descriptors_is_explained(tmp_path: Path) -> None:
    """From the middle of the run on nothing can be imported, looked at or written: what is known is told."""
    path = tmp_path / "end.json"
    with Wrapped(python("stubborn.py"), "--escalation", "TERM/0.3/KILL/0.3", "--report", str(path)) as wrapped:
        wrapped.ready()
        until(settles(wrapped.pid), "all is imported")
        _, hard = resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE, (3, hard))
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
        assert wrapped.alive() == []
        text = " ".join(wrapped.stderr.split())
    assert "died of SIGKILL, but nobody could look what is left of it" in text
    assert "left over not known: nobody could look (no descriptors or memory left, or no /proc)" in text
    assert "cannot write the report" in text and "Too many open files" in text
    assert "note no-agent" in text, "it is explained"
    for false in ("Traceback", "state D", "stuck in the kernel", "SIGKILL did not end"):
        assert false not in text


def settles(pid: int) -> Callable[[], bool]:
    """Return what says whether the process has done nothing since it was asked last."""
    seen = [""]

    def settled() -> bool:
        time.sleep(ahead.QUIET + 0.3)
        seen.append(status(pid)["voluntary_ctxt_switches"])
        return seen[-1] == seen[-2]

    return settled
