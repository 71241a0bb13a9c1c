"""Tier 0: what can be said of any program's stop from /proc alone, and where that ends. Claims no cause."""

from __future__ import annotations

from supervisor.core.record import Stretch
from supervisor.diagnosis.phrases import figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import AgentFacts, Marks, Sample, Shutdown

# More than half of the time on the CPU: it computes rather than waits.
BUSY = 0.5
# Stretches shorter than this (seconds) are not told.
SHORTEST = 0.02
_ISOLATING = {"I": "isolated", "E": "environment ignored", "S": "no site"}
_INTERPRETERS = ("python", "pypy")


def stretches(shutdown: Shutdown, marks: Marks) -> tuple[Stretch, ...]:
    """Return the time until the main process's end, by what each look showed for the time since the look before."""
    end = _first(marks.killed, marks.main_exited, marks.exited)
    if end is None or end <= 0:
        return ()
    parts: list[Stretch] = []
    before: Sample | None = None
    at = 0.0
    for sample in shutdown.samples:
        if not at < sample.at <= end:
            before = sample if sample.at <= at else before
            continue
        parts.append(_activity(sample.at - at, before, sample))
        before, at = sample, sample.at
    if end > at:
        goes_on = parts and (marks.killed is not None or end - at < at)
        parts.append((parts[-1] if goes_on else Stretch(0.0, "unknown")).with_(seconds=end - at))
    if marks.exited is not None and marks.exited > end:
        parts.append(Stretch(marks.exited - end, "killed" if marks.killed is not None else "leftovers"))
    merged: list[Stretch] = []
    for part in parts:
        if merged and merged[-1].with_(seconds=part.seconds) == part:
            merged[-1] = part.with_(seconds=merged[-1].seconds + part.seconds)
        else:
            merged.append(part)
    return tuple(part for part in merged if part.seconds >= SHORTEST)


def _activity(seconds: float, before: Sample | None, now: Sample) -> Stretch:
    if before is not None and now.at > before.at and (now.cpu - before.cpu) / (now.at - before.at) > BUSY:
        return Stretch(seconds, "computing")
    if now.state == "D":
        return Stretch(seconds, "uninterruptible")
    if now.state in ("T", "t"):
        return Stretch(seconds, "stopped")
    if now.syscall:
        return Stretch(seconds, "system call", call=now.syscall)
    return Stretch(seconds, "computing" if now.state == "R" else "unknown")


def observations(shutdown: Shutdown) -> list[str]:
    """Return facts from outside worth a line: when it stopped to listen, connections left, CPU used, children."""
    samples = shutdown.samples
    lines: list[str] = []
    if len(samples) >= 2 and samples[-1].at > samples[0].at:
        used, span = samples[-1].cpu - samples[0].cpu, samples[-1].at - samples[0].at
        lines.append(
            f"it used {figure(max(used, 0.0))} of CPU in the {figure(span)} between the first and the last look"
        )
    listening = [sample for sample in samples if sample.listening is not None]
    if listening and listening[0].listening:
        closed = next((sample.at for sample in listening if not sample.listening), None)
        where = ", ".join(listening[0].listening[:3])
        lines.append(
            f"it still listened on {where} at the last look, {figure(listening[-1].at)} after the stop"
            if closed is None
            else f"it stopped listening on {where} by {figure(closed)}"
        )
    connected = [sample for sample in samples if sample.connections is not None]
    if connected and (connected[0].connections or connected[-1].connections):
        lines.append(
            f"connections: {connected[0].connections} at {figure(connected[0].at)}, "
            f"{connected[-1].connections} at {figure(connected[-1].at)}"
        )
    if samples and samples[-1].syscall and samples[-1].state != "R":
        lines.append(f"at the last look its main thread was in system call {samples[-1].syscall}")
    if samples and (count := samples[-1].children):
        lines.append(f"it had {count} child process{'' if count == 1 else 'es'} at the last look")
    return lines


def reason(shutdown: Shutdown, facts: AgentFacts) -> str | None:
    """Return why the agent did not speak, as far as the command line tells; None when nothing is worth saying."""
    if facts.reason:
        return facts.reason
    argv = shutdown.argv
    program = argv[0].rpartition("/")[2] if argv else ""
    if not program.startswith(_INTERPRETERS):
        return f"`{program}` is not a Python interpreter, or clears its environment" if program else None
    option = isolating(argv)
    if option is not None:
        return f"started with {option}, so the agent was not loaded"
    return (
        "the interpreter did not load it (before Python 3.8, frozen, or started again with -I or without PYTHONPATH)"
    )


def isolating(argv: tuple[str, ...]) -> str | None:
    """Return the interpreter's option that keeps the agent out: ``-I (isolated)``; None without one (python(1))."""
    if not argv or not argv[0].rpartition("/")[2].startswith(_INTERPRETERS):
        return None
    for option in argv[1:]:
        if not option.startswith("-") or option in ("-c", "-m", "-"):
            break
        found = next((letter for letter in _ISOLATING if letter in option), None)
        if found is not None and not option.startswith("--"):
            return f"-{found} ({_ISOLATING[found]})"
    return None


def _first(*instants: float | None) -> float | None:
    return next((at for at in instants if at is not None), None)
