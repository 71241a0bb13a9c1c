"""Drives a world by chance: a random fleet, random happenings, each of them possible at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.core.world import PROFILES, World

if TYPE_CHECKING:
    from random import Random

    from tests.core.loading import Core

LADDERS = (
    "TERM/10/KILL", "TERM/10/KILL", "TERM/10/INT/5/KILL", "none", "HUP", "TERM/0/KILL", "TERM/1/INT", "KILL",
    "INT/0.05/TERM/0.2/QUIT/3/KILL", "TERM/2/KILL/1",
)  # fmt: skip
REWRITES = ((), (), (), ((15, 0),), ((15, 2),), ((2, 0), (18, 0)))
STEPS = 25


def fleet_spec(core: Core, rng: Random) -> Any:
    """Any fleet of one to four workers, or one wrapped command."""
    spec = core.spec
    wrap = rng.random() < 0.4
    count = 1 if wrap else rng.randint(1, 4)
    workers = tuple(
        spec.WorkerSpec(
            f"w{index}",
            spec.ExecSpec((f"w{index}",)),
            spec.StopSpec(
                core.ladder.parse(rng.choice(LADDERS)),
                group=rng.random() < 0.8,
                leftovers=rng.choice(["end", "end", "end", "signal", "leave"]),
                rewrite=rng.choice(REWRITES) if wrap else (),  # no key of the config sets it
                own_signal=rng.random() < 0.2,
                success_codes=rng.choice([(0,), (0,), (0, 3), (3,)]),
            ),
            restart=spec.RestartSpec(
                policy=rng.choice(["never", "on-failure", "always"]),
                on_exit=rng.choice(["restart", "restart", "stop-all", "ignore"]),
                backoff=rng.choice([0.0, 0.5]),
                backoff_max=2.0,
                stable=1.0,
                burst=rng.choice([0, 1, 3]),
            ),
        )
        for index in range(count)
    )
    manner = rng.choice([spec.RUN, spec.RUN, spec.RUN_AS_INIT]) if wrap else spec.UP
    return spec.FleetSpec(workers, manner, limit=None if wrap else rng.choice([None, 4.0, 12.0]))


class Drive:
    """One world and what may happen to it."""

    def __init__(self, core: Core, rng: Random) -> None:
        self.rng, self.core = rng, core
        self.world = World(core, fleet_spec(core, rng), rng)
        self.world.interrupt = self.interrupt
        self.world.settle()

    @classmethod
    def of(cls, world: World) -> Drive:
        """For a world that somebody else drives."""
        drive = cls.__new__(cls)
        drive.rng, drive.core, drive.world = world.rng, world.core, world
        return drive

    def run(self, steps: int = STEPS) -> World:
        """A whole run, to the end of everything."""
        happenings = (
            self.advance, self.advance, self.advance, self.exact, self.exact, self.end, self.leave_behind,
            self.escape, self.bear, self.bear, self.term, self.term, self.signal, self.stop_all, self.stop_one,
            self.start, self.job, self.absurd, self.absurd, self.orphans, self.member_ends, self.agent,
            self.speak, self.speak,
        )  # fmt: skip
        for _ in range(steps):
            self.rng.choice(happenings)()
            if self.rng.random() < 0.7:
                self.world.settle()
            else:
                self.world.answer(self.rng.randrange(6))
            if self.world.fleet.over and not self.world.pending:
                break
        self.world.finish()
        return self.world

    def interrupt(self) -> None:
        """A request arrives between two answers."""
        if self.rng.random() < 0.03:
            self.rng.choice((self.term, self.signal, self.stop_one))()

    def advance(self) -> None:
        self.world.advance(
            self.rng.choice([0.0, 0.01, 0.05, 0.11, 0.5, 2.0, 7.0, 40.0]), self.rng.choice([0, 0, 0.3])
        )

    def exact(self) -> None:
        deadline = self.world.fleet.deadline
        if deadline is not None:
            self.world.advance(max(deadline - self.world.now, 0.0))

    def term(self) -> None:
        self.world.signal(15)

    def signal(self) -> None:
        self.world.signal(self.rng.choice([2, 2, 3, 1, 10, 20, 18]), kernel=self.rng.random() < 0.5)

    def stop_all(self) -> None:
        self.world.stop(None)

    def stop_one(self) -> None:
        by = self.rng.choice(["command stop", "command stop", "dependency"])
        self.world.stop((self._worker(),), by)

    def start(self) -> None:
        if not self.world.spec.manner.wraps:
            self.world.start(self.rng.choice([None, (self._worker(),)]))

    def end(self) -> None:
        main = self.world.mains[self._worker()]
        if main is not None and main.profile != "unkillable":
            code = self.rng.choice([0, 0, 3, 1, None])
            self.world.end(main, code, self.rng.choice([9, 15, 11]) if code is None else None)

    def bear(self) -> None:
        self.world.bear(self._worker(), self.rng.choice(list(PROFILES)), in_group=self.rng.random() < 0.6)

    def member_ends(self) -> None:
        alive = [one for one in self.world.members if one.alive]
        if alive:
            self.world.end(self.rng.choice(alive), 0)

    def leave_behind(self) -> None:
        """The main process ends while a member of its group goes on, deaf."""
        worker = self._worker()
        self.world.bear(worker, "stubborn", in_group=True)
        main = self.world.mains[worker]
        if main is not None and main.profile != "unkillable":
            code = self.rng.choice([0, 3, None])
            self.world.end(main, code, 9 if code is None else None)

    def escape(self) -> None:
        """The main process ends by itself and leaves a daemon."""
        worker = self._worker()
        self.world.bear(worker, self.rng.choice(["quick", "slow", "stubborn"]), in_group=False)
        main = self.world.mains[worker]
        if main is not None and main.profile != "unkillable":
            self.world.end(main, self.rng.choice([0, 3]))

    def job(self) -> None:
        self.world.job_control(self._worker())

    def agent(self) -> None:
        self.world.agent_says(self._worker(), self.rng.choice(["hello", "noticed", "drained", "cleaned"]))

    def speak(self) -> None:
        """A worker says something over its notify socket, and asks for time, perhaps for ever."""
        extend = self.rng.choice([None, 0.0, 0.2, 3.0, 60.0, 1.8e13])
        ready, stopping = (self.rng.random() < 0.3 for _ in range(2))
        self.world.says(self._worker(), extend=extend, ready=ready, stopping=stopping)

    def orphans(self) -> None:
        self.world.orphans()

    def absurd(self) -> None:
        """Something that cannot be now."""
        world, events, worker = self.world, self.core.events, self._worker()
        world.settle()
        main, account, now = world.mains[worker], world.promises.accounts[worker], world.now
        phase = world.fleet.lives[worker].phase
        choices = [events.Reaped(now, worker, None, 0.5)]
        if account.forked or phase != "starting":
            choices.append(events.Forked(now, worker, 4))
        if account.started or main is None or main.reaped or main.exec_fails:
            choices.append(events.StartFailed(now, worker, "exec", 2))
            choices.append(events.Started(now, worker))
        if main is None or not main.alive or main.reaped:
            choices.append(events.MainExited(now, worker, 0, None))
        else:
            shot, stopping = world.fleet.lives[worker].killed is not None, world.fleet.lives[worker].stopping
            choices += [] if shot or stopping else [events.Surveyed(now, worker, ())]
        world.promises.unexpected(self.rng.choice(choices))

    def _worker(self) -> int:
        return self.rng.randrange(len(self.world.spec.workers))
