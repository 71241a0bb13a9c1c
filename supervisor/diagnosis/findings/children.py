"""What to do about a child process that the exit waits for."""

from __future__ import annotations

from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.phrases import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.diagnosis.findings.case import Case


def child_hint(case: Case, pid: int | None) -> str:
    """By what is known of the child: whether it has had the stop signal, and what it did with it."""
    number = case.asked_with
    if number is None:
        return "Bound the wait with a timeout, then terminate() and kill() the child."
    name, child = signal_name(number), case.evidence.processes.get(pid or 0)
    for note in child.of("snapshot")[:1] if child is not None else ():
        for handler in note.get("handlers") or ():
            if handler and handler.get("signal") == number and handler.get("kind") == "ignore":
                return f"The child ignores {name}: let it handle it, or bound the wait with a timeout and kill() it."
    if child is not None and received(child, 0.0) is not None:
        return f"The child has had {name} too: shorten its own shutdown, or bound the wait with a timeout."
    if case.shutdown.escalation and case.shutdown.escalation[0].target == "group":
        return f"A child in its process group has had {name} too: bound the wait with a timeout, then kill() it."
    return "Pass the stop on to the child (terminate()) before waiting, and bound the wait with a timeout."
