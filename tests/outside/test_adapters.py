"""The adapters work: one option of each kind, so that a change of ours that breaks them shows in the plain suite."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.outside import adapters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SAYS_WHAT_CAME = (
    "trap 'echo INT; exit 3' INT; trap 'echo TERM; exit 4' TERM; echo ready; while :; do sleep 0.05; done"
)


def said(tool: Path, options: Sequence[str], *send: int) -> tuple[int, str]:
    """Exit code and standard output of a shell under the tool that was sent these signals when it was ready."""
    command = [str(tool), *options, "sh", "-c", SAYS_WHAT_CAME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in send:
            process.send_signal(number)
        rest = process.stdout.read()
    return process.returncode, rest


@pytest.mark.parametrize(
    ("options", "answer"),
    [([], (4, "TERM\n")), (["-r", "15:2"], (3, "INT\n")), (["--rewrite", "15:2"], (3, "INT\n"))],
)
def test_dumb_init_passes_on_and_rewrites(options: list[str], answer: tuple[int, str], tmp_path: Path) -> None:
    assert said(adapters.install("dumb-init", tmp_path), options, signal.SIGTERM) == answer


def test_dumb_init_names_what_it_did_not_find(tmp_path: Path) -> None:
    tool = adapters.install("dumb-init", tmp_path)
    done = subprocess.run([tool, "/doesnotexist"], capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr.splitlines()[0] == "[dumb-init] /doesnotexist: No such file or directory"


def test_tini_passes_on_and_forgives_an_exit_code(tmp_path: Path) -> None:
    tool = adapters.install("tini", tmp_path)
    assert said(tool, ["-s"], signal.SIGTERM) == (4, "TERM\n")
    codes = [
        subprocess.run([tool, "-s", *options, "sh", "-c", "exit 7"], check=False).returncode
        for options in ([], ["-e", "7"], ["-e", "8"])
    ]
    assert codes == [7, 0, 7]


def test_tini_warns_without_a_subreaper_and_names_what_was_reaped(tmp_path: Path) -> None:
    tool = adapters.install("tini", tmp_path)
    orphan = ["sh", "-c", "(sleep 0.2 & exec true); sleep 0.5"]
    told = {
        options: subprocess.run([tool, *options, *orphan], capture_output=True, text=True, check=True).stderr
        for options in ((), ("-s",), ("-s", "-w"))
    }
    assert "zombie reaping won't work" in told[()]
    assert told[("-s",)] == ""
    assert "Reaped zombie process with pid=" in told[("-s", "-w")]
    assert os.access(tool, os.X_OK)
