"""What `up` says, how much of it, and what it refuses before anything is started."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.up.fleet import Up, command

SLEEP = 'command = "sleep 600"'
QUIET_END = f"[worker.w]\n{SLEEP}"


def test_verbose_quiet_and_json(tmp_path: Path) -> None:
    with Up(tmp_path, QUIET_END, "-v") as fleet:
        fleet.saw(" started w (pid ")
        assert fleet.ended() == 0
    with Up(
        tmp_path, f'{QUIET_END}\n[worker.x]\ncommand = ["sh", "-c", "echo mine; exit 3"]\nrestart = "never"', "-q"
    ) as fleet:
        fleet.phases(w="running", x="exited")
        assert fleet.ended() == 3
        assert (fleet.stdout, fleet.stderr) == ("x          | mine\n", ""), "its lines are no talk of ours"
    with Up(tmp_path, QUIET_END, "--json", "-q") as fleet:
        fleet.phases(w="running")
        assert fleet.ended() == 0
        document = json.loads(fleet.stdout)
        assert document["schema"] == "supervisor.report/1"
        assert document["supervisor"]["fleet"] == "tested"
        assert [one["worker"] for one in document["shutdowns"]] == ["w"]
    both = command(tmp_path, "up", "-q", "-v")
    assert both.returncode == 2 and "contradict" in both.stderr


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    with Up(tmp_path, QUIET_END, "--report", "gone/r.json", "--report", "r.md") as fleet:
        fleet.phases(w="running")
        (tmp_path / "gone").rmdir()
        assert fleet.ended() == 0
        assert "cannot write the report gone/r.json: No such file or directory" in fleet.stderr
    assert (tmp_path / "r.md").exists()
    wrong = command(tmp_path, "up", "--report", "r.pdf")
    assert wrong.returncode == 2 and "no report format ends like that" in wrong.stderr


def test_detach_is_refused(tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").write_text(QUIET_END)
    found = command(tmp_path, "up", "-d")
    assert found.returncode == 2 and "systemd" in found.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is a directory"),
        (b"", "no worker"),
        (b'[worker.a]\ncommand = "\xff"\n', "UTF-8"),
        (b"#" * (10 << 20), "MiB"),
        (b'[worker.a]\ncommand = "true"\n[worker.a]\ncommand = "true"\n', "a"),
        (b'[worker.a]\ncommand = "true"\nuser = "nobody-at-all"\n', "nobody-at-all"),
        (b'[worker.a]\ncommand = "true"\nenv_file = "gone.env"\n', "gone.env"),
        (b'[worker.a]\ncommand = "x --port {port}"\ninstances = 2\n', "{port}"),
        (b'[worker.a]\ncomand = "true"\n', 'did you mean "command"'),
    ],
    ids=["folder", "empty", "bytes", "huge", "twice", "user", "env_file", "port", "typo"],
)
def test_config_faults(tmp_path: Path, content: bytes | None, says: str) -> None:
    """Exit code 2, no traceback, nothing started; `check` says the same."""
    path = tmp_path / "supervisor.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    up, check = command(tmp_path, "up", "-c", path.name), command(tmp_path, "check", "-c", path.name)
    for found in (up, check):
        assert found.returncode == 2, found
        assert says in found.stderr and "Traceback" not in found.stderr
        assert found.stdout == ""
    assert not (tmp_path / "r" / "sigdrain").exists(), "not even the folder of the control socket"


def test_modules_of_a_running_fleet(tmp_path: Path) -> None:
    """What stays in memory for as long as the fleet runs. (re, enum and typing do: tomllib is made of them.)"""
    heavy = "typer click rich psutil pydantic asyncio logging dataclasses json subprocess threading inspect".split()
    program = (
        "import os, sys\nfrom supervisor.loop import loop\nrun = loop.Loop.run\n"
        "def told(self):\n    fleet = run(self)\n    open('modules', 'w').write('\\n'.join(sys.modules))\n"
        "    return fleet\n"
        "loop.Loop.run = told\nfrom supervisor.entry import main\nmain(['up'])"
    )
    config = '[worker.a]\ncommand = ["sh", "-c", "echo x; exit 0"]\nrestart = "never"'
    with Up(tmp_path, config, argv=[sys.executable, "-Ic", program]) as fleet:
        assert fleet.wait() == 0
    loaded = (tmp_path / "modules").read_text().split("\n")
    assert "supervisor.system.output.lanes" in loaded
    assert [name for name in heavy if name in loaded] == []
