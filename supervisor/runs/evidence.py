"""The ends of a run with what the agents said of each: what is kept, what is forgotten, what gets an explanation."""

from __future__ import annotations

import os
from time import monotonic

from supervisor.core.verdict import worth_telling
from supervisor.core.visible import visible
from supervisor.loop.observer import Observer
from supervisor.system import stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId
    from supervisor.diagnosis.evidence.frames import Sources
    from supervisor.runs.plan import Voice
    from supervisor.system.agent.agents import Agents
    from supervisor.system.output.patience import Patience
    from supervisor.system.process.spawn import Identity

# Ends kept for the report: a worker that restarts for ever must not fill the memory.
MOST_SHUTDOWNS = 2000
# The newest ends of which the agents' messages are kept until the end of the run (some 100 kB each at the most).
MOST_EVIDENCE = 200


class Evidence(Observer):
    """Keeps each end as it is reported, and explains them when the run is over.

    Explaining one end takes milliseconds, for which the stop of the other workers would wait.
    """

    def __init__(
        self,
        agents: Agents | None,
        without: str | None = None,
        environment: Callable[[WorkerId], Mapping[str, str] | None] = lambda _: None,
    ) -> None:
        """Make an empty collection; ``without``: why there are no agents at all, where they were wanted.

        ``environment(worker)``: that of a worker, None for our own.
        """
        self.agents = agents
        self.without = without
        # Adds to a record where the worker was when tries of its check had failed.
        self.looking: Callable[[Shutdown, WorkerId], Shutdown] = lambda shutdown, _: shutdown
        self._ends: list[tuple[Shutdown, Sequence[AgentMessage]]] = []
        # Of each worker the user as whom its source files are read, None for our own.
        self._users: dict[str, Identity | None] = {}
        self._environment = environment
        self._environments: dict[str, Mapping[str, str] | None] = {}
        self.forgotten = 0
        self._failure: Exception | None = None

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Keep the record of a worker's end, and what its agents said."""
        said: Sequence[AgentMessage] = ()
        why = self.without
        shutdown = self.looking(shutdown, worker)
        self._environments[shutdown.title] = self._environment(worker)
        if self.agents is not None:
            self._users[shutdown.title] = self.agents.user(worker)
            why = self.agents.reason(worker)
            said = self.agents.take(worker, monotonic())
        if why is not None:
            shutdown = shutdown.with_(agent=shutdown.agent.with_(reason=why))
        self._ends.append((shutdown, said))
        if len(self._ends) > MOST_EVIDENCE:
            self._ends[-MOST_EVIDENCE - 1] = (self._ends[-MOST_EVIDENCE - 1][0], ())
        if len(self._ends) > MOST_SHUTDOWNS:
            del self._ends[0]
            self.forgotten += 1

    def amended(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Put a record in the place of an earlier one of the same start, unless that is forgotten by now."""
        del worker
        for place, (earlier, said) in enumerate(self._ends):
            if (earlier.title, earlier.start) == (shutdown.title, shutdown.start):
                self._ends[place] = (shutdown.with_(agent=earlier.agent), said)

    def told(self, voice: Voice, *, every: bool = False, kept: bool = False) -> list[Shutdown]:
        """Return the records of all ends, explained where that will be shown and there is something to explain.

        ``every``: also those that were clean, in time, and of which no agent said anything. Nothing of diagnosis/ is
        imported (10 ms) where nothing is explained. ``kept``: the history gets them, also where nothing is shown.
        """
        if voice.quiet and not voice.keeps_record and not kept:
            return [shutdown for shutdown, _ in self._ends]
        every = every or voice.keeps_record
        lines: dict[Identity | None, Sources] = {}
        told = [
            self._explained(shutdown, said, lines) if every or worth_telling(shutdown) or speaks(said) else shutdown
            for shutdown, said in self._ends
        ]
        if self._failure is not None:
            stdio.say(f"supervisor: no explanation, for that failed: {self._failure!r}; please report it\n")
        return told

    def record(self, voice: Voice, ends: list[Shutdown], patience: Patience, fleet: str | None = None) -> bool:
        """Write the report files and return whether there is one for each path."""
        if not voice.reports:
            return True
        try:
            from supervisor.runs.recording import record

            return record(voice, ends, patience, fleet)
        except (ImportError, OSError) as error:
            stdio.say(f"supervisor: no report, for that failed: {error!r}\n")
            return False

    def plainly(self, error: Exception, *, every: bool = False) -> None:
        """Say the least, with what is imported already: what would tell it well could not be imported."""
        stdio.say(f"supervisor: told in short, for more failed: {error!r}\n")
        for ended, _ in self._ends:
            if every or worth_telling(ended):
                stdio.say(f"supervisor: {visible(ended.title)}: {ended.outcome} after {ended.total:.2f} s\n")

    def _explained(
        self, shutdown: Shutdown, said: Sequence[AgentMessage], lines: dict[Identity | None, Sources]
    ) -> Shutdown:
        """Return the record with its explanation; ``lines`` keeps what was read for each user.

        Without one where that fails: diagnosis/ is imported only now, when no worker is left (it takes 2 MB), perhaps
        with no descriptor or no memory left, or after an upgrade; or there is a bug in it. The record is told.
        """
        try:
            return self._explain(shutdown, said, lines)
        except Exception as error:
            self._failure = error
            return shutdown

    def _explain(
        self, shutdown: Shutdown, said: Sequence[AgentMessage], lines: dict[Identity | None, Sources]
    ) -> Shutdown:
        from supervisor.diagnosis.explain import explained
        from supervisor.system import sources

        if shutdown.agent.reason is None and not any(message.pid == shutdown.pid for message in said):
            from supervisor.system.agent import absent

            why = absent.reason(shutdown.argv, os.environ)
            shutdown = shutdown.with_(agent=shutdown.agent.with_(reason=why))
        user = self._users.get(shutdown.title)
        if user not in lines:
            lines[user] = sources.reader(user)
        environ = self._environments.get(shutdown.title)
        return explained(shutdown, said, lines[user], os.environ if environ is None else environ)


def speaks(messages: Sequence[AgentMessage]) -> bool:
    """Return whether an agent saw a shutdown at all: it only says hello before one."""
    return any(message.event not in ("hello", "eof", "probe") for message in messages)
