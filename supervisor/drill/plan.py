"""What a drill shall do, checked and frozen: built by cli/ from options and config."""

from __future__ import annotations

from supervisor.core.drilled import Moment
from supervisor.core.frozen import Frozen
from supervisor.runs.plan import Keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.drilled import Demand
    from supervisor.core.spec import FleetSpec
    from supervisor.runs.plan import Voice

RUNS, WARM_UP = 20, 1
# The median time to ready, which says until when a stop while starting is drawn, needs so many warm-up runs.
WARM_UP_OF_STARTS = 3
# Runs in a row that end before the stop request: the program does not stay, and a drill says nothing.
MOST_EARLY = 3


class DrillPlan(Frozen):
    """``runs`` are measured after ``warmup`` more; the moments of their stops are drawn with ``seed``.

    ``twice``: a second stop request in the middle of each stop. ``allow_early``: runs that ended before their stop
    request are no failure. ``demands`` make the verdict. ``platform`` names one whose limit is looked at, ``limit``
    is one given in seconds.
    """

    fleet: FleetSpec
    voice: Voice
    moment: Moment = Moment()
    runs: int = RUNS
    warmup: int = WARM_UP
    seed: int = 0
    twice: bool = False
    allow_early: bool = False
    demands: tuple[Demand, ...] = ()
    platform: str | None = None
    limit: float | None = None
    keeping: Keeping = Keeping()
