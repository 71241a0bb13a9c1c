"""Commands that speak to a running fleet over its control socket: status, stop, top. Without typer: scripts and
health checks call them every few seconds, and most of their time would be its import."""

from __future__ import annotations

import os
import sys
import time

from supervisor.core.contract import requests
from supervisor.core.visible import visible_lines
from supervisor.errors import ControlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.cli.options import Values


def status(values: Values) -> int:
    """Show what the workers of a running fleet do."""
    path = _socket(values)
    answer = _ask(path, requests.Status())
    if values["json"]:
        _print_json({"socket": path, **answer})
    else:
        from supervisor.views.status import table

        _print(table(answer, time.monotonic()))
    return 0


def stop(values: Values, words: list[str]) -> int:
    """Stop workers by their ladder, or the whole fleet."""
    now = bool(values["now"])
    answer = _ask(_socket(values), requests.Stop(tuple(words) or None, now))
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
    """The dashboard of a running fleet."""
    from supervisor.cli.top import top as show

    return show(_socket(values))


def _socket(values: Values) -> str:
    """The control socket that is meant. Raises ControlError when no such fleet is there to be asked."""
    from supervisor.system.control import place

    running = place.running(os.environ)
    named = values["fleet"] or _of_config(values["config"])
    if named is None and len(running) > 1:
        raise ControlError(f"several fleets are running: {', '.join(running)}", "choose one with --fleet NAME")
    if named is None and not running:
        raise ControlError("you have no running fleet", "start one with: supervisor up")
    name = str(named or running[0])
    path = place.socket_path(name, os.environ)
    if not os.path.exists(path):
        others = f"running: {', '.join(running)}" if running else "start it with: supervisor up"
        raise ControlError(f"no fleet {name!r} is running here ({path})", others)
    return path


def _of_config(config: object) -> str | None:
    if not isinstance(config, str):
        return None
    from supervisor.config.load import load

    return load(config, os.getcwd(), os.environ).fleet.name or "fleet"


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
