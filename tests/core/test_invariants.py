"""What the core promises (docs/architecture.md, "Layers"), held by any fleet, in any order of happenings.

The promises are in `promises.py`, the system is `world.py`. Here hypothesis looks for an order of happenings that
breaks one; `test_mutants.py` shows that each promise is able to fail.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.core.driver import Drive, fleet_spec
from tests.core.loading import REAL
from tests.core.promises import Broken
from tests.core.world import PROFILES, World

WORKERS = st.integers(0, 3)
STOPPING = st.sampled_from([15, 15, 2, 3, 1])
OTHER = st.sampled_from([10, 12, 20, 18, 28])


class Fleets(RuleBasedStateMachine):
    """Every rule is possible at any time; each leaves the world's promises checked."""

    world: World

    @initialize(seed=st.integers(0, 2**16), lossy=st.integers(0, 2**16))
    def begin(self, seed: int, lossy: int) -> None:
        self.world = World(REAL, fleet_spec(REAL, Random(seed)), Random(lossy))
        self.drive = Drive.of(self.world)

    def _one(self, worker: int) -> int:
        return worker % len(self.world.spec.workers)

    @rule(count=st.sampled_from([1, 2, 5, 99]))
    def answers_arrive(self, count: int) -> None:
        self.world.answer(count)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.11, 0.5, 3.0, 11.0, 60.0]), late=st.sampled_from([0, 0.2]))
    def time_passes(self, seconds: float, late: float) -> None:
        self.world.advance(seconds, late)

    @rule()
    def deadline(self) -> None:
        self.drive.exact()

    @rule(signal=STOPPING, kernel=st.booleans())
    def stop_signal(self, signal: int, kernel: bool) -> None:
        self.world.signal(signal, kernel=kernel)

    @rule(signal=OTHER)
    def other_signal(self, signal: int) -> None:
        self.world.signal(signal)

    @rule(by=st.sampled_from(["command stop", "drill", "dependency"]), worker=WORKERS, everybody=st.booleans())
    def stop_by_command(self, by: str, worker: int, everybody: bool) -> None:
        self.world.stop(None if everybody else (self._one(worker),), by)

    @rule(worker=WORKERS)
    def start_by_command(self, worker: int) -> None:
        if not self.world.spec.manner.wraps:
            self.world.start((self._one(worker),))

    @rule(worker=WORKERS, code=st.sampled_from([0, 1, 3, None]), signal=st.sampled_from([9, 15, 11]))
    def main_process_ends(self, worker: int, code: int | None, signal: int) -> None:
        main = self.world.mains[self._one(worker)]
        if main is not None and main.profile != "unkillable":
            self.world.end(main, code, signal if code is None else None)

    @rule(worker=WORKERS, profile=st.sampled_from(sorted(PROFILES)), in_group=st.booleans())
    def member_is_born(self, worker: int, profile: str, in_group: bool) -> None:
        self.world.bear(self._one(worker), profile, in_group=in_group)

    @rule(which=st.integers(0, 20))
    def member_ends(self, which: int) -> None:
        alive = [one for one in self.world.members if one.alive]
        if alive:
            self.world.end(alive[which % len(alive)], 0)

    @rule(worker=WORKERS)
    def job_control(self, worker: int) -> None:
        self.world.job_control(self._one(worker))

    @rule(worker=WORKERS, what=st.sampled_from(["hello", "noticed", "drained", "cleaned"]))
    def agent_speaks(self, worker: int, what: str) -> None:
        self.world.agent_says(self._one(worker), what)

    @rule()
    def absurdity(self) -> None:
        self.drive.absurd()

    @rule()
    def noise(self) -> None:
        self.world.orphans()

    @rule()
    def early_tick(self) -> None:
        self.world.early_tick()

    @invariant()
    def notes_are_sentences(self) -> None:
        world = getattr(self, "world", None)
        assert world is None or all(note and "\n" not in note for note in world.notes)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.finish()


TestFleets = Fleets.TestCase
TestFleets.settings = settings(
    max_examples=80,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("part", range(4))
def test_random_runs(part: int) -> None:
    """The same runs on every machine: what `test_mutants.py` kills its faults with, four times as many."""
    for seed in range(part * 250, part * 250 + 250):
        try:
            Drive(REAL, Random(seed)).run()
        except Broken as error:
            error.add_note(f"seed {seed}")
            raise


def _check_the_rungs(world: World) -> None:
    """Each Tick climbs what is due, but where nobody has looked yet at what a main process left a moment ago."""
    see = world.see

    def checked(event: Any) -> None:
        before = world.fleet
        see(event)
        if not isinstance(event, REAL.events.Tick):
            return
        for was, life in zip(before.lives.values(), world.fleet.lives.values(), strict=True):
            if was.following is None or (was.stop is not None and was.stop.hold is not None):
                continue
            due, ended = was.next_rung_at, was.death.at if was.death is not None else 0.0
            if due is not None and event.at >= max(due, ended + REAL.dues.UNSEEN_LIMIT):
                assert life.stop is None or life.stop.standing.rung > was.stop.standing.rung, (event, was)

    world.see = checked  # type: ignore[method-assign]  # the promises do not know how many looks fit


@pytest.mark.parametrize("part", range(2))
def test_random_runs_with_one_look_a_turn(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet of hundreds in small: not everybody can be looked at at once, and each promise holds all the same.

    No rung waits for a look longer than UNSEEN_LIMIT, whoever ends and however often.
    """
    monkeypatch.setattr(REAL.fleet, "LOOKS_A_TURN", 1)
    for seed in range(part * 250, part * 250 + 250):
        drive = Drive(REAL, Random(seed))
        _check_the_rungs(drive.world)
        try:
            drive.run()
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


def stubborn(text: str, count: int, **more: Any) -> World:
    """A fleet of workers that ignore everything but SIGKILL."""
    spec = REAL.spec
    workers = tuple(
        spec.WorkerSpec(f"w{index}", spec.ExecSpec(("w",)), spec.StopSpec(REAL.ladder.parse(text), **more))
        for index in range(count)
    )

    class Stubborn(World):
        def _profile(self) -> str:
            return "stubborn"

    class Average(Random):
        """Nothing rare happens: every fork and exec succeeds."""

        def random(self) -> float:
            return 0.5

    world = Stubborn(REAL, spec.FleetSpec(workers), Average())
    world.settle()
    return world


def test_stubborn_workers_stop_in_parallel() -> None:
    """Twelve that ignore all but SIGKILL need the time of one ladder, not of twelve."""
    world = stubborn("TERM/10/INT/5/KILL", 12)
    world.stop(None)
    world.advance(14.99)
    assert not world.reports
    world.advance(0.02)
    assert {one.outcome for one in world.reports} == {"killed"}
    assert len(world.reports) == 12
    assert max(one.total for one in world.reports) <= 15.0 + 1e-6
    assert world.fleet.over


def test_idle_fleet_has_no_deadline() -> None:
    """Zero wake-ups while nothing happens."""
    assert stubborn("TERM/10/KILL", 3).fleet.deadline is None
