"""What a worker is given: session, streams, environment, folder, limits, user; and whose a runaway child is."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import supervisor
from tests.support.processes import SUPERVISOR, children, gone, python, status, until
from tests.up.fleet import Up, shutdowns

# What a worker of ours sees of itself, as one line of JSON.
SHOW = """
import json, os, resource, sys
keys = ("A", "B", "PORT", "PYTHONPATH", "SIGDRAIN_AGENT_SOCKET")
print(json.dumps({
    "env": {key: os.environ[key] for key in keys if key in os.environ},
    "argv": sys.argv[1:], "cwd": os.getcwd(), "umask": os.umask(0), "uid": os.getresuid(), "gid": os.getresgid(),
    "groups": os.getgroups(), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE), "pid": os.getpid(),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "sid": os.getsid(0), "pgid": os.getpgid(0),
    "stdin": os.readlink("/proc/self/fd/0"), "fds": sorted(map(int, os.listdir("/proc/self/fd"))),
    "status": open("/proc/self/status").read(),
}))
"""


@pytest.fixture
def show(tmp_path: Path) -> str:
    (tmp_path / "show.py").write_text(SHOW)
    return f'"{sys.executable}", "-ES", "{tmp_path}/show.py"'


def _shown(fleet: Up) -> dict[str, dict[str, Any]]:
    fleet.wait()
    lines = (line.split(" | ", 1) for line in fleet.stdout.splitlines())
    return {title.strip(): json.loads(text) for title, text in lines}


def _fields(shown: dict[str, Any]) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in shown["status"].splitlines() if ":\t" in line)


def test_session_and_streams(tmp_path: Path, show: str) -> None:
    config = f'[worker.w]\ncommand = [{show}]\ninstances = 2\nrestart = "never"'
    with Up(tmp_path, config, stdin=-1) as fleet:
        found = _shown(fleet)
        ours = os.getsid(0)
    for one in found.values():
        assert one["sid"] == one["pgid"] == one["pid"] != ours
        assert one["stdin"] == "/dev/null"
        assert one["fds"][:3] == [0, 1, 2] and len(one["fds"]) == 4, "3 is the listing's own"
        assert _fields(one)["SigBlk"] == "0000000000000000"
    assert found["w.1"]["pid"] != found["w.2"]["pid"]


def test_environment_folder_and_placeholders(tmp_path: Path, show: str) -> None:
    (tmp_path / "sub1").mkdir()
    (tmp_path / "sub2").mkdir()
    (tmp_path / "vars").write_text("A=from file\nB='x y'\n")
    config = f"""
