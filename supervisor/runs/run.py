"""One run of a fleet: its poller, agents, evidence and loop. Says nothing; several may follow one another.

`up` adds output, control socket and words of its own (foreground.py); a drill adds nothing, takes what
``evidence`` has kept, closes the run, and makes the next one.
"""

from __future__ import annotations

import time

from supervisor.core import events
from supervisor.loop.loop import Loop
from supervisor.runs.attachments import Environment
from supervisor.runs.evidence import Evidence
from supervisor.runs.hearing import Hearing
from supervisor.runs.looking import Looking
from supervisor.runs.signs import Signs
from supervisor.system.agent.agents import Agents
from supervisor.system.poller import Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.fleet.state import Fleet
    from supervisor.core.spec import FleetSpec
    from supervisor.loop.observer import Attachments
    from supervisor.runs.assembly import Ground


class Run:
    """Nothing is started before :meth:`go`: observers, sources and jobs may be added to ``loop`` until then."""

    def __init__(
        self,
        ground: Ground,
        fleet: FleetSpec,
        poller: Poller | None = None,
        attachments: Callable[[Agents, Hearing, Signs], Attachments] = Environment,
        say: Callable[[str], object] | None = None,
    ) -> None:
        """Prepare a run; ``attachments`` makes what each start of a worker gets, with the agents and sockets of this
        run.
        """
        self.poller = poller or Poller()
        self.agents = Agents(self.poller)
        self.hearing = Hearing()
        self.signs = Signs()
        self.evidence = Evidence(self.agents, environment=lambda worker: self.loop.fleet.lives[worker].spec.exec.env)
        self.loop = Loop(
            fleet,
            ground.inherited,
            subreaper=ground.subreaper,
            poller=self.poller,
            agents=self.agents,
            attachments=attachments(self.agents, self.hearing, self.signs),
        )
        self.looking = Looking(self.loop)
        self.evidence.looking = self.looking.placed
        self.loop.observers += (self.hearing, self.looking, self.evidence)
        self.signs.serve(self.poller, self.loop.see_all)
        self.hearing.serve(self.poller, self.loop.see_all, say)

    def go(self) -> Fleet:
        """Start everything, and return the last state when all is over. On a bug of ours no worker is left behind."""
        self.loop.see(events.StartAsked(time.monotonic()))
        return self.loop.run()

    def close(self) -> None:
        """Give all descriptors back."""
        self.agents.close()
        self.hearing.close()
        self.loop.close()
        self.poller.close()
