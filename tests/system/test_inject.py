"""Folders of the agent's channel that supervisors which were SIGKILLed have left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from supervisor.system.agent import inject
from supervisor.system.agent.channel import Channel


def test_only_folders_that_nobody_serves_are_swept(tmp_path: Path) -> None:
    """A pid that is unknown here may be alive in another container that shares the folder."""
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    served, left, alive, foreign = (
        tmp_path / name
        for name in (f"sigdrain-{gone.pid}-a", f"sigdrain-{gone.pid}-b", f"sigdrain-{os.getpid()}-c", "x")
    )
    for folder in (served, left, alive, foreign):
        folder.mkdir(0o700)
    channel = Channel(str(served))
    Channel(str(left)).close()
    (left / "dump-7").write_text("")
    inject.sweep(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == sorted((served, alive, foreign))
    channel.close()
    inject.sweep(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == sorted((alive, foreign))
