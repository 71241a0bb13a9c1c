"""Our own words on their way to systemd's journal: with a priority where the stream is the journal's, else none."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from supervisor.system import stdio
from tests.support.processes import SUPERVISOR

if TYPE_CHECKING:
    from pathlib import Path


def stream(path: Path) -> str:
    """What $JOURNAL_STREAM says of a file."""
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}"


@pytest.mark.parametrize("ours", [True, False])
def test_priorities_where_the_stream_is_the_journals(ours: bool, tmp_path: Path) -> None:
    err, other = tmp_path / "err", tmp_path / "other"
    other.touch()
    with err.open("wb") as file:
        environ = os.environ | {"JOURNAL_STREAM": stream(err if ours else other), "FORCE_COLOR": "1"}
        command = [SUPERVISOR, "run", "--no-agent", "--grace", "0.1", "--json", "--", "true"]
        subprocess.run([SUPERVISOR, "run", "--", "/nonexistent"], stderr=file, env=environ, check=False)
        subprocess.run(command, stderr=file, env=environ, check=True)
    first, second, *rest = err.read_text().splitlines()
    mark = ("<3>", "<5>") if ours else ("", "")
    assert first.startswith(f"{mark[0]}supervisor: cannot start") and second.startswith(f"{mark[0]}hint:")
    assert rest and all(line.startswith(mark[1]) for line in rest)
    assert "\x1b" not in "".join(rest)


def test_a_closed_stream_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not stdio.to_journal(1000, os.environ)
    assert stdio.marked("text\n", 2, stdio.ERROR) == "text\n"


def test_every_line_has_its_priority(tmp_path: Path) -> None:
    path = tmp_path / "err"
    with path.open("wb") as file:
        code = "from supervisor.system import stdio; stdio.say('one\\n\\ntwo\\n', priority=stdio.WARNING)"
        environ = os.environ | {"JOURNAL_STREAM": stream(path)}
        subprocess.run([sys.executable, "-c", code], stderr=file, env=environ, check=True)
    assert path.read_text() == "<4>one\n\n<4>two\n"
