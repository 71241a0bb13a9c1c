"""A small simulated operating system that answers the core's actions: processes, groups, zombies, time.

It answers late, loses what may be lost (a look, the notice of an orphan's end) and can be made to say absurd things.
What the core must never do is checked where it would do it, by `promises.Promises`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tests.core.promises import Promises, broken

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.core.loading import Core

KILL, CONT = 9, 18
# How a process takes a signal that is not SIGKILL: seconds until its end, None for never.
PROFILES: dict[str, float | None] = {"prompt": 0.0, "quick": 0.03, "slow": 3.0, "stubborn": None, "unkillable": None}


class Process:
    """One process of a worker. ``rungs`` are those of the ladder whose signal it had, and when it got that."""

    def __init__(self, pid: int, worker: int, born: float, profile: str, *, main: bool, in_group: bool) -> None:
        self.pid, self.worker, self.born, self.profile = pid, worker, born, profile
        self.main, self.in_group = main, in_group
        self.alive, self.reaped, self.stopped = True, False, False
        self.ends_at: float | None = None
        self.code: int | None = 0
        self.signal: int | None = None
        self.rungs: dict[int, float] = {}
        self.left = False  # by an earlier start of its worker
        self.shot = False
        self.held: list[int] = []
        self.exec_fails: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        return self.pid, int(self.born * 100)

    def take(self, signal: int, at: float) -> None:
        """A signal arrives."""
        if signal == KILL:
            if self.profile != "unkillable":
                self.ends_at, self.code, self.signal = at, None, KILL
                self.shot = True
        elif signal == CONT:
            self.stopped = False
            held, self.held = self.held, []
            for one in held:
                self.take(one, at)
        elif self.stopped:
            self.held.append(signal)
        elif (delay := PROFILES[self.profile]) is not None and self.ends_at is None:
            self.ends_at = at + delay
            self.code, self.signal = (None, signal) if self.profile == "prompt" else (0, None)


class World:
    """A fleet and its processes. The methods are what may happen; each leaves every promise checked."""

    def __init__(self, core: Core, spec: Any, rng: Random) -> None:
        self.core, self.spec, self.rng = core, spec, rng
        self.now, self.next_pid = 100.0, 1000
        self.fleet = core.state.new(spec)
        self.events: list[Any] = []
        self.reports: list[Any] = []
        self.notes: list[str] = []
        self.mains: list[Process | None] = [None for _ in spec.workers]
        self.members: list[Process] = []
        self.pending: deque[Callable[[], None]] = deque()
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.interrupt: Callable[[], None] = lambda: None
        self.promises = Promises(self)
        if spec.manner.wraps:
            self._perform(core.actions.Spawn(0), None)
            self.settle()
        else:
            self.start(None)

    # ------------------------------------------------------------------ requests

    def start(self, workers: tuple[int, ...] | None) -> None:
        self.see(self.core.events.StartAsked(self.now, workers))

    def stop(self, workers: tuple[int, ...] | None, by: str = "command stop") -> None:
        self.see(self.core.events.StopAsked(self.now, by, workers))

    def signal(self, signal: int, *, kernel: bool = False) -> None:
        self.see(self.core.events.SignalReceived(self.now, signal, 0 if kernel else 7, 0, kernel))

    def early_tick(self) -> None:
        self.see(self.core.events.Tick(self.now))

    # ------------------------------------------------------------------ what processes do

    def end(self, process: Process, code: int | None, signal: int | None = None) -> None:
        if process.alive:
            process.code, process.signal, process.ends_at = code, signal, self.now
            self.advance(0.0)

    def bear(self, worker: int, profile: str, *, in_group: bool) -> None:
        main = self.mains[worker]
        if main is not None and main.alive and not main.exec_fails:
            self.members.append(Process(self._pid(), worker, self.now, profile, main=False, in_group=in_group))

    def job_control(self, worker: int) -> None:
        main = self.mains[worker]
        if main is None or not main.alive:
            return
        events = self.core.events
        if main.stopped:
            main.take(CONT, self.now)
            self._fact(events.MainContinued(self.now, worker))
        else:
            main.stopped = True
            self._fact(events.MainStopped(self.now, worker, 19))

    def agent_says(self, worker: int, what: str) -> None:
        main = self.mains[worker]
        if main is not None and main.alive and not main.exec_fails:
            self._fact(self.core.events.AgentSaid(self.now, worker, what))

    def says(self, worker: int, **words: Any) -> None:
        main = self.mains[worker]
        if main is not None and main.alive and not main.exec_fails:
            self._fact(self.core.events.Notified(self.now, worker, self.core.notify.Message(**words)))

    def orphans(self) -> None:
        self._fact(self.core.events.OrphansChanged(self.now))

    def advance(self, seconds: float, late: float = 0.0) -> None:
        """Time passes; processes end and Ticks come, each ``late`` seconds after its deadline."""
        until = self.now + seconds
        self.settle()
        spins = 0
        while True:
            ends = [one.ends_at for one in self._living() if one.ends_at is not None]
            deadline = self.fleet.deadline
            due = [*ends, *(at for at, _ in self.later)]
            due += [max(deadline + late, self.now)] if deadline is not None else []
            at = max(min(due, default=until), self.now)
            if at > until:
                break
            spins = spins + 1 if at == self.now else 0
            if spins > 200:
                broken("a tick makes progress", f"still asking for {deadline} at {self.now}")
            self.now = at
            for one in self._living():
                if one.ends_at is not None and one.ends_at <= at:
                    self._ended(one)
            self.pending.extend(say for when, say in self.later if when <= at)
            self.later = [one for one in self.later if one[0] > at]
            self.settle()
            deadline = self.fleet.deadline
            if deadline is not None and deadline + late <= at:
                self.see(self.core.events.Tick(at))
                self.settle()
            elif not due:
                break
        self.now = max(until, self.now)

    # ------------------------------------------------------------------ machinery

    def answer(self, count: int) -> None:
        """Give some of the answers that are due."""
        for _ in range(min(count, len(self.pending))):
            self.pending.popleft()()

    def settle(self) -> None:
        """Give all answers that are due."""
        while self.pending:
            self.pending.popleft()()
            self.interrupt()

    def see(self, event: Any) -> None:
        before = self.fleet
        self.events.append(event)
        self.fleet, actions = self.core.fleet.step(before, event)
        self.promises.stepped(before, event, actions)
        for action in actions:
            self._perform(action, event)
        self.promises.performed(before, event)

    def of(self, worker: int) -> list[Process]:
        """The worker's processes besides its main one, dead ones too."""
        return [one for one in self.members if one.worker == worker]

    def _pid(self) -> int:
        self.next_pid += 1
        return self.next_pid

    def _living(self) -> list[Process]:
        return [one for one in (*self.mains, *self.members) if one is not None and one.alive]

    def _fact(self, event: Any) -> None:
        """A fact waits its turn behind the answers that are still out."""
        self._answer(lambda: self.see(event))
        if len(self.pending) == 1:
            self.settle()

    def _answer(self, say: Callable[[], None]) -> None:
        self.pending.append(say)

    def _ended(self, one: Process) -> None:
        events = self.core.events
        one.alive = False
        if not one.main:
            if self.rng.random() < 0.8:  # else nobody notices
                self._answer(lambda: self.see(events.OrphansChanged(self.now)))
            return
        if one.reaped:
            return  # given up as stuck: its descriptor is closed
        exited = events.MainExited(self.now, one.worker, one.code, one.signal)
        self._answer(lambda: self.see(exited))

    def _perform(self, action: Any, event: Any) -> None:
        name = type(action).__name__
        if name == "Note":
            self.notes.append(action.text)
        elif name == "Report":
            self.promises.reported(action.shutdown)
            self.reports.append(action.shutdown)
        elif name == "Amend":
            self.promises.amended(action.shutdown)
        elif name not in ("Suspend", "Foreground"):
            getattr(self, "_" + name.lower())(action, event)

    def _spawn(self, action: Any, _: Any) -> None:
        events, worker = self.core.events, action.worker
        self.promises.spawning(worker)
        for one in self.of(worker):
            one.in_group, one.rungs, one.left = False, {}, True  # whose group is gone
        if not self.spec.manner.wraps and self.rng.random() < 0.05:
            at = self.now
            self.mains[worker] = None
            self._answer(lambda: self.see(events.StartFailed(at, worker, "fork", 11)))
            return
        main = Process(self._pid(), worker, self.now, self._profile(), main=True, in_group=True)
        self.mains[worker] = main
        forked = events.Forked(self.now, worker, main.pid)
        self._answer(lambda: self.see(forked))
        if self.rng.random() < 0.08:
            main.exec_fails = self.rng.choice([2, 13])
            main.ends_at, main.code = self.now, 127
            failed = events.StartFailed(self.now, worker, "exec", main.exec_fails)
            self._answer(lambda: self.see(failed))
        else:
            started = events.Started(self.now, worker)
            self._answer(lambda: self.see(started))
            if self.rng.random() < 0.3:
                hello = events.AgentSaid(self.now, worker, "hello")
                self._answer(lambda: self.see(hello))

    def _profile(self) -> str:
        return self.rng.choice(["prompt", "quick", "slow", "stubborn", "stubborn", "unkillable"])

    def _signal(self, action: Any, _: Any) -> None:
        worker = action.worker
        main = self.promises.signalling(action)
        mains = [main] if main is not None else []
        group = [*mains, *(one for one in self.of(worker) if one.in_group)]
        targets = {
            "main": mains,
            "group": group,
            "leftovers": [one for one in self.of(worker) if one.key in {member.key for member in action.members}],
        }[action.target]
        hit = [one for one in targets if one.alive]
        self.promises.hitting(action, hit)
        for one in hit:
            one.take(action.signal, self.now)
            if action.wake:
                one.take(CONT, self.now)
        result = "delivered" if hit or action.target != "leftovers" else "nobody"
        keys = tuple(one.key for one in hit) if action.target == "leftovers" else ()
        sent = self.core.events.Sent(self.now, worker, action.signal, action.target, result, keys, action.ladder)
        self._answer(lambda: self.see(sent))

    def _survey(self, action: Any, _: Any) -> None:
        worker = action.worker
        if self.fleet.lives[worker].state != "sweeping":
            self.promises.touching(worker, "surveyed")

        def answer() -> None:
            record = self.core.record
            members = tuple(
                record.Member(one.pid, ("member",), one.born, one.in_group, "S", one.key[1])
                for one in self.of(worker)
                if one.alive
            )
            self.see(self.core.events.Surveyed(self.now, worker, members))

        self._answer(answer)

    def _look(self, action: Any, _: Any) -> None:
        self.promises.touching(action.worker, "looked at")
        chance = self.rng.random()
        if chance < 0.2:
            return  # never answered
        sample = None if chance < 0.4 else self.core.record.Sample(self.now, "S", 0.1, 1)
        sampled = self.core.events.Sampled(self.now, action.worker, sample)
        self._answer(lambda: self.see(sampled))

    def _readmasks(self, action: Any, _: Any) -> None:
        self.promises.touching(action.worker, "read")
        if self.rng.random() < 0.8:
            read = self.core.events.MasksRead(self.now, action.worker, self.core.record.Masks(0, 0, 0))
            self._answer(lambda: self.see(read))

    def _probe(self, action: Any, _: Any) -> None:
        """The agents answer at once, later or never."""
        self.promises.touching(action.worker, "probed")
        events, main = self.core.events, self.mains[action.worker]
        asked = self.rng.choice([0, 1, 1])
        probed = events.Probed(self.now, action.worker, asked)
        self._answer(lambda: self.see(probed))

        def answered() -> None:
            if self.mains[action.worker] is main:
                self.see(events.ProbeAnswered(self.now, action.worker))

        if asked and self.rng.random() < 0.7:
            self.later.append((self.now + self.rng.choice([0.0, 0.002, 0.05, 0.2]), answered))

    def _dump(self, action: Any, _: Any) -> None:
        self.promises.touching(action.worker, "dumped")

    def _reap(self, action: Any, _: Any) -> None:
        self.promises.reaping(action)
        main = self.mains[action.worker]
        assert main is not None
        main.reaped = True
        chance = self.rng.random()
        self._answer(lambda: self.see(self.core.events.Reaped(self.now, action.worker, None, chance)))

    # ------------------------------------------------------------------ the end

    def finish(self) -> None:
        """Everybody dies in the end; then every exit must be reported and the fleet be over."""
        self.interrupt = lambda: None
        self.settle()
        if not (self.spec.manner.wraps or self.promises.fleet_down):
            self.stop(None)
        self.settle()
        for one in self._living():
            if one.ends_at is None or one.ends_at > self.now:
                one.ends_at = self.now
        self.advance(0.0)
        self.orphans()
        self.settle()
        if len(self.spec.workers) > self.core.fleet.LOOKS_A_TURN:
            self.advance(0.0)  # who is left is looked for in turns
        self.promises.finished()
