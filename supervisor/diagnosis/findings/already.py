"""Advice that the program follows already is not given: a timeout that is there, a cancel that was sent, a daemon."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.attribution.holds import Hold
    from supervisor.diagnosis.findings.case import Case, Claim

# By code, which pieces of advice (codes.py; "" is the only one) are to put a timeout around the wait.
_BOUND = {
    "slow-task": ("cleanup", "to-the-end", "new", "others", "tasks", "since", "in-flight"),
    "waits-for-nobody": ("event", "condition", "barrier", "queue-put", "queue-join", "wait-first", "bound"),
    "executor-busy": ("event", "timeout", "sentinel"),
    "main-thread-busy": ("",),
    "waits-for-child": ("bound", "ignored", "had-it", "group", "pass-on"),
    "server-wait-closed": ("",),
}
# The same for: cancel the task.
_CANCEL = {"slow-task": ("to-the-end", "in-flight"), "waits-for-nobody": ("queue-get",)}


def hint(case: Case, claim: Claim) -> str:
    """Return the name of the advice for a claim: that of the rule, or what is left of it when it is followed."""
    hold = claim.piece.hold if claim.piece is not None else None
    if hold is None:
        return claim.hint
    if claim.code == "non-daemon-thread" and hold.thread is not None and hold.thread.daemon:
        return "daemon"
    if claim.hint in _BOUND.get(claim.code, ()) and _has_timeout(case, hold):
        return "shorter"
    if claim.hint in _CANCEL.get(claim.code, ()) and hold.task is not None and hold.task.cancelled_at is not None:
        return "cancelled"
    return claim.hint


def _has_timeout(case: Case, hold: Hold) -> bool:
    """Return whether the wait ends by a timeout of its own: its agent knows when, or its source says so."""
    if hold.wait is not None and hold.wait.kind != "sleep" and hold.wait.on.due is not None:
        return True
    from supervisor.diagnosis.evidence.enclosing import bounded  # its parser takes 10 ms, and few ends need it

    stack = hold.stack or ((hold.at,) if hold.at is not None else ())
    return bounded(stack, case.sources, hold.process.cwd)
