"""Python processes: with an agent under a real fleet, without one by py-spy, or why not."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from supervisor.system.agent import meeting
from supervisor.system.proc import python
from supervisor.views import running
from supervisor.views.layout import plain
from tests.agent.harness import candidates
from tests.explain.program import Program, explained
from tests.support.processes import Wrapped, children, until
from tests.up.fleet import Up, command, shutdowns

WORKER = """\
import asyncio, signal

async def consume():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await asyncio.sleep(500)

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(consume(), name="consume")
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stop.wait()
    task.cancel()
    await asyncio.wait([task])

asyncio.run(main())
"""
needs_py_spy = pytest.mark.skipif(importlib.util.find_spec("py_spy") is None and not python._py_spy(),
                                  reason="py-spy is not installed (extra explain)")  # fmt: skip


def _written(folder: Path, text: str) -> Program:
    path = folder / "program.py"
    path.write_text(text)
    program = Program([sys.executable, str(path)])
    program.ready()
    return program


def test_a_stopping_worker_of_a_fleet_says_which_task_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.py").write_text(WORKER)
    config = f'[worker.api]\ncommand = ["{sys.executable}", "w.py"]\nstop.grace = 60\n'
    with Up(tmp_path, config) as fleet:
        fleet.saw("ready")
        pid = fleet.state()["api"]["pid"]
        with fleet.connect() as client:
            client.ask("stop", workers=["api"])
        until(lambda: fleet.state()["api"]["waits"], "it says what it waits for")
        done = command(tmp_path, "explain", str(pid), "--for", "0.3")
        assert done.returncode == 0, done.stderr
        assert "`api` of the fleet `tested`, draining: SIGTERM" in " ".join(done.stdout.split())
        assert "waits for task 'consume' at w.py:7" in done.stdout
        assert "await asyncio.sleep(500)" in " ".join(done.stdout.split())

        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
        told, found = explained(pid)
        assert told.fleet is not None
        assert told.fleet["probed"] == 1
        first = told.fleet["said"][0]
        assert (first["where"]["function"], first["where"]["line"], first["where"]["task"]) == (
            "consume",
            7,
            "consume",
        )
        assert told.inside is None, "the agent knows better"
        assert list(found) == []
        until(lambda: pid in (explained(pid)[0].fleet or {})["answered"], "the probed agent has answered")


def test_a_worker_of_run_is_explained_by_its_supervisor(tmp_path: Path) -> None:
    (tmp_path / "w.py").write_text(WORKER)
    with Wrapped([sys.executable, str(tmp_path / "w.py")], "--grace", "60") as wrapped:
        wrapped.ready()
        pid = children(wrapped.pid)[0]
        told = until(lambda: (found := explained(pid)[0]).fleet and found, "it can be asked")
        assert told.fleet["worker"]["phase"] == "running"
        name = os.path.basename(sys.executable)
        assert f"`{name}` of `supervisor run`, running" in " ".join(running.text(told).split())
        os.kill(wrapped.pid, signal.SIGTERM)
        told = until(
            lambda: (found := explained(pid)[0]).fleet and found.fleet["waits"] and found, "it says what it waits for"
        )
        assert told.fleet["waits"].startswith("waits for task 'consume' at w.py:7")
        assert "SIGTERM" in " ".join(running.text(told).split())
        os.kill(pid, signal.SIGKILL)
        wrapped.wait()
        left = [name for name in os.listdir(meeting.Meeting().folder) if name.startswith(f"{wrapped.pid}-")]
        assert left == []


def test_the_tasks_of_a_worker_that_runs_are_shown_and_it_goes_on_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look arms nothing: no thread is started, and the stop that comes later is explained as always."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
    (tmp_path / "w.py").write_text(WORKER)
    config = f'[worker.api]\ncommand = ["{sys.executable}", "w.py"]\nstop.grace = 0.5\n'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw("ready")
        pid = fleet.state()["api"]["pid"]

        def shown() -> Any:
            told = explained(pid)[0]
            answered = told.fleet is not None and pid in told.fleet["answered"]
            rests = answered and all("main thread" not in one["what"] for one in (told.fleet or {})["said"])
            return rests and told

        for _ in range(2):
            told = until(shown, "the agent has answered, and its loop rests")
            assert told.fleet["probed"] == 1 and told.fleet["waits"] is None
            places = {one["what"]: one["where"]["line"] for one in told.fleet["said"]}
            assert places == {"task 'consume' waits in a sleep": 5, "task 'Task-1' waits for an event to be set": 15}
            text = " ".join(running.text(told).split())
            assert "task 'consume' waits in a sleep at w.py:5 consume: await asyncio.sleep(1000)" in text
        assert len(os.listdir(f"/proc/{pid}/task")) == 1, "no sampler was started"
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 137
        (end,) = shutdowns(tmp_path / "r.json")["api"]
        assert end["findings"][0]["code"] == "slow-task"
        assert end["findings"][0]["where"]["line"] == 7


def test_what_a_process_says_of_its_supervisor_is_followed_to_our_places_only(tmp_path: Path) -> None:
    """It stands in the environment of a process, where anything may stand."""

    def found(folder: str, name: str) -> bool:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}{meeting.QUESTIONS}").touch()
        return meeting.questions_at(str(tmp_path / folder / name)) is not None

    ours = f"sigdrain-agent-{os.geteuid()}"
    assert found(ours, "7-00112233")
    assert not found(ours, "x-00112233") and not found(ours, "7-0011") and not found(ours, "7")
    assert not found("docker", "7-00112233") and not found(f"{ours}1", "7-00112233")
    assert meeting.questions_at(str(tmp_path / ours / "8-00112233")) is None


def test_a_worker_is_stopped_by_its_supervisor_not_past_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
    deaf = "trap '' TERM INT; echo ready; while :; do sleep 0.1; done"
    config = f'[worker.a]\ncommand = "sleep 300"\n[worker.b]\ncommand = ["bash", "-c", "{deaf}"]\nstop.grace = 60\n'
    with Up(tmp_path, config) as fleet:
        fleet.saw("ready")
        state = fleet.state()
        assert (
            explained(state["a"]["pid"])[1]["not-asked"].advice == "Ask it to stop: supervisor stop --fleet tested a"
        )

        def ignores() -> str:
            # While it forks bash blocks the signal, which is another finding.
            deaf = until(lambda: explained(state["b"]["pid"])[1].get("signal-ignored"), "it is between two forks")
            return str(deaf.advice)

        assert ignores().endswith("its supervisor ends it, with SIGKILL at last: supervisor stop --fleet tested b")
        command(tmp_path, "stop", "b")
        fleet.phases(b="draining")
        assert ignores().endswith("stop --fleet tested --now b")


def test_an_agent_that_cannot_speak_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import signal\nsignal.signal(15, print)\nprint('ready', flush=True)\nsum(range(1 << 60))\n"
    (tmp_path / "w.py").write_text(code)
    config = f'[worker.api]\ncommand = ["{sys.executable}", "w.py"]\nstop.grace = 60\n'
    with Up(tmp_path, config) as fleet:
        fleet.saw("ready")
        pid = fleet.state()["api"]["pid"]
        with fleet.connect() as client:
            client.ask("stop", workers=["api"])
        fleet.phases(api="draining")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
        until(lambda: (explained(pid)[0].fleet or {})["probed"], "the stop signal waits for the agent no longer")
        told, found = explained(pid)
        assert "busy" in found
        assert [note for note in told.notes if "its agent did not answer" in note]


def test_a_grandchild_belongs_to_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
    with Up(tmp_path, "[worker.a]\ncommand = \"bash -c 'setsid sleep 300 & echo ready $!; wait'\"\n") as fleet:
        fleet.saw("ready")
        main = fleet.state()["a"]["pid"]
        child = until(lambda: children(main), "its child")[0]
        told, _ = explained(child)
        assert told.fleet is not None
        assert told.fleet["worker"]["pid"] == main


def test_a_stranger_is_no_worker_of_the_fleet(tmp_path: Path) -> None:
    with Up(tmp_path, '[worker.a]\ncommand = "sleep 60"\n') as fleet, Program(["sleep", "300"]) as stranger:
        fleet.phases(a="running")
        with fleet.connect() as client:
            assert client.ask("explain", pid=stranger.pid)["worker"] is None
            for wrong in ("1", 0, -1, None, True, 1 << 40, 1.5):
                assert client.ask("explain", pid=wrong)["ok"] is False
            assert client.ask("explain", pid=stranger.pid, since="now")["ok"] is False


@needs_py_spy
def test_the_line_of_a_sleeping_main_thread(tmp_path: Path) -> None:
    with _written(
        tmp_path, "import time\ndef nap():\n    time.sleep(300)\nprint('ready', flush=True)\nnap()\n"
    ) as program:
        until(lambda: "waits" in explained(program.pid)[1], "it sleeps")
        told, found = explained(program.pid)
        where = found["waits"].where
        assert where is not None
        assert (where.file, where.line, where.function, where.source) == (
            str(tmp_path / "program.py"), 3, "nap", "time.sleep(300)",
        )  # fmt: skip
        assert told.inside is not None
        assert told.inside.python == ".".join(map(str, sys.version_info[:2]))


@needs_py_spy
def test_a_main_thread_that_waits_for_another(tmp_path: Path) -> None:
    code = """\
