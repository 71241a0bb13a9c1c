"""What the options of `run` and `up` have in common: how to speak."""

from __future__ import annotations

import os

from supervisor.cli import talk
from supervisor.cli.options import misspelt
from supervisor.core.visible import visible
from supervisor.errors import UsageError
from supervisor.runs.plan import Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

REPORT_SUFFIXES = (".json", ".md")


def warn_of_misspelt(voice: Voice) -> None:
    """Say once that a variable that looks like an option of ours is none: its value would be missed in silence."""
    told = "" if voice.quiet else misspelt(os.environ)
    if told:
        talk.say(f"supervisor: {visible(told)}")


def voice(given: Mapping[str, Any], suffixes: tuple[str, ...] = REPORT_SUFFIXES) -> Voice:
    """Return how the run shall speak.

    Raises UsageError for options that contradict each other, or a report of no format.
    """
    for path in given["report"]:
        if not path.endswith(suffixes):
            shown = path or "''"
            known = ", ".join(suffixes)
            raise UsageError(f"--report {shown}: no report format ends like that", f"use one of {known}")
        _writable(path)
    if given["verbose"] and given["quiet"]:
        raise UsageError("--verbose and --quiet contradict each other", "give only one of them")
    return Voice(
        reports=tuple(given["report"]),
        verbose=given["verbose"],
        quiet=given["quiet"],
        json=given["json"],
        color=given["color"],
    )


def _writable(path: str) -> None:
    """Find out before the start that a report could not be written after the end. Raises UsageError."""
    from supervisor.system import writing

    try:
        writing.check(path)
    except OSError as error:
        raise UsageError(
            f"--report {path}: it cannot be written: {error.strerror}", "create its folder, or give another path"
        ) from None
