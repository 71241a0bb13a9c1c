"""Who ended at an instant of a shutdown: rules in order of belief, over all that had been waited for. Pure.

These rules go by coincidence in time. They speak where no wake-up tells who ended what.
"""

from __future__ import annotations

from supervisor.agent.body.grain import LOOKS
from supervisor.diagnosis.attribution.guesses import called
from supervisor.diagnosis.attribution.holds import (
    CANCELLED,
    CLOSE,
    LIBRARY,
    POLL,
    SERVER,
    WOKEN,
    Hold,
    joining,
)
from supervisor.diagnosis.attribution.timeline import phase_at
from supervisor.diagnosis.evidence.model import ON_TASKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.record import PhaseSpan
    from supervisor.diagnosis.evidence.model import Task

# What a busy machine adds to the sampler's pause before two stamps are no longer one instant, seconds.
JITTER = 0.02
# Between the end of a thread's job and the next step of the task that awaits it, on a busy machine, seconds.
WOKEN_LATE = 0.12
# What begins and ends within so many seconds cannot have held anything.
INSTANT = 0.01
_JOINS = frozenset({"executor", "loop-close", "after-loop", "thread-join", "atexit", "leftovers"})


class Ending:
    """Everything that ended at the instant ``at`` of the walk, as far as it may have held the exit.

    ``now``: within the sampler's grain; ``before``: earlier, but nothing else is known to have gone on since;
    ``after``: what held the exit from then on.
    """

    __slots__ = ("after", "at", "before", "best", "known", "now", "tick")

    def __init__(self, known: list[Hold], at: float, spans: tuple[PhaseSpan, ...], after: Hold | None = None) -> None:
        self.known = known
        self.after = after
        self.at = at
        self.tick = _grain(at)
        ended = [hold for hold in known if hold.start < at - INSTANT and 0.0 < hold.end <= at + self.tick]
        now = [hold for hold in ended if hold.end >= at - self.tick]
        joined = phase_at(spans, at - 0.001) in _JOINS or any(_waits_for_thread(hold) for hold in now)
        self.now = [hold for hold in now if _may_count(hold, joined)]
        self.before = [hold for hold in ended if _may_count(hold, joined)]
        self.best = min(self.now, key=_preference, default=None)


def _grain(at: float) -> float:
    """Return within how many seconds two stamps so long after the stop may be of one instant."""
    return max(CLOSE, next(pause for until, pause in LOOKS if at < until + 2 * CLOSE) + JITTER)


def ended_in_turn(ending: Ending, task: Task) -> Hold | None:
    """Return the wait of the one task whose turn it was, where that wait ends by itself: a clock, a file."""
    mine = [hold for hold in ending.now if hold.task is task and hold.rank <= POLL and hold.wait is not None]
    return next((hold for hold in mine if hold.kind not in ("future", "", "poll")), None)


def went_on(ending: Ending) -> Hold | None:
    """Return the hold of the thread that held the exit from this instant on and was somewhere else until then."""
    after = ending.after
    if after is None or after.thread is None or after.thread.main:
        return None
    stays = [h for h in ending.known if h.thread is after.thread and abs(h.end - ending.at) <= ending.tick]
    return max((one for one in stays if one.start < ending.at - INSTANT), key=lambda one: one.end, default=None)


def clients_left(ending: Ending) -> Hold | None:
    """Return who waited for the clients to leave, where the hold is a read that the client ended by leaving."""
    best = ending.best
    if best is None or best.kind != "read":
        return None
    return next((hold for hold in ending.now if hold.rank == SERVER), best)


def job_returned(ending: Ending) -> Hold | None:
    """Return the job that a task waited for: its thread had to wake the loop, and the loop to be given the
    processor.
    """
    waiting = ending.best
    if waiting is None or waiting.kind != "executor":
        return None
    jobs = [hold for hold in ending.known if hold.what == "executor" and hold.end > waiting.start]
    now = [job for job in jobs if waiting.end - WOKEN_LATE <= job.end <= waiting.end + CLOSE]
    return max(now, key=lambda job: job.end, default=waiting)


def ended_itself(ending: Ending) -> Hold | None:
    """Return a hold that ends by a clock, a file or work of its own."""
    best = ending.best
    return best if best is not None and best.rank < POLL and not _vague_librarys(best) else None


def handler_returned(ending: Ending) -> Hold | None:
    """Return the user's code that a library had called and waited for by a future of its own, where that ended
    now.
    """
    best = ending.best
    if best is None or best.rank >= POLL:
        return None
    now = [hold for hold in ending.now if not _vague_librarys(hold)]
    theirs = called([hold for hold in now if hold.rank < POLL], best)
    return min(theirs, key=_preference, default=None) or _cut_short(ending.now) or best


