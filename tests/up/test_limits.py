"""Limits inside limits are told before anything is lost: by `check`, and in one line at the start of `up`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support import systemd
from tests.support.processes import SUPERVISOR, until
from tests.up.fleet import Up, command

# Servers by their name alone: what they are told on their command line is all that is looked at.
CONFIG = """\
[worker.web]
command = ["{bin}/uvicorn", "app:app"]
instances = 3

[worker.jobs]
command = ["{bin}/celery", "-A", "app", "worker"]
stop.target = "{target}"

[worker.api]
command = ["{bin}/gunicorn", "app"]
env = {{ GUNICORN_CMD_ARGS = "--graceful-timeout 3" }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("uvicorn", "celery", "gunicorn"):
        path = tmp_path / name
        path.write_text("#!/bin/sh\nexec sleep 300\n")
        path.chmod(0o755)
    return tmp_path


def test_check_notes_them_at_their_lines(folder: Path) -> None:
    (folder / "supervisor.toml").write_text(CONFIG.format(bin=folder, target="group"))
    done = command(folder, "check")
    assert done.returncode == 0
    assert "no errors, 0 warnings, 3 notes, 5 workers" in done.stdout
    assert (
        "supervisor.toml:2:1: note: [worker.web] uvicorn waits for its work without a limit unless told"
        in done.stderr
    )
    assert "hint: set --timeout-graceful-shutdown below that, or raise stop.grace" in done.stderr
    assert (
        "supervisor.toml:6:1: note: [worker.jobs] celery tells its worker processes of a stop by itself"
        in done.stderr
    )
    assert 'hint: set stop.target = "main"' in done.stderr
    assert "gunicorn" not in done.stderr, "its own limit is shorter"
    (folder / "supervisor.toml").write_text(CONFIG.format(bin=folder, target="main"))
    told = json.loads(command(folder, "check", "--json").stdout)
    assert [(one["line"], one["severity"]) for one in told] == [(2, "note"), (6, "note")]


def test_up_says_it_in_one_line_and_not_once_for_each_worker(folder: Path) -> None:
    with Up(folder, CONFIG.format(bin=folder, target="group"), "--dashboard", "never") as fleet:
        until(lambda: len(fleet.state()) == 5, "it runs")
        fleet.ended()
        told = [line for line in fleet.stderr.splitlines() if "a stop may cost work" in line]
        assert len(told) == 1
        assert "web (uvicorn waits for its work without a limit unless told, SIGKILL comes after 10.0 s)" in told[0]
        assert "jobs (celery" in told[0]


def test_up_says_nothing_where_all_fits(folder: Path) -> None:
    fits = f'[worker.api]\ncommand = ["{folder}/gunicorn", "--graceful-timeout=3", "app"]\n'
    with Up(folder, fits) as fleet:
        fleet.phases(api="running")
        fleet.ended()
        assert "may cost work" not in fleet.stderr


UNIT = """\
[Service]
ExecStart={supervisor} up -c {folder}/supervisor.toml
KillMode=mixed
TimeoutStopSec=5
StandardError=file:{folder}/said
"""


@pytest.mark.skipif(systemd.missing() is not None, reason=str(systemd.missing()))
def test_systemds_own_limit_is_compared_with_our_ladder(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    (tmp_path / "supervisor.toml").write_text('[worker.a]\ncommand = ["sleep", "300"]\n')
    said = tmp_path / "said"
    with systemd.Bed(tmp_path) as bed:
        bed.unit("fleet.service", UNIT.format(supervisor=SUPERVISOR, folder=tmp_path))
        bed("systemctl", "start", "fleet.service")
        until(lambda: said.exists() and "TimeoutStopUSec" in said.read_text(), "it is told")
        bed("systemctl", "stop", "fleet.service")
    text = " ".join(said.read_text().split())
    assert (
        "systemd ends this unit 5.00 s after its stop (TimeoutStopUSec), but our last SIGKILL comes after 10.0 s"
        in text
    )
    assert "set TimeoutStopSec=20 in the unit" in text
