"""Claims -> findings: one finding a cause, the worst and costliest first, the rest folded under `also`."""

from __future__ import annotations

from itertools import pairwise

from supervisor.core.frozen import Frozen
from supervisor.core.record import Finding
from supervisor.diagnosis.attribution.holds import Hold
from supervisor.diagnosis.evidence.frames import Frame, line_of, package, place, where
from supervisor.diagnosis.evidence.model import ON_OTHERS
from supervisor.diagnosis.findings import already, libraries
from supervisor.diagnosis.findings.case import Claim, is_users
from supervisor.diagnosis.findings.codes import CODES
from supervisor.diagnosis.findings.ladder import ladder, links
from supervisor.diagnosis.limits import started_server
from supervisor.diagnosis.phrases import at_line, several, task_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from supervisor.core.record import Severity
    from supervisor.diagnosis.attribution.graph import Step
    from supervisor.diagnosis.findings.case import Case

_BAD = {"error": 0, "warning": 1, "note": 2}
# Of several claims with one cause, the one that says most comes first; what is not listed comes after.
_TELLING = (
    "signal-ignored", "handler-displaced", "no-signal-handler", "handler-not-run", "waits-for-nobody",
    "server-wait-closed", "shielded-work-cut", "task-created-in-cancel-handler", "exit-without-cleanup",
    "loop-stopped-with-pending-tasks", "loop-closed-with-pending-tasks", "output-blocked", "killed",
    "waits-for-child", "cancel-swallowed", "slow-asyncgen", "executor-outlives-loop",
)  # fmt: skip
_HOLD_BACK = frozenset({"loop-blocked", "main-thread-busy", "output-blocked"})
# These explain why SIGKILL was needed even where nothing is charged to them.
_WAITERS = frozenset({"slow-task", "main-thread-busy", "non-daemon-thread", "executor-busy", "waits-for-nobody"})
_EXPLAIN_KILL = frozenset({"signal-ignored", "handler-displaced", "handler-not-run"})
# What held the exit for less than this share of the time until SIGKILL is not why SIGKILL was needed.
_MUCH = 0.3
# Who held the exit for more than this share is, also when it had ended just before.
_MOST = 0.5
# Claims about one task stand apart when each held the exit for a good share of the longest, and for so many seconds.
_APART = 0.3
_APART_AT_LEAST = 0.1
# Since this minor version of Python 3 the end of a `with` block has the line of its `with`.
WITH_LINE = 10
_EXITS = frozenset({"__exit__", "__aexit__"})


class Group(Frozen):
    """Claims of one cause: the one that is told, how bad it is, and what is said beside it."""

    leader: Claim
    severity: Severity
    rest: tuple[Claim, ...] = ()

    def taking(self, *others: Group) -> Group:
        """Return the group with the others beside it."""
        return self.with_(rest=self.rest + tuple(claim for other in others for claim in (other.leader, *other.rest)))


def ranked(case: Case, claims: list[Claim]) -> tuple[Finding, ...]:
    """Return the findings in the order they are to be read."""
    by_cause: dict[Hashable, list[Claim]] = {}
    for claim in claims:
        by_cause.setdefault(_cause(claim, claims), []).append(claim)
    groups = []
    for members in by_cause.values():
        leader, *rest = sorted(members, key=_most_telling)
        groups.append(Group(leader, leader.severity, tuple(rest)))
    groups = fold_kill(case, groups)
    for fold in FOLDS:
        groups = fold(groups)
    return tuple(_finding(case, group) for group in sorted(groups, key=_worst_first))


def _cause(claim: Claim, claims: list[Claim]) -> Hashable:
    """Return what claims of one cause have in common: those about one task belong together, whatever line of it they
    name, unless each held the exit for long.
    """
    cause = claim.cause
    if not isinstance(cause, tuple) or len(cause) < 3 or cause[0] not in ("task", "thread"):
        return cause
    same = [other for other in claims if isinstance(other.cause, tuple) and other.cause[:3] == cause[:3]]
    longest = max((other.seconds or 0.0 for other in same), default=0.0)
    apart = claim.code != "killed" and max(_APART * longest, _APART_AT_LEAST) <= (claim.seconds or 0.0) < longest
    return cause if apart else cause[:3]


