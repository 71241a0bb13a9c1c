"""`supervisor drill`: its options -> a frozen plan -> run after run, told as they come -> the exit code."""

from __future__ import annotations

import os
import random

from supervisor.cli import run
from supervisor.cli.options import parse
from supervisor.cli.plan import keeping, voice
from supervisor.cli.run import check_of, seconds, signal_to_stop_with
from supervisor.cli.up import configured
from supervisor.config import budget
from supervisor.config.durations import parse as duration
from supervisor.core import ladder
from supervisor.core.drilled import Moment
from supervisor.core.spec import UP
from supervisor.diagnosis.findings.codes import CODES
from supervisor.drill.plan import DrillPlan
from supervisor.errors import UsageError
from supervisor.views import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.cli.options import Values
    from supervisor.core.drilled import Demand
    from supervisor.core.readiness import ReadySpec
    from supervisor.core.spec import FleetSpec, WorkerSpec

# Runs of one drill: each takes a second or more, so this is days.
MOST_RUNS = 100_000


def drill(values: Values, words: list[str]) -> int:
    """Carry out the drill; the exit code. Raises UsageError, ConfigError, SpawnError."""
    planned = plan(values, words)
    from supervisor.drill.telling import carry_out

    return carry_out(planned)


def plan(values: Values, words: list[str]) -> DrillPlan:
    """Check and combine. Raises UsageError, ConfigError."""
    given: dict[str, Any] = dict(values)
    speaking = voice({**given, "verbose": False}, formats.OF_DRILLS)
    fleet = _fleet(given, words)
    drawn = random.SystemRandom().getrandbits(31)
    return DrillPlan(
        fleet=fleet,
        voice=speaking,
        moment=_moment(given),
        runs=_whole(given["runs"], "--runs", 1, MOST_RUNS),
        warmup=_whole(given["warmup"], "--warmup", 0, MOST_RUNS),
        seed=drawn if given["seed"] is None else _whole(given["seed"], "--seed", 0, 2**63),
        twice=given["twice"],
        allow_early=given["allow_early"],
        demands=_demands(given, fleet),
        platform=given["platform"],
        keeping=keeping(given, unasked=True),
        limit=None if given["limit"] is None else seconds(given["limit"], "--limit"),
    )


def _fleet(given: dict[str, Any], words: list[str]) -> FleetSpec:
    """Return the fleet of the config, or that of the one command, with the stop that the options ask for."""
    fleet: FleetSpec
    if given["config"] is not None:
        for option in ("ready", "cwd"):
            if given[option] is not None:
                raise UsageError(f"--{option} is for a command, not for -c", f"write {option} into the config")
        fleet = configured(given, words, os.environ).fleet
    elif words:
        defaults = parse(["--"], {})
        assert defaults is not None, "an empty command line is a plain one"
        fleet = run.plan({**defaults[0], "cwd": given["cwd"]}, words, init=False).fleet.with_(manner=UP)
        fleet = fleet.with_(workers=(fleet.workers[0].with_(ready=_ready(given["ready"])),))
    else:
        raise UsageError(
            "nothing to drill", "name a command, as in: supervisor drill -- python app.py; or a config file with -c"
        )
    return fleet.with_(workers=tuple(_stopping(worker, given) for worker in fleet.workers))


def _ready(text: str | None) -> ReadySpec | None:
    """Return when the command counts as ready; None: when it is quiet."""
    if text is None:
        return None
    from supervisor.core.readiness import ReadySpec

    check = check_of("--ready", text)
    if check.kind == "fd":
        raise UsageError(f"--ready {text}: offered in a config only", "use log=…, tcp=…, http=…, or -c FILE")
    return ReadySpec(check)


def _stopping(worker: WorkerSpec, given: dict[str, Any]) -> WorkerSpec:
    """Return the worker with the first signal and the grace period that were asked for, and what else is for all."""
    steps = worker.stop.ladder
    if given["signal"] is not None:
        steps = ladder.with_stop_signal(steps, signal_to_stop_with(given["signal"], "--signal"))
    if given["grace"] is not None:
        steps = ladder.with_grace(steps, seconds(given["grace"]))
    stop = worker.stop.with_(ladder=steps, own_signal=True, group=worker.stop.group and not given["child_only"])
    return worker.with_(stop=stop, agent=worker.agent and not given["no_agent"])


def _moment(given: dict[str, Any]) -> Moment:
    chosen = [name for name in ("after", "at_random", "during_startup") if given[name]]
    if len(chosen) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise UsageError(f"{names} contradict each other", "give one of them")
    if given["during_startup"]:
        return Moment("during start-up", 0.0, 0.0)
    if given["at_random"] is not None:
        first, dash, last = given["at_random"].partition("-")
        low, high = duration(first), duration(last)
        if not dash or low is None or high is None or low >= high:
            raise UsageError(
                f"--at-random {given['at_random']}: not a range of seconds",
                "write it as in --at-random 0-5, or 1s-1m",
            )
        return Moment("at random", low, high)
    if given["after"] is not None:
        after = seconds(given["after"], "--after")
        return Moment("after", after, after)
    return Moment()


def _demands(given: dict[str, Any], fleet: FleetSpec) -> tuple[Demand, ...]:
    names = {worker.name for worker in fleet.workers} | {worker.title for worker in fleet.workers}
    wanted = [budget.parse(text, CODES, names) for text in given["budget"]]
    return tuple(wanted + [budget.forbidden(code, CODES) for code in given["forbid"]])


def _whole(text: str, option: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and least <= int(text) <= most):
        raise UsageError(
            f"{option} {text or repr('')}: not a whole number from {least} to {most}", f"as in {option} 20"
        )
    return int(text)
