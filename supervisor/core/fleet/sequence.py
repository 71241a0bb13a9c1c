"""Starts and stops in order: who waits is let go as soon as whom it waits for has moved (order.py says who may)."""

from __future__ import annotations

from supervisor.core.actions import Note
from supervisor.core.events import StartAsked
from supervisor.core.fleet import order
from supervisor.core.frozen import Frozen
from supervisor.core.ladder import DEFAULT, parse
from supervisor.core.record import Begun
from supervisor.core.worker import escalation
from supervisor.core.worker.life import Awaited
from supervisor.core.worker.restart import Attempts
from supervisor.core.worker.states import RESTS, leads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervisor.core.fleet.order import Order
    from supervisor.core.fleet.state import Turn
    from supervisor.core.ladder import Ladder
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life

# Seconds.
_DEFAULT_GRACE = parse(DEFAULT).grace or 0.0
NONE = order.Order()


# ------------------------------------------------------------------ starts


def _order(turn: Turn) -> Order:
    return turn.order or NONE


def queue(turn: Turn, chosen: Iterable[WorkerId], at: float) -> None:
    """Ask for a start of all of these that do not run, and of those at rest that they depend on."""
    wanted = [*chosen]
    seen = set(wanted)
    for worker in wanted:  # grows while it is walked
        for need in _order(turn).needs.get(worker, ()):
            pulled = [other for other in need.workers if other not in seen and turn.lives[other].state in RESTS]
            if not order.verdict(_order(turn), turn.lives, worker).go:
                seen.update(pulled)
                wanted += pulled
    for worker in wanted:
        life = turn.lives[worker]
        if leads(life.state, StartAsked, "forking"):
            # A planned restart is overtaken, and a start by hand is a new first attempt.
            life = life.with_(attempts=Attempts(), queued=at)
            if worker in _order(turn).needs:
                turn.put(life.with_(state="waiting"))
            else:
                turn.put(*escalation.begin(life, Begun(at, at)))
    for worker in wanted:
        _consider_start(turn, worker, at)


def _consider_start(turn: Turn, worker: WorkerId, at: float) -> None:
    """Start a worker that waits, if it may start; skip it, if it never will."""
    life = turn.lives[worker]
    if life.state != "waiting" or life.queued is None or turn.want == "down":
        return
    verdict = order.verdict(_order(turn), turn.lives, worker)
    if verdict.failed:
        culprit = turn.lives[verdict.failed[0][0]]
        turn.failed(culprit if culprit.failing else life)
        why = _why_not(turn, *verdict.failed[0])
        turn.put(
            life.with_(state="skipped", queued=None, missing=why), (Note(f"{life.spec.title} is not started: {why}"),)
        )
    elif verdict.go:
        notes = tuple(
            Note(f"{life.spec.title} is started although {_why_not(turn, *missing)}: it is not required")
            for missing in verdict.without
        )
        after = order.last(_order(turn), turn.lives, worker)
        title, condition = (turn.lives[after[0]].spec.title, after[1]) if after is not None else (None, None)
        begun = Begun(life.queued, at, title, condition)
        life, actions = escalation.begin(life, begun)
        turn.put(life, (*notes, *actions))


def _why_not(turn: Turn, other: WorkerId, condition: str) -> str:
    """Say in words why a condition will not come true."""
    life = turn.lives[other]
    title = life.spec.title
    if life.state == "skipped":
        return f"{title} was skipped"
    if life.stop is not None and life.stop.cause is not None:
        joint = {"start timeout": " was ", "start failed": " "}.get(life.stop.by, ": ")
        return f"{title}{joint}{life.stop.cause}"
    return {
        "started": f"{title} did not start",
        "ready": f"{title} has ended" if life.failure is None else f"{title} did not start",
        "completed": f"{title} did not end clean",
        "ended": f"{title} was never started",
    }[condition]


def held_back(turn: Turn, worker: WorkerId, at: float) -> bool:
    """Tell whether a worker whose backoff is over has to wait, until what it is restarted with is ready again."""
    life = turn.lives[worker]
    waits_for = order.verdict(_order(turn), turn.lives, worker).waits_for
    needs = _order(turn).needs.get(worker, ())
    if not any(other in waits_for for need in needs if need.dependency.restart for other in need.workers):
        return False
    _wait(turn, life, at)
    return True


