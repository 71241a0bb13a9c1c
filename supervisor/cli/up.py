"""`supervisor up`: load the config, lock the fleet, run it, report. Imports no typer, rich or psutil: it stays."""

from __future__ import annotations

import os
from time import monotonic

from supervisor.cli.plan import check_reports
from supervisor.config.load import load
from supervisor.core.spec import FleetSpec
from supervisor.errors import UsageError
from supervisor.runs.plan import UpPlan
from supervisor.runs.room import check_room
from supervisor.system import libc, signals, stdio
from supervisor.system.control.place import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from supervisor.cli.options import Values
    from supervisor.loop.loop import Loop


def plan(values: Values, names: list[str], environ: Mapping[str, str] = os.environ) -> UpPlan:
    """Options and config -> the plan; warnings of the config are told. Raises ConfigError, UsageError."""
    given: dict[str, Any] = dict(values)
    if given["detach"]:
        raise UsageError(
            "--detach is not offered: who would restart the supervisor?",
            "let systemd run it: ExecStart=/path/to/supervisor up -c FILE with KillMode=mixed; or use tmux",
        )
    check_reports(given["report"])
    if given["verbose"] and given["quiet"]:
        raise UsageError("--verbose and --quiet contradict each other", "give one of them")
    loaded = load(given["config"], os.getcwd(), environ)
    if not given["quiet"]:
        for warning in loaded.warnings:
            stdio.say(f"{warning}\n")
    fleet = _chosen(loaded.fleet, names)
    log = loaded.log.with_(
        prefix=loaded.log.prefix and not given["no_prefix"], format=given["log_format"] or loaded.log.format
    )
    return UpPlan(
        fleet=fleet,
        log=log,
        key=fleet.name or "fleet",
        dashboard=given["dashboard"] == "auto" and stdio.interactive(os.environ),
        reports=given["report"],
        verbose=given["verbose"],
        quiet=given["quiet"],
        json=given["json"],
        color=given["color"],
    )


# Descriptors: as `run` needs, and lock, control socket and a client, our outputs, the pipes of a worker.
ROOM = 24


def up(plan: UpPlan, before: Callable[[Loop, float], object] | None = None) -> int:
    """Run the fleet until it is over; the exit code. Raises ControlError when it already runs.

    ``before`` is called with the loop and the instant when it is about to begin.
    """
    stdio.reserve()
    check_room(ROOM)
    folder = Folder(plan.key, os.environ)
    try:
        inherited = signals.take_over()
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
        from supervisor.loop.loop import Loop
        from supervisor.runs.foreground import Foreground
        from supervisor.system.agent.agents import Agents
        from supervisor.system.poller import Poller

        poller = Poller()
        agents = Agents(poller)
        foreground = Foreground(plan, folder, agents)
        loop = Loop(plan.fleet, inherited, subreaper=True, listener=foreground, poller=poller, agents=agents)
        if before is not None:
            before(loop, monotonic())
        return foreground.run(loop)
    finally:
        folder.close()


def _chosen(fleet: FleetSpec, names: list[str]) -> FleetSpec:
    known = list(dict.fromkeys(worker.name for worker in fleet.workers))
    for name in names:
        if name not in known:
            raise UsageError(f"no worker is named {name!r}", f"the config has: {', '.join(known)}")
    if not names:
        return fleet
    return fleet.with_(workers=tuple(worker for worker in fleet.workers if worker.name in names))
