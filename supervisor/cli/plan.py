"""What the options of `run` and `up` have in common: how to speak."""

from __future__ import annotations

import os

from supervisor.cli.options import misspelt
from supervisor.errors import UsageError
from supervisor.runs.plan import Keeping, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# As in views/formats.py, whose import the worker would wait for; a test keeps them equal.
REPORT_SUFFIXES = (".json", ".md", ".html", ".svg")


def warn_of_misspelt(voice: Voice) -> None:
    """Say once that a variable that looks like an option of ours is none: its value would be missed in silence."""
    told = "" if voice.quiet else misspelt(os.environ)
    if told:
        from supervisor.cli import talk
        from supervisor.core.visible import visible

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
        if not given["quiet"]:
            _foretell(path)
    if given["verbose"] and given["quiet"]:
        raise UsageError("--verbose and --quiet contradict each other", "give only one of them")
    return Voice(
        reports=tuple(given["report"]),
        verbose=given["verbose"],
        quiet=given["quiet"],
        json=given["json"],
        color=given["color"],
    )


def _foretell(path: str) -> None:
    """Say before the start that a report could not be written after the end. The command is run all the same: its
    service is worth more than our report, which is then printed.
    """
    from supervisor.system import writing

    try:
        writing.check(path)
    except OSError as error:
        from supervisor.cli import talk
        from supervisor.core.visible import visible

        talk.say(
            f"supervisor: --report {visible(path)} cannot be written: {error.strerror}; create its folder, or the "
            "report is printed at the end"
        )


def keeping(given: Mapping[str, Any], *, unasked: bool) -> Keeping:
    """Return whether and where the run is recorded. ``unasked``: also where nobody named a history."""
    return Keeping(
        path=given["history"] or (None if unasked else "off"),
        sources=given["history_source"] == "auto",
        tag=given["tag"],
    )