def _worst_first(group: Group) -> tuple[int, bool, float, tuple[float, int, float]]:
    """Return the order of a group.

    That SIGKILL was needed is known anyway: of several errors the one that names a place comes first.
    """
    claim = group.leader
    bare = claim.code == "killed" and claim.frame is None
    return _BAD[group.severity], bare, -(claim.seconds or 0.0), _most_telling(claim)


def _most_telling(claim: Claim) -> tuple[float, int, float]:
    place = _TELLING.index(claim.code) if claim.code in _TELLING else len(_TELLING)
    return -1.0 if (claim.seconds or 0.0) > 0.0 else 0.0, place, -(claim.seconds or 0.0)


# ------------------------------------------------------------------ what is one cause after all


def fold_kill(case: Case, groups: list[Group]) -> list[Group]:
    """Fold SIGKILL into what held the exit until then, of which it is the consequence; it stands alone when no cause
    is known.
    """
    kill = next((group for group in groups if group.leader.cause == ("killed",)), None)
    if kill is None:
        return groups
    causes = [group for group in groups if group is not kill and _explains_kill(case, group)]
    plain = [group for group in causes if group.leader.code in ("slow-task", "waits-for-nobody")]
    if kill.leader.unanswered and plain and len(plain) == len(causes):
        # The handler ended nothing: whoever waited at that time is not to blame.
        return _replaced(groups, kill, kill.taking(*plain), plain)
    if not causes:
        return groups
    best = max(causes, key=lambda group: (group.leader.code in _EXPLAIN_KILL, group.leader.seconds or 0.0))
    told = best.with_(rest=(kill.leader, *best.rest, *kill.rest))
    if not case.shutdown.hurried:
        told = told.with_(severity="error")
    dropped = [kill]
    if best.leader.code in _EXPLAIN_KILL:  # then nobody was told to end: whoever still waited is not to blame
        waiters = [group for group in causes if group.leader.code in _WAITERS and group is not best]
        told = told.taking(*waiters)
        dropped += waiters
    return _replaced(groups, best, told, dropped)


def _explains_kill(case: Case, group: Group) -> bool:
    if group.leader.code in _EXPLAIN_KILL and group.leader.code != "handler-not-run" and group.severity != "note":
        return True  # that a handler ran late explains no more than the time until it ran
    long = group.severity == "warning" and (group.leader.seconds or 0.0) >= _MOST * case.until
    held = group.severity == "error" or case.shutdown.hurried or long
    return held and (group.leader.seconds or 0.0) >= _MUCH * case.until


def fold_held_back(groups: list[Group]) -> list[Group]:
    """Fold a handler that did not run into the blocked loop or the busy main thread: one cause, named by what
    blocked.
    """
    late = next((group for group in groups if group.leader.code == "handler-not-run"), None)
    if late is None:
        return groups
    found = (group for group in groups if group.leader.code in _HOLD_BACK or _same_place(group.leader, late.leader))
    blocker = next(found, None)
    if blocker is None:
        return groups
    if late.leader.unanswered:  # not even Python's own handler ran: a thread would not have helped
        return _replaced(groups, late, late.taking(blocker), [blocker])
    worse = min(blocker.severity, late.severity, key=_BAD.__getitem__)
    return _replaced(groups, blocker, blocker.with_(severity=worse, rest=(*blocker.rest, late.leader)), [late])


def _same_place(claim: Claim, late: Claim) -> bool:
    """Return whether the claim is another thread's that kept the GIL."""
    return (
        claim is not late and claim.frame is not None and claim.frame == late.frame and claim.process is late.process
    )


