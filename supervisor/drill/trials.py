"""Makes run after run of a drill, one at a time on the same ground, and yields a record of each."""

from __future__ import annotations

from statistics import median

from supervisor.core.drilled import Trial
from supervisor.core.verdict import forced
from supervisor.drill.capture import Capture
from supervisor.drill.conductor import Conductor
from supervisor.drill.moment import Moments
from supervisor.drill.plan import MOST_EARLY, WARM_UP_OF_STARTS
from supervisor.runs import assembly
from supervisor.runs.attachments import Piped
from supervisor.runs.plan import Voice
from supervisor.runs.run import Run
from supervisor.system.poller import Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.core.drilled import Population
    from supervisor.core.spec import FleetSpec
    from supervisor.drill.plan import DrillPlan
    from supervisor.loop.loop import Loop
    from supervisor.runs.assembly import Ground

# Descriptors: as `up` needs without a control socket, and the pipes of a worker.
ROOM = 20


def trials(plan: DrillPlan) -> Iterator[Trial]:
    """Yield the warm-up runs (numbered 0, -1, ...), then those that are measured (from 1).

    Ends before its time when a run was interrupted, after one that never got ready, and after three in a row that
    ended before their stop request; whoever reads on sees that from the last record. Raises SpawnError.
    """
    ground = assembly.prepare(ROOM, subreaper=True)
    fleet = _alone(plan.fleet)
    moments = Moments(plan.moment, plan.seed)
    starting = plan.moment.kind == "during start-up"
    warm_up = max(plan.warmup, WARM_UP_OF_STARTS) if starting else plan.warmup
    ready: list[float] = []
    totals: list[float] = []
    early = 0
    for number in range(1 - warm_up, plan.runs + 1):
        population: Population = "starting" if starting and number > 0 else "ready"
        if number == 1:
            moments.learn(ready)
        again = median(totals) / 2 if plan.twice and totals else None
        trial = _trial(ground, fleet, number, population, _moment(plan, moments, population), again, bool(totals))
        yield trial
        if trial.ready_after is not None:
            ready.append(trial.ready_after)
        totals += [one.total for one in trial.shutdowns if trial.use == "measured"][:1]
        early = early + 1 if trial.use == "ended early" else 0
        if trial.use in ("interrupted", "not ready") or (early == MOST_EARLY):
            return


def _moment(plan: DrillPlan, moments: Moments, population: Population) -> float:
    """Return when this run asks; a warm-up for stops while starting asks when it is ready."""
    if plan.moment.kind == "during start-up" and population == "ready":
        return 0.0
    return moments.next()


def _alone(fleet: FleetSpec) -> FleetSpec:
    """Return the fleet for one run: nothing is started again, and no end of a worker stops another."""
    workers = tuple(
        worker.with_(restart=worker.restart.with_(policy="never", on_exit="ignore")) for worker in fleet.workers
    )
    return fleet.with_(workers=workers, control="off")


def _started(loop: Loop) -> None:
    """Raise SpawnError for a command that cannot be run at all."""
    for life in loop.fleet.lives.values():
        if life.failure is not None:
            from supervisor.system.process import startfail

            raise startfail.explain(life.spec.exec, life.failure, loop.fleet.ending.code or 125)


def _trial(
    ground: Ground,
    fleet: FleetSpec,
    number: int,
    population: Population,
    moment: float,
    again: float | None,
    measured: bool,
) -> Trial:
    """Make one run from its start to its explained end. Raises SpawnError, unless some were ``measured`` before."""
    poller = Poller()
    capture = Capture(poller)
    run = Run(ground, fleet, poller, lambda *channels: Piped(capture, *channels))
    conductor = Conductor(run.loop, run.agents, capture, population, moment, again)
    run.loop.observers.append(conductor)
    run.loop.sources.append(conductor)
    try:
        run.go()
        if not measured:
            _started(run.loop)
        ends = run.evidence.told(Voice(), every=True)
        went_wrong = conductor.use != "measured" or any(map(forced, ends))
        return Trial(
            number=number,
            population=population,
            use=conductor.use,
            shutdowns=tuple(ends),
            ready_by=conductor.ready_by,
            ready_after=conductor.ready_after,
            moment=None if conductor.asked is None else moment,
            output=capture.newest() if went_wrong else (),
        )
    finally:
        capture.output.close()
        run.close()