[worker.w]
command = [{show}, "--port={{port}}", "${{OUTSIDE}}", "$$HOME"]
instances = 2
port = 7000
env_file = "vars"
env = {{ A = "number {{instance}}", PORT = "{{port}}" }}
cwd = "sub{{instance}}"
umask = "027"
limits = {{ nofile = [100, 200], core = 0 }}
no_new_privs = true
agent = false
restart = "never"
"""
    with Up(tmp_path, config, env={"OUTSIDE": "o"}) as fleet:
        found = _shown(fleet)
    for number in (1, 2):
        one = found[f"w.{number}"]
        assert one["env"] == {"A": f"number {number}", "B": "x y", "PORT": str(6999 + number)}, "no agent, no trace"
        assert one["argv"] == [f"--port={6999 + number}", "o", "$HOME"]
        assert one["cwd"] == str(tmp_path / f"sub{number}")
        assert one["umask"] == 0o027
        assert (one["nofile"], one["core"]) == ([100, 200], [0, 0])
        assert _fields(one)["NoNewPrivs"] == "1"


def test_agent_or_not(tmp_path: Path) -> None:
    """With the agent the report knows the Python and the marks; without it all of that is null."""
    program = (
        "import asyncio, os; print('up', os.getenv('SIGDRAIN_OWN'), flush=True); asyncio.run(asyncio.sleep(600))"
    )
    command = json.dumps([sys.executable, "-c", program])
    config = f"[worker.with]\ncommand = {command}\nown = ['shop', 'api']\n"
    config += f"[worker.without]\ncommand = {command}\nagent = false"
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw("with       | up shop,api", "without    | up None")
        assert fleet.ended() == 0
    ends = shutdowns(tmp_path / "r.json")
    ((seen,), (unseen,)) = ends["with"], ends["without"]
    assert seen["agent"]["present"] is True and seen["agent"]["loop"] == "asyncio"
    assert seen["marks"]["noticed"] is not None
    assert unseen["agent"]["present"] is False
    assert unseen["marks"]["noticed"] is unseen["marks"]["drained"] is unseen["marks"]["cleaned"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_another_user() -> None:
    """Its groups are the user's own, and its agent reaches us all the same."""
    nobody = pwd.getpwnam("nobody")
    program = (
        "import json, os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
        "print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups()]));"
        "r = s.connect_ex(os.environ['SIGDRAIN_AGENT_SOCKET']); print(json.dumps(r), flush=True)"
    )
    python3 = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(path)), None)
    if python3 is None:
        pytest.skip("no Python that another user could start")
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        base = f'restart = "never"\nuser = "nobody"\ncommand = {json.dumps([python3, "-ESc", program])}'
        config = f'[worker.user]\n{base}\n[worker.both]\n{base}\ngroup = "0"'
        with Up(folder, config) as fleet:
            assert fleet.wait() == 0
            lines = fleet.stdout.splitlines()
        said = {
            title: [line.split(" | ")[1] for line in lines if line.startswith(title)] for title in ("user", "both")
        }
    assert json.loads(said["user"][0])[:2] == [[nobody.pw_uid] * 3, [nobody.pw_gid] * 3]
    assert 0 not in json.loads(said["user"][0])[2]
    assert json.loads(said["both"][0])[1] == [0] * 3
    assert [json.loads(lines[1]) for lines in said.values()] == [0, 0], "connect(2) to the agent's channel"


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
@pytest.mark.parametrize("private", [False, True])
def test_the_agent_of_another_user_is_heard(private: bool) -> None:
    """End to end; ``private``: from an installation that this user cannot read, as below root's home."""
    python3 = "/usr/bin/python3"
    if not os.path.exists(python3):
        pytest.skip("no Python that another user could start")
    before = set(_copies())
    program = "import asyncio; print('up', flush=True); asyncio.run(asyncio.sleep(600))"
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        start = [SUPERVISOR]
        if private:
            (folder / "home").mkdir(0o700)
            shutil.copytree(Path(supervisor.__file__).parent, folder / "home/supervisor")
            start = [sys.executable, "-c", START, str(folder / "home")]
        config = f'[worker.w]\nuser = "nobody"\ncommand = {json.dumps([python3, "-c", program])}'
        with Up(folder, config, argv=[*start, "up", "--report", "r.json"]) as fleet:
            fleet.saw("w          | up")
            assert fleet.ended() == 0
        ((one,),) = shutdowns(folder / "r.json").values()
        assert one["agent"]["present"] is True, one["agent"]
    for copy in set(_copies()) - before:
        shutil.rmtree(copy)


START = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
from supervisor.entry import main
assert __import__("supervisor").__file__.startswith(sys.path[0])
sys.exit(main(sys.argv[1:]))
"""


def _copies() -> list[Path]:
    """Copies of the agent that root keeps for other users."""
    return list(Path("/run/sigdrain").glob("agent-*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_another_user_without_the_right(tmp_path: Path) -> None:
    with Up(tmp_path, '[worker.w]\nuser = "root"\ncommand = "true"\nrestart = "never"') as fleet:
        assert fleet.wait() in (2, 125)
        assert "Traceback" not in fleet.stderr


@pytest.mark.parametrize("kind", ["session", "daemon"])
def test_runaways_belong_to_their_worker(tmp_path: Path, kind: str) -> None:
    """Three workers with children that left group and session: each report lists its own, all are ended."""
    config = f"[worker.w]\ncommand = {python('family.py', kind, '2', 'stay')}\ninstances = 3"
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw(*(f"w.{number}        | ready" for number in (1, 2, 3)))
        ready = {line.split()[0]: [int(word) for word in line.split()[3:]] for line in fleet.stdout.splitlines()}
        assert fleet.ended() == 0
        assert all(gone(pid) for pids in ready.values() for pid in pids)
    ends = shutdowns(tmp_path / "r.json")
    for title, pids in ready.items():
        (one,) = ends[title]
        assert sorted(left["pid"] for left in one["leftovers"]) == sorted(pids)
        assert {left["fate"] for left in one["leftovers"]} == {"ended"}


def test_runaways_of_a_fleet_that_is_over_by_itself_are_ended(tmp_path: Path) -> None:
    """They are the fleet's (docs/architecture.md, "Stop semantics"), and nobody would be left to end them."""
    config = f'[worker.w]\ncommand = {python("family.py", "daemon", "1", "silent")}\nrestart = "never"'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.wait()
        (pid,) = [int(word) for word in fleet.stdout.split()[3:]]
        assert gone(pid)
        assert "all workers have ended; stopping a process that was left behind" in fleet.stderr
    ((one,),) = shutdowns(tmp_path / "r.json").values()
    assert [(left["pid"], left["fate"]) for left in one["leftovers"]] == [(pid, "ended")]


