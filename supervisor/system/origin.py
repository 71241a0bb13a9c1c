"""Who we are, for the head of a report: version, host, when we started."""

from __future__ import annotations

import os
import sys
import time

from supervisor.core.contract.report import Origin
from supervisor.core.version import VERSION
from supervisor.system.proc import processes


def origin(fleet: str | None = None) -> Origin:
    """Return the head of a report written now."""
    return Origin(
        version=VERSION,
        python=".".join(map(str, sys.version_info[:3])),
        started_at=_rfc3339(_started()),
        host=os.uname().nodename,
        fleet=fleet,
    )


def _started() -> float:
    """Return the wall-clock seconds of our own start, from the kernel: the clock may have been stepped since."""
    found = processes.stat(os.getpid())
    age = time.monotonic() - found.started if found is not None else 0.0
    return time.time() - age


def _rfc3339(at: float) -> str:
    offset = time.strftime("%z", time.localtime(at))
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at)) + offset[:3] + ":" + offset[3:]