def fold_transports(groups: list[Group]) -> list[Group]:
    """Fold open transports into tasks that were left or a server that was not closed: the same cause."""
    open_ones = [group for group in groups if group.leader.code == "unclosed-transport" and group.severity == "note"]
    causes = ("task-created-in-cancel-handler", "loop-closed-with-pending-tasks", "loop-stopped-with-pending-tasks",
              "exit-without-cleanup", "server-wait-closed")  # fmt: skip
    owner = next((group for group in groups if group.leader.code in causes), None)
    if owner is None:
        return groups
    beside = tuple(group.leader for group in open_ones)
    return _replaced(groups, owner, owner.with_(rest=owner.rest + beside), open_ones)


def fold_cut(groups: list[Group]) -> list[Group]:
    """Fold a job that was cut into one claim, also where it held the exit before: that it was lost is the one thing
    to tell.
    """
    cut = next(
        (group for group in groups if group.leader.code == "work-cut-short" and group.severity == "error"), None
    )
    if cut is None or cut.leader.thread is None:
        return groups
    same = [group for group in groups if group is not cut and _is_that_job(group.leader, cut.leader)]
    return _replaced(groups, cut, cut.taking(*same), same)


def _is_that_job(claim: Claim, cut: Claim) -> bool:
    """Return whether a claim is about the job that was cut: about its thread, or about who waited for it."""
    if claim.process is not cut.process:
        return False
    return claim.thread == cut.thread or claim.words.get("job", "").endswith(f" {cut.words['work']}")


FOLDS: tuple[Callable[[list[Group]], list[Group]], ...] = (fold_held_back, fold_transports, fold_cut)


def _replaced(groups: list[Group], old: Group, new: Group, without: list[Group]) -> list[Group]:
    return [new if group is old else group for group in groups if group is old or group not in without]


# ------------------------------------------------------------------ as it is told


def _finding(case: Case, group: Group) -> Finding:
    claim = group.leader
    row = CODES[claim.code]
    cwd = claim.process.cwd if claim.process is not None else None
    steps = ladder(case, claim.piece) if claim.piece is not None else ()
    at = _place(case, claim, steps)
    seconds = None if claim.seconds is None else max(0.0, min(claim.seconds, case.shutdown.total or claim.seconds))
    also: list[str] = []
    for other in group.rest:
        if other.code == claim.code and other.task == claim.task and not other.seconds:
            continue  # the same said twice, once by what it cost and once by how it ended
        line = f"{other.code}: {_title(other)}"
        if other.frame is not None and other.frame != claim.frame and line_of(other.frame) not in line:
            line += f" ({line_of(other.frame)})"
        if line not in also:
            also.append(line)
    return Finding(
        code=claim.code,
        severity=group.severity,
        title=_title(claim),
        advice=" ".join(
            (_filled(row.advised(already.hint(case, claim)), claim.words), *_of_libraries(case, claim, steps))
        ),
        seconds=seconds,
        where=where(_telling(at.frame), case.sources, cwd, at.task, at.thread),
        proof=tuple(dict.fromkeys((*claim.proof, *at.beside))),
        also=tuple(also),
        chain=links(case, claim.piece, steps) if claim.piece is not None else (),
    )


def _of_libraries(case: Case, claim: Claim, steps: tuple[Step, ...]) -> list[str]:
    """Return what the servers and libraries on the chain offer, as a list of one or none."""
    stacks = [step.hold.wait.stack for step in steps if step.hold.wait is not None]
    stacks += [step.hold.block.stack for step in steps if step.hold.block is not None]
    tasks = claim.process.tasks.values() if claim.process is not None and not steps else ()
    stacks += [wait.stack for task in tasks if task.name == claim.task for wait in task.waits[-1:]]
    frames = [frame for stack in stacks for frame in stack] + ([claim.frame] if claim.frame is not None else [])
    started = started_server(case.shutdown.argv)
    packages = [*([started] if started else []), *(name for frame in frames if (name := package(frame.file)))]
    to_group = any(climb.target == "group" for climb in case.shutdown.escalation[:1])
    if claim.code != "work-cut-short":  # who cut a task at a limit of its own has one
        tasks_on = [step.hold.task for step in steps if step.hold.task is not None]
        cutters = {package(task.cancelled_by.file) for task in tasks_on if task.cancelled_by is not None}
        packages = [name for name in packages if name not in cutters]
    told = libraries.advice(claim.code, packages, case.shutdown.argv, case.environ, to_group)
    return [told] if told and claim.hint != "main-only" else []


