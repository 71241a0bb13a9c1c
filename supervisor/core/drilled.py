"""Records of a drill: each of its runs, and what they say together. Instants and durations are seconds.

A *population* holds the runs that may be compared: stops of a ready worker and stops while starting are two, and no
figure is made of both.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.verdict import forced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from supervisor.core.figures import Modes, Spread, Trend
    from supervisor.core.record import Link, Severity, Shutdown, Where

    Population: TypeAlias = Literal["ready", "starting"]
    # What a run is good for: it counts; the worker ended before the stop request; it never got ready; somebody
    # interrupted the drill while it was under way.
    Use: TypeAlias = Literal["measured", "ended early", "not ready", "interrupted"]
    # How the worker was known to be ready: its check said so; it was quiet; it was not quiet for 10 s, and the drill
    # went on; nobody waited (a stop while starting).
    ReadyBy: TypeAlias = Literal["check", "quiet", "never quiet", "not awaited"]
    DemandKind: TypeAlias = Literal["span", "fleet", "outcome", "code"]
    MomentKind: TypeAlias = Literal["after", "at random", "during start-up"]


class Moment(Frozen):
    """When to ask for the stop: drawn evenly from ``low`` to ``high`` seconds after ready, or after the start."""

    kind: MomentKind = "after"
    low: float = 0.5
    high: float = 0.5


class Trial(Frozen):
    """One run: how it began, when it was asked to stop, and the explained end of each worker.

    ``ready_after``: seconds from the start until all workers were ready. ``moment``: seconds from ready (while
    starting: from the start) to the stop request, None when there was none. ``output``: its last lines, kept of a run
    that went wrong.
    """

    number: int
    population: Population
    use: Use
    shutdowns: tuple[Shutdown, ...]
    ready_by: ReadyBy = "quiet"
    ready_after: float | None = None
    moment: float | None = None
    output: tuple[str, ...] = ()

    @property
    def killed(self) -> bool:
        """Tell whether a worker, or what it left, had to be killed or could not even be."""
        return any(map(forced, self.shutdowns))


class Cause(Frozen):
    """The same finding at the same place in several runs. ``runs``: their numbers.

    ``seconds`` is the median over the runs that have a figure, ``worst`` the largest, in the run ``worst_run``.
    """

    code: str
    severity: Severity
    title: str
    advice: str
    runs: tuple[int, ...]
    where: Where | None = None
    seconds: float | None = None
    worst: float | None = None
    worst_run: int | None = None
    chain: tuple[Link, ...] = ()


class Recommendation(Frozen):
    """A timeout that the stop fits into (``seconds``), None where the runs do not allow any; with the reason."""

    seconds: int | None
    why: str


class Figures(Frozen):
    """What the runs of one population say of one worker; ``worker`` None: of the whole fleet.

    ``outcomes``: how many ended how. ``outliers`` and the runs of ``modes`` are numbers of runs; ``differs`` says
    what the slower mode has that the faster has not.
    """

    worker: str | None
    population: Population
    runs: int
    outcomes: tuple[tuple[str, int], ...]
    spans: tuple[tuple[str, Spread], ...]
    causes: tuple[Cause, ...] = ()
    outliers: tuple[int, ...] = ()
    modes: Modes | None = None
    differs: tuple[str, ...] = ()
    trend: Trend | None = None
    recommended: Recommendation | None = None

    def span(self, name: str) -> Spread | None:
        """Return the spread of one span; None when no run has it."""
        return next((spread for known, spread in self.spans if known == name), None)


class Demand(Frozen):
    """One demand of a budget as it was written (``text``): a figure that must not be above ``limit``.

    ``worker`` None: each worker, or what concerns the whole drill. ``kind`` says what ``subject`` is: a span of which
    ``stat`` is the statistic, or an outcome or the code of a finding, which are counted.
    """

    text: str
    kind: DemandKind
    subject: str
    limit: float
    worker: str | None = None
    stat: str = ""


class Verdict(Frozen):
    """Whether one demand of a budget was kept. ``found`` is the figure in words, ``where`` the place to blame."""

    demand: str
    kept: bool
    found: str
    where: Where | None = None


class Drilled(Frozen):
    """The result of a drill. ``trials`` has no warm-up runs; ``stopped`` says why the drill ended before its time."""

    trials: tuple[Trial, ...]
    figures: tuple[Figures, ...]
    wanted: int
    seed: int
    moment: Moment
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    stopped: str | None = None

    @property
    def passed(self) -> bool:
        """Tell whether all demands were kept and the drill could be carried out."""
        return self.stopped is None and all(verdict.kept for verdict in self.verdicts)