import threading, time
def load():
    time.sleep(300)
threading.Thread(target=load, name="loader").start()
print("ready", flush=True)
"""
    with _written(tmp_path, code) as program:
        until(lambda: "waits-for-threads" in explained(program.pid)[1], "the main thread is at its end")
        finding = explained(program.pid)[1]["waits-for-threads"]
        assert finding.where is not None
        assert (finding.where.function, finding.where.line) == ("load", 3)
        assert [link.what for link in finding.chain] == ["its main thread joins a thread", "thread loader is"]
        assert finding.chain[-1].where == finding.where


@needs_py_spy
def test_a_blocked_event_loop_is_told_from_one_at_rest(tmp_path: Path) -> None:
    code = """\
import asyncio, signal, time
def crunch():
    time.sleep(300)
async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    crunch()
asyncio.run(main())
"""
    with _written(tmp_path, code) as program:
        until(lambda: "waits" in explained(program.pid)[1], "it rests")
        assert explained(program.pid)[1]["waits"].where is None
        program.process.send_signal(signal.SIGTERM)
        until(lambda: "loop-blocked" in explained(program.pid)[1], "it is blocked")
        finding = explained(program.pid)[1]["loop-blocked"]
        assert finding.where is not None
        assert (finding.where.function, finding.where.source) == ("crunch", "time.sleep(300)")


def test_without_py_spy_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with Program(["/proc/self/exe", "-c", "import time; print('ready', flush=True); time.sleep(300)"]) as program:
        program.ready()
        told, _ = explained(program.pid)
        assert told.inside is not None
        assert (told.inside.why, told.inside.threads) == ("py-spy is not installed", None)
        assert told.inside.hint == "install it into the environment of supervisor: pip install py-spy"


def test_a_py_spy_that_may_not_look_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "py-spy"
    tool.write_text("#!/bin/sh\necho 'Error: Permission Denied: Try running again' >&2\nexit 1\n")
    tool.chmod(0o755)
    with Program([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(300)"]) as program:
        program.ready()
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        told, _ = explained(program.pid)
    assert told.inside is not None
    assert told.inside.threads is None
    assert "root" in f"{told.inside.why} {told.inside.hint}"


def test_a_wrapped_command_points_to_its_own_report(tmp_path: Path) -> None:
    path = tmp_path / "w.py"
    path.write_text("import time\nprint('ready', flush=True)\ntime.sleep(300)\n")
    with Wrapped([sys.executable, str(path)]) as wrapped:
        wrapped.ready()
        told, _ = explained(wrapped.main)
        if told.fleet is not None:  # its supervisor has had a quiet moment by now, and can be asked
            assert told.fleet["fleet"] is None and told.fleet["worker"]["pid"] == wrapped.main
            return
        # Another fleet of this user that cannot be asked is told too; the tests of others may run beside this one.
        notes = [note for note in told.notes if "could not be asked" not in note]
        assert len(notes) == 1 and f"its supervisor (pid {wrapped.pid})" in notes[0]


@pytest.mark.parametrize(
    ("exe", "version"),
    [("/usr/bin/python3.12", "3.12"), ("/x/python3", ""), ("/x/python3.14t", "3.14"), ("/opt/pypy3.10", "3.10"),
     ("/usr/bin/bash", None), ("/x/pythonista", None), ("/x/python3.12 (deleted)", "3.12"), (None, None)],
)  # fmt: skip
def test_which_python_by_the_program(exe: str | None, version: str | None) -> None:
    assert python.version((1 << 22) + 1, exe) == version


GRAPH = """
import asyncio
async def fetch():
    await asyncio.sleep(600)