def ended_before(ending: Ending) -> Hold | None:
    """Return who ended just before a hold that only waited, within what a poller needs to notice the end."""
    if ending.best is None:
        return None
    since = ending.at - ending.tick - max(h.period if h.rank == POLL else CLOSE for h in ending.now)
    causes = (hold for hold in ending.before if hold.rank < POLL and hold.end >= since)
    return min(causes, key=_preference, default=None)


def given_up(ending: Ending) -> Hold | None:
    """Return what a hold only waited for, until it gave up and cancelled that."""
    return _cut_short(ending.now) if ending.best is not None else None


def woken(ending: Ending) -> Hold | None:
    """Return a hold that only waited for somebody of whom nothing is known."""
    return ending.best


# In order of belief: the first that answers is charged.
RULES: tuple[Callable[[Ending], Hold | None], ...] = (
    went_on,
    clients_left,
    job_returned,
    ended_itself,
    handler_returned,
    ended_before,
    given_up,
    woken,
)


def joined_until(known: list[Hold], hold: Hold, at: float) -> float:
    """Return from when on a join is the joining thread's own time: since the last thread ended that it may have
    waited for.

    The thread that joins may notice late (its sampler and itself get the processor one after the other); what it
    waited for until then is that thread's matter.
    """
    if not _joins(hold):
        return hold.start
    ends = [
        other.end
        for other in known
        if _bystander(other) and _may_count(other, True) and other.rank < POLL and hold.start < other.end < at
    ]
    return max(ends, default=hold.start)


def _preference(hold: Hold) -> tuple[int, bool, bool, bool, float]:
    """Return what makes a hold say most: a known kind of wait before a bare future, code of the user's before the
    library's.
    """
    vague = hold.wait is not None and hold.kind in ("future", "")
    nobodys = hold.at is None or hold.at.origin == "stdlib"
    return hold.rank, _bystander(hold), nobodys, vague, hold.start


def _bystander(hold: Hold) -> bool:
    """Return whether the hold is a thread's whose end means nothing while the loop runs and no thread joins it."""
    return hold.thread is not None and not hold.thread.main


def _may_count(hold: Hold, joined: bool) -> bool:
    if not _bystander(hold):
        return True
    return joined and hold.thread is not None and (not hold.thread.daemon or hold.what == "executor")


def _waits_for_thread(hold: Hold) -> bool:
    if hold.wait is not None:
        return hold.kind in ("executor", "future", "")
    return _joins(hold)


def _joins(hold: Hold) -> bool:
    """Return whether the hold is the main thread that waits for another one."""
    return hold.block is not None and hold.thread is not None and hold.thread.main and joining(hold.block)


def _vague_librarys(hold: Hold) -> bool:
    """Return whether a library waits for a future of its own: it was set, and nothing tells by whom."""
    return hold.rank == LIBRARY and hold.wait is not None and hold.kind in ("future", "")


def _cut_short(now: list[Hold]) -> Hold | None:
    """Return the task that another waited for until it gave up and cancelled it (wait_for, timeouts).

    Of those that ended as cancelled at this time: what the end of main takes along had held nobody.
    """
    gave_up = [hold for hold in now if hold.rank == WOKEN and hold.kind in ("task", "tasks") and not hold.open]
    waiting = {hold.task for hold in gave_up}
    ended = [hold for hold in now if hold.rank == CANCELLED and hold.task not in waiting]
    if not gave_up:  # a server that looked again and again, or waited for something of its own, until it had enough
        servers = [one for one in now if one.rank == POLL or _vague_librarys(one)]
        theirs = [hold for one in servers for hold in called(ended, one)]
        return min(theirs, key=lambda hold: hold.start, default=None)
    awaited = _awaited(gave_up, now)
    cut = [hold for hold in ended if hold.task is not None and hold.task.number in awaited]
    cut += [hold for one in gave_up for hold in called(ended, one)]
    cut = cut if awaited else ended
    best = min(cut, key=lambda hold: (not hold.users, hold.start), default=None)
    if best is None or best.users:
        return best
    # What wait_for() wraps in a task of its own says less than the line that waited so long.
    return next((hold for hold in gave_up if hold.users and _waits_for(hold, best)), best)


def _awaited(waiting: list[Hold], now: list[Hold]) -> set[int]:
    """Return the tasks that these wait for, and those that they wait for in turn; empty where the agent could not
    tell.
    """
    found: set[int] = set()
    todo = list(waiting)
    while todo:
        numbers = set(_numbers(todo.pop())) - found
        found |= numbers
        todo += [hold for hold in now if hold.task is not None and hold.task.number in numbers]
    return found


def _numbers(hold: Hold) -> tuple[int, ...]:
    return hold.wait.on.tasks if hold.wait is not None and hold.kind in ON_TASKS else ()


def _waits_for(hold: Hold, other: Hold) -> bool:
    return other.task is not None and other.task.number in _numbers(hold)
