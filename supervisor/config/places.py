"""Where a config lies when nobody named one. Light: commands to a running fleet look without reading a config."""

from __future__ import annotations

import os

PLACES = ("supervisor.toml", "configs/supervisor.toml", "pyproject.toml")
PYPROJECT = ("tool", "sigdrain")
# A pyproject.toml larger than that is looked at in its beginning only, bytes.
_MOST = 1 << 20


def working_folder() -> str:
    """Return the working folder; empty when it was deleted."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def counts(place: str, data: bytes) -> bool:
    """Tell whether a file found at one of PLACES is a config: a pyproject.toml is one when it has our table."""
    return place != "pyproject.toml" or b"tool.sigdrain" in data


def find(folder: str) -> str | None:
    """Return the path of the config that `supervisor up` takes in this folder; None when there is none."""
    for place in PLACES:
        path = os.path.join(folder, place)
        if not os.path.isfile(path):
            continue
        try:
            with open(path, "rb") as file:
                if counts(place, file.read(_MOST) if place == "pyproject.toml" else b""):
                    return path
        except OSError:
            continue  # not readable: no command can be about it either
    return None
