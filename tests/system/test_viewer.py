"""The dashboard's process where none can be started."""

from __future__ import annotations

import resource
import sys

import pytest

from supervisor.system.poller import Poller
from supervisor.system.viewer import Viewer


def test_without_a_free_descriptor_the_fleet_runs_without_a_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[bool] = []
    kept: set[int] = set()
    viewer = Viewer(Poller(), kept, "/nowhere")
    viewer.left = left.append
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        viewer.open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert left == [True] and kept == set()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    viewer.open()
    assert left == [True, True] and kept == set()
    viewer.close(told=False)  # nothing to close
