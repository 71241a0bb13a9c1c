"""Answers the control socket from the loop's fleet: the state and its changes, and one function for each request.

A request that is done later keeps its caller and answers it then.
"""

from __future__ import annotations

import time

from supervisor.core import events
from supervisor.core.contract.state import fleet_view, waits, worker_view
from supervisor.loop.observer import Observer
from supervisor.runs.plan import choose
from supervisor.system.proc import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from supervisor.core.contract import requests
    from supervisor.core.record import Waiting
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.loop.loop import Loop
    from supervisor.system.control.server import Caller, Control


# Naming a wait takes 0.3 ms for the tens of messages of an ordinary stop. The loop has deadlines to keep: so many
# workers per update, and none that has said so much.
MOST_NAMED = 8
MOST_MESSAGES = 1000


class Desk:
    """Between the control socket and the loop. Frozen states make "has it changed" a comparison of identities."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._published: Mapping[WorkerId, Life] = {}
        self._head: dict[str, Any] = {}
        self._news: dict[WorkerId, None] = {}
        self._waits: dict[WorkerId, Waiting | None] = {}

    # ------------------------------------------------------------------ the state

    def state(self) -> dict[str, Any]:
        """Return the whole state."""
        fleet = self._loop.fleet
        self._name_waits(MOST_NAMED)
        return {
            "fleet": fleet_view(fleet),
            "workers": [self._view(life, index) for index, life in enumerate(fleet.lives.values())],
        }

    def changes(self) -> dict[str, Any] | None:
        """Return what changed since the last call."""
        fleet = self._loop.fleet
        before = self._published
        renamed = self._name_waits(MOST_NAMED)
        changed = [
            self._view(life, index)
            for index, life in enumerate(fleet.lives.values())
            if before.get(life.id) is not life or life.id in renamed
        ]
        head = fleet_view(fleet)
        if not changed and head == self._head:
            return None
        self._published, self._head = fleet.lives, head
        return {"fleet": head, "workers": changed}

    def heard(self, worker: WorkerId) -> None:
        """Note that a worker's agents have said something: what the worker waits for may have changed."""
        self._news[worker] = None

    @property
    def behind(self) -> bool:
        """Return whether there is news that the last update had no time for."""
        return bool(self._news)

    def _view(self, life: Life, index: int) -> dict[str, Any]:
        waiting = self._waits.get(life.id) if life.stopping is not None else None
        return worker_view(self._loop.fleet, life, index, waiting)

    def _name_waits(self, most: int) -> set[WorkerId]:
        """Look into the news of some stopping workers; those whose wait has another name now."""
        agents, now = self._loop.agents, time.monotonic()
        renamed: set[WorkerId] = set()
        for worker in list(self._news)[:most]:
            del self._news[worker]
            life = self._loop.fleet.lives[worker]
            messages = agents.messages(worker) if agents is not None and life.stopping is not None else []
            if messages and len(messages) <= MOST_MESSAGES:
                try:
                    from supervisor.diagnosis.live_wait import waiting
                except OSError:
                    continue  # no descriptor is left to import with

                found = waiting(messages, now, life.last_pid)
                if found != self._waits.get(worker):
                    self._waits[worker] = found
                    renamed.add(worker)
        return renamed

    # ------------------------------------------------------------------ requests

    def status(self, _request: requests.Status, caller: Caller) -> None:
        """Answer with the whole state, once."""
        caller.answer(self.state())

    def stop(self, request: requests.Stop, caller: Caller) -> None:
        """Ask for the stop of some workers, by name (all its instances) or title, or of everything.

        ``now``: those that are being stopped already take the next step of their ladder. A command that is merely
        repeated (a deployment's retry) must not kill a worker in the middle of its cleanup.
        """
        lives = self._loop.fleet.lives
        if request.workers is None:
            caller.answer(self._ask(lives, None, request.now, caller.pid))
            return
        ids = list(lives)
        chosen = [ids[at] for at in choose(request.workers, [life.spec for life in lives.values()], "the fleet")]
        caller.answer(self._ask(chosen, tuple(chosen), request.now, caller.pid))

    def explain(self, request: requests.Explain, caller: Caller) -> None:
        """Answer with what is known of the worker to which a process belongs; ``worker`` is null for a process of no
        worker.

        Without ``since`` its agents are asked to speak: of a worker that is being stopped until its end, of another
        one once, and its program goes on as before. With the ``at`` of that answer the next one tells who has spoken.
        """
        now, since, life = time.monotonic(), request.since, self._life_of(request.pid)
        if life is None:
            caller.answer({"at": now, "worker": None})
            return
        agents = self._loop.agents
        stop = life.stopping
        probed = 0
        if agents and since is None and (stop is None or stop.hold is None):
            probed = agents.probe(life.id) if stop is not None else agents.look(life.id)
        answer: dict[str, Any] = {
            "at": now,
            "fleet": self._loop.fleet.spec.name,
            "worker": self._view(life, list(self._loop.fleet.lives).index(life.id)),
            "agent": life.agent,
            "probed": probed,
            "answered": [],
            **waits(None),
            "said": [],
        }
        looks = agents.looks(life.id) if agents and stop is None else []
        if looks and since is not None:
            from supervisor.diagnosis.running.from_agent import answered, seen

            answer["answered"] = sorted(answered(looks, since))
            answer["said"] = seen(looks, life.last_pid)
        messages = agents.messages(life.id) if agents and stop is not None else []
        if messages and since is not None:
            from supervisor.diagnosis.live_wait import waiting
            from supervisor.diagnosis.running.from_agent import answered, said

            # What was said first has the names, what was said last the places.
            messages = messages[: MOST_MESSAGES // 5] + messages[MOST_MESSAGES // 5 :][-MOST_MESSAGES * 4 // 5 :]
            answer["answered"] = sorted(answered(messages, since))
            answer |= waits(waiting(messages, now, life.last_pid))
            answer["said"] = said(messages, now, life.last_pid)
        caller.answer(answer)

    def _life_of(self, pid: int) -> Life | None:
        """Return the worker of which this process is: by its ancestors, their group or session, or the worker's
        mark.
        """
        lives = self._loop.fleet.lives.values()
        found = processes.owner(pid, {life.pid: life for life in lives if life.pid is not None})
        if found is not None:
            return found
        environment = processes.environment(pid)
        marks = {f"{processes.MARK}={processes.mark(life.id)}".encode(): life for life in lives}
        return next((marks[entry] for entry in environment if entry in marks), None)

    def _ask(
        self, chosen: Iterable[WorkerId], workers: tuple[WorkerId, ...] | None, now: bool, pid: int
    ) -> dict[str, Any]:
        """Return ``stopping``, whose stop begins (they run or would be started again), and ``already``, who was being
        stopped.
        """
        fleet = self._loop.fleet
        stopping: list[str] = []
        already: list[str] = []
        for worker in chosen:
            life = fleet.lives[worker]
            if life.stopping is not None and life.stopping.asked is not None:
                already.append(life.spec.title)
            elif life.alive or life.attempts.due is not None or life.queued is not None:
                stopping.append(life.spec.title)
        self._loop.see(events.StopAsked(time.monotonic(), "command stop", workers, pid, insists=now))
        return {"stopping": stopping, "already": already}


class Published(Observer):
    """Tells the clients of the control socket that there is news."""

    def __init__(self, desk: Desk, control: Control) -> None:
        self._desk = desk
        self._control = control

    def changed(self, at: float) -> None:
        """Send the state, which may have changed."""
        self._control.changed(at)

    def heard(self, worker: WorkerId, at: float) -> None:
        """Send what a stopping worker waits for, which may have changed."""
        self._desk.heard(worker)
        self._control.changed(at)
