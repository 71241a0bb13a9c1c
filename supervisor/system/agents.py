"""The agents of all workers: their channels, what they said, and asking them. Decides nothing.

What a worker says is kept until its end is explained, bounded: the newest messages of a flood are dropped, counted.
"""

from __future__ import annotations

import os

from supervisor.core import signals as numbers
from supervisor.errors import SupervisorError
from supervisor.system import inject
from supervisor.system.channel import Channel
from supervisor.system.poller import Poller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.events import Said
    from supervisor.system.spawn import Identity

# Messages kept of one worker: an honest agent says tens, in a long shutdown of 200 followed tasks some thousands.
MOST_KEPT = 20_000
# Reads of a dead worker's channel, of BUDGET bytes each: what its processes said last is still in the kernel.
LAST_READS = 32


class Agents:
    """One channel per worker. May exist before the loop does: the first worker of `run` starts before it."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self._said: Callable[[int, Said, float], None] = lambda *_: None
        self._answered: Callable[[int, float], None] = lambda *_: None
        self._heard: Callable[[int, float], None] = lambda *_: None
        self._workers: dict[int, _Worker] = {}

    def listen(
        self,
        said: Callable[[int, Said, float], None],
        answered: Callable[[int, float], None],
        heard: Callable[[int, float], None],
    ) -> None:
        """``said(worker, what, at)`` is told of marks; ``answered(worker, at)`` that all who were probed have;
        ``heard(worker, at)`` that there is news."""
        self._said = said
        self._answered = answered
        self._heard = heard

    def prepare(self, worker: int, env: Mapping[str, str], identity: Identity | None) -> dict[str, str]:
        """A channel for a worker about to start; the variables that lead its processes to it.

        Raises SupervisorError when there is no place for it.
        """
        self.forget(worker)
        uid = identity.uid if identity is not None else None
        folder = inject.make_folder(uid, identity.gid if identity is not None else None)
        try:
            channel = Channel(folder, uid)
        except OSError as error:
            inject.remove_folder(folder)
            raise SupervisorError(f"no channel for the agent: {error.strerror}", "") from None
        self._workers[worker] = _Worker(folder, channel)
        self.poller.watch(channel.fileno(), lambda at, _: self._readable(worker, at))
        return inject.environment(env, folder)

    def main(self, worker: int, pid: int) -> None:
        """Its main process: only that one's marks are told to the loop."""
        if worker in self._workers:
            self._workers[worker].main = pid

    def probe(self, worker: int) -> int:
        """Send SIGURG to every process with a live agent; how many will answer."""
        state = self._workers.get(worker)
        if state is None:
            return 0
        state.unanswered = set()
        for pid in state.channel.pids():
            if state.channel.live(pid):
                try:
                    os.kill(pid, numbers.URG)
                except ProcessLookupError:
                    continue
                state.unanswered.add(pid)
        return len(state.unanswered)

    def dump(self, worker: int) -> None:
        """Have the C-level stacks written of those that did not answer the last probe."""
        state = self._workers.get(worker)
        if state is None:
            return
        for pid in state.unanswered:
            signal = state.channel.dump_signal(pid)
            if signal is not None:
                try:
                    os.kill(pid, signal)
                except ProcessLookupError:
                    continue

    def messages(self, worker: int) -> list[AgentMessage]:
        """What was said so far."""
        state = self._workers.get(worker)
        return state.messages if state is not None else []

    def take(self, worker: int, at: float) -> list[AgentMessage]:
        """Everything a dead worker said, also what nobody has read yet. Its channel is closed."""
        state = self._workers.get(worker)
        if state is None:
            return []
        for _ in range(LAST_READS):
            fresh = state.channel.read(at)
            if not fresh:
                break
            self._keep(state, fresh)
        self.forget(worker)
        return state.messages

    def forget(self, worker: int) -> None:
        """Close the channel and remove its folder."""
        state = self._workers.pop(worker, None)
        if state is not None:
            self.poller.unwatch(state.channel.fileno())
            state.channel.close()
            inject.remove_folder(state.folder)

    def close(self) -> None:
        """All of them."""
        for worker in list(self._workers):
            self.forget(worker)

    def _readable(self, worker: int, at: float) -> None:
        state = self._workers[worker]
        fresh = state.channel.read(at)
        self._keep(state, fresh)
        if fresh:
            self._heard(worker, at)
        waiting = bool(state.unanswered)
        for message in fresh:
            if message.event == "ready" or message.event == "eof" or _is_repeated(message):
                state.unanswered.discard(message.pid)
            mark = _mark(message) if message.pid == state.main else None
            if mark is not None:
                self._said(worker, mark, message.at)
        if waiting and not state.unanswered and worker in self._workers:
            self._answered(worker, at)

    def _keep(self, state: _Worker, fresh: list[AgentMessage]) -> None:
        state.messages += fresh[: MOST_KEPT - len(state.messages)]


class _Worker:
    def __init__(self, folder: str, channel: Channel) -> None:
        self.folder = folder
        self.channel = channel
        self.main = 0
        self.messages: list[AgentMessage] = []
        self.unanswered: set[int] = set()


def _is_repeated(message: AgentMessage) -> bool:
    """A snapshot of an agent that is armed already is its whole answer; the first one is followed by `ready`."""
    return message.event == "snapshot" and message.fields.get("first") is False


def _mark(message: AgentMessage) -> Said | None:
    match message.event:
        case "hello":
            return "hello"
        case "eof":
            return "gone"
        case "signal-received":
            return "noticed"
        case "phase":
            name = message.fields.get("name")
            return "cleaned" if name == "loop-closed" else "drained" if name == "cancel" else None
    return None
