"""What the table of config/fields.py says about one key."""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Section: TypeAlias = Literal["fleet", "log", "worker"]
    Kind: TypeAlias = Literal[
        "text",
        "name",
        "path",
        "flag",
        "whole",
        "number",
        "duration",
        "choice",
        "ladder",
        "signal",
        "umask",
        "command",
        "paths",
        "packages",
        "env",
        "limits",
        "codes",
        "ready",
        "liveness",
        "dependencies",
    ]


class Field(Frozen):
    """One key of one section.

    ``key`` is dotted when it lies in a sub-table (``stop.grace``). ``spec`` names the record and field it sets,
    as in ``exec.user``; empty where config/build.py computes the value from several keys. ``unset`` says in the
    reference what holds when there is no default. ``also`` lists what other supervisors call it (only for "did
    you mean"). ``inherit``: may stand in [defaults]. ``starter``: appears in what `supervisor init` writes.
    """

    section: Section
    key: str
    kind: Kind
    help: str
    example: str
    default: object = None
    unset: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    spec: str = ""
    also: tuple[str, ...] = ()
    required: bool = False
    inherit: bool = True
    starter: bool = False
    since: str = "0.1"
