"""Explains one shutdown: (record, agent messages) -> marks, phases, critical path, findings. Pure."""

from __future__ import annotations

from supervisor.core.record import AgentFacts, Explanation, Stretch
from supervisor.diagnosis import findings, without_agent
from supervisor.diagnosis.attribution import timeline
from supervisor.diagnosis.attribution.critical import critical_path
from supervisor.diagnosis.attribution.holds import all_holds
from supervisor.diagnosis.evidence.frames import where
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.evidence.notes import AgentError, Snapshot
from supervisor.diagnosis.findings.case import Case
from supervisor.diagnosis.findings.rank import ranked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.record import Marks, PhaseSpan, Shutdown
    from supervisor.diagnosis.attribution.walk import Piece
    from supervisor.diagnosis.evidence.frames import Sources
    from supervisor.diagnosis.evidence.model import Evidence, Process


def explain(
    shutdown: Shutdown,
    messages: Sequence[AgentMessage],
    sources: Sources,
    environ: Mapping[str, str] | None = None,
) -> Explanation:
    """Explain why the worker ended as it did.

    ``messages``: of all processes of this worker, in any order, with their true pids. ``sources(file, line)``
    gives a line's text, None when it cannot be read. ``environ``: the worker's environment.

    The result counts from its own ``zero``: a worker that ended
    by itself began to end before its record's zero.
    """
    evidence = gather(messages, shutdown.zero, shutdown.pid, shutdown.marks.exited)
    shutdown, moved = _from_the_beginning(shutdown, evidence)
    if moved:
        evidence = gather(messages, shutdown.zero, shutdown.pid, shutdown.marks.exited)
    facts = _facts(shutdown, evidence)
    shutdown = shutdown.with_(agent=facts)
    marks = timeline.marks(shutdown, evidence.leader)
    spans = timeline.phases(marks, evidence.leader)
    end = next((span.start for span in spans if span.name in ("killed", "leftovers")), marks.exited)
    known = all_holds(evidence, end, sources)
    pieces = critical_path(evidence, known, marks, spans)
    case = Case(shutdown, evidence, known, marks, spans, pieces, sources, environ)
    path = tuple(_stretch(case, piece) for piece in pieces)
    if evidence.leader is None:
        path = without_agent.stretches(shutdown, marks)
    found = ranked(case, findings.claims(case))
    return Explanation(shutdown.zero, marks, facts, spans, path, found, shutdown.direct_signal)


def explained(
    shutdown: Shutdown,
    messages: Sequence[AgentMessage],
    sources: Sources,
    environ: Mapping[str, str] | None = None,
) -> Shutdown:
    """Return the record with its explanation filled in, every instant counted from the explanation's zero."""
    told = explain(shutdown, messages, sources, environ)
    return _shifted(shutdown, told.zero - shutdown.zero).with_(
        zero=told.zero,
        marks=told.marks,
        phases=told.phases,
        critical_path=told.critical_path,
        findings=told.findings,
        agent=told.agent,
        direct_signal=told.direct_signal,
    )


def _from_the_beginning(shutdown: Shutdown, evidence: Evidence) -> tuple[Shutdown, bool]:
    """Move zero of a worker that began to end before we asked it to, or that we did not ask at all.

    Zero is then the stop signal that reached it past us, else the begin of its teardown (docs/architecture.md,
    "Vocabulary").
    """
    asked = shutdown.marks.asked is not None
    direct = (timeline.began_earlier if asked else _directly(shutdown))(evidence.leader)
    if direct is not None:
        at, signal = direct
        shutdown = _shifted(shutdown, at).with_(zero=shutdown.zero + at, direct_signal=signal)
        return shutdown.with_(marks=shutdown.marks.with_(asked=0.0)), True
    begun = timeline.teardown_began(evidence.leader)
    if asked or begun is None or begun >= 0.0:
        return shutdown, False
    return _shifted(shutdown, begun).with_(zero=shutdown.zero + begun), True


def _directly(shutdown: Shutdown) -> Callable[[Process | None], tuple[float, int] | None]:
    return lambda process: timeline.signalled_directly(process, shutdown)


def _shifted(shutdown: Shutdown, by: float) -> Shutdown:
    if by == 0.0:
        return shutdown

    def move(at: float | None) -> float | None:
        return None if at is None else max(at - by, 0.0)

    marks = shutdown.marks
    return shutdown.with_(
        marks=marks.with_(
            asked=move(marks.asked),
            noticed=move(marks.noticed),
            drained=move(marks.drained),
            cleaned=move(marks.cleaned),
            killed=move(marks.killed),
            main_exited=move(marks.main_exited),
            exited=move(marks.exited),
        ),
        escalation=tuple(climb.with_(at=max(climb.at - by, 0.0)) for climb in shutdown.escalation),
        samples=tuple(sample.with_(at=max(sample.at - by, 0.0)) for sample in shutdown.samples),
    )


def _facts(shutdown: Shutdown, evidence: Evidence) -> AgentFacts:
    process = evidence.leader
    if process is None:
        return AgentFacts(present=False, reason=without_agent.reason(shutdown, shutdown.agent))
    name = next((loop.type for note in process.of(Snapshot) for loop in note.loops if loop.type), None)
    lost = sum(p.dropped + p.lost for p in evidence.processes.values())
    failed = next((note for p in evidence.processes.values() for note in p.of(AgentError)), None)
    reason = f"a part of it failed: {failed.where}: {failed.error}" if failed else None
    return AgentFacts(True, process.python, name.partition(".")[0] if name else None, lost, reason)


def _stretch(case: Case, piece: Piece) -> Stretch:
    """Return the piece as it is told; one that nothing covers says between which two events it lies."""
    hold = piece.hold
    at = None
    if hold is not None and hold.at is not None:
        task = hold.task.name if hold.task is not None else None
        thread = hold.thread.name if hold.thread is not None else None
        at = where(hold.at, case.sources, hold.process.cwd, task, thread)
    told = Stretch(piece.seconds, piece.what, at)
    if piece.what == "unknown":
        first, last = (_event(case.marks, case.spans, at) for at in (piece.start, piece.end))
        return told.with_(between=(first, last))
    if piece.what == "task" and hold is not None and hold.wait is not None and hold.wait.handling:
        return told.with_(kind="task cleanup")
    if piece.what == "main" and piece.process is not None and piece.process is not case.leader:
        return told.with_(kind="child main", pid=piece.process.pid)
    return told


_BEGINS = {
    "signal": "the stop request",
    "drain": "the signal handler",
    "cancel": "the end of main",
    "asyncgens": "the closing of generators",
    "executor": "the wait for the executor",
    "loop-close": "the closing of the loop",
    "after-loop": "the end of the loop",
    "thread-join": "the wait for threads",
    "atexit": "the atexit handlers",
    "finalize": "the interpreter's end",
    "killed": "SIGKILL",
    "leftovers": "the exit of the main process",
}


def _event(marks: Marks, spans: tuple[PhaseSpan, ...], at: float) -> str:
    """Return what happened at this instant, in words."""
    if at <= 0.001:
        return "the stop request" if marks.asked is not None else "the beginning of the teardown"
    for span in spans:
        if abs(span.start - at) < 0.005:
            return _BEGINS.get(span.name, span.name)
    if marks.exited is not None and abs(marks.exited - at) < 0.005:
        return "the exit"
    return f"{at:.2f} s"
