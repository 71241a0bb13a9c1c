"""What the process did with the stop signal by its disposition: died of it, ignored it, raised it again."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.diagnosis.attribution.nobody import main_task
from supervisor.diagnosis.attribution.timeline import received
from supervisor.diagnosis.evidence.frames import place
from supervisor.diagnosis.evidence.notes import Snapshot
from supervisor.diagnosis.findings.case import Case, Claim, users
from supervisor.diagnosis.phrases import another_signal, at_line, figure, named, pending_names, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.core.record import Severity
    from supervisor.diagnosis.evidence.model import Process

# A handler of a process that is not held up runs within a few milliseconds; a busy machine may take a hundred.
LATE = 0.3
# A handler that leaves the process from where it stood does so within so many seconds.
HANDLED = 0.05
# A further signal that comes so soon is the same request (seconds), not the next rung of the ladder.
SAME_REQUEST = 0.1


def died_at_once(case: Case) -> Iterable[Claim]:
    """Find that the default action of the stop signal ended the process."""
    shutdown, signal = case.shutdown, case.asked_with
    if signal in (None, signum.KILL, signum.STOP) or shutdown.signal != signal or shutdown.masks is None:
        return
    if shutdown.masks.disposition(signal) != "default":
        return
    process = case.leader if case.leader is not None and case.leader.pid == shutdown.pid else None
    name = signal_name(signal)
    claim = Claim("no-signal-handler", "note", ("signal",), signal=name, lost="", who="the process").advise("handle")
    claim.seconds = 0.0
    claim.proof.append(f"{name} had its default action (SigCgt, proc(5)); died of it")
    if process is not None:
        claim.severity = lost_in_flight(process, claim)
    elif shutdown.samples and shutdown.samples[0].connections:
        claim.severity = "warning"
        claim.proof.append(f"{shutdown.samples[0].connections} connections were open")
    yield claim


def lost_in_flight(process: Process, claim: Claim) -> Severity:
    """Write what was lost into the rule's own claim; how bad that is."""
    main = main_task(process)
    own = users([task for task in process.tasks.values() if task.done_at is None])
    others = [task for task in own if task is not main]
    busy = [told for note in process.of(Snapshot)[-1:] for told in note.threads if told.state == "executor"]
    first = others[0] if others else main if main in own else None
    claim.at(process, first.last_at if first else None, first.name if first else None)
    claim.proof += [f"{named(task)} was {at_line(task.last_at) or 'not started'}" for task in own[:6]]
    claim.proof += [f"{told.name} ran {place(told.at)}" for told in busy[:3] if told.at]
    if main is not None and own:
        claim.words["lost"] = f", {pending_names(own)} under way"
    if others or busy:
        return "error"
    return "warning" if own else "note"


def ignored(case: Case) -> Iterable[Claim]:
    """Find that the stop signal was ignored or blocked, and the escalation had to go on."""
    shutdown, signal = case.shutdown, case.asked_with
    if signal is None or shutdown.masks is None or not shutdown.escalation[0].delivered:
        return
    blocked = shutdown.masks.blocks(signal)
    how = "ignored" if shutdown.masks.disposition(signal) == "ignored" else "blocked" if blocked else None
    if how is None:
        return
    later = [climb.at for climb in shutdown.escalation if climb.signal != signal or climb.at > SAME_REQUEST]
    if not later and not case.killed:
        return
    seconds = min(later) if later else case.until
    claim = Claim(
        "signal-ignored", "error" if case.killed else "warning", ("signal",),
        signal=signal_name(signal), how=how, seconds=figure(seconds),
        other=another_signal(shutdown.masks, signal),
    ).at(case.leader, None)  # fmt: skip
    claim.advise("keyboard" if signal in (signum.INT, signum.QUIT) and how == "ignored" else "reset")
    claim.seconds = min(seconds, case.until)
    bits = "SigIgn" if how == "ignored" else "SigBlk"
    claim.proof.append(f"{bits} of process {shutdown.pid} had {signal_name(signal)} before it was sent (proc(5))")
    first = case.leader.first if case.leader is not None else None
    handler = first.handler(signal) if first is not None and how == "ignored" else None
    if handler is not None and handler.by is not None:
        claim.at(case.leader, handler.by)
        claim.proof.append(f"set at {place(handler.by)}")
    yield claim


def raised_again(case: Case) -> Iterable[Claim]:
    """Find that the process handled the signal, drained, and then died of the same signal by its own hand."""
    shutdown, signal, process = case.shutdown, case.asked_with, case.leader
    if signal is None or shutdown.signal != signal or process is None or process.pid != shutdown.pid:
        return
    if shutdown.masks is None or shutdown.masks.disposition(signal) != "caught" or case.killed:
        return
    own = process.own_death
    if process.phase_start("finalize") is not None or (own is None and received(process, 0.0) is None):
        return
    claim = Claim("exit-by-reraised-signal", "note", ("reraised",), signal=signal_name(signal))
    claim.at(process, own.by if own else None)
    claim.proof.append("its handler ran, no finalization was seen, and it died of the same signal")
    if own and own.by:
        claim.proof.append(f"raised at {place(own.by)}")
    yield claim