def _wait(turn: Turn, life: Life, at: float) -> None:
    """Let a worker in backoff wait for whom it depends on instead of for an instant."""
    turn.put(life.with_(state="waiting", queued=at, attempts=life.attempts.with_(due=None)))


def restart_dependents(turn: Turn, worker: WorkerId, at: float) -> None:
    """Stop those that are to be started again with this one, which has ended and will be started again."""
    if turn.want == "down":
        return
    for dependent in _order(turn).dependents.get(worker, ()):
        life = turn.lives[dependent]
        with_it = any(
            need.dependency.restart and worker in need.workers for need in _order(turn).needs.get(dependent, ())
        )
        if not with_it or not life.attempts.wanted or life.requested:
            continue
        if life.state == "backoff":
            _wait(turn, life, at)
        elif life.going or life.state == "forking":
            turn.put(*escalation.request_stop(life.with_(queued=at), at, "dependency", None, None))


# ------------------------------------------------------------------ stops


class Request(Frozen):
    """A stop that somebody asks for. ``hurries``: who is being stopped already takes its next step."""

    at: float
    by: str
    by_pid: int | None
    hurries: bool


def ask(turn: Turn, chosen: Iterable[WorkerId], request: Request, signal: Callable[[Life], int | None]) -> None:
    """Ask these to stop, each as soon as the last of them has ended that depends on it.

    ``signal`` is what to send for rung 1, None for the ladder's own.
    """
    waiting: list[WorkerId] = []
    for worker in [*chosen]:
        life = turn.lives[worker]
        if life.requested or (life.state == "forking" and life.stop is not None):
            if request.hurries:
                turn.put(*escalation.request_stop(life, request.at, request.by, request.by_pid, signal(life)))
        elif worker in _order(turn).dependents and life.state not in RESTS:
            # One that a command had asked for before knows nothing of the fleet's limit.
            awaits = life.awaits or Awaited(request.by, request.by_pid, signal(life), request.at)
            turn.put(life.with_(awaits=awaits.with_(until=_until(turn, life))))
            waiting.append(worker)
        else:
            turn.put(*escalation.request_stop(life, request.at, request.by, request.by_pid, signal(life)))
    for worker in waiting:
        _consider_stop(turn, worker, request.at)


def shoot(turn: Turn, at: float) -> None:
    """Send SIGKILL to all but those whose ladder never escalates, also to those whose turn has not come."""
    for worker in [*turn.lives]:
        life = turn.lives[worker]
        if life.awaits is not None:
            turn.put(*escalation.take_turn(life, at))
        if not life.spec.stop.ladder.patient:
            turn.put(*escalation.kill(turn.lives[worker], at))


def _until(turn: Turn, life: Life) -> float | None:
    """Return when a stop has to begin so that its whole ladder fits into the fleet's limit."""
    if turn.asked is None or turn.spec.limit is None:
        return None
    return turn.asked + turn.spec.limit - before_limit(life.spec.stop.ladder)


def before_limit(ladder: Ladder) -> float:
    """Return the seconds that a ladder gets before the fleet's limit: its grace, that of the default ladder where it
    never ends.
    """
    return _DEFAULT_GRACE if ladder.grace is None else ladder.grace


def _consider_stop(turn: Turn, worker: WorkerId, at: float) -> None:
    """Ask a worker whose stop waits, if nobody that depends on it and is to stop runs any more."""
    life = turn.lives[worker]
    if life.awaits is None:
        return

    def asked(other: Life) -> bool:
        return turn.want == "down" or other.awaits is not None or other.stop is not None

    held = order.held_by(_order(turn), turn.lives, worker, asked)
    if not held:
        turn.put(*escalation.take_turn(life, at))
    elif not life.awaits.after:
        titles = tuple(turn.lives[other].spec.title for other in held)
        turn.put(life.with_(awaits=life.awaits.with_(after=titles)))


def settle(turn: Turn, at: float) -> None:
    """Let go all whose waiting is over by what has moved since the last call."""
    while turn.moved:
        moved, turn.moved = turn.moved, {}
        for worker in moved:
            _consider_start(turn, worker, at)
            for dependent in _order(turn).dependents.get(worker, ()):
                _consider_start(turn, dependent, at)
            if turn.lives[worker].state in RESTS:
                for other in order.above(_order(turn), turn.lives, worker):
                    _consider_stop(turn, other, at)