@pytest.mark.parametrize(("leftovers", "fate"), [("end", "killed"), ("signal", "left"), ("leave", "left")])
def test_leftovers(tmp_path: Path, leftovers: str, fate: str) -> None:
    """A child in the group that is deaf to SIGTERM."""
    command = python("family.py", "group", "1", "stay", "deaf")
    config = f'[worker.w]\ncommand = {command}\nstop.leftovers = "{leftovers}"\nstop.grace = 0.4'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw("ready")
        (pid,) = [int(word) for word in fleet.stdout.split()[3:]]
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 0
        assert gone(pid) is (fate == "killed")
    ((one,),) = shutdowns(tmp_path / "r.json").values()
    assert (one["outcome"], [left["fate"] for left in one["leftovers"]]) == ("signalled", [fate])


def test_a_subset_by_name(tmp_path: Path) -> None:
    config = "\n".join(f'[worker.{name}]\ncommand = "sleep 600"\ninstances = 2' for name in ("a", "b", "c"))
    with Up(tmp_path, config, "c", "a") as fleet:
        fleet.phases(a_1="running", a_2="running", c_1="running", c_2="running")
        assert sorted(fleet.state()) == ["a.1", "a.2", "c.1", "c.2"]
        assert fleet.ended() == 0
    with Up(tmp_path, config, "d") as fleet:
        assert fleet.wait() == 2
        assert (
            "no worker is named 'd'" in fleet.stderr
            and "the config has: a.1, a.2, b.1, b.2, c.1, c.2" in fleet.stderr
        )


def test_few_descriptors(tmp_path: Path) -> None:
    """At the limit of open files some workers cannot start: told, not a crash; the others run and stop."""
    config = '[worker.w]\ncommand = "sleep 600"\ninstances = 30\nrestart = "never"'
    with Up(tmp_path, config, argv=["sh", "-c", f"ulimit -n 64; exec {SUPERVISOR} up"]) as fleet:
        fleet.saw("cannot start a process: Too many open files (raise the limit")
        assert len(children(fleet.pid)) > 3
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 125
        assert "Traceback" not in fleet.stderr
        assert fleet.alive() == []


def test_few_descriptors_for_ourselves(tmp_path: Path) -> None:
    """Refused with one message before a worker runs, or everything works; nothing in between."""
    config = '[worker.w]\ncommand = ["touch", "ran"]\nrestart = "never"'
    codes = []
    for limit in (6, 9, 15, 21, 26, 32, 40):  # with fewer Python itself does not start
        (tmp_path / "ran").unlink(missing_ok=True)
        argv = ["sh", "-c", f"ulimit -n {limit}; exec {SUPERVISOR} up --report r.json"]
        with Up(tmp_path, config, argv=argv) as fleet:
            codes.append(fleet.wait())
            assert "Traceback" not in fleet.stderr, (limit, fleet.stderr)
            if codes[-1] == 125:
                assert "Too many open files" in fleet.stderr and "ulimit -n" in fleet.stderr
            assert (tmp_path / "ran").exists() == (codes[-1] == 0)
    assert codes[0] == 125 and codes[-1] == 0 and set(codes) == {0, 125}


def test_no_room_for_the_control_socket(tmp_path: Path) -> None:
    """Its file system takes the folder and the lock, and no more: what and where is told, and the fleet runs."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    runtime = tmp_path / "r"
    runtime.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=4", "none", str(runtime)], check=False).returncode:
        pytest.skip("mount is not permitted here")
    try:
        with Up(tmp_path, '[worker.w]\ncommand = ["touch", "ran"]\nrestart = "never"') as fleet:
            assert fleet.wait() == 0
            assert f"no control socket at {fleet.socket}: No space left" in fleet.stderr
            assert "Traceback" not in fleet.stderr
    finally:
        subprocess.run(["umount", str(runtime)], check=True)
    assert (tmp_path / "ran").exists()


def test_no_wake_ups_while_idle(tmp_path: Path) -> None:
    """Nothing happens: the supervisor sleeps. 20 workers, 3 s, no voluntary context switch."""
    config = '[worker.w]\ncommand = "sleep 600"\ninstances = 20'
    with Up(tmp_path, config) as fleet:
        until(lambda: len(children(fleet.pid)) == 20, "all run")
        fleet.phases(w_20="running")
        until(lambda: _quiet(fleet.pid), "quiet after the start")
        before = _switches(fleet.pid)
        time.sleep(2)
        assert _switches(fleet.pid) == before
        assert fleet.ended() == 0


def _quiet(pid: int) -> bool:
    before = _switches(pid)
    time.sleep(1.5)  # what a stop needs is imported from one second after the start on
    return _switches(pid) == before


def _switches(pid: int) -> int:
    return int(status(pid)["voluntary_ctxt_switches"])
