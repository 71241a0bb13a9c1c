"""Which running fleet a command is about: by its name, by its config, or by the folder in which it was given.

No config is parsed: a file that was broken since the start still lets `stop` work.
"""

from __future__ import annotations

import os
import shlex

from supervisor.core.visible import quoted
from supervisor.errors import ControlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisor.system.control.place import Running


def named(fleets: Sequence[Running], name: str) -> Running:
    """Return the running fleet of that name, or of that NAME-HASH8. Raises ControlError for none and for several."""
    found = [fleet for fleet in fleets if name in (fleet.name, fleet.key)]
    if not found:
        raise ControlError(f"no fleet named {quoted(name)} is running", _others(fleets))
    return _only(found, f"several running fleets are named {quoted(name)}")


def of_config(fleets: Sequence[Running], config: str, folder: str) -> Running:
    """Return the running fleet of a config file; a relative path begins at ``folder``. Raises ControlError."""
    if not folder and not config.startswith("/"):
        raise ControlError("the working folder was deleted", "name the config by its whole path")
    path = os.path.realpath(os.path.join(folder, config))
    for fleet in fleets:
        if fleet.config == path:
            return fleet
    raise ControlError(f"the fleet of {path} is not running", _start(f" -c {shlex.quote(config)}", fleets))


def here(fleets: Sequence[Running], folder: str, find: Callable[[str], str | None]) -> tuple[Running, bool]:
    """Return the running fleet of the project in which ``folder`` lies, and whether it is outside of any project.

    The project is the nearest folder, from ``folder`` upwards, with a config (``find`` gives its path) or with a
    fleet that was started from a file in it. Outside of any project the only fleet that runs is meant. Raises
    ControlError.
    """
    at = folder
    while at:
        config = find(at)
        found = [fleet for fleet in fleets if config and fleet.config == os.path.realpath(config)]
        found = found or [fleet for fleet in fleets if _lies_in(fleet.config, os.path.realpath(at))]
        if found:
            return _only(found, f"several fleets of {at} are running"), False
        if config:
            raise ControlError(f"the fleet of {config} is not running", _start("", fleets))
        at = os.path.dirname(at) if os.path.dirname(at) != at else ""
    if not fleets:
        raise ControlError("no fleet of yours is running", "start one with: supervisor up")
    return _only(fleets, "this is no project's folder, and several fleets are running"), True


def _lies_in(config: str, folder: str) -> bool:
    return os.path.dirname(config) in (folder, os.path.join(folder, "configs"))


def _only(found: Sequence[Running], several: str) -> Running:
    if len(found) == 1:
        return found[0]
    wide = max(len(fleet.key) for fleet in found)
    listed = tuple(f"{fleet.key:<{wide}}  {fleet.config}" for fleet in found)
    raise ControlError(f"{several}:", "choose one with --fleet NAME-HASH8 or with -c FILE", listed)


def _others(fleets: Sequence[Running]) -> str:
    if not fleets:
        return "none of yours is; start one with: supervisor up"
    return "running: " + ", ".join(f"{fleet.name} ({fleet.config})" for fleet in fleets)


def _start(option: str, fleets: Sequence[Running]) -> str:
    hint = f"start it with: supervisor up{option}"
    return f"{hint}; {_others(fleets)}" if fleets else hint
