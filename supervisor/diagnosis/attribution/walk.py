"""One process from its end backwards: each stretch charged to the wait whose end ended it. Pure."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.attribution.endings import RULES, Ending, ended_in_turn, joined_until
from supervisor.diagnosis.attribution.graph import Graph, still_held
from supervisor.diagnosis.attribution.holds import CANCELLED, CLOSE, LIBRARY, Hold
from supervisor.diagnosis.attribution.nobody import main_task
from supervisor.diagnosis.attribution.timeline import phase_at
from supervisor.diagnosis.attribution.trace import Trace
from supervisor.diagnosis.evidence.model import Process, Task
from supervisor.diagnosis.evidence.notes import SignalReceived

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import PhaseSpan, StretchKind
    from supervisor.diagnosis.attribution.holds import Known
    from supervisor.diagnosis.evidence.model import Evidence

# Pieces shorter than this (seconds) are not told: the sampler does not see better.
SHORTEST = 0.02


class Piece(Frozen):
    """A stretch before it is told: ``what`` is a kind of wait, ``hold`` what is charged, if anything.

    ``via``: where the parents waited meanwhile for the process of the piece, the outermost first.
    """

    what: StretchKind
    start: float
    end: float
    phase: str
    hold: Hold | None = None
    process: Process | None = None
    via: tuple[Hold, ...] = ()

    @property
    def seconds(self) -> float:
        """Return the piece's length in seconds."""
        return self.end - self.start


def walk(
    evidence: Evidence,
    known: Known,
    process: Process,
    until: float,
    spans: tuple[PhaseSpan, ...],
    died: bool,
    killed: bool,
) -> list[Piece]:
    """Return the pieces of one process from ``until`` back to zero, the last first.

    ``died``: it never came to its interpreter's end; ``killed``: somebody cut it short.
    """
    mine = [hold for hold in known.get(process.pid, ()) if hold.start < hold.end]
    pieces: list[Piece] = []
    at = until
    held = still_held(Graph(evidence, None, known), process) if died else None
    if held is not None and held.rank >= LIBRARY and not killed:
        mine = _as_ended(mine, held)
    elif held is not None:
        pieces.append(_piece(held, max(held.start, 0.0), at, spans))
        at = max(held.start, 0.0)
    cut = _cut_at(process)
    cut_off = still_held(Graph(evidence, None, known), process) if cut is not None else None
    mine = [hold for hold in mine if not hold.open]
    if cut_off is not None and cut is not None and cut_off.start < cut < at + CLOSE:
        mine.append(cut_off.with_(open=False, end=cut))
    trace = Trace(process, mine)
    visited: set[tuple[Task, float]] = set()
    task = held.task if pieces and held is not None else trace.ended_at(at)
    turn = False  # it is known that it was the task's turn, though not what woke it
    while at > SHORTEST:
        back = trace.back(task, at) if task is not None else None
        if back is not None and (back.task, back.at) not in visited:  # tasks that woke one another at one instant
            visited.add((back.task, back.at))
            if back.hold is not None:
                pieces.append(_piece(back.hold, max(back.at, 0.0), at, spans))
            at, task, turn = min(back.at, at), back.task, back.hold is None
            continue
        ending = Ending(mine, at, spans, pieces[-1].hold if pieces else None)
        hold = ended_in_turn(ending, task) if turn and task is not None else None
        hold = hold or next((found for rule in RULES if (found := rule(ending)) is not None), None)
        if hold is not None:
            start = max(hold.start, joined_until(mine, hold, at), 0.0)
            pieces.append(_piece(hold, start, at, spans))
        else:
            ends = [hold.end for hold in mine if hold.end < at - CLOSE and hold.rank <= CANCELLED]
            starts = [span.start for span in spans if span.start < at - CLOSE]
            start = max([0.0, *ends, *starts])
            pieces.append(Piece("unknown", start, at, phase_at(spans, (start + at) / 2)))
        at = start
        turn = False
        task = trace.ended_at(at) or (hold.task if hold is not None and hold.task is not None else task)
    return pieces


def _as_ended(mine: list[Hold], held: Hold) -> list[Hold]:
    """Return what the process waited for before it left by itself: whatever of that had ended.

    One that was cancelled had ended.
    """
    followed = held.rank == CANCELLED
    kept = [hold for hold in mine if hold is held or not hold.open or (hold.rank == CANCELLED and not followed)]
    return [hold.with_(open=False) for hold in kept]


def _cut_at(process: Process) -> float | None:
    """Return when a further stop request broke off what the event loop was running (KeyboardInterrupt,
    SystemExit).
    """
    main = main_task(process)
    if main is None or main.done_at is not None:
        return None
    for phase in process.phases:
        if phase.name in ("loop-close", "thread-join") and phase.at > CLOSE:
            asked = [note for note in process.of(SignalReceived) if phase.at - 2 * CLOSE < note.at <= phase.at]
            return phase.at if asked else None
    return None


def _piece(hold: Hold, start: float, end: float, spans: tuple[PhaseSpan, ...]) -> Piece:
    middle = (max(start, hold.start) + min(end, hold.end)) / 2
    return Piece(hold.what, start, end, phase_at(spans, middle), hold, hold.process)
