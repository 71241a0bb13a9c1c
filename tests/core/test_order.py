"""Random graphs, failures and stops over the pure core: no deadlock, no order violated, every stop ends."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.core import actions, events, ladder, spec
from supervisor.core.fleet import order, state
from supervisor.core.fleet.step import step
from supervisor.core.readiness import Check, LivenessSpec, ReadySpec
from supervisor.core.worker.states import OVER, RESTS, START_FAILINGS

TCP = Check("tcp", host="127.0.0.1", port=1)
CONDITIONS: tuple[spec.Condition, ...] = ("started", "ready", "ready", "ready", "completed", "ended")
LADDERS = ("TERM/10/KILL", "TERM/10/KILL", "TERM/2/INT/1/KILL", "none", "KILL")
FOREVER = 10_000.0


def fleet_spec(rng: Random) -> spec.FleetSpec:
    """A fleet whose workers depend on some of those before them, in a random order of names."""
    count = rng.randint(2, 8)
    workers: list[spec.WorkerSpec] = []
    for number in range(count):
        below = rng.sample(range(number), rng.randint(0, min(number, 3)))
        needs = tuple(
            spec.Dependency(f"w{other}", rng.choice(CONDITIONS), rng.random() < 0.3, rng.random() < 0.8)
            for other in below
        )
        ready = ReadySpec(TCP, timeout=5.0, on_timeout=rng.choice(["fail", "continue"]))
        workers += [
            spec.WorkerSpec(
                f"w{number}",
                spec.ExecSpec((f"w{number}",)),
                spec.StopSpec(ladder.parse(rng.choice(LADDERS))),
                instance=instance,
                restart=spec.RestartSpec(
                    policy=rng.choice(["never", "on-failure"]),
                    on_exit=rng.choice(["restart", "restart", "restart", "stop-all"]),
                    stable=1.0,
                    burst=rng.choice([0, 2]),
                ),
                ready=rng.choice([None, ready]),
                liveness=rng.choice([None, None, LivenessSpec(TCP, interval=2.0, failures=2)]),
                depends_on=needs,
            )
            for instance in ((1, 2) if rng.random() < 0.2 else (0,))
        ]
    rng.shuffle(workers)
    return spec.FleetSpec(tuple(workers), limit=rng.choice([None, None, 8.0, 30.0]))


class Sim:
    """A fleet whose processes do by chance what processes do; time passes from one thing to the next."""

    def __init__(self, one: spec.FleetSpec, rng: Random) -> None:
        self.rng, self.now, self.pids = rng, 0.0, 100
        self.fleet = state.new(one)
        self.later: list[tuple[float, int, events.Event]] = []
        self.count = 0
        self.alive: dict[spec.WorkerId, int] = {}
        self.stubborn: set[spec.WorkerId] = set()
        self.see(events.StartAsked(0.0))

    def after(self, seconds: float, event: events.Event) -> None:
        self.count += 1
        self.later.append((self.now + seconds, self.count, event.with_(at=self.now + seconds)))

    def see(self, event: events.Event) -> None:
        before = self.fleet
        self.fleet, todo = step(before, event)
        self.check(before, event, todo)
        for action in todo:
            self.perform(action)

    def perform(self, action: actions.Action) -> None:
        match action:
            case actions.Spawn():
                self.spawn(action.worker)
            case actions.Signal():
                sent = events.Sent(self.now, action.worker, action.signal, action.target, "delivered", ladder=True)
                self.after(0.0, sent)
                if action.worker in self.alive and (action.signal == 9 or action.worker not in self.stubborn):
                    self.ends(action.worker, self.rng.choice([0.0, 0.5, 1.0]), self.rng.choice([0, 0, 1]))
            case actions.Try():
                answer = self.rng.random() < 0.6
                tried = events.Tried(self.now, action.worker, action.purpose, answer, "x")
                if self.rng.random() < 0.95:
                    self.after(self.rng.choice([0.0, 0.2, 1.0]), tried)
                else:
                    self.after(1.0, tried.with_(ok=False))
            case actions.Survey():
                self.after(0.0, events.Surveyed(self.now, action.worker, ()))
            case actions.Reap():
                self.alive.pop(action.worker, None)
                self.after(0.0, events.Reaped(self.now, action.worker, None))
            case actions.Probe():
                self.after(0.0, events.Probed(self.now, action.worker, 0))

    def spawn(self, worker: spec.WorkerId) -> None:
        if self.rng.random() < 0.05:
            self.after(0.0, events.StartFailed(self.now, worker, "fork", 11))
            return
        self.pids += 1
        self.alive[worker] = self.pids
        self.stubborn.discard(worker)
        if self.rng.random() < 0.1:
            self.stubborn.add(worker)
        self.after(0.0, events.Forked(self.now, worker, self.pids))
        self.after(0.0, events.Started(self.now, worker))
        if self.rng.random() < 0.3:
            self.ends(worker, self.rng.choice([0.1, 1.5, 4.0, 20.0]), self.rng.choice([0, 1]))

    def ends(self, worker: spec.WorkerId, seconds: float, code: int) -> None:
        self.after(seconds, events.MainExited(self.now, worker, code, None, alone=True))

    def run(self, until: float) -> None:
        """Let everything happen that is due by then."""
        spins = 0
        while True:
            due = self.fleet.deadline
            times = [*(at for at, _, _ in self.later), *([] if due is None else [max(due, self.now)])]
            if not times or min(times) > until:
                break
            at = min(times)
            spins = spins + 1 if at == self.now else 0
            assert spins < 2000, "no progress"
            self.now = at
            ready = sorted(one for one in self.later if one[0] <= at)
            if not ready:
                self.see(events.Tick(at))
                continue
            self.later.remove(ready[0])
            event = ready[0][2]
            worker = getattr(event, "worker", None)
            if isinstance(event, events.MainExited):
                life = self.fleet.lives[event.worker]
                if event.worker not in self.alive or life.death is not None or life.pid is None:
                    continue  # it has ended otherwise
            elif isinstance(event, events.Surveyed | events.Tried) and worker not in self.alive:
                continue
            self.see(event)
        self.now = max(self.now, until)

    # -------------------------------------------------------------- what must hold at each step

    def check(self, before: state.Fleet, event: events.Event, todo: tuple[actions.Action, ...]) -> None:
        graph = self.fleet.order or order.Order()
        for action in todo:
            if isinstance(action, actions.Spawn):
                self.may_start(before, graph, action.worker)
        for worker, life in self.fleet.lives.items():
            was = before.lives[worker]
            asked = life.requested and not was.requested and not life.failing
            if asked and self.fleet.want == "down" and life.state not in RESTS and life.stop is not None:
                out_of_order = life.stop.by == "dependency" or self.fleet.requests >= 3 or self.late(worker)
                held = self.dependents(worker)
                assert out_of_order or not held, ("the order of stops", worker, held, event)

    def dependents(self, worker: spec.WorkerId) -> list[spec.WorkerId]:
        """Who runs and depends on it, directly or through others."""
        lives = self.fleet.lives
        found = {lives[worker].spec.name}
        for _ in lives:  # long enough for the longest way
            found |= {
                life.spec.name for life in lives.values() for one in life.spec.depends_on if one.worker in found
            }
        names = found - {lives[worker].spec.name}
        return [other for other, life in lives.items() if life.spec.name in names and life.state not in RESTS]

    def may_start(self, before: state.Fleet, graph: order.Order, worker: spec.WorkerId) -> None:
        was = before.lives[worker]
        if was.state == "backoff":
            return  # its conditions held once; only those it restarts with are asked again
        for need in graph.needs.get(worker, ()):
            for other in need.workers:
                life = self.fleet.lives[other]
                holds = {
                    "started": life.process is not None and life.process.running_since is not None,
                    "ready": life.ready is not None and life.state in ("running", "exited"),
                    "completed": life.outcome == "clean",
                    "ended": life.outcome is not None,
                }[need.dependency.condition]
                never = life.state in OVER or (life.stop is not None and life.stop.by in START_FAILINGS)
                assert holds or (never and not need.dependency.required), ("the order of starts", worker, other)

    def late(self, worker: spec.WorkerId) -> bool:
        """Whether the limit leaves it no more time than its own ladder, or has passed."""
        fleet, life = self.fleet, self.fleet.lives[worker]
        if fleet.asked is None or fleet.spec.limit is None:
            return False
        grace = life.spec.stop.ladder.grace
        return self.now >= fleet.asked + fleet.spec.limit - (10.0 if grace is None else grace) - 1e-6

    # -------------------------------------------------------------- happenings

    def happen(self) -> None:
        rng = self.rng
        worker = rng.choice(list(self.fleet.lives))
        match rng.randrange(8):
            case 0:
                self.see(events.StopAsked(self.now, "command stop", (worker,)))
            case 1:
                self.see(events.StartAsked(self.now, (worker,)))
            case 2 if worker in self.alive:
                self.ends(worker, 0.0, 1)
            case _:
                self.run(self.now + rng.choice([0.05, 0.3, 1.0, 3.0, 12.0]))


def play(rng: Random) -> Sim:
    sim = Sim(fleet_spec(rng), rng)
    for _ in range(rng.randint(0, 25)):
        sim.happen()
    return sim


def nobody_waits_for_ever(sim: Sim) -> None:
    """When all has come to rest that comes to rest by itself, whoever waits waits for somebody who still may move."""
    graph = sim.fleet.order or order.Order()
    for worker, life in sim.fleet.lives.items():
        if life.state == "waiting" and life.queued is not None and sim.fleet.want == "up":
            verdict = order.verdict(graph, sim.fleet.lives, worker)
            assert not verdict.go and not verdict.failed, ("a deadlock of starts", worker)
            for other in verdict.waits_for:
                moving = sim.fleet.lives[other].state not in OVER
                assert moving, ("a deadlock of starts", worker, other)
        if life.awaits is not None:
            assert sim.dependents(worker), ("a deadlock of stops", worker)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_random_graphs(seed: int) -> None:
    sim = play(Random(seed))
    sim.run(sim.now + 30.0)
    nobody_waits_for_ever(sim)
    # A stop ends, whatever was going on; what never escalates ends when its processes do.
    sim.see(events.StopAsked(sim.now, "command stop"))
    patient = [worker for worker, life in sim.fleet.lives.items() if life.spec.stop.ladder.patient]
    sim.stubborn.difference_update(patient)
    for worker in patient:
        if worker in sim.alive:
            sim.ends(worker, 5.0, 0)
    sim.run(sim.now + FOREVER)
    assert sim.fleet.over, [(life.spec.name, life.state, life.awaits) for life in sim.fleet.lives.values()]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_three_requests_end_everything(seed: int) -> None:
    """At any moment: nobody waits for its turn after the third."""
    sim = play(Random(seed))
    for _ in range(3):
        sim.see(events.SignalReceived(sim.now, 15, 7))
        sim.run(sim.now + 0.2)
    assert not [life for life in sim.fleet.lives.values() if life.awaits is not None]


def test_the_time_of_the_critical_path() -> None:
    """200 workers, six deep, each half a second to get ready and half a second to stop: three seconds each way."""
    rng, deep, work = Random(7), 6, 0.5
    levels = [[f"w{number}" for number in range(level, 200, deep)] for level in range(deep)]
    stop = spec.StopSpec(ladder.parse(ladder.DEFAULT))
    workers = [
        spec.WorkerSpec(
            name,
            spec.ExecSpec((name,)),
            stop,
            ready=ReadySpec(Check("fd")),
            depends_on=tuple(map(spec.Dependency, rng.sample(levels[level - 1], 3))) if level else (),
        )
        for level, names in enumerate(levels)
        for name in names
    ]
    rng.shuffle(workers)
    sim = Steady(spec.FleetSpec(tuple(workers)), rng, work)
    sim.run(deep * work)
    assert {life.state for life in sim.fleet.lives.values()} == {"running"}
    assert sim.fleet.deadline is None, "nothing wakes an idle fleet"
    sim.see(events.StopAsked(sim.now, "command stop"))
    sim.run(sim.now + deep * work)
    assert sim.fleet.over
    assert max(life.ended or 0.0 for life in sim.fleet.lives.values()) == 2 * deep * work


class Steady(Sim):
    """Every process does what it does in the same time."""

    def __init__(self, one: spec.FleetSpec, rng: Random, work: float) -> None:
        self.work = work
        super().__init__(one, rng)

    def spawn(self, worker: spec.WorkerId) -> None:
        self.alive[worker] = 1
        self.after(0.0, events.Forked(self.now, worker, 1000 + worker))
        self.after(0.0, events.Started(self.now, worker))
        self.after(self.work, events.Tried(self.now, worker, "ready", True, "a newline"))

    def ends(self, worker: spec.WorkerId, seconds: float, code: int) -> None:
        del seconds, code
        super().ends(worker, self.work, 0)


def chain(names: str, **more: Any) -> spec.FleetSpec:
    """Each depends on the next."""
    stop = spec.StopSpec(ladder.parse(ladder.DEFAULT))
    return spec.FleetSpec(
        tuple(
            spec.WorkerSpec(
                name, spec.ExecSpec((name,)), stop, depends_on=(spec.Dependency(after),) if after else (), **more
            )
            for name, after in zip(names, (*names[1:], ""), strict=True)
        )
    )


def test_a_long_chain_is_no_recursion() -> None:
    """2000 workers in a row: each waits for the next, and none is too deep for Python's stack."""
    names = [f"w{number}" for number in range(2000)]
    fleet = state.new(chain(names))  # type: ignore[arg-type]  # a list of names is as good as a text of letters
    fleet, todo = step(fleet, events.StartAsked(0.0))
    assert [action.worker for action in todo if isinstance(action, actions.Spawn)] == [1999]
    fleet, todo = step(fleet, events.Forked(0.0, spec.WorkerId(1999), 7), events.Started(0.0, spec.WorkerId(1999)))
    assert [action.worker for action in todo if isinstance(action, actions.Spawn)] == [1998]
