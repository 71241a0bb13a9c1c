"""What a drill is to do: options, budgets, moments, and when a program counts as quiet. Nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from supervisor.cli.drill import plan
from supervisor.cli.measuring import DRILL
from supervisor.cli.options import parse
from supervisor.config import budget
from supervisor.core.drilled import Demand, Moment
from supervisor.diagnosis.findings.codes import CODES
from supervisor.diagnosis.statistics.recommend import PLATFORMS
from supervisor.drill.moment import Moments
from supervisor.drill.quiet import LOOK, MOST, SPAN, Quiet
from supervisor.errors import UsageError

if TYPE_CHECKING:
    from supervisor.cli.options import Values

WORKERS = {"api", "api.1", "db"}


def given(*argv: str) -> tuple[Values, list[str]]:
    found = parse([*argv, "--", "true"], {}, DRILL)
    assert found is not None, argv
    return found


@pytest.mark.parametrize(
    ("text", "demand"),
    [
        ("total.p95=5s", Demand("total.p95=5s", "span", "total", 5.0, None, "p95")),
        ("drain.median=500ms", Demand("drain.median=500ms", "span", "drain", 0.5, None, "p50")),
        ("api.1.cleanup.max=1m", Demand("api.1.cleanup.max=1m", "span", "cleanup", 60.0, "api.1", "max")),
        ("ready.mean=2", Demand("ready.mean=2", "span", "ready", 2.0, None, "mean")),
        ("outcome.killed=0", Demand("outcome.killed=0", "outcome", "killed", 0.0)),
        ("db.outcome.failed=2", Demand("db.outcome.failed=2", "outcome", "failed", 2.0, "db")),
        ("work-cut-short=0", Demand("work-cut-short=0", "code", "work-cut-short", 0.0)),
        ("api.slow-task=1", Demand("api.slow-task=1", "code", "slow-task", 1.0, "api")),
        ("fleet.total.max=9", Demand("fleet.total.max=9", "fleet", "total", 9.0, None, "max")),
    ],
)
def test_a_demand_is_read(text: str, demand: Demand) -> None:
    assert budget.parse(text, CODES, WORKERS) == demand


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("total.p95", "no demand", "write [WORKER.]SPAN.STAT"),
        ("=3", "no demand", "write"),
        ("totl.p95=3", "'totl' is no span", "did you mean total?"),
        ("total.meen=3", "'meen' is no statistic", "did you mean mean?"),
        ("slow-taks=0", "neither a span", "did you mean slow-task?"),
        ("outcome.kild=0", "'kild' is no outcome", "did you mean killed?"),
        ("apo.total.p95=3", "no worker is named 'apo'", "did you mean api?"),
        ("total.p95=soon", "'soon' is not a duration", "write seconds"),
        ("outcome.killed=-1", "'-1' is not a count", "write a whole number"),
        ("outcome.killed=" + "9" * 5000, "is not a count", "write a whole number"),
        ("requests.lost=0", "'requests' is no span", "use one of"),
    ],
)
def test_a_wrong_demand_is_explained(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        budget.parse(text, CODES, WORKERS)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_forbidden_code_is_a_demand() -> None:
    assert budget.forbidden("killed", CODES).limit == 0
    with pytest.raises(UsageError, match="no finding has this code") as caught:
        budget.forbidden("kiled", CODES)
    assert caught.value.hint == "did you mean killed?"


def test_the_options_make_a_plan() -> None:
    made = plan(
        *given("-n", "7", "--warmup", "0", "--seed", "5", "-s", "INT", "-g", "60", "--budget", "total.p95=5s")
    )
    assert (made.runs, made.warmup, made.seed, made.moment) == (7, 0, 5, Moment("after", 0.5, 0.5))
    stop = made.fleet.workers[0].stop
    assert (stop.ladder.stop_signal, stop.ladder.grace, stop.own_signal) == (2, 60.0, True)
    assert not made.fleet.manner.wraps
    assert plan(*given("--at-random", "0-1m")).moment == Moment("at random", 0.0, 60.0)
    assert plan(*given("--during-startup")).moment.kind == "during start-up"
    assert plan(*given("--after", "2s")).moment == Moment("after", 2.0, 2.0)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("-n", "0"), "--runs 0: not a whole number from 1"),
        (("-n", "many"), "--runs many"),
        (("-n", "1" * 5000), "not a whole number"),
        (("--at-random", "5-1"), "not a range"),
        (("--at-random", "5"), "not a range"),
        (("--after", "1", "--during-startup"), "contradict"),
        (("--signal", "KILL"), "no signal to stop with"),
        (("--limit", "x"), "--limit x: not a duration"),
        (("-c", "x.toml", "--cwd", "/"), "--cwd is for a command"),
        (("-c", "x.toml", "--ready", "notify"), "--ready is for a command"),
        (("--report", "a.txt"), "no report format"),
        (("--seed", "-1"), "--seed -1"),
    ],
)
def test_a_wrong_option_is_explained(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(*given(*argv))
    assert message in caught.value.message


def test_the_platforms_are_those_that_are_known() -> None:
    (option,) = [one for one in DRILL if one.key == "platform"]
    assert option.choices == tuple(PLATFORMS)


def test_nothing_to_drill_is_explained() -> None:
    with pytest.raises(UsageError, match="nothing to drill"):
        plan(given()[0], [])


def test_moments_are_drawn_again_from_the_same_seed() -> None:
    moment = Moment("at random", 1.0, 3.0)
    first, second, other = Moments(moment, 4), Moments(moment, 4), Moments(moment, 5)
    drawn = [first.next() for _ in range(50)]
    assert drawn == [second.next() for _ in range(50)]
    assert drawn != [other.next() for _ in range(50)]
    assert 1.0 <= min(drawn) < 1.3 and 2.7 < max(drawn) <= 3.0
    starts = Moments(Moment("during start-up", 0.0, 0.0), 4)
    starts.learn([0.2, 0.4, 9.0])
    assert starts.moment.high == 0.4
    assert 0.0 <= starts.next() <= 0.4


def looks(quiet: Quiet, *rows: tuple[float, float, str, float | None]) -> list[bool]:
    return [quiet.look(*row) for row in rows]


def test_quiet_is_half_a_second_of_nothing() -> None:
    times = [round(n * LOOK, 3) for n in range(1, 9)]
    idle = looks(Quiet(0.0), *((at, 0.2, "S", None) for at in times))
    assert idle.index(True) == round(SPAN / LOOK), "as soon as half a second was seen"
    assert not any(looks(Quiet(0.0), *((at, at * 0.5, "S", None) for at in times))), "half a core"
    assert not any(looks(Quiet(0.0), *((at, 0.2, "S", at - 0.05) for at in times))), "it writes"
    assert not any(looks(Quiet(0.0), *((at, 0.2, "R", None) for at in times))), "it waits for a processor"
    assert looks(Quiet(0.0), *((at, 0.2, "S", 0.1) for at in times))[-1], "it has written, and no more"


def test_a_worker_that_is_never_quiet_is_not_waited_for_for_ever() -> None:
    assert not Quiet(5.0).overdue(5.0 + MOST - 0.01)
    assert Quiet(5.0).overdue(5.0 + MOST)
