"""Keeps what the agents show when a try of a check has failed, until the end of that start is told."""

from __future__ import annotations

from supervisor.loop.observer import Observer
from supervisor.system import sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.agent.wire import AgentMessage
    from supervisor.core.record import FailedTry, Shutdown
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.loop.loop import Loop

# A look that was asked for by another is not that of this try; the clocks are one.
EARLIER = 0.005


class Looking(Observer):
    """The looks of all workers, each by the instant of the try that it belongs to."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._looks: dict[WorkerId, dict[float, AgentMessage]] = {}

    def started(self, worker: WorkerId, pid: int) -> None:
        """Forget those of the start before."""
        del pid
        self._looks.pop(worker, None)

    def heard(self, worker: WorkerId, at: float) -> None:
        """Keep what its main process has shown, if that belongs to a try that has just failed."""
        del at
        life = self._loop.fleet.lives[worker]
        failed = _failed(life)
        if not failed or self._loop.agents is None:
            return
        for message in self._loop.agents.looks(worker):
            if message.pid == life.last_pid and message.at >= failed[-1].at - EARLIER:
                self._looks.setdefault(worker, {}).setdefault(failed[-1].at, message)

    def placed(self, shutdown: Shutdown, worker: WorkerId) -> Shutdown:
        """Return the record of a start that has ended, with where it was at each try that had failed."""
        looks = self._looks.get(worker)
        if not looks or not shutdown.tries or self._loop.agents is None:
            return shutdown
        try:
            from supervisor.diagnosis.running.placed import placed
        except OSError:  # no descriptor is left to import with
            return shutdown
        return placed(shutdown, looks, sources.reader(self._loop.agents.user(worker)))


def _failed(life: Life) -> tuple[FailedTry, ...]:
    """Return the tries that have failed in a row, also when it is being stopped for them."""
    if life.stop is not None:
        return life.stop.tries
    return life.health.failed if life.health is not None else ()
