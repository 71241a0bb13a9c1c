"""What one start of a worker of `up` gets and gives back: pipes for its output, and its environment."""

from __future__ import annotations

import os

from supervisor.errors import SupervisorError
from supervisor.loop.observer import Attached, Attachments
from supervisor.system.proc import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from supervisor.core.events import Event
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.runs.hearing import Hearing
    from supervisor.runs.signs import Signs
    from supervisor.system.agent.agents import Agents
    from supervisor.system.output.lane import Lane
    from supervisor.system.output.lanes import Output
    from supervisor.system.process.spawn import Identity

    class Streams(Protocol):
        """Where the workers' output goes: the lines of `up`, or what a drill keeps."""

        output: Output

        def lanes(self, worker: WorkerId, spec: WorkerSpec) -> tuple[Lane, Lane]: ...

        def say(self, text: str) -> None: ...


class Environment(Attachments):
    """Variables on top of a worker's own; its streams are ours."""

    def __init__(
        self, agents: Agents, hearing: Hearing, signs: Signs, say: Callable[[str], object] = lambda _: None
    ) -> None:
        """Make the environment of starts; ``say`` takes a sentence for the user: why a worker starts without the
        agent.
        """
        self._agents = agents
        self._hearing = hearing
        self._signs = signs
        self._say = say

    def attach(self, worker: WorkerId, spec: WorkerSpec, whom: Identity | None) -> Attached:
        """Return the variables for a start. Raises OSError."""
        attached = self._signs.attach(worker, spec)
        return attached.with_(additions={**self.additions(worker, spec, whom), **attached.additions})

    def additions(self, worker: WorkerId, spec: WorkerSpec, whom: Identity | None) -> dict[str, str]:
        """Return the mark by which its orphans are known again, and the ways to its notify socket and to the agent's
        channel. Raises OSError.
        """
        found = {processes.MARK: processes.mark(worker)}
        if spec.speaks_notify:
            found |= self._hearing.attach(worker, spec, whom)
        if not spec.agent:
            return found
        env = spec.exec.env if spec.exec.env is not None else os.environ
        try:
            return found | self._agents.prepare(worker, env, whom, spec.own)
        except SupervisorError as error:
            self._say(f"{spec.title} runs without the agent, so less can be explained: {error.message}")
            return found

    def last_words(self, worker: WorkerId, at: float) -> Sequence[Event]:
        """Return what the worker said last over its notify socket and its pipe."""
        return [*self._hearing.last_words(worker, at), *self._signs.last_words(worker, at)]

    def forked(self, worker: WorkerId) -> None:
        """Close what only the child keeps."""
        self._signs.forked(worker)

    def withdraw(self, worker: WorkerId) -> None:
        """Take the notify socket and the pipe back, because there was no fork."""
        self._hearing.detach(worker)
        self._signs.detach(worker)

    def detach(self, worker: WorkerId) -> None:
        """Take the notify socket and the pipe back."""
        self._hearing.detach(worker)
        self._signs.detach(worker)


class Piped(Environment):
    """stdin is /dev/null; stdout and stderr are pipes that the streams read, kept over restarts."""

    def __init__(self, streams: Streams, agents: Agents, hearing: Hearing, signs: Signs) -> None:
        super().__init__(agents, hearing, signs, streams.say)
        self._streams = streams
        self._ends: dict[WorkerId, tuple[int, int, int]] = {}

    def attach(self, worker: WorkerId, spec: WorkerSpec, whom: Identity | None) -> Attached:
        """Return the pipes' ends for a start and the variables of its own. Raises OSError."""
        self._ends[worker] = self._streams.output.pipes(self._streams.lanes(worker, spec))
        reader = self._signs.lines(worker, spec)
        if reader is not None:
            self._streams.output.readers[worker] = reader
        return super().attach(worker, spec, whom).with_(stdio=self._ends[worker])

    def forked(self, worker: WorkerId) -> None:
        """Close the writing ends, which only the child keeps."""
        super().forked(worker)
        self._streams.output.close_writers(self._ends.pop(worker))

    def withdraw(self, worker: WorkerId) -> None:
        """Close the writing ends, because there is no child to keep them."""
        super().withdraw(worker)
        if worker in self._ends:
            self._streams.output.close_writers(self._ends.pop(worker))

    def detach(self, worker: WorkerId) -> None:
        """Pass on its last words, which are no sign of readiness any more."""
        super().detach(worker)
        self._streams.output.readers.pop(worker, None)
        self._streams.output.worker_ended(worker)
