"""The state of a fleet, frozen, and a turn of it: the working copy in which a batch of events is taken in."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.spec import FIRST, FleetSpec, WorkerId
from supervisor.core.worker.dues import dues
from supervisor.core.worker.life import Life
from supervisor.core.worker.states import OVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from supervisor.core.actions import Action
    from supervisor.core.fleet.order import Order
    from supervisor.core.record import Unit, Want
    from supervisor.core.worker.escalation import Step


# Exit status of a worker that we had to stop by ourselves, as timeout(1) has it.
TIMED_OUT = 124


class Ending(Frozen):
    """The exit status that the run earned: exactly one of ``code`` and ``signal`` is set."""

    code: int | None = 0
    signal: int | None = None


class Fleet(Frozen):
    """The whole state of a supervisor; its workers in the order in which they are shown.

    ``asked`` is when everything was first asked to stop (monotonic seconds), ``requests`` how often since: those
    closer than HURRY_AFTER count as one. ``dues`` is when each worker wants a Tick, ``signals_due`` when it wants one
    for a signal; a worker that wants none is in neither. Those that are ``undated`` have changed since: what is due
    is looked up once it is asked for, so that no signal waits for it. ``refused``: it was told that a signal reaches
    no worker. ``order``: who depends on whom, None where nobody does. ``unit``: that of systemd whose main process we
    are.
    """

    spec: FleetSpec
    lives: Mapping[WorkerId, Life]
    dues: Mapping[WorkerId, float] = {}
    signals_due: Mapping[WorkerId, float] = {}
    undated: frozenset[WorkerId] = frozenset()
    want: Want = "up"
    asked: float | None = None
    requests: int = 0
    last_request: float = 0.0
    limited: bool = False
    refused: bool = False
    failure: Ending | None = None
    last: Ending | None = None
    order: Order | None = None
    unit: Unit | None = None

    @property
    def deadline(self) -> float | None:
        """Return the one instant at which the fleet wants a Tick, None for never."""
        due = min(self.dated().dues.values(), default=None)
        limit_at = limit_due(self)
        return due if limit_at is None else limit_at if due is None else min(due, limit_at)

    def dated(self) -> Fleet:
        """Return the same fleet with everything that is due written down."""
        if not self.undated:
            return self
        dues, signals_due = dict(self.dues), dict(self.signals_due)
        _date(self.lives, self.undated, dues, signals_due)
        return self.with_(dues=dues, signals_due=signals_due, undated=frozenset())

    @property
    def over(self) -> bool:
        """Return whether nothing is alive and nothing will be started."""
        # Asked after every batch of facts: all() with a generator costs twice as much.
        for life in self.lives.values():  # noqa: SIM110 - as just said
            if life.state not in OVER:
                return False
        return True

    @property
    def ending(self) -> Ending:
        """Return with which status to leave, once over: the worker's own for `run`, the first failure's for a
        fleet.
        """
        if self.spec.manner.wraps:
            return self.last or Ending()
        return self.failure or Ending()


def new(spec: FleetSpec) -> Fleet:
    """Return a fleet of which nothing runs yet. The one process of `run` is being started before there is a fleet."""
    lives = [Life(WorkerId(number), worker, spec.manner) for number, worker in enumerate(spec.workers, FIRST)]
    if spec.manner.wraps:
        lives = [life.with_(state="forking", start=1) for life in lives]
    fleet = Fleet(spec, {life.id: life for life in lives})
    if not any(worker.depends_on for worker in spec.workers):
        return fleet
    from supervisor.core.fleet import order  # most fleets have none

    return fleet.with_(order=order.of(spec))


def status(life: Life) -> Ending:
    """Return the exit status of a worker's last start, a shell's where there was no process; 1 for never started.

    That of one that did not get ready or did not answer is 124, timeout(1)'s, whatever it said itself.
    """
    if life.failing:
        return Ending(code=TIMED_OUT)
    if life.failure is not None:
        return Ending(code=life.failure.code)
    if life.death is not None:
        return Ending(code=life.death.code, signal=life.death.signal)
    return Ending(code=1 if life.state in ("waiting", "skipped") else 125)  # 125: it never ended


def limit_due(fleet: Fleet | Turn) -> float | None:
    """Return when all that is left gets SIGKILL, whatever its own ladder says; None for never, or when it has."""
    if fleet.asked is None or fleet.spec.limit is None or fleet.limited:
        return None
    return fleet.asked + fleet.spec.limit


class Turn:
    """A fleet while a batch of events is taken in, and what is to be done about them, in order.

    It alone makes the next state, once for the whole batch: copying the table of two thousand workers for each event
    would cost more than everything that is decided. Its attributes are those of :class:`Fleet`, and may be set; the
    due times are those of the last :meth:`date`. ``moved`` are the workers whose state has changed, where some depend
    on others.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.spec = fleet.spec
        self.lives = dict(fleet.lives)
        self.dues, self.signals_due = dict(fleet.dues), dict(fleet.signals_due)
        self.want = fleet.want
        self.asked, self.requests, self.last_request = fleet.asked, fleet.requests, fleet.last_request
        self.limited, self.refused = fleet.limited, fleet.refused
        self.failure, self.last = fleet.failure, fleet.last
        self.order, self.unit = fleet.order, fleet.unit
        self.moved: dict[WorkerId, None] = {}
        self.actions: list[Action] = []
        self._undated = set(fleet.undated)

    def put(self, life: Life, actions: Iterable[Action] = ()) -> None:
        """Let this be the worker's state, and these actions be done."""
        before = self.lives[life.id]
        if life is not before:
            self.lives[life.id] = life
            self._undated.add(life.id)
            if self.order is not None and life.state != before.state:
                self.moved[life.id] = None
        self.actions.extend(actions)

    def each(self, act: Callable[[Life], Step], chosen: Iterable[WorkerId] | None = None) -> None:
        """Do the same with all workers, or with those that are chosen."""
        for worker in [*self.lives] if chosen is None else chosen:
            self.put(*act(self.lives[worker]))

    def date(self) -> None:
        """Write down when those that have changed want their next Tick."""
        _date(self.lives, self._undated, self.dues, self.signals_due)
        self._undated.clear()

    def failed(self, life: Life) -> None:
        """Note that the fleet has failed because of this worker.

        The first failure stands; one with code 0 (no success for this worker, or it waits to be started again) still
        is a failure.
        """
        if self.failure is None:
            ending = status(life)
            self.failure = Ending(code=1) if ending == Ending() else ending

    def done(self) -> tuple[Fleet, tuple[Action, ...]]:
        """Return the next state and the actions."""
        fleet = Fleet(
            self.spec, self.lives, self.dues, self.signals_due, frozenset(self._undated), self.want, self.asked,
            self.requests, self.last_request, self.limited, self.refused, self.failure, self.last, self.order,
            self.unit,
        )  # fmt: skip
        return fleet, tuple(self.actions)


def _date(
    lives: Mapping[WorkerId, Life],
    workers: Iterable[WorkerId],
    all_dues: dict[WorkerId, float],
    signals_due: dict[WorkerId, float],
) -> None:
    """Write down when these workers want their next Tick."""
    for worker in workers:
        due, signal_due = dues(lives[worker])
        _write(all_dues, worker, due)
        _write(signals_due, worker, signal_due)


def _write(dues: dict[WorkerId, float], worker: WorkerId, at: float | None) -> None:
    if at is not None:
        dues[worker] = at
    else:
        dues.pop(worker, None)
