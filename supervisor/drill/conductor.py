"""Follows one run of a drill on the loop: waits until all workers are ready, then asks for the stop at its moment."""

from __future__ import annotations

from time import monotonic

from supervisor.core import events
from supervisor.drill.quiet import BUSY_STATES, LOOK, SPAN, Quiet
from supervisor.loop.observer import Observer
from supervisor.system.proc import processes, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.drilled import Population, ReadyBy, Use
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.drill.capture import Capture
    from supervisor.loop.loop import Loop
    from supervisor.system.agent.agents import Agents
    from supervisor.system.proc.processes import Stat

# Processes of a worker that are looked at: one reading of /proc each.
MOST_LOOKED_AT = 30
# Seconds that the agent's answer about the event loop is waited for; a program that computes answers late.
ANSWER = 0.3


class Conductor(Observer):
    """An observer of the loop, and a source of it: its deadline is the next look, then the moment of the stop.

    ``moment``: seconds from ready, or from the start for a stop while starting, to the request; ``again``: seconds
    after the first request to the second one, None for none.
    """

    def __init__(
        self,
        loop: Loop,
        agents: Agents,
        capture: Capture,
        population: Population,
        moment: float,
        again: float | None = None,
    ) -> None:
        self._loop = loop
        self._agents = agents
        self._capture = capture
        self._moment = moment
        self._again = again
        self._begun: float | None = None
        self._quiet: dict[WorkerId, Quiet] = {}
        self._looked: dict[WorkerId, float] = {}
        self._by: ReadyBy = "not awaited" if population == "starting" else "quiet"
        self.deadline: float | None = None
        self.asked: float | None = None
        self.ready: float | None = None
        self._spoilt: Use | None = None

    # ------------------------------------------------------------------ what happened

    @property
    def use(self) -> Use:
        """Return what the run is good for, once it is over."""
        if self._spoilt is not None:
            return self._spoilt
        return "measured" if self.asked is not None else "interrupted"

    @property
    def ready_by(self) -> ReadyBy:
        """Return how the workers were known to be ready."""
        return self._by

    @property
    def ready_after(self) -> float | None:
        """Return the seconds from the first start until all workers were ready; None when nobody knows.

        Of quiet ones: until the quiet began.
        """
        if self.ready is None or self._begun is None or self._by in ("never quiet", "not awaited"):
            return None
        seen = self.ready - self._begun
        return max(seen - SPAN, 0.0) if self._by == "quiet" else seen

    def started(self, worker: WorkerId, pid: int) -> None:
        """Look at a worker from here on: its process was forked."""
        del pid
        at = monotonic()
        if self._begun is None:
            self._begun = at
            if self._by == "not awaited":
                self.deadline = at + self._moment
        self._quiet[worker] = Quiet(at)
        if self.deadline is None and self.ready is None:
            self.deadline = at + LOOK

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Note that a worker has ended: too early, unless its stop was requested."""
        del worker
        if self.asked is None and self._loop.fleet.asked is None:
            self._spoilt = self._spoilt or ("not ready" if shutdown.asked_by == "start timeout" else "ended early")
            self.deadline = monotonic()  # the others are stopped: the run is over

    # ------------------------------------------------------------------ the clock

    def tick(self, at: float) -> None:
        """Look, or ask for the stop; where somebody else has asked, nothing is left to do."""
        self.deadline = None
        if self._loop.fleet.over:
            return
        if self.asked is not None:
            self._loop.see(events.StopAsked(at, "drill"))
        elif self._loop.fleet.asked is not None:
            return
        elif self._spoilt is not None or self.ready is not None or self._by == "not awaited":
            self._ask(at)
        elif self._all_ready(at):
            self.ready = at
            told = [life.ready for life in self._loop.fleet.lives.values() if life.spec.ready is not None]
            if len(told) == len(self._loop.fleet.lives):
                self._by, self.ready = "check", max(one.at for one in told if one is not None)
            self.deadline = self.ready + self._moment if self._by == "check" else at + self._moment
        else:
            self.deadline = at + LOOK

    def _ask(self, at: float) -> None:
        if self._spoilt is None:
            self.asked = at
        self._loop.see(events.StopAsked(at, "drill"))
        if self._again is not None and self._spoilt is None:
            self.deadline = at + self._again

    def _all_ready(self, at: float) -> bool:
        # Every worker is asked each time: a look at one of them is not to wait for another.
        found = [self._is_ready(life, at) for life in self._loop.fleet.lives.values()]
        return all(found)

    def _is_ready(self, life: Life, at: float) -> bool:
        if life.spec.ready is not None:
            return life.ready is not None
        seen = self._quiet.get(life.id)
        if seen is None or life.process is None or life.process.running_since is None:
            return False
        if seen.overdue(at):
            self._by = "never quiet"
            return True
        stats = _tree(life.process.pid)
        if not stats:
            return False
        # One that works makes the worker a busy one: a shell waits for the program that it starts.
        state = next((one.state for one in stats if one.state in BUSY_STATES), stats[0].state)
        cpu = sum(one.cpu for one in stats)
        return seen.look(at, cpu, state, self._capture.spoke.get(life.id)) and self._loops_run(life, at)

    def _loops_run(self, life: Life, at: float) -> bool:
        """Return whether the agent sees an event loop run, or none at all; True as well where there is no agent."""
        if life.process is None or not life.process.agent:
            return True
        asked = self._looked.get(life.id)
        if asked is None or at - asked > ANSWER:
            answered = self._answer(life) if asked is not None else None
            if answered is not None:
                return answered
            self._looked[life.id] = at
            # Nobody to ask, as a process in pause(2): then there is no loop to wait for.
            return self._agents.look(life.id) == 0 and asked is not None
        return self._answer(life) or False

    def _answer(self, life: Life) -> bool | None:
        """Return what the last look has shown of the main process; None without an answer."""
        pid = life.process.pid if life.process is not None else 0
        for message in self._agents.looks(life.id):
            if message.pid == pid:
                loops = message.fields.get("loops") or []
                return not loops or any(loop.get("running") for loop in loops)
        return None


def _tree(main: int) -> list[Stat]:
    """Return the main process and what it has started, as far as they are there; empty when it is gone."""
    pids, found = [main], []
    for pid in pids:
        stat = processes.stat(pid)
        if stat is None:
            continue
        found.append(stat)
        pids += reading.children(pid)[: max(MOST_LOOKED_AT - len(pids), 0)]
    return found
