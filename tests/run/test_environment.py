"""The command's environment is the one we were started with: Python's own additions are taken back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import SUPERVISOR
from tests.up.fleet import Up

GIVEN: list[dict[str, str]] = [
    {},
    {"LANG": "C"},
    {"LANG": "POSIX", "OTHER": "caf\udce9"},
    {"LC_CTYPE": "POSIX"},
    {"LC_CTYPE": "C.UTF-8"},
    {"LC_ALL": "C", "LC_CTYPE": "C.UTF-8"},
    {"LANG": "C.UTF-8"},
]


@pytest.mark.parametrize("given", GIVEN, ids=str)
def test_a_locale_of_pythons_choice_reaches_no_command(given: dict[str, str]) -> None:
    env = {"PATH": os.environ["PATH"], **given}
    bare, wrapped = (
        subprocess.run([*command, "env"], env=env, capture_output=True, check=True).stdout.splitlines()
        for command in ((), (SUPERVISOR, "run", "--no-agent", "--"))
    )
    assert sorted(wrapped) == sorted(bare)


def test_nor_a_worker(tmp_path: Path) -> None:
    config = '[worker.a]\ncommand = ["sh", "-c", "echo $${LC_CTYPE-none}"]\nrestart = "never"\nagent = false'
    argv = ["env", "-u", "LC_CTYPE", "-u", "LC_ALL", "LANG=C", SUPERVISOR, "up", "--no-prefix"]
    with Up(tmp_path, config, argv=argv) as fleet:
        assert fleet.wait() == 0
        assert fleet.stdout.splitlines() == ["none"]
