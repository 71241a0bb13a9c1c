"""The test bed itself: a real systemd boots, runs a unit under `supervisor run`, stops it and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import systemd
from tests.support.processes import SUPERVISOR, until

UNIT = """\
[Service]
Type=exec
ExecStart={supervisor} run -- sleep 600
KillMode=mixed
TimeoutStopSec=20
"""


@pytest.mark.skipif(systemd.missing() is not None, reason=str(systemd.missing()))
def test_a_unit_of_the_readme() -> None:
    """Its main process is the supervisor; a stop ends the command by SIGTERM, which systemd counts as clean."""
    with systemd.Bed() as bed:
        bed.unit("wrapped.service", UNIT.format(supervisor=SUPERVISOR))
        bed("systemctl", "start", "wrapped.service")
        until(lambda: "sleep 600" in bed("systemctl", "status", "wrapped.service", check=False), "the command runs")
        assert bed.show("wrapped.service", "ActiveState")["ActiveState"] == "active"
        bed("systemctl", "stop", "wrapped.service")
        # A unit that died of SIGKILL, or after the time limit, would be "failed".
        assert bed.show("wrapped.service", "ActiveState", "Result") == {
            "ActiveState": "inactive",
            "Result": "success",
        }
        inner = bed.pid
    until(lambda: not Path(f"/proc/{inner}").exists(), "the kernel has taken it down")
