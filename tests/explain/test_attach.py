"""`explain --attach`: an agent is brought into a running Python 3.14+ program for one look, and leaves nothing."""

from __future__ import annotations

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervisor.cli.explain import look
from supervisor.system.agent import attach
from supervisor.system.proc import processes, reading, syscalls
from supervisor.system.process import entering
from supervisor.views import running
from supervisor.views.running import Told
from tests.agent.harness import candidates
from tests.explain.program import BRIEFLY, Program
from tests.support.processes import PATIENCE, SUPERVISOR, Wrapped, children, state, status, until

PYTHON = next(iter(candidates("3.14")), "")
needs_314 = pytest.mark.skipif(not PYTHON, reason="no Python 3.14 on PATH, in pyenv or in SIGDRAIN_CORPUS_VENVS")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# Its loop wakes up now and then when it is told to; a line on stdin makes it tell how it stands.
PROGRAM = """\
import asyncio, json, os, signal, sys, threading

async def consume(queue):
    while True:
        await queue.get()

async def tick():
    while True:
        await asyncio.sleep(0.02)

def told():
    sys.stdin.readline()
    print("ready " + json.dumps({
        "modules": [name for name in sys.modules if "sigdrain" in name], "threads": threading.active_count(),
        "fds": sorted(os.listdir("/proc/self/fd")), "handlers": [str(signal.getsignal(n)) for n in (10, 15, 23)],
        "callbacks": [len(task._callbacks or ()) for task in asyncio.all_tasks()], "path": len(sys.meta_path),
        "mask": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "env": sorted(os.environ),
    }), flush=True)

async def main():
    queue = asyncio.Queue()
    consumer = asyncio.create_task(consume(queue), name="flusher")
    ticker = asyncio.create_task(tick(), name="ticker") if "tick" in sys.argv else None
    asyncio.get_running_loop().add_reader(0, told)
    queue.put_nowait(1)
    await asyncio.sleep(0)
    print("ready", flush=True)
    await queue.join()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a user would wait."""
    monkeypatch.setattr(attach, "PATIENCE", PATIENCE)


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """A program asleep in its loop; with ``tick`` one whose loop wakes up by itself."""
    (tmp_path / "program.py").write_text(PROGRAM)
    started: list[Program] = []

    def start(*words: str, flags: tuple[str, ...] = (), **popen: Any) -> Program:
        with (tmp_path / "stderr").open("w") as stderr:
            argv = [PYTHON, *flags, str(tmp_path / "program.py"), *words]
            one = Program(argv, stdin=subprocess.PIPE, stderr=stderr, **popen)
        started.append(one)
        one.ready()
        return one

    yield start
    for one in started:
        one.__exit__()


def _note(told: Told) -> str:
    """Return what is noted of the agent; fleets of other tests may be noted besides."""
    return next((note for note in told.notes if "agent" in note or "nudge" in note), "")


def _asleep(program: Program) -> None:
    until(lambda: syscalls.current(program.pid) == "epoll_wait", "its loop sleeps")


def _asked(program: Program) -> Any:
    """How it stands, by its own word."""
    assert program.process.stdin is not None
    program.process.stdin.write(b"\n")
    program.process.stdin.flush()
    return json.loads(program.ready())


def _left(pid: int) -> list[str]:
    return [
        name
        for place in ("/tmp", "/var/tmp", "/dev/shm", "/run")
        for name in glob.glob(f"{place}/sigdrain-visit-{pid}-*")
    ]


# ------------------------------------------------------------------ brought in


@needs_314
def test_it_says_what_a_worker_of_ours_would_and_leaves_the_program_as_it_was(program: Any, tmp_path: Path) -> None:
    with program("tick") as one:
        before = _asked(one)
        told = look(one.pid, BRIEFLY, attach=True)
        assert told.visit is not None, told.notes
        assert told.visit["waits_at"] == "program.py:28"
        assert told.visit["chain"][0]["what"] == "main waits for all items of a queue to be done"
        said = {said["what"]: said["where"] for said in told.visit["said"]}
        assert said["task 'flusher' waits for an item in a queue"]["line"] == 5
        assert said["task 'flusher' waits for an item in a queue"]["source"] == "await queue.get()"
        assert told.inside is None, "the agent knows better"
        text = running.text(told)
        assert "an agent was brought in for one look, and has left" in text
        assert "waits for task main at program.py:28" in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= 80
        assert running.document(told)["visit"]["nudged"] is False
        assert _asked(one) == before, "nothing of it stays"
        assert look(one.pid, BRIEFLY, attach=True).visit is not None, "nor does it come once only"
        assert (_left(one.pid), (tmp_path / "stderr").read_text()) == ([], "")


