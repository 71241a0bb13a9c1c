"""Who may start, and who may be asked to stop: questions about what each worker depends on.

There are no levels: a worker starts when the last of its own conditions holds, and is asked to stop when the last
that depends on it, directly or through others, has ended.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.spec import FIRST, WorkerId
from supervisor.core.worker.states import OVER, RESTS, START_FAILINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisor.core.spec import Condition, Dependency, FleetSpec
    from supervisor.core.worker.life import Life


class Need(Frozen):
    """One condition of a worker's start: what has to be true of all instances of another."""

    workers: tuple[WorkerId, ...]
    dependency: Dependency


class Order(Frozen):
    """What each worker needs, and who depends on each; those without are in neither."""

    needs: Mapping[WorkerId, tuple[Need, ...]] = {}
    dependents: Mapping[WorkerId, tuple[WorkerId, ...]] = {}


def of(spec: FleetSpec) -> Order:
    """Return the order of a fleet. What it depends on that is not in the fleet (`up NAME`) counts as there."""
    named: dict[str, list[WorkerId]] = {}
    for number, worker in enumerate(spec.workers, FIRST):
        named.setdefault(worker.name, []).append(WorkerId(number))
    needs: dict[WorkerId, tuple[Need, ...]] = {}
    dependents: dict[WorkerId, dict[WorkerId, None]] = {}
    for number, worker in enumerate(spec.workers, FIRST):
        found = [Need(tuple(named[one.worker]), one) for one in worker.depends_on if one.worker in named]
        if found:
            needs[WorkerId(number)] = tuple(found)
        for need in found:
            for other in need.workers:
                dependents.setdefault(other, {})[WorkerId(number)] = None
    return Order(needs, {other: tuple(found) for other, found in dependents.items()})


# ------------------------------------------------------------------ who may start


class Verdict(Frozen):
    """Whether a worker may start. ``waits_for``: whose conditions do not hold yet; ``failed``: whose never will;
    ``without``: those of them that are not required."""

    waits_for: tuple[WorkerId, ...] = ()
    failed: tuple[tuple[WorkerId, Condition], ...] = ()
    without: tuple[tuple[WorkerId, Condition], ...] = ()

    @property
    def go(self) -> bool:
        """Tell whether it may start now."""
        return not (self.waits_for or self.failed)


def verdict(order: Order, lives: Mapping[WorkerId, Life], worker: WorkerId) -> Verdict:
    """Look at all conditions of a worker's start."""
    waits: list[WorkerId] = []
    failed: list[tuple[WorkerId, Condition]] = []
    without: list[tuple[WorkerId, Condition]] = []
    for need in order.needs.get(worker, ()):
        condition = need.dependency.condition
        for other in need.workers:
            holds = _HOLDS[condition](lives[other])
            if holds is None:
                (failed if need.dependency.required else without).append((other, condition))
            elif not holds:
                waits.append(other)
    return Verdict(tuple(waits), tuple(failed), tuple(without))


def last(order: Order, lives: Mapping[WorkerId, Life], worker: WorkerId) -> tuple[WorkerId, Condition] | None:
    """Return whose condition came true last, and which; None for a worker that depends on nobody."""
    found = [
        (since(lives[other], need.dependency.condition), other, need.dependency.condition)
        for need in order.needs.get(worker, ())
        for other in need.workers
    ]
    return max(found, key=lambda one: one[0])[1:] if found else None


def since(life: Life, condition: Condition) -> float:
    """Return since when a condition holds (monotonic seconds); 0 where it does not."""
    if condition in ("completed", "ended"):
        return life.ended or 0.0
    if condition == "ready":
        return life.ready.at if life.ready is not None else 0.0
    return (life.process.running_since or 0.0) if life.process is not None else 0.0


def _started(life: Life) -> bool | None:
    """True when its exec has worked, None when that will not come, False for not yet."""
    if life.process is not None and life.process.running_since is not None:
        return True
    return None if life.state in OVER else False


def _ready(life: Life) -> bool | None:
    if life.ready is not None and (life.state == "running" or _done(life)):
        return True
    timed_out = life.stop is not None and life.stop.by in START_FAILINGS
    return None if timed_out or life.state in OVER else False


def _done(life: Life) -> bool:
    """Tell whether it has ended clean and by itself: what it was to do for others is done."""
    return life.state == "exited" and life.outcome == "clean" and not life.requested


def _completed(life: Life) -> bool | None:
    if life.state not in OVER:
        return False
    return True if life.state == "exited" and life.outcome == "clean" else None


def _ended(life: Life) -> bool | None:
    if life.state not in OVER:
        return False
    return True if life.outcome is not None else None


_HOLDS: dict[Condition, Callable[[Life], bool | None]] = {
    "started": _started,
    "ready": _ready,
    "completed": _completed,
    "ended": _ended,
}


# ------------------------------------------------------------------ who may be asked to stop


def held_by(
    order: Order, lives: Mapping[WorkerId, Life], worker: WorkerId, asked: Callable[[Life], bool]
) -> tuple[WorkerId, ...]:
    """Return those that depend on a worker, directly or through others that have ended, and still run.

    ``asked`` tells whether one is to stop as well: who is not holds nobody.
    """
    found: dict[WorkerId, None] = {}
    seen: set[WorkerId] = set()
    stack = [*order.dependents.get(worker, ())]
    while stack:
        one = stack.pop()
        if one in seen:
            continue
        seen.add(one)
        life = lives[one]
        if life.state not in RESTS and asked(life):
            found[one] = None
        else:
            stack += order.dependents.get(one, ())
    return tuple(found)


def above(order: Order, lives: Mapping[WorkerId, Life], worker: WorkerId) -> list[WorkerId]:
    """Return whose stop may have waited for this worker: what it depends on, and what those depend on that rest."""
    found: dict[WorkerId, None] = {}
    stack = [worker]
    while stack:
        for need in order.needs.get(stack.pop(), ()):
            for other in need.workers:
                if other not in found:
                    found[other] = None
                    if lives[other].state in RESTS:
                        stack.append(other)
    return list(found)
