"""What the options of `run` and `up` have in common: how to speak."""

from __future__ import annotations

from supervisor.errors import UsageError
from supervisor.runs.plan import Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

REPORT_SUFFIXES = (".json", ".md")


def voice(given: Mapping[str, Any], suffixes: tuple[str, ...] = REPORT_SUFFIXES) -> Voice:
    """Return how the run shall speak.

    Raises UsageError for options that contradict each other, or a report of no format.
    """
    for path in given["report"]:
        if not path.endswith(suffixes):
            raise UsageError(f"--report {path}: no report format ends like that", f"use one of {', '.join(suffixes)}")
    if given["verbose"] and given["quiet"]:
        raise UsageError("--verbose and --quiet contradict each other", "give only one of them")
    return Voice(
        reports=tuple(given["report"]),
        verbose=given["verbose"],
        quiet=given["quiet"],
        json=given["json"],
        color=given["color"],
    )