class _Place(Frozen):
    """Where a finding is, and what is to be said beside the place."""

    frame: Frame | None
    task: str | None
    thread: str | None
    beside: tuple[str, ...] = ()


def _place(case: Case, claim: Claim, steps: tuple[Step, ...]) -> _Place:
    """Return the claim's own place; where that is no line of the user's, the innermost one on the chain to it."""
    leaf = steps[-1].hold.at if steps else None
    beside = (f"in {place(leaf)}",) if leaf is not None and leaf.origin == "library" else ()
    own = _Place(claim.frame, claim.task, claim.thread, beside if leaf != claim.frame else ())
    if claim.frame is None or claim.piece is None:
        return own
    if claim.frame.users:
        holder = next((step.hold for step in steps if step.how == "holds" and step.hold.at == claim.frame), None)
        if holder is not None and holder.kind in ON_OTHERS:
            return _where_it_took(case, own, holder)
        return _where_it_leaves(case, own, claim)
    process = claim.process
    users = [step.hold for step in steps if step.hold.users and step.hold.process is process]
    if users:
        hold = users[-1]
        task, thread = hold.task, hold.thread
        return _Place(hold.at, task.name if task else None, thread.name if thread else None, beside)
    charged = claim.piece.hold
    by = charged.thread.started_by if charged is not None and charged.thread is not None else None
    if by is not None:
        told = f"no line of the program's own is on this chain; {line_of(by)} started the thread"
        return own.with_(frame=by, beside=(*own.beside, told))
    pending = [task for task in process.tasks.values() if is_users(task) and task.open_wait] if process else []
    if not pending:
        return own
    lines = [f"{task_name(task)} {at_line(task.last_at)}" for task in pending]
    return own.with_(beside=(f"no line of the program's own is on this chain; it has {several(lines, 'task', 4)}",))


def _where_it_took(case: Case, own: _Place, holder: Hold) -> _Place:
    """Return the `with` where a holder took what it holds: a holder that only rests is not at the line that
    matters.
    """
    from supervisor.diagnosis.evidence.enclosing import entered  # its parser takes 10 ms, and few ends need it

    taken = entered(holder.at, case.sources, holder.process.cwd) if holder.at is not None else None
    if taken is None or holder.at is None:
        return own
    return own.with_(
        frame=taken, beside=(*own.beside, f"it holds what it took there, and rests at {line_of(holder.at)}")
    )


def _where_it_leaves(case: Case, own: _Place, claim: Claim) -> _Place:
    """Return the `with` whose end is waited for: before Python 3.10 that has the line of the last statement in it."""
    process, hold = claim.process, claim.piece.hold if claim.piece is not None else None
    pairs = pairwise(hold.stack if hold is not None else ())
    leaves = any(outer == own.frame and inner.function in _EXITS for outer, inner in pairs)
    if own.frame is None or process is None or not leaves or process.minor >= WITH_LINE:
        return own
    from supervisor.diagnosis.evidence.enclosing import entered  # its parser takes 10 ms, and few ends need it

    left = entered(own.frame, case.sources, process.cwd)
    return own if left is None else own.with_(frame=left)


def _telling(frame: Frame | None) -> Frame | None:
    """Return a place that its reader can change; None for a line of the standard library, which the proof has."""
    return frame if frame is not None and frame.origin != "stdlib" else None


def _title(claim: Claim) -> str:
    return _filled(CODES[claim.code].title, claim.words)


def _filled(template: str, words: dict[str, str]) -> str:
    """Fill in names alone, unlike ``str.format``: a task called ``{0}`` must not be read as a template."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        text += words.get(name, "?") + rest
    return text
