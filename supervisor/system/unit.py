"""The unit of systemd that we are the main process of: how long it lets its stop take."""

from __future__ import annotations

import os
import subprocess

from supervisor.system.proc import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Seconds for systemctl's answer, which takes some ms: a manager that hangs must not keep a fleet from starting.
PATIENCE = 2.0


def name(environ: Mapping[str, str]) -> tuple[str, bool] | None:
    """Return our unit, and whether it is the user manager's; None when systemd has not started us itself.

    Everything below a service inherits INVOCATION_ID; SYSTEMD_EXEC_PID (systemd 248) names its main process.
    """
    if "INVOCATION_ID" not in environ or environ.get("SYSTEMD_EXEC_PID", str(os.getpid())) != str(os.getpid()):
        return None
    for line in os.fsdecode(reading.read("/proc/self/cgroup", 8192) or b"").splitlines():
        parts = line.partition("::")[2].split("/")  # of the unified hierarchy (cgroups(7))
        services = [part for part in parts if part.endswith(".service")]
        if services:
            return services[-1], any(part.startswith("user@") for part in parts[: parts.index(services[-1])])
    return None


def stop_limit(environ: Mapping[str, str]) -> str | None:
    """Return TimeoutStopUSec of our unit as systemctl shows it (``1min 30s``); None without one."""
    found = name(environ)
    if found is None:
        return None
    unit, user = found
    command = [
        "systemctl",
        *(["--user"] if user else []),
        "show",
        "--property=TimeoutStopUSec",
        "--value",
        "--",
        unit,
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() or None if done.returncode == 0 else None
