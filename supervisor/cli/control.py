"""Commands that speak to a running fleet over its control socket: status, stop, top. Without typer: scripts and
health checks call them every few seconds, and most of their time would be its import."""

from __future__ import annotations

import os
import sys
import time

from supervisor.core.contract import requests, state
from supervisor.core.visible import visible, visible_lines
from supervisor.errors import ControlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.cli.options import Values
    from supervisor.system.control.place import Running

# Exit code of `status`, for HEALTHCHECK and monitoring: the fleet runs, and something in it is not well.
TROUBLE = 3


def status(values: Values) -> int:
    """Show what the workers of a running fleet do; TROUBLE when one that is wanted up is not well, else 0."""
    fleet = _meant(values)
    answer = _ask(fleet.socket, requests.Status())
    if values["json"]:
        _print_json({"config": fleet.config, "socket": fleet.socket, **answer})
    else:
        from supervisor.system import stdio

        width = stdio.width(1) if os.isatty(1) else None
        if values["start"]:
            from supervisor.views import starting

            _print(starting.table(answer, width))
        else:
            from supervisor.views.status import table

            _print(table(answer, time.monotonic(), width))
    return TROUBLE if any(state.troubled(worker) for worker in answer["workers"]) else 0


def stop(values: Values, words: list[str]) -> int:
    """Stop workers by their ladder, or the whole fleet."""
    now = bool(values["now"])
    answer = _ask(_meant(values).socket, requests.Stop(tuple(words) or None, now))
    if values["json"]:
        _print_json(answer)
        return 0
    stopping, already = answer["stopping"], answer.get("already", [])  # one from before an upgrade does not tell
    if stopping:
        _print(f"stopping {', '.join(stopping)}\n")
    if already:
        told = "escalated now" if now else "already stopping (to escalate now: --now)"
        _print(f"{', '.join(already)}: {told}\n")
    if not stopping and not already:
        _print("no worker is running\n")
    return 0


def top(values: Values) -> int:
    """Show the dashboard of a running fleet."""
    from supervisor.cli.top import top as show

    return show(_meant(values).socket)


def _meant(values: Values) -> Running:
    """Return the running fleet that is meant. Raises ControlError when it does not run, or several could be meant."""
    from supervisor.config import places
    from supervisor.runs import whose
    from supervisor.system.control import place

    fleets = place.running(os.environ)
    name, config, folder = values["fleet"], values["config"], places.working_folder()
    if isinstance(name, str):
        return whose.named(fleets, name)
    if isinstance(config, str):
        return whose.of_config(fleets, config, folder)
    fleet, outside = whose.here(fleets, folder, places.find)
    if outside:
        from supervisor.cli import talk

        talk.say(f"supervisor: no project here; this is the fleet {fleet.name} of {visible(fleet.config)}")
    return fleet


def _ask(path: str, request: requests.Request) -> dict[str, Any]:
    from supervisor.system.control.client import ask

    answer = ask(path, request)
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error", "the supervisor refused")), str(answer.get("hint", "")))
    return {key: value for key, value in answer.items() if key not in ("v", "ok", "id")}


def _print_json(answer: dict[str, Any]) -> None:
    from supervisor.views.data import dumps

    _print(dumps(answer))


def _print(text: str) -> None:
    if sys.stdout is not None:  # closed by whoever called us
        sys.stdout.write(visible_lines(text))
