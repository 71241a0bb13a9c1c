"""Claims -> findings: one finding a cause, the worst and costliest first, the rest folded under `also`."""

from __future__ import annotations

from supervisor.core.record import Finding
from supervisor.diagnosis.evidence.frames import line_of, origin, where
from supervisor.diagnosis.findings.codes import CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisor.diagnosis.evidence.frames import Frame
    from supervisor.diagnosis.findings.case import Case, Claim

_BAD = {"error": 0, "warning": 1, "note": 2}
# Of several claims with one cause, the one that says most comes first; what is not listed comes after.
_TELLING = (
    "signal-ignored", "handler-displaced", "no-signal-handler", "handler-not-run", "waits-for-nobody",
    "server-wait-closed", "shielded-work-cut", "task-created-in-cancel-handler", "exit-without-cleanup",
    "loop-stopped-with-pending-tasks", "loop-closed-with-pending-tasks", "output-blocked", "waits-for-child",
    "cancel-swallowed", "slow-asyncgen", "executor-outlives-loop",
)  # fmt: skip
_HOLD_BACK = frozenset({"loop-blocked", "main-thread-busy", "output-blocked"})
# These explain why SIGKILL was needed even where nothing is charged to them.
_WAITERS = frozenset({"slow-task", "main-thread-busy", "non-daemon-thread", "executor-busy", "waits-for-nobody"})
_EXPLAIN_KILL = frozenset({"signal-ignored", "handler-displaced", "handler-not-run"})


