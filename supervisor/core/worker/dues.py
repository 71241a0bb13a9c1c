"""What is due for a worker, when, and who takes it: one table. A Tick comes at the first of these instants.

Signals come first: while one is due, nobody looks. What was missed (we were suspended) is not made up for.
"""

from __future__ import annotations

from supervisor.core.actions import Dump, Look, Probe
from supervisor.core.frozen import Frozen
from supervisor.core.record import Begun
from supervisor.core.worker import escalation
from supervisor.core.worker.ending import finish
from supervisor.core.worker.life import Life
from supervisor.core.worker.states import LIVES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.actions import Action
    from supervisor.core.worker.escalation import Step
    from supervisor.core.worker.states import State

# The last look at what hangs begins this long before SIGKILL, so that SIGKILL itself is on time.
LAST_GASP = 0.150
# Where the agent has not answered by then, Python code does not run: the stacks are taken at C level.
LAST_DUMP = 0.075
# What a dead main process left gets no signal before somebody has looked who that is, for so long at the most: with
# hundreds of ends at once the looks take some turns of the loop.
UNSEEN_LIMIT = 0.25
# Seconds after the stop request at which we look from outside: early and often enough to see a socket close,
# then sparingly. After the last one: every LOOK_EVERY.
LOOKS = (0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LOOK_EVERY = 30.0
MOST_SAMPLES = 64
# A look that failed for want of descriptors is tried again after so many seconds.
LOOK_AGAIN = 0.25


class Due(Frozen):
    """Something that is due at an instant, in these states: ``at`` says when (monotonic seconds, None for never).

    ``take`` is done then; ``signals``: it may send a signal, is the verdict after the last one, or is quickly done.
    """

    name: str
    meaning: str
    states: tuple[State, ...]
    signals: bool
    at: Callable[[Life], float | None]
    take: Callable[[Life, float], Step]


# ------------------------------------------------------------------ signals


def _hold_over_at(life: Life) -> float | None:
    return life.stop.hold.until if life.stop is not None and life.stop.hold is not None else None


def _hold_over(life: Life, at: float) -> Step:
    """Send the signal that waits for the agent: Python code does not run there now, so no answer will come."""
    return escalation.release(life, at)


def _rung_over_at(life: Life) -> float | None:
    """Return when the rung ends, not before it is known who is left to get the next signal.

    That one of those left may have ended since is no reason to wait: where orphans end all the time, the wait would
    be for ever. Whoever climbs looks again.
    """
    rung_at = life.next_rung_at
    if (
        rung_at is not None
        and life.state == "orphaned"
        and life.leftovers.surveyed is None
        and life.death is not None
    ):
        return max(rung_at, life.death.at + UNSEEN_LIMIT)
    return rung_at


def _rung_over(life: Life, at: float) -> Step:
    """Take the next rung once a grace period has passed, or after the last rung the verdict."""
    life = _skip_looks(life, at)
    if life.following is not None and life.stop is not None:
        return escalation.climb(life, at, life.stop.standing.rung + 1)
    if life.state == "killed":
        return finish(life, at, stuck=True)
    return escalation.survey(life, at)  # the last look: somebody's end may have gone unnoticed


# ------------------------------------------------------------------ looks


def _gasp_at(life: Life) -> float | None:
    """Return when the last look before SIGKILL is due, not before the rung's signal has gone out."""
    stages = (LAST_GASP, LAST_DUMP) if life.agent else (LAST_GASP,)
    kill_at = life.kill_at
    if life.stop is None or life.stop.hold is not None or life.stop.gasps >= len(stages) or kill_at is None:
        return None
    return max(kill_at - stages[life.stop.gasps], life.stop.standing.since)


def _gasp(life: Life, _at: float) -> Step:
    """Take the last look's first stage; the second waits for another turn, as an agent may answer to the first."""
    assert life.stop is not None
    first = life.stop.gasps == 0
    actions = (Probe(life.id), Look(life.id, final=True)) if first else (Dump(life.id),)
    return life.with_(stop=life.stop.with_(gasps=life.stop.gasps + 1)), actions


def _look_at(life: Life) -> float | None:
    stop = life.stop
    if stop is None or stop.asked is None or stop.hold is not None or len(stop.samples) >= MOST_SAMPLES:
        return None  # while the signal is held nothing has been asked, and a look would only make it later
    extra = stop.looks - len(LOOKS)
    return stop.asked + (LOOKS[stop.looks] if extra < 0 else LOOKS[-1] + LOOK_EVERY * (extra + 1))


def _look(life: Life, at: float) -> Step:
    return _skip_looks(life, at), (Look(life.id),)


def _skip_looks(life: Life, at: float) -> Life:
    """Make up for missed looks by one look now, however many were missed."""
    if life.state not in LIVES:
        return life
    while (look_at := _look_at(life)) is not None and at >= look_at and life.stop is not None:
        life = life.with_(stop=life.stop.with_(looks=life.stop.looks + 1))
    return life


def _survey_at(life: Life) -> float | None:
    if not life.leftovers.unseen:
        return None
    if life.leftovers.unknown and life.leftovers.surveyed is not None:
        return life.leftovers.surveyed + LOOK_AGAIN
    if life.leftovers.surveyed is not None:
        return life.leftovers.surveyed
    return life.killed if life.death is None else life.death.at


def _restart_at(life: Life) -> float | None:
    return life.attempts.due


def _restart(life: Life, at: float) -> Step:
    return escalation.begin(life, Begun(at, at))


# ------------------------------------------------------------------ checks, which most workers have not


def _start_over_at(life: Life) -> float | None:
    """Return when the start has failed; never while its stop waits for its turn."""
    return life.readying.until if life.readying is not None and life.awaits is None else None


def _start_over(life: Life, at: float) -> Step:
    from supervisor.core.worker import readying

    return readying.over(life, at)


def _try_at(life: Life) -> float | None:
    return life.readying.next_try if life.readying is not None else None


def _try(life: Life, at: float) -> Step:
    from supervisor.core.worker import readying

    return readying.attempt(life, at)


def _health_at(life: Life) -> float | None:
    """Return when it is asked next, or has to have told; never while its stop waits for its turn."""
    return life.health.next_try if life.health is not None and life.awaits is None else None


def _health(life: Life, at: float) -> Step:
    from supervisor.core.worker import health

    return health.due(life, at)


_STOPPED_ALIVE: tuple[State, ...] = ("draining", "cleaning", "leaving")

DUES = (
    Due(
        "end of the hold",
        "the stop signal that waits for the agent to be armed goes out",
        _STOPPED_ALIVE,
        True,
        _hold_over_at,
        _hold_over,
    ),
    Due(
        "end of the rung",
        "the next signal of the ladder; after the last one the verdict: stuck",
        (*_STOPPED_ALIVE, "killed", "orphaned", "sweeping"),
        True,
        _rung_over_at,
        _rung_over,
    ),
    Due(
        "survey",
        "who is there besides the main process",
        ("killed", "orphaned", "sweeping"),
        False,
        _survey_at,
        escalation.survey,
    ),
    Due("last gasp", "what hangs, shortly before SIGKILL", _STOPPED_ALIVE, False, _gasp_at, _gasp),
    Due(
        "end of the turn",
        "a stop that waits for those that depend on the worker waits no longer, for the fleet's limit",
        ("starting", "unready", "running", "orphaned"),
        True,
        escalation.turn_over_at,
        escalation.turn_over,
    ),
    Due(
        "end of the start",
        "it was not ready in time: it is stopped, or counts as ready",
        ("unready",),
        True,
        _start_over_at,
        _start_over,
    ),
    Due("try", "its check is tried again", ("unready",), True, _try_at, _try),
    Due("health", "it is asked whether it answers, or has to have told", ("running",), True, _health_at, _health),
    Due("look", "what can be seen from outside", (*_STOPPED_ALIVE, "killed"), False, _look_at, _look),
    Due("restart", "the backoff is over: it is started again", ("backoff",), False, _restart_at, _restart),
)
_STATES = {state for due in DUES for state in due.states}
_DUES_IN: dict[State, tuple[Due, ...]] = {
    state: tuple(due for due in DUES if state in due.states) for state in _STATES
}


def dues(life: Life) -> tuple[float | None, float | None]:
    """Return when the worker wants a Tick, and when it wants one for a signal; None for never."""
    first: float | None = None
    signal: float | None = None
    for due in _DUES_IN.get(life.state, ()):
        at = due.at(life)
        if at is not None:
            first = at if first is None or at < first else first
            if due.signals:
                signal = at if signal is None or at < signal else signal
    return first, signal


def tick(life: Life, at: float) -> Step:
    """Take what is due: one signal, and only while there is none to send, one look of each kind.

    A second signal that is due as well has to wait: its grace period counts from the delivery of the first.
    """
    everything = [due for due in _DUES_IN.get(life.state, ()) if (when := due.at(life)) is not None and at >= when]
    signals = [due for due in everything if due.signals]
    actions: tuple[Action, ...] = ()
    for due in signals[:1] or everything:
        life, more = due.take(life, at)
        actions = (*actions, *more)
    return life, actions