async def load():
    async with asyncio.TaskGroup() as group:
        group.create_task(fetch(), name="fetch-1")
        group.create_task(fetch(), name="fetch-2")
async def main():
    loading = asyncio.create_task(load(), name="load")
    await asyncio.sleep(0.1)
    print("ready", flush=True)
    await loading
asyncio.run(main())
"""


@pytest.mark.skipif(not candidates("3.14"), reason="no Python 3.14 on PATH, in pyenv or in SIGDRAIN_CORPUS_VENVS")
def test_a_314_program_without_an_agent_shows_its_await_graph(tmp_path: Path) -> None:
    path = tmp_path / "graph.py"
    path.write_text(GRAPH)
    with Program([candidates("3.14")[0], str(path)]) as program:
        program.ready()
        told, found = explained(program.pid)
        assert told.inside is not None and told.inside.tree is not None
        shown = running.text(told, 100, plain)
    lines = [line.strip(" │├└─") for line in shown.splitlines()]
    for line in ("(T) Task-1", "(T) load", "(T) fetch-1", "(T) fetch-2"):
        assert line in lines
    waits = found["waits"].proof
    assert [line for line in waits if "fetch-" in line] == [
        "task 'fetch-1' is at graph.py:4 fetch",
        "task 'fetch-2' is at graph.py:4 fetch",
    ]
    assert not [line for line in waits if "'load'" in line], "it waits for the two"


def test_a_tree_shows_its_line_numbers_in_a_narrow_terminal() -> None:
    line = "                    └──  TaskGroup._aexit /tmp/sid/usr/lib/python3.14/asyncio/taskgroups.py:121"
    assert running._shortened(line) == "                    └──  TaskGroup._aexit asyncio/taskgroups.py:121"
    assert running._shortened("└── (T) load") == "└── (T) load"
