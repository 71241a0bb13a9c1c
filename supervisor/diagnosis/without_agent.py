"""Tier 0: what can be said of any program's stop from /proc alone, and where that ends. Claims no cause."""

from __future__ import annotations

from supervisor.core.record import Stretch
from supervisor.diagnosis.phrases import figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import AgentFacts, Marks, Sample, Shutdown

# More than half of the time on the CPU: it computes rather than waits.
BUSY = 0.5
_INTERPRETERS = ("python", "pypy")


def stretches(shutdown: Shutdown, marks: Marks) -> tuple[Stretch, ...]:
    """The time until the main process's end, by what each look showed for the time since the look before."""
    end = _first(marks.killed, marks.main_exited, marks.exited)
    if end is None or end <= 0:
        return ()
    parts: list[tuple[float, str]] = []
    before: Sample | None = None
    at = 0.0
    for sample in shutdown.samples:
        if not at < sample.at <= end:
            before = sample if sample.at <= at else before
            continue
        parts.append((sample.at - at, _activity(before, sample)))
        before, at = sample, sample.at
    if end > at:
        last = parts[-1][1] if parts and (marks.killed is not None or end - at < at) else None
        parts.append((end - at, last or "unknown: no agent"))
    if marks.exited is not None and marks.exited > end:
        parts.append((marks.exited - end, "killed" if marks.killed is not None else "leftovers"))
    merged: list[tuple[float, str]] = []
    for seconds, what in parts:
        if merged and merged[-1][1] == what:
            merged[-1] = (merged[-1][0] + seconds, what)
        else:
            merged.append((seconds, what))
    return tuple(Stretch(seconds, what) for seconds, what in merged if seconds >= 0.02)


def _activity(before: Sample | None, now: Sample) -> str:
    if before is not None and now.at > before.at and (now.cpu - before.cpu) / (now.at - before.at) > BUSY:
        return "computing"
    if now.state == "D":
        return "uninterruptible"
    if now.state in ("T", "t"):
        return "stopped"
    if now.syscall:
        return f"system call {now.syscall}"
    return "computing" if now.state == "R" else "unknown: no agent"


def observations(shutdown: Shutdown) -> list[str]:
    """Facts from outside worth a line: when it stopped to listen, connections left, CPU used, children."""
    samples = shutdown.samples
    lines: list[str] = []
    if len(samples) >= 2 and samples[-1].at > samples[0].at:
        used, span = samples[-1].cpu - samples[0].cpu, samples[-1].at - samples[0].at
        lines.append(f"it used {figure(max(used, 0.0))} of CPU in the {figure(span)} between first and last look")
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
    """Why the agent did not speak, as far as the command line tells; None when nothing is worth saying."""
    if facts.reason:
        return facts.reason
    argv = shutdown.argv
    program = argv[0].rpartition("/")[2] if argv else ""
    if not program.startswith(_INTERPRETERS):
        return f"`{program}` is not a Python interpreter, or cleans its environment" if program else None
    for option in argv[1:]:
        if not option.startswith("-") or option in ("-c", "-m", "-"):
            break
        if not option.startswith("--"):
            for letter, what in (("I", "isolated"), ("E", "environment ignored"), ("S", "no site")):
                if letter in option:
                    return f"started with -{letter} ({what}), so the agent was not loaded"
    return (
        "the interpreter did not load it (before Python 3.8, frozen, or started again with -I or without PYTHONPATH)"
    )


def _first(*instants: float | None) -> float | None:
    return next((at for at in instants if at is not None), None)