def ranked(case: Case, claims: list[Claim]) -> tuple[Finding, ...]:
    """The findings in the order they are to be read."""
    groups: dict[Hashable, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(_group(claim, claims), []).append(claim)
    leaders: list[tuple[Claim, list[Claim]]] = []
    for group in groups.values():
        group.sort(key=_most_telling)
        leaders.append((group[0], group[1:]))
    leaders = _fold_kill(case, leaders)
    leaders = _fold_held_back(leaders)
    leaders = _fold_transports(leaders)
    leaders.sort(key=lambda pair: _worst_first(pair[0]))
    return tuple(_finding(case, leader, rest) for leader, rest in leaders)


def _group(claim: Claim, claims: list[Claim]) -> Hashable:
    """Claims about one task belong together, whatever line of it they name, unless each held the exit for long."""
    cause = claim.cause
    if not isinstance(cause, tuple) or len(cause) < 3 or cause[0] not in ("task", "thread"):
        return cause
    same = [other for other in claims if isinstance(other.cause, tuple) and other.cause[:3] == cause[:3]]
    longest = max((other.seconds or 0.0 for other in same), default=0.0)
    apart = (claim.seconds or 0.0) >= max(0.3 * longest, 0.1) and (claim.seconds or 0.0) < longest
    return cause if apart else cause[:3]


def _worst_first(claim: Claim) -> tuple[int, bool, float, tuple[float, int, float]]:
    """That SIGKILL was needed is known anyway: of several errors the one that names a place comes first."""
    bare = claim.code == "killed" and claim.frame is None
    return _BAD[claim.severity], bare, -(claim.seconds or 0.0), _most_telling(claim)


def _most_telling(claim: Claim) -> tuple[float, int, float]:
    place = _TELLING.index(claim.code) if claim.code in _TELLING else len(_TELLING)
    return -1.0 if (claim.seconds or 0.0) > 0.0 else 0.0, place, -(claim.seconds or 0.0)


def _fold_kill(case: Case, leaders: list[tuple[Claim, list[Claim]]]) -> list[tuple[Claim, list[Claim]]]:
    """SIGKILL is the consequence of what held the exit until then; it stands alone when nothing is known to."""
    kill = next((pair for pair in leaders if pair[0].code == "killed"), None)
    if kill is None:
        return leaders
    causes = [pair for pair in leaders if pair is not kill and _explains_kill(case, pair[0])]
    nothing_began = any("no task moved" in line for line in kill[0].proof)
    plain = [pair for pair in causes if pair[0].code in ("slow-task", "waits-for-nobody")]
    if nothing_began and plain and len(plain) == len(causes):
        # The handler ended nothing: whoever waited at that time is not to blame.
        kill[1].extend(claim for pair in plain for claim in (pair[0], *pair[1]))
        return [pair for pair in leaders if pair not in plain]
    if not causes:
        return leaders
    best = max(causes, key=lambda pair: (pair[0].code in _EXPLAIN_KILL, pair[0].seconds or 0.0))
    if not case.shutdown.hurried:
        best[0].severity = "error"
    best[1].insert(0, kill[0])
    dropped = [kill]
    if best[0].code in _EXPLAIN_KILL:  # then nobody was told to end: whoever still waited is not to blame
        waiters = [pair for pair in causes if pair[0].code in _WAITERS and pair is not best]
        best[1].extend(claim for pair in waiters for claim in (pair[0], *pair[1]))
        dropped += waiters
    return [pair for pair in leaders if pair not in dropped]


def _explains_kill(case: Case, claim: Claim) -> bool:
    if claim.code in _EXPLAIN_KILL and claim.severity != "note":
        return True
    held = claim.severity == "error" or case.shutdown.hurried
    return held and (claim.seconds or 0.0) >= 0.3 * case.until


def _same_place(claim: Claim, late: Claim) -> bool:
    """Another thread that kept the GIL."""
    return (
        claim is not late and claim.frame is not None and claim.frame == late.frame and claim.process is late.process
    )


def _fold_held_back(leaders: list[tuple[Claim, list[Claim]]]) -> list[tuple[Claim, list[Claim]]]:
    """A blocked loop or a busy main thread is why the handler did not run: one cause, named by what blocked."""
    late = next((pair for pair in leaders if pair[0].code == "handler-not-run"), None)
    if late is None:
        return leaders
    blocker = next((pair for pair in leaders if pair[0].code in _HOLD_BACK or _same_place(pair[0], late[0])), None)
    if blocker is None:
        return leaders
    if late[0].words.get("never"):  # not even Python's own handler ran: a thread would not have helped
        late[1].extend([blocker[0], *blocker[1]])
        return [pair for pair in leaders if pair is not blocker]
    blocker[1].append(late[0])
    if _BAD[late[0].severity] < _BAD[blocker[0].severity]:
        blocker[0].severity = late[0].severity
    return [pair for pair in leaders if pair is not late]


def _fold_transports(leaders: list[tuple[Claim, list[Claim]]]) -> list[tuple[Claim, list[Claim]]]:
    """Transports stay open because their tasks were left or their server was not closed: the same cause."""
    open_ones = [pair for pair in leaders if pair[0].code == "unclosed-transport" and pair[0].severity == "note"]
    causes = ("task-created-in-cancel-handler", "loop-closed-with-pending-tasks", "loop-stopped-with-pending-tasks",
              "exit-without-cleanup", "server-wait-closed")  # fmt: skip
    owner = next((pair for pair in leaders if pair[0].code in causes), None)
    if owner is None:
        return leaders
    for pair in open_ones:
        owner[1].append(pair[0])
    return [pair for pair in leaders if pair not in open_ones]


def _finding(case: Case, claim: Claim, rest: list[Claim]) -> Finding:
    row = CODES[claim.code]
    cwd = claim.process.cwd if claim.process is not None else None
    seconds = None if claim.seconds is None else max(0.0, min(claim.seconds, case.shutdown.total or claim.seconds))
    also: list[str] = []
    for other in rest:
        if other.code == claim.code and other.task == claim.task and not other.seconds:
            continue  # the same said twice, once by what it cost and once by how it ended
        line = f"{other.code}: {_title(other)}"
        if other.frame is not None and other.frame != claim.frame and line_of(other.frame) not in line:
            line += f" ({line_of(other.frame)})"
        if line not in also:
            also.append(line)
    return Finding(
        code=claim.code,
        severity=claim.severity,
        title=_title(claim),
        advice=_filled(row.advice, claim.words),
        seconds=seconds,
        where=where(_telling(claim.frame), case.sources, cwd, claim.task, claim.thread),
        proof=tuple(dict.fromkeys(claim.proof)),
        also=tuple(also),
    )


def _telling(frame: Frame | None) -> Frame | None:
    """A place that somebody can change: a line of the standard library is none, the proof has it."""
    return frame if frame is not None and origin(frame[0]) != "stdlib" else None


def _title(claim: Claim) -> str:
    return _filled(CODES[claim.code].title, claim.words)


def _filled(template: str, words: dict[str, str]) -> str:
    """``str.format`` for names alone: a task called ``{0}`` must not be read as a template."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        text += words.get(name, "?") + rest
    return text