@needs_314
def test_a_worker_of_ours_without_an_agent_is_visited_too(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [PYTHON, "-I", str(tmp_path / "program.py"), "tick"]
    with Wrapped(command, stdin=subprocess.PIPE) as wrapped:
        wrapped.ready()
        (pid,) = children(wrapped.pid)
        told = until(
            lambda: (found := look(pid, BRIEFLY, attach=True)).fleet and found, "its supervisor can be asked"
        )
        assert told.fleet is not None and told.visit is not None
        assert told.visit["waits_at"] == "program.py:28"
        text = " ".join(running.text(told).split())
        assert "of `supervisor run`, running" in text and "an agent was brought in for one look" in text


@needs_314
def test_a_loop_asleep_is_woken_only_when_asked_for(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program() as one:
        _asleep(one)
        with monkeypatch.context() as patch:
            patch.setattr(attach, "PATIENCE", 0.3)
            told = look(one.pid, BRIEFLY, attach=True)
        assert told.visit is None
        assert "was blocked in a call epoll_wait" in _note(told)
        assert "outside facts follow (add --nudge" in _note(told)
        assert {finding.code for finding in told.findings} >= {"waits"}
        assert _left(one.pid) == [], "what is pending is an empty script now"
        before = _asked(one)  # it ran
        told = look(one.pid, BRIEFLY, attach=True, nudge=True)
        assert told.visit is not None
        assert told.visit["nudged"] is True
        assert "stopped and continued" in _note(told)
        assert _asked(one) == before
        assert state(one.pid) != "T"
        assert (tmp_path / "stderr").read_text() == ""


@needs_314
def test_a_stopped_program_is_not_continued(program: Any) -> None:
    with program() as one:
        os.kill(one.pid, signal.SIGSTOP)
        until(lambda: state(one.pid) == "T", "it is stopped")
        told = look(one.pid, BRIEFLY, attach=True, nudge=True)
        assert (told.visit, state(one.pid)) == (None, "T")
        assert "it is stopped and runs nothing" in _note(told)


# ------------------------------------------------------------------ left pending


def _explain(pid: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SUPERVISOR, "explain", str(pid), "--attach", "--for", "0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def _pending(one: Program) -> str:
    folder: str = until(lambda: _left(one.pid), "it is under way")[0]
    until(lambda: os.path.exists(f"{folder}/socket"), "it listens")
    return folder


@needs_314
def test_what_is_pending_goes_with_the_one_who_asked(program: Any, tmp_path: Path) -> None:
    with program() as one:
        _asleep(one)
        asker = _explain(one.pid)
        _pending(one)
        asker.kill()
        asker.wait(PATIENCE)
        until(lambda: not _left(one.pid), "its helper takes it back")
        before = _asked(one)
        assert before["modules"] == []
        assert (tmp_path / "stderr").read_text() == ""


@needs_314
def test_a_script_that_runs_late_does_nothing_and_removes_itself(program: Any, tmp_path: Path) -> None:
    with program() as one:
        _asleep(one)
        before = _asked(one)
        _asleep(one)
        asker = _explain(one.pid)
        _pending(one)
        helpers = until(lambda: processes_of(asker.pid), "the helper is there")
        asked = until(lambda: _is_asked(helpers), "the script is pending")
        for pid in asked:
            os.kill(pid, signal.SIGKILL)
        asker.kill()
        asker.wait(PATIENCE)
        assert len(_left(one.pid)) == 1, "nobody is left to remove it"
        assert _asked(one) == before
        until(lambda: not _left(one.pid), "it has removed itself")
        assert (tmp_path / "stderr").read_text() == ""


def processes_of(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and (known := processes.stat(int(name))) is not None and known.parent == parent:
            found.append(int(name))
    return found


def _is_asked(helpers: list[int]) -> list[int]:
    """Those that wait for a word on their stdin: the script is pending from before."""
    return [pid for pid in helpers if syscalls.current(pid) in ("read", "recvfrom")]


@needs_314
def test_what_was_left_of_a_program_that_has_ended_is_removed_by_the_next(program: Any) -> None:
    with Program(["true"]) as gone:
        gone.process.wait(PATIENCE)
    folder = f"/tmp/sigdrain-visit-{gone.pid}-000000000000"
    os.mkdir(folder, 0o700)
    Path(folder, "agent").write_bytes(b"")
    with program("tick") as one:
        assert look(one.pid, BRIEFLY, attach=True).visit is not None
    assert not os.path.exists(folder)


# ------------------------------------------------------------------ refused


def _refused(pid: int) -> str:
    told = look(pid, BRIEFLY, attach=True)
    assert told.visit is None
    return _note(told)


@needs_314
@pytest.mark.parametrize("flags", [("-X", "disable-remote-debug"), ("-Xdisable-remote-debug",)])
def test_a_program_may_forbid_it_by_an_option(program: Any, flags: tuple[str, ...]) -> None:
    with program("tick", flags=flags) as one:
        assert "it was started with -X disable-remote-debug, which forbids it" in _refused(one.pid)


@needs_314
def test_a_program_may_forbid_it_by_a_variable(program: Any) -> None:
    with program("tick", env={**os.environ, "PYTHON_DISABLE_REMOTE_DEBUG": "1"}) as one:
        assert "it was started with PYTHON_DISABLE_REMOTE_DEBUG, which forbids it" in _refused(one.pid)
        assert _left(one.pid) == []


def test_an_older_python_and_other_programs_are_refused() -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("this Python can be asked")
    with Program([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(300)"]) as one:
        one.ready()
        version = ".".join(map(str, sys.version_info[:2]))
        assert f"Python {version} lets nobody bring code into a running program" in _refused(one.pid)
    with Program(["sleep", "300"]) as one:
        assert _refused(one.pid) == "no agent was brought in: it is no Python program"


@pytest.mark.parametrize(
    ("exe", "why"), [("/usr/bin/python3.14 (deleted)", "replaced"), ("/usr/bin/uwsgi", "embedded")]
)
def test_an_interpreter_that_cannot_be_asked(exe: str, why: str) -> None:
    with pytest.raises(attach.NotAttached, match=why):
        attach.visit(os.getpid(), "3.14", exe, ("python",), nudge=False)


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("PermissionError", "Cannot write", "not dumpable|ptrace_scope"),
        ("RuntimeError", "Remote debugging is not enabled", "without remote debugging"),
        ("place", "Read-only file system", "no folder of its own user can be made in its root: Read-only"),
        ("start", "error while loading shared libraries", "could not do it: error while loading"),
        ("version", "", "no sys.remote_exec"),
        ("ProcessLookupError", "", "it has ended"),
    ],
)  # fmt: skip
def test_what_fails_is_told_as_what_it_is(kind: str, text: str, told: str) -> None:
    error = attach._refusal(kind, text, os.getpid(), ("python3", "x.py", "-X", "disable-remote-debug"))
    with pytest.raises(attach.NotAttached, match=told):
        raise error


def test_a_kernel_that_lets_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read", lambda path, _: b"1\n" if "ptrace_scope" in path else None)
    error = attach._refusal("PermissionError", "", os.getpid(), ())
    assert "ptrace_scope is 1" in error.message
    assert "kernel.yama.ptrace_scope" in error.hint


def test_nudge_alone_is_a_usage_error() -> None:
    done = subprocess.run(
        [SUPERVISOR, "explain", str(os.getpid()), "--nudge"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--nudge is for --attach" in done.stderr


# ------------------------------------------------------------------ rights

SHOWN = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), open('/proc/self/status').read())"
OTHER = 65_432


def _entered(pid: int) -> tuple[str, dict[str, str]]:
    entered = entering.run(pid, entering.rights_of(pid), ["-I", "-S", "-c", SHOWN])
    data = b""
    while chunk := entered.line.recv(65536):
        data += chunk
    assert entered.ended() == 0, data
    head, _, rest = data.decode().partition("Name:")
    return head.strip(), {key: value.strip() for key, _, value in (line.partition(":") for line in rest.splitlines())}


def _sleeper(*before: str) -> Program:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that every user can run")
    one = Program([*before, python, "-ISc", "import time; print('ready', flush=True); time.sleep(300)"])
    one.ready()
    return one


@needs_root
def test_the_program_of_another_user_runs_as_that_user_alone() -> None:
    with _sleeper("setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--groups=4,20", "--inh-caps=-all") as one:
        head, found = _entered(one.pid)
        assert head == f"({OTHER}, {OTHER}, {OTHER}) ({OTHER}, {OTHER}, {OTHER}) [4, 20]"
        assert {found[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert found["NoNewPrivs"] == "1"


def test_a_program_that_does_not_end_is_killed() -> None:
    with _sleeper() as one:
        code = "import os, time; os.write(1, b'up'); time.sleep(300)"
        entered = entering.run(one.pid, entering.rights_of(one.pid), ["-I", "-S", "-c", code])
        assert entered.line.recv(2) == b"up"
        assert entered.ended(0.1) == -signal.SIGKILL


def test_what_only_calls_itself_an_interpreter_is_told(tmp_path: Path) -> None:
    path = shutil.copy(shutil.which("sleep") or "sleep", tmp_path / "python3.14")
    with Program([str(path), "300"]) as one:
        until(lambda: syscalls.current(one.pid) == "clock_nanosleep", "it sleeps")
        assert "no agent was brought in: its interpreter could not do it: " in _refused(one.pid)


@needs_root
def test_a_root_with_few_capabilities_gives_no_more() -> None:
    with _sleeper("setpriv", "--bounding-set=-all,+chown,+kill", "--inh-caps=-all") as one:
        wanted = status(one.pid)["CapPrm"]
        assert int(wanted, 16) == 1 << 0 | 1 << 5
        found = _entered(one.pid)[1]
        assert {found[key] for key in ("CapPrm", "CapEff", "CapBnd")} == {wanted}


@needs_root
@pytest.mark.parametrize("kinds", ["-mpf", "-Urmpf"])
def test_the_program_of_a_container_runs_within_it(kinds: str) -> None:
    before = ("setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups") if "U" in kinds else ()
    with _sleeper(*before, "unshare", kinds, "--mount-proc", "--kill-child") as one:
        inner = until(lambda: processes_of(one.pid), "it runs")[0]
        _, found = _entered(inner)
        assert int(found["NSpid"].split()[-1]) > 1, "in its namespace of processes"
        assert found["CapPrm"] == status(inner)["CapPrm"]


@needs_root
def test_rights_of_several_users_are_nobodys() -> None:
    code = f"import os, time; os.setresuid({OTHER}, 0, 0); print('ready', flush=True); time.sleep(300)"
    with Program([os.path.realpath(sys.executable), "-ISc", code]) as one:
        one.ready()
        with pytest.raises(entering.NotEntered, match="several users"):
            entering.rights_of(one.pid)


@needs_root
def test_a_stranger_is_refused() -> None:
    with _sleeper() as one:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgroups([])
                os.setresgid(OTHER, OTHER, OTHER)
                os.setresuid(OTHER, OTHER, OTHER)
                entering.rights_of(one.pid)
            except entering.NotEntered as error:
                code = 7 if "it belongs to another user" in error.message else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


RESTING = """\
import asyncio, signal, sys, time
async def handle():
    await asyncio.get_running_loop().create_future()
async def main():
    task = asyncio.create_task(handle(), name="handler")
    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    print("ready", flush=True)
    {rest}
async def tick():
    while True:
        await asyncio.sleep(0.02)
asyncio.run(main())
"""


@needs_314
@pytest.mark.parametrize(
    ("rest", "waits"),
    [("await asyncio.sleep(3600)", None), ("await task", "waits for task 'handler' at program.py:3")],
)
def test_a_program_that_rests_waits_for_none_of_its_tasks(rest: str, waits: str | None, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(RESTING.format(rest=rest))
    with Program([PYTHON, str(tmp_path / "program.py")]) as one:
        one.ready()
        told = look(one.pid, BRIEFLY, attach=True)
        assert told.visit is not None
        assert bool(told.visit["chain"]) is (waits is not None)
        assert (told.visit["waits"] or "").startswith(waits or "")
        assert "handler" in running.text(told)
