"""`supervisor up`: its options and the config -> a frozen plan -> the run. No typer, rich or psutil: it stays."""

from __future__ import annotations

import os
import shlex

from supervisor.cli import talk
from supervisor.cli.plan import keeping, voice, warn_of_misspelt
from supervisor.config.load import load
from supervisor.config.places import working_folder
from supervisor.core import ladder
from supervisor.diagnosis import limits
from supervisor.errors import UsageError
from supervisor.runs.plan import UpPlan, choose, needed
from supervisor.system import stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.cli.options import Values
    from supervisor.config.load import LoadedConfig
    from supervisor.core.spec import FleetSpec


def up(values: Values, names: list[str]) -> int:
    """Run the fleet until it is over; the exit code. Raises ConfigError, UsageError, ControlError, SpawnError."""
    planned = plan(values, names)
    warn_of_misspelt(planned.voice)
    from supervisor.runs import foreground

    return foreground.up(planned)


# Seconds. `docker stop` waits 10 s, then the whole container gets SIGKILL and nothing is reported any more.
INIT_LIMIT = 9.0


def as_init(fleet: FleetSpec) -> FleetSpec:
    """Return the fleet as PID 1 of a container runs it: where the config says nothing of the time that a stop may
    take, it ends within INIT_LIMIT.
    """
    standard = ladder.parse(ladder.DEFAULT)
    silent = fleet.limit is None and all(worker.stop.ladder == standard for worker in fleet.workers)
    return fleet.with_(limit=INIT_LIMIT) if silent else fleet


def configured(
    given: Mapping[str, Any], names: list[str], environ: Mapping[str, str], *, alone: bool = False
) -> LoadedConfig:
    """Return the config with the workers that are meant and, unless ``alone``, what they depend on.

    Its warnings are told. Raises ConfigError, UsageError.
    """
    loaded = load(given["config"], working_folder(), environ)
    if not given["quiet"]:
        for warning in loaded.warnings:
            talk.say(str(warning))
    workers = loaded.fleet.workers
    chosen = choose(names, workers, "the config")
    if not alone:
        chosen = needed(chosen, workers)
    return loaded.with_(fleet=loaded.fleet.with_(workers=tuple(workers[place] for place in sorted(chosen))))


def plan(values: Values, names: list[str], environ: Mapping[str, str] = os.environ) -> UpPlan:
    """Turn options and config into the plan; warnings of the config are told. Raises ConfigError, UsageError."""
    given: dict[str, Any] = dict(values)
    if given["detach"]:
        raise UsageError(
            "--detach is not offered: who would restart the supervisor?",
            "let systemd run it: ExecStart=/path/to/supervisor up -c FILE with KillMode=mixed; or use tmux",
        )
    speaking = voice(given)
    loaded = configured(given, names, environ, alone=given["no_deps"])
    fleet = loaded.fleet
    extends = given["extend"] == "auto"
    if not speaking.quiet:
        cost = limits.line(fleet.workers, environ)
        if cost is not None:
            stdio.say(f"supervisor: {cost}\n")
    log = loaded.log.with_(
        prefix=loaded.log.prefix and not given["no_prefix"],
        format=given["log_format"] or loaded.log.format,
        stamps=given["stamps"] or loaded.log.stamps,
    )
    return UpPlan(
        fleet=as_init(fleet) if os.getpid() == 1 else fleet,
        log=log,
        config=os.path.realpath(loaded.path),
        option=f" -c {shlex.quote(given['config'])}" if given["config"] else "",
        dashboard=given["dashboard"] == "auto" and stdio.interactive(os.environ),
        voice=speaking,
        extends=extends,
        keeping=keeping(given, unasked=True),
    )
