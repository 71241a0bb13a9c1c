"""Which timeout a stop fits into, by what was seen of it, and whether a platform's own limit is long enough."""

from __future__ import annotations

from math import ceil

from supervisor.core.drilled import Recommendation
from supervisor.core.frozen import Frozen
from supervisor.core.units import duration, plural
from supervisor.diagnosis.statistics.confidence import SURE, runs_needed
from supervisor.diagnosis.statistics.spread import TAIL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.figures import Spread

# The timeout is so many times the longest stop that was seen, and so many seconds: a machine may be busier one day.
FACTOR, MARGIN = 1.25, 1.0


def recommended(total: Spread | None) -> Recommendation | None:
    """Return the timeout with its reason; its ``seconds`` are None where a run was killed: nobody saw its end."""
    if total is None:
        return None
    if total.censored or total.most is None:
        killed = f"{total.censored} of {plural(total.runs, 'run')} {'was' if total.censored == 1 else 'were'} killed"
        return Recommendation(None, f"{killed}, so nobody saw how long the stop takes; drill again with --grace 60")
    needed = runs_needed(TAIL)
    # The 95 % bound of p95 is one of the runs, so it is never above the longest.
    seconds = ceil(FACTOR * total.most + MARGIN)
    of = f"{FACTOR:g} x {duration(total.most)} + {MARGIN:g} s"
    if total.runs < needed:
        share = int(total.confidence * 100)
        return Recommendation(
            seconds,
            f"{of}, from the longest of {plural(total.runs, 'run')}: {share} % sure to hold 95 % of all stops; "
            f"{needed} runs would make it {SURE * 100:.0f} %",
        )
    return Recommendation(
        seconds, f"{of}, from the longest of {total.runs} runs: holds 95 % of all stops, {SURE * 100:.0f} % sure"
    )


class Platform(Frozen):
    """How long a platform waits between its stop signal and SIGKILL when nobody says otherwise, in seconds.

    ``setting`` is where that is changed, ``most`` the longest that can be had there (None: no limit known).
    """

    name: str
    seconds: float
    setting: str
    source: str
    most: float | None = None


# Read on 28 November 2026 from the pages named.
PLATFORMS = {
    one.name: one
    for one in (
        Platform("systemd", 90, "TimeoutStopSec=", "systemd-system.conf(5), DefaultTimeoutStopSec"),
        Platform("kubernetes", 30, "terminationGracePeriodSeconds (preStop included)", "Kubernetes: Pod Lifecycle"),
        Platform("compose", 10, "stop_grace_period", "Compose file reference: services, stop_grace_period"),
        Platform("nomad", 5, "kill_timeout", "Nomad: task block, kill_timeout (client max_kill_timeout 30 s)", 30),
        Platform("cloudrun", 10, "none", "Cloud Run: container runtime contract, shutdown", 10),
        Platform("ecs", 30, "stopTimeout", "Amazon ECS: task definition parameters, stopTimeout", 120),
        Platform("heroku", 30, "none", "Heroku: Dynos and the dyno manager, shutdown", 30),
    )
}


def fits(total: Spread | None, limit: float) -> bool | None:
    """Return whether all stops that were seen fit into ``limit`` seconds with the recommended margin.

    None when that is not known: there are no runs, or some were killed before ``limit`` was over.
    """
    if total is None:
        return None
    if total.most is None:
        return False if total.beyond is not None and total.beyond >= limit else None
    advice = recommended(total)
    return advice is not None and advice.seconds is not None and advice.seconds <= limit


def settings(seconds: int) -> tuple[tuple[str, str], ...]:
    """Return where the recommended timeout is written, by platform, as a user writes it."""
    return (
        ("systemd", f"TimeoutStopSec={seconds}"),
        ("Kubernetes", f"terminationGracePeriodSeconds: {seconds}  # plus what preStop takes"),
        ("Compose", f"stop_grace_period: {seconds}s"),
        ("supervisor", f"--grace {seconds}, or stop.grace = {seconds}"),
    )
