"""Whether an end is told without being asked: it was forced, slow, or work was lost. How a command exits otherwise is
its own matter: its status is passed on."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Shutdown

# A stop that eats more than half of its grace period is slow (issue tracker: systemd 28317 asks for this warning).
SLOW_SHARE = 0.5
# Outcomes of a worker that did not come to its end by itself: how long its stop takes is not known.
FORCED = frozenset(("killed", "stuck"))


def forced(ended: Shutdown) -> bool:
    """Return whether SIGKILL was needed, for the main process or for one that it left."""
    return ended.outcome in FORCED or any(one.fate == "killed" for one in ended.leftovers)


def slow(ended: Shutdown) -> bool:
    """Return whether the shutdown took more than half of the grace period."""
    return ended.requested and ended.grace is not None and ended.total > SLOW_SHARE * ended.grace


def refused(ended: Shutdown) -> str | None:
    """Return as whom a process runs that we were not permitted to end and that has not ended; None without one."""
    left = next((one.user for one in ended.leftovers if one.fate == "left" and one.user), None)
    last = ended.escalation[-1] if ended.escalation else None
    if left is None and ended.outcome == "stuck" and last is not None and last.result == "not permitted":
        return last.user or "another user"
    return left


def lossy(ended: Shutdown) -> bool:
    """Return whether a finding says that work was lost or the exit was held."""
    return any(finding.severity in ("error", "warning") for finding in ended.findings)


def worth_telling(ended: Shutdown) -> bool:
    """Return whether the shutdown was forced, slow or lossy."""
    return forced(ended) or slow(ended) or lossy(ended)
