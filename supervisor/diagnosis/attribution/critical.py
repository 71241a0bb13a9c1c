"""The critical path: from the exit backwards, each stretch charged to the wait whose end ended it. Pure.

Forward attribution (who ended next?) gives the first of two parallel waits a part of what the longer one alone
is guilty of; so the walk goes backwards, as with any critical path: what ended last before this instant? Charge it
from its begin, continue there. What no evidence covers is a stretch of its own, named "unknown: between X and Y".
"""

from __future__ import annotations

from supervisor.diagnosis.attribution.processes import through_children
from supervisor.diagnosis.attribution.walk import SHORTEST, Piece, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Marks, PhaseSpan
    from supervisor.diagnosis.attribution.holds import Known
    from supervisor.diagnosis.evidence.model import Evidence


def critical_path(evidence: Evidence, known: Known, marks: Marks, spans: tuple[PhaseSpan, ...]) -> list[Piece]:
    """Return the pieces of the critical path in order of time; they do not overlap and lie within [0, exited]."""
    leader = evidence.leader
    end = marks.exited if marks.exited is not None else marks.main_exited
    if leader is None or end is None or end <= 0:
        return []
    pieces: list[Piece] = []
    at = end
    for name in ("leftovers", "killed", "finalize"):  # what is known from outside, or comes after Python's own end
        for span in spans:
            if span.name == name and span.start < at:
                pieces.append(Piece(name, span.start, at, name))
                at = span.start
    names = {span.name for span in spans}
    pieces += walk(evidence, known, leader, at, spans, died="finalize" not in names, killed="killed" in names)
    pieces.reverse()
    return _tidy(
        [part for piece in pieces for part in through_children(evidence, known, leader, piece, marks.killed)]
    )


def _tidy(pieces: list[Piece]) -> list[Piece]:
    """Join neighbours of one cause into one piece, and leave out what is too short to be told."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last is not None and _same(last, piece):
            longer = piece if piece.seconds > last.seconds else last
            merged[-1] = longer.with_(start=last.start, end=piece.end)
        elif piece.seconds >= SHORTEST:
            merged.append(piece)
    return merged


def _same(one: Piece, other: Piece) -> bool:
    if one.what != other.what or one.process is not other.process:
        return False
    if one.hold is None or other.hold is None:
        return one.hold is other.hold and one.phase == other.phase
    return one.hold.at == other.hold.at and one.hold.task is other.hold.task and one.hold.thread is other.hold.thread
