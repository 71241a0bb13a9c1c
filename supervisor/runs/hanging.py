"""Tells on a terminal that the command of `run` began to end and does not, where it waits and what comes next."""

from __future__ import annotations

from supervisor.core.spec import FIRST
from supervisor.diagnosis import hang
from supervisor.loop.observer import Observer
from supervisor.runs.evidence import speaks
from supervisor.system import stdio, terminal
from supervisor.system.output import sink
from supervisor.system.output.patience import Patience
from supervisor.system.proc import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.diagnosis.hang import Hang
    from supervisor.loop.loop import Loop

# Seconds from news of an agent to the look whether they are those of an end; as often while news come.
SOON = 1.0


class Hanging(Observer):
    """An observer that learns of news, and a source of the loop that looks at them when it is time to tell."""

    def __init__(self, loop: Loop, at: float) -> None:
        self._loop = loop
        self._hang: Hang | None = None
        self._told = 0
        self._stands = (False, False)  # a stop was requested; the main process has ended
        self.deadline: float | None = None
        self.changed(at)
        if speaks(self._messages()):
            self._look_by(at + SOON)

    def changed(self, at: float) -> None:
        """Follow a stop that begins and the end of the main process; nothing else of the state is news."""
        life = self._loop.fleet.lives[FIRST]
        stop = life.stopping
        stands = (stop is not None and stop.asked is not None, life.death is not None)
        if stands != self._stands:
            self._stands = stands
            self._look_by(at + SOON)

    def heard(self, worker: WorkerId, at: float) -> None:
        """Look whether what a worker's agents have said is an end: only the look shows that."""
        del worker
        if self.deadline is None:
            self._look_by(at + SOON)

    def tick(self, at: float) -> None:
        """Look, and tell what is to be told by now."""
        self.deadline = None
        life, messages = self._loop.fleet.lives[FIRST], self._messages()
        found = hang.find(life, messages, at)
        if found is None:
            self._hang, self._told = None, 0
            return
        if self._hang is None or (found.requested and not self._hang.requested):
            self._told = 0
        self._hang = found
        due = hang.times_due(found, at)
        if due > self._told:
            self._told = due
            self._tell(life, messages, at)
        self.deadline = hang.next_at(found, self._told)

    def _look_by(self, at: float) -> None:
        self.deadline = at if self.deadline is None else min(self.deadline, at)

    def _messages(self) -> Sequence[AgentMessage]:
        return self._loop.agents.messages(FIRST) if self._loop.agents is not None else ()

    def _tell(self, life: Life, messages: Sequence[AgentMessage], at: float) -> None:
        """Tell one line, where lines are read: on a terminal that is the command's or ours, and not in raw mode."""
        running = self._loop.running[FIRST]
        if self._hang is None or not terminal.reads_lines(2, running.group):
            return
        from supervisor.diagnosis.live_wait import waiting
        from supervisor.views.hang import line

        waits = waiting(messages, at, life.last_pid) if messages else None
        masks = processes.masks(running.child.pid, running.masks) if life.death is None else None
        sink.say(line(self._hang, life, waits, masks, at, stdio.width(2)), 2, Patience(0.0))
