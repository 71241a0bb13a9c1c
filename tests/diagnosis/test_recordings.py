"""Recordings of real runs on several Pythons and frameworks: the code, the place and the seconds that are true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from supervisor.diagnosis.explain import explained
from tests.diagnosis.record import Recording, dumps, loads

if TYPE_CHECKING:
    from supervisor.core.record import Shutdown

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
NAMES = sorted(path.stem for path in (HERE / "recordings").glob("*.jsonl"))


def sources(file: str, line: int) -> str | None:
    """The programs of the recordings; the library code of the machine that took them is not here."""
    if not file.startswith("/app/"):
        return None
    lines = (PROGRAMS / file.removeprefix("/app/")).read_text().splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else None


def recording(name: str) -> Recording:
    return loads((HERE / "recordings" / f"{name}.jsonl").read_text())


def told(name: str) -> Shutdown:
    taken = recording(name)
    return explained(taken.shutdown, taken.messages, sources)


# name: code, severity, function and seconds of the first finding; None: not asked for.
FIRST = {
    "echo-3.8": ("task-created-in-cancel-handler", "error", "echo", None),
    "echo-3.11": ("task-created-in-cancel-handler", "error", "echo", None),
    "echo-3.12": ("task-created-in-cancel-handler", "error", "echo", None),
    "echo-3.13": ("task-created-in-cancel-handler", "error", "echo", None),
    "caught-3.9": ("cancel-swallowed", "note", "f", None),
    "caught-3.12": ("cancel-swallowed", "note", "f", None),
    "caught-term-3.11": ("no-signal-handler", "warning", "f", 0.0),
    "executor-3.8": ("executor-outlives-loop", "warning", "blocking", 0.5),
    "executor-3.13": ("executor-busy", "note", "blocking", 0.5),
    "loop-stop-worker-3.12": ("loop-stopped-with-pending-tasks", "error", "sig_handler", None),
    "uvicorn-3.12": ("slow-task", "note", "slow_query", 0.9),
    "uvicorn-uvloop-3.10": ("slow-task", "note", "slow_query", 0.9),
    "uvicorn-two-workers-3.11": ("slow-task", "note", "slow_query", 0.9),
    "aiohttp-3.13": ("slow-task", "note", "handler", 0.7),
    "hypercorn-3.11": ("slow-task", "note", "app", 0.4),
    "hypercorn-3.12": ("slow-task", "note", "app", 1.1),
    "hung-aiohttp-3.13": ("slow-task", "error", "report", 1.0),
    "cut-aiohttp-3.10": ("slow-task", "note", "report", 1.0),
    "hung-hypercorn-3.11": ("slow-task", "error", "report", 1.0),
    "hung-websocket-3.12": ("slow-task", "error", "report", 1.0),
    "cut-stream-3.10": ("slow-task", "note", "rows", 1.1),
    "cut-stream-3.13": ("slow-task", "note", "rows", 1.1),
    "celery-group-3.12": ("exit-without-cleanup", "error", "resize", None),
    "two-causes-3.9": ("loop-blocked", "warning", "flush", 0.7),
    "gil-held-3.12": ("handler-not-run", "error", "crunch", 0.6),
}
QUIET = ("celery-main-3.12", "tidy-3.8", "tidy-3.13", "loop-stop-3.10")


@pytest.mark.parametrize("name", FIRST)
def test_first_finding(name: str) -> None:
    code, severity, function, seconds = FIRST[name]
    shutdown = told(name)
    first = shutdown.findings[0]
    assert (first.code, first.severity) == (code, severity)
    assert first.where is not None and first.where.function == function
    assert first.where.source == sources(first.where.file, first.where.line).strip()  # type: ignore[union-attr]  # ours
    if seconds is not None:
        assert first.seconds == pytest.approx(seconds, abs=0.12)


@pytest.mark.parametrize("name", QUIET)
def test_a_good_end_yields_no_warning(name: str) -> None:
    assert [finding for finding in told(name).findings if finding.severity != "note"] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_recording_is_judged_here(name: str) -> None:
    assert name in FIRST or name in QUIET


@pytest.mark.parametrize("name", NAMES)
def test_sums_and_order(name: str) -> None:
    shutdown = told(name)
    total = shutdown.total
    assert sum(stretch.seconds for stretch in shutdown.critical_path) <= total + 1e-6
    assert all((finding.seconds or 0.0) <= total for finding in shutdown.findings)
    ends = 0.0
    for span in shutdown.phases:
        assert span.start == pytest.approx(ends, abs=0.001)
        assert span.end >= span.start
        ends = span.end
    marks = shutdown.marks
    order = [m for m in (marks.asked, marks.noticed, marks.drained, marks.cleaned, marks.exited) if m is not None]
    assert order == sorted(order)


@pytest.mark.parametrize(("name", "seconds"), [("echo-3.12", 1.2), ("echo-3.13", 0.6)])
def test_the_echo_servers_hang_is_named_with_its_client(name: str, seconds: float) -> None:
    finding = next(f for f in told(name).findings if f.code == "server-wait-closed")
    assert finding.seconds == pytest.approx(seconds, abs=0.12)
    assert "127.0.0.1:" in finding.title
    assert finding.where is not None and finding.where.function == "main"


@pytest.mark.parametrize("name", ["echo-3.8", "echo-3.11"])
def test_before_312_the_echo_server_does_not_hang(name: str) -> None:
    assert "server-wait-closed" not in {finding.code for finding in told(name).findings}


@pytest.mark.parametrize("name", ["echo-3.8", "echo-3.11"])
def test_a_server_that_serves_until_it_is_cancelled_has_lost_no_work(name: str) -> None:
    """`await server.serve_forever()` is ended by a cancel alone."""
    assert "work-cut-short" not in {finding.code for finding in told(name).findings}


def test_two_workers_are_joined_into_one_explanation() -> None:
    taken = recording("uvicorn-two-workers-3.11")
    agents = {message.pid for message in taken.messages if message.event == "hello"}
    shutdown = told("uvicorn-two-workers-3.11")
    first = shutdown.findings[0]
    child = next(int(line.rpartition(" ")[2]) for line in first.proof if line.startswith("in child process"))
    assert child in agents - {shutdown.pid}
    names = [stretch.where.function for stretch in shutdown.critical_path if stretch.where]
    assert names == ["slow_query", "app"]


def test_two_causes_in_a_row_are_both_told() -> None:
    path = told("two-causes-3.9").critical_path
    assert [(s.what, s.where.function) for s in path[:2] if s.where] == [
        ("loop-blocked", "flush"),
        ("task cleanup", "uploader"),
    ]
    assert [round(stretch.seconds, 1) for stretch in path[:2]] == [0.7, 0.4]


def test_hypercorns_overrun_of_its_graceful_timeout_is_visible() -> None:
    early, late = told("hypercorn-3.11"), told("hypercorn-3.12")
    assert early.total < 0.6 < 1.0 < late.total
    assert "cut off" in early.findings[0].advice
    assert any("Server.wait_closed()" in proof for proof in late.findings[0].proof)


def test_a_dump_names_what_held_the_gil() -> None:
    shutdown = told("gil-held-3.12")
    assert [stretch.what for stretch in shutdown.critical_path] == ["loop-blocked"]
    assert any(line.startswith("killed") for line in shutdown.findings[0].also)


def test_zero_of_a_worker_that_ended_by_itself_is_the_begin_of_its_teardown() -> None:
    shutdown = told("executor-3.13")
    assert shutdown.marks.asked is None and shutdown.marks.drained == 0.0
    assert shutdown.total == pytest.approx(0.5, abs=0.12)
    assert shutdown.phases[0].start == 0.0
    assert max(shutdown.phases, key=lambda span: span.end - span.start).name == "executor"


@pytest.mark.parametrize("name", NAMES)
def test_recordings_survive_writing(name: str) -> None:
    taken = recording(name)
    again = loads(dumps(taken))
    assert again.shutdown == taken.shutdown
    assert again.messages == taken.messages


def test_a_pools_children_that_take_the_groups_signal_are_to_be_spared_it() -> None:
    lost = next(f for f in told("celery-group-3.12").findings if f.code == "exit-without-cleanup")
    assert "child process" in lost.title and "resize()" in lost.title
    assert "--child-only" in lost.advice
    assert any("went on for" in line for line in lost.proof)
