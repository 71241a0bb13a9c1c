"""What is contradictory (errors) or hardly intended (warnings) about keys that are right one by one. Pure."""

from __future__ import annotations

import re

from supervisor.config.expand import placeholders
from supervisor.config.fields.restart import RESTART
from supervisor.diagnosis import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.config.locate import Path
    from supervisor.config.problems import Problems
    from supervisor.config.validate import Document, Settings
    from supervisor.core.spec import FleetSpec

_PORT_OPTION = re.compile(r"-p|-b|--(?:\w+-)?(?:port|bind|listen)")
_PORT_VALUE = re.compile(r"(?:\S*:)?\d{2,5}")
_PORT_JOINED = re.compile(r"--(?:\w+-)?(?:port|bind|listen)=(?:\S*:)?\d{2,5}")
_ADDRESS = re.compile(r"(?:localhost|[\d.]{7,15}|\[[0-9a-f:]*\]):\d{2,5}", re.IGNORECASE)


def worker(own: Settings, settings: Settings, problems: Problems) -> None:
    """Look at one worker; ``own`` is what its table says, ``settings`` with [defaults] beneath."""
    for layer in (own, settings):
        for key in ("stop.signal", "stop.grace"):
            same = key in layer and "stop.escalation" in layer
            if same and layer[key].path[:-1] == layer["stop.escalation"].path[:-1]:
                short = key.removeprefix("stop.")
                problems.key(
                    layer[key].path,
                    f'"{short}" sets what "escalation" sets, too',
                    f"change the escalation, or remove it and keep {short}",
                )
    values: dict[str, Any] = {key: given.value for key, given in settings.items()}
    _restart(own, settings, values, problems)
    if values.get("instances", 1) > 1:
        _shared_port(values, settings, problems)


def _restart(own: Settings, settings: Settings, values: dict[str, Any], problems: Problems) -> None:
    if {"on_exit", "restart"} <= own.keys() and values["on_exit"] != "restart" and values["restart"] != "never":
        problems.value(
            own["restart"].path,
            f'is never applied: on_exit = "{values["on_exit"]}" takes precedence',
            "remove one of the two",
        )
    first, longest = values.get("backoff.first"), values.get("backoff.max")
    if first is not None and longest is None and first > RESTART.backoff_max:
        problems.value(
            settings["backoff.first"].path,
            f"is longer than the longest pause, which is {RESTART.backoff_max:g} s",
            "set backoff.max, too",
        )
    if first is not None and longest is not None and first > longest:
        problems.value(settings["backoff.max"].path, f"is shorter than backoff.first, which is {first:g} s")
    pauses = [key for key in own if key.startswith("backoff.")]
    if pauses and (values.get("restart") == "never" or values.get("on_exit", "restart") != "restart"):
        problems.warn(own[pauses[0]].path, "has no effect: this worker is never restarted")


def _shared_port(values: dict[str, Any], settings: Settings, problems: Problems) -> None:
    """Complain of several instances on one fixed port: all but the first cannot bind it."""
    words = values.get("command", ())
    env = values.get("env", {})
    if any(placeholders(text) for text in (*words, *env.values())):
        return
    if any("reuse" in word.lower() for word in words):
        return  # --reuse-port: the kernel shares the port among them
    hint = "write {port} instead and add port = 8000, or let the program use SO_REUSEPORT"
    count = values["instances"]
    for index, (before, word) in enumerate(zip(("", *words), words, strict=False)):
        after_option = _PORT_OPTION.fullmatch(before) and _PORT_VALUE.fullmatch(word)
        if after_option or _PORT_JOINED.fullmatch(word) or _ADDRESS.fullmatch(word):
            path = (*settings["command"].path, index)
            problems.warn(path, f"gives all {count} instances the same port", hint)
            return
    if "PORT" in env:
        problems.warn((*settings["env"].path, "PORT"), f"gives all {count} instances the same port", hint)


def ports(workers: Mapping[str, tuple[Path, Settings]], problems: Problems) -> None:
    """Complain of port ranges that leave 1 to 65535, or that overlap."""
    taken: dict[int, str] = {}
    for name, (_, settings) in workers.items():
        if "port" not in settings:
            continue
        values: dict[str, Any] = {key: given.value for key, given in settings.items()}
        first, path = values["port"], settings["port"].path
        last = first + values.get("instances", 1) - 1
        if last > 65535:
            problems.value(path, f"is too high for {values['instances']} instances: the last would get port {last}")
            continue
        twice = next((port for port in range(first, last + 1) if port in taken), None)
        if twice is not None:
            problems.value(path, f'gives port {twice} to "{name}", which "{taken[twice]}" uses already')
        taken |= dict.fromkeys(range(first, last + 1), name)


def servers(fleet: FleetSpec, document: Document, environ: Mapping[str, str], problems: Problems) -> None:
    """Note what does not fit between a server and the way it is stopped (diagnosis/limits.py)."""
    told: set[str] = set()
    for spec in fleet.workers:
        if spec.name in told:
            continue
        told.add(spec.name)
        path, own = document.workers[spec.name]
        settings = document.defaults | own
        for doubt in limits.doubts(spec, environ):
            where = settings["command"].path if "command" in settings else path
            problems.key(where, doubt.message, doubt.hint, "note")


def nested_timeouts(fleet: FleetSpec, document: Document, problems: Problems) -> None:
    """Complain of a worker's grace period that the fleet's limit cuts short."""
    if fleet.limit is None:
        return
    told: set[str] = set()
    for spec in fleet.workers:
        grace = spec.stop.ladder.grace
        if grace is not None and grace > fleet.limit and spec.name not in told:
            told.add(spec.name)
            path, own = document.workers[spec.name]
            settings = document.defaults | own
            keys = [key for key in ("stop.grace", "stop.escalation") if key in settings]
            message = f"allows {grace:g} s, but the fleet's limit kills it after {fleet.limit:g} s"
            hint = f"raise [fleet] limit, or shorten the escalation ({spec.stop.ladder})"
            if keys:
                problems.warn(settings[keys[0]].path, message, hint)
            else:
                text = f"the escalation {spec.stop.ladder} {message}"
                problems.table(path, text, hint, "warning")
