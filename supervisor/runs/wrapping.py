"""What `run` says while and after it runs: notes at once, the report at the end, nothing without a reason."""

from __future__ import annotations

from time import monotonic

from supervisor.loop.loop import Listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.actions import Note
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId
    from supervisor.runs.plan import RunPlan
    from supervisor.system.agent.agents import Agents


class Wrapping(Listener):
    """The listener of `run`."""

    def __init__(self, plan: RunPlan, agents: Agents | None) -> None:
        self._plan = plan
        self._agents = agents
        self._ended: Shutdown | None = None
        self._messages: list[AgentMessage] = []

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Keep it for the end, with what the agent said."""
        self._ended = shutdown
        if self._agents is not None:
            self._messages = self._agents.take(worker, monotonic())

    def note(self, note: Note) -> None:
        """Say it on stderr, which is the command's too. The ladder waits for no reader of it."""
        if self._plan.quiet or (note.verbose and not self._plan.verbose):
            return
        from supervisor.core.visible import visible
        from supervisor.system.output import sink

        sink.say(f"supervisor: {visible(note.text)}\n", 2, patience=0)

    def finish(self) -> None:
        """Nothing after a clean end in good time, unless asked; so the modules for it are imported only here."""
        ended, plan = self._ended, self._plan
        if ended is None:
            return
        from supervisor.core.verdict import worth_telling

        telling = plan.reports or plan.json or plan.verbose
        if telling or (not plan.quiet and (worth_telling(ended) or speaks(self._messages))):
            from supervisor.diagnosis.explain import explained
            from supervisor.system.sources import line

            ended = explained(ended, self._messages, line)
        if plan.reports or plan.json or plan.verbose or (not plan.quiet and worth_telling(ended)):
            from supervisor.runs.telling import tell

            tell(plan, ended)


def speaks(messages: Sequence[AgentMessage]) -> bool:
    """Whether an agent saw a shutdown at all: it only says hello before one."""
    return any(message.event not in ("hello", "eof", "probe") for message in messages)
