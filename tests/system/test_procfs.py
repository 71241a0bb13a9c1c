"""What /proc says of processes at awkward moments."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from supervisor.system import procfs

if TYPE_CHECKING:
    import pytest


def test_a_process_that_execs_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An orphan is known by a variable. While it becomes another program, /proc shows it without any for 0.1 ms.

    That instant cannot be held: the first answers are those that the kernel gives then.
    """
    real, bare = procfs.read, [b"", b"", b""]
    monkeypatch.setattr(procfs, "read", lambda path, limit: bare.pop() if bare else real(path, limit))
    assert f"PATH={os.environ['PATH']}".encode() in procfs.environment(os.getpid())
    assert bare == []


def test_an_empty_environment_is_empty() -> None:
    with subprocess.Popen(["sleep", "60"], env={}) as child:
        assert procfs.environment(child.pid) == []
        child.kill()
    assert procfs.environment(child.pid) == []
