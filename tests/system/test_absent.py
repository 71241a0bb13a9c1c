"""Why a program has no agent: what its file says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from supervisor.system.agent.absent import reason


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"#!/bin/sh\necho\n", "`prog` is a script for sh, not for Python"),
        (b"#!/usr/bin/env -S node --x\n", "`prog` is a script for node, not for Python"),
        (
            b"#!/usr/bin/python3 -I\n",
            "`prog` starts Python with -I (isolated), so the agent was not loaded",
        ),
        (b"#!/usr/bin/env -S python3.12 -sE\n", "starts Python with -E (environment ignored)"),
        (b"#!/usr/bin/python3\n", None),
        (b"#!\n", None),
        (b"\x7fELF" + b"x" * 9000 + b"MEI\x0c\x0b\x0a\x0b\x0e" + b"y" * 80, "frozen by PyInstaller"),
        (b"\x7fELF" + b"x" * 9000, None),
        (b"", None),
    ],
)
def test_what_the_file_says(tmp_path: Path, content: bytes, says: str | None) -> None:
    program = tmp_path / "prog"
    program.write_bytes(content)
    program.chmod(0o755)
    for argv, path in (((str(program), "x"), ""), (("prog",), f"/nowhere:{tmp_path}")):
        found = reason(argv, {"PATH": path})
        assert found == says if says is None else found is not None and says in found


def test_what_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    assert reason((), {}) is None
    assert reason(("gone",), {"PATH": str(tmp_path)}) is None
    assert reason((shutil.which("cat") or "cat",), {}) is None
