"""Where a fleet cannot be reached it runs all the same and says so once; how well it is, in an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.processes import SUPERVISOR, until
from tests.up.fleet import Up, command, environment

SLEEP = '[worker.w]\ncommand = "sleep 600"\n'
TOLD = "no control socket at "


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with Up(
        tmp_path,
        '[worker.w]\ncommand = ["sh", "-c", "echo hello; exec sleep 600"]\n',
        env={"XDG_RUNTIME_DIR": str(deep)},
    ) as fleet:
        fleet.saw("hello")
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 0
        assert fleet.stderr.count(TOLD) == 1
        assert "its path is too long for a socket" in fleet.stderr
    assert list(deep.rglob("*")) == [deep / "sigdrain"]


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    """Who prepares a folder for us in /tmp cannot keep the fleet from running either."""
    if os.geteuid() != 0:
        pytest.skip("giving a folder away needs root")
    environment(tmp_path)
    folder = tmp_path / "r" / "sigdrain"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with Up(tmp_path, '[worker.w]\ncommand = "true"\nrestart = "never"\n') as fleet:
        assert fleet.wait() == 0
        assert fleet.stderr.count(TOLD) == 1 and "it belongs to user 65534" in fleet.stderr
    assert list(folder.iterdir()) == []


def test_the_runtime_folder_of_another_user() -> None:
    """As `su` and `sudo -E` leave it in the environment: that user could take away what we make there."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        os.chown(environment(folder)["XDG_RUNTIME_DIR"], 65534, 65534)
        os.chmod(folder / "r", 0o777)
        with Up(folder, SLEEP) as fleet:
            until(lambda: command(folder, "status").returncode == 0, "it is found where it is")
            known = json.loads(command(folder, "status", "--json").stdout)
            assert known["socket"].startswith("/run/sigdrain/")
            assert fleet.ended() == 0
        assert list((folder / "r").iterdir()) == []


def test_a_read_only_file_system(tmp_path: Path) -> None:
    """As `docker run --read-only`: nothing can be made where the socket would be."""
    script = f'mount -t tmpfs -o ro tmpfs "$XDG_RUNTIME_DIR" && exec {SUPERVISOR} up'
    config = '[worker.w]\ncommand = ["echo", "it runs"]\nrestart = "never"\n'
    (tmp_path / "supervisor.toml").write_text(config)
    found = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "unshare" in found.stderr or "mount:" in found.stderr:
        pytest.skip(f"no mount namespace here: {found.stderr.strip()}")
    assert found.returncode == 0
    assert "it runs" in found.stdout
    assert found.stderr.count(TOLD) == 1 and "Read-only file system" in found.stderr


def test_no_socket_is_wanted(tmp_path: Path) -> None:
    with Up(tmp_path, f'[fleet]\nname = "tested"\ncontrol = "off"\n{SLEEP}', "-v") as fleet:
        fleet.saw("started w")
        assert not (tmp_path / "r" / "sigdrain").exists()
        shown = command(tmp_path, "status")
        assert shown.returncode == 1 and "is not running" in shown.stderr
        assert fleet.ended() == 0
        assert "control socket" not in fleet.stderr


# ------------------------------------------------------------------ how well it is


@pytest.mark.parametrize(
    ("worker", "phase", "code"),
    [
        ('command = "sleep 600"', "running", 0),
        ('command = "true"\nrestart = "never"', "exited", 0),
        ('command = "false"\nrestart = "never"', "exited", 3),
        ('command = "false"\nbackoff.first = 600\nbackoff.max = 600', "backoff", 3),
        ('command = "true"\nrestart = "always"\nbackoff.first = 600\nbackoff.max = 600', "backoff", 3),
        ('command = "false"\nbackoff.burst = 0', "failed", 3),
        ('command = "./nothing"', "failed", 3),
        ('command = ["sh", "-c", "kill -TERM $$$$"]\nrestart = "never"', "exited", 3),
    ],
)
def test_status_says_how_well_it_is(worker: str, phase: str, code: int, tmp_path: Path) -> None:
    """For HEALTHCHECK. What has done its work is well."""
    with Up(tmp_path, f"[worker.it]\n{worker}\n[worker.w]\ncommand = 'sleep 600'\n") as fleet:
        fleet.phases(it=phase, w="running")
        for options in ((), ("--json",)):
            assert command(tmp_path, "status", *options).returncode == code
        command(tmp_path, "stop", "it")
        if phase != "failed":
            fleet.phases(it="exited")
            assert command(tmp_path, "status").returncode == 0, "whoever was stopped by a command is no trouble"
        fleet.ended()


def test_a_worker_that_is_being_stopped_is_no_trouble(tmp_path: Path) -> None:
    with Up(tmp_path, '[worker.it]\ncommand = ["sh", "-c", "trap : TERM; while :; do sleep 1; done"]\n') as fleet:
        fleet.phases(it="running")
        command(tmp_path, "stop", "it")
        fleet.phases(it="draining")
        assert command(tmp_path, "status").returncode == 0
        fleet.send(signal.SIGKILL)


def test_status_of_no_fleet(tmp_path: Path) -> None:
    for options in ((), ("--json",)):
        found = command(tmp_path, "status", *options)
        assert (found.returncode, found.stdout) == (1, "")
