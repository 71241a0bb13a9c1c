"""What a run is made from, checked and frozen: built by cli/ from options and config."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.spec import FleetSpec, LogSpec


class RunPlan(Frozen):
    """What `run` shall do, and how it shall speak."""

    fleet: FleetSpec
    signal_exit: str
    subreaper: bool
    reports: tuple[str, ...]
    verbose: bool
    quiet: bool
    json: bool
    color: str


class UpPlan(Frozen):
    """What `up` shall run, and how it shall speak. ``key`` names the folder of the control socket."""

    fleet: FleetSpec
    log: LogSpec
    key: str
    dashboard: bool
    reports: tuple[str, ...]
    verbose: bool
    quiet: bool
    json: bool
    color: str
