"""What the unit of systemd says that we are in: asked of systemctl, whatever that answers, and however late."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from supervisor.system import unit
from supervisor.system.poller import Poller

if TYPE_CHECKING:
    from pathlib import Path


def test_only_a_service_of_systemds_own_start_is_one() -> None:
    assert unit.name({}) is None
    assert unit.name({"INVOCATION_ID": "1"}) is None, "a shell in a terminal that is a service"
    assert unit.name({"INVOCATION_ID": "1", "SYSTEMD_EXEC_PID": "1"}) is None


def asked(tool: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, str]], set[int]]:
    """Put the question to a tool that is this script."""
    (folder / "systemctl").write_text(f"#!/bin/sh\n{tool}\n")
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(unit, "PATIENCE", 0.3)
    poller, kept = Poller(), set[int]()
    found: list[dict[str, str]] = []
    question = unit.Question(
        poller, kept, "a.service", user=False, answered=lambda told, _: found.append(dict(told)), at=time.monotonic()
    )
    assert len(kept) == 1
    end = time.monotonic() + 20
    while not found:
        assert time.monotonic() < end
        for fd, what in poller.wait(0.05):
            poller.call(fd, time.monotonic(), what)
        if question.deadline is not None and time.monotonic() >= question.deadline:
            question.tick(time.monotonic())
    assert question.deadline is None
    return found, kept


@pytest.mark.parametrize(
    ("tool", "found"),
    [
        ("echo KillMode=mixed; echo TimeoutStopUSec=1min 30s", {"KillMode": "mixed", "TimeoutStopUSec": "1min 30s"}),
        (
            "echo KillMode=control-group; echo TimeoutStopUSec=infinity",
            {"KillMode": "control-group", "TimeoutStopUSec": "infinity"},
        ),
        ("echo Access denied >&2; exit 1", {}),
        ("exec sleep 60", {}),
        ("head -c 100000 /dev/zero; exec sleep 60", {}),
        ("echo KillMode=mixed; exec sleep 60 >&-", {"KillMode": "mixed"}),
    ],
)
def test_whatever_is_answered(
    tool: str, found: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, kept = asked(tool, tmp_path, monkeypatch)
    assert answers == [found] and kept == set()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
