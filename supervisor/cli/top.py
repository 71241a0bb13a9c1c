"""`supervisor top`: the dashboard of a running fleet, where there is a terminal that can show it."""

from __future__ import annotations

import os

from supervisor.errors import UsageError


def top(socket_path: str) -> int:
    """Show the fleet at this control socket until it ends or the user leaves; the exit code.

    Raises UsageError where animation is not wanted, ControlError when nobody answers.
    """
    reason = refusal()
    if reason:
        raise UsageError(f"the dashboard cannot run here: {reason}", "see the fleet as text: supervisor status")
    from supervisor.top.__main__ import show

    return show(socket_path)


def refusal() -> str:
    """Return why no dashboard is shown here; empty when it can be.

    FORCE_COLOR changes nothing: it is about colour only.
    """
    if not os.isatty(1):
        return "the output is not a terminal"
    term = os.environ.get("TERM")
    if not term or term == "dumb":
        return "the terminal cannot move its cursor (TERM=dumb)" if term else "TERM is not set"
    for name in ("NO_COLOR", "CI"):
        if os.environ.get(name):
            return f"{name} is set"
    return ""
