"""The tries of checks that are under way: begun when core says so, answered by Tried. A source of the loop.

Over the network by system/readiness, by a command in system/process/probing; imported with the first try.
"""

from __future__ import annotations

import errno
from time import monotonic

from supervisor.core import events
from supervisor.errors import SupervisorError
from supervisor.system.readiness import OUT_OF_MEANS, Answer, Tries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervisor.core import actions
    from supervisor.core.record import Purpose
    from supervisor.core.spec import WorkerId
    from supervisor.loop.running import Running, Table
    from supervisor.system.poller import Poller
    from supervisor.system.process.probing import CommandTry
    from supervisor.system.signals import Inherited


class Trying:
    """All tries under way, at most one for each worker and purpose."""

    def __init__(
        self,
        poller: Poller,
        running: Table,
        inherited: Inherited,
        members: Callable[[Running], Iterable[int]],
        found: Callable[[list[events.Event]], None],
    ) -> None:
        """Begin without any; ``members`` tells the pids of a worker now; ``found`` takes the answers."""
        self._poller = poller
        self._running = running
        self._inherited = inherited
        self._members = members
        self._found = found
        self._tries = Tries(poller)
        self._commands: dict[tuple[WorkerId, Purpose], CommandTry] = {}
        self._killed: list[CommandTry] = []

    def begin(self, action: actions.Try) -> None:
        """Begin a try; an earlier one of the same worker and purpose is given up."""
        worker, purpose, at = action.worker, action.purpose, monotonic()
        if worker not in self._running:
            return
        running = self._running[worker]

        def done(answer: Answer, at: float) -> None:
            self._commands.pop((worker, purpose), None)
            self._found(
                [events.Tried(at, worker, purpose, answer.ok, answer.seen, answer.note, unknown=answer.unknown)]
            )

        if action.check.kind != "command":
            self._tries.begin(worker, purpose, action.check, lambda: self._members(running), action.timeout, done, at)
            return
        from supervisor.system.proc import processes
        from supervisor.system.process.probing import CommandTry

        spec = running.spec.exec.with_(argv=action.check.argv, session=True, own_group=True, parent_death="KILL")
        mark = f"{processes.mark(worker)}.{purpose}"
        try:
            self._commands[worker, purpose] = CommandTry(
                self._poller, spec, self._inherited, self._running.kept, mark, action.timeout, done, at
            )
        except (OSError, SupervisorError) as error:
            why = getattr(error, "strerror", None) or str(error)
            means = isinstance(error, OSError) and error.errno in (*OUT_OF_MEANS, errno.EAGAIN)
            done(Answer(False, f"{action.check.argv[0]} cannot be run: {why}", unknown=means), at)

    def forget(self, worker: WorkerId) -> None:
        """Give up what is under way for a worker: it ends."""
        for purpose in PURPOSES:
            self._tries.cancel(worker, purpose)
            command = self._commands.pop((worker, purpose), None)
            if command is not None:
                self._kill(command)

    def close(self) -> None:
        """End all commands and what they have left, at the end of the run."""
        for command in self._commands.values():
            self._kill(command)
        for command in self._killed:
            command.finish()

    def _kill(self, command: CommandTry) -> None:
        command.close()
        self._killed = [*(one for one in self._killed if not one.over_and_gone), command]

    @property
    def deadline(self) -> float | None:
        """Return when the first try has no more time (monotonic seconds); None when none is under way."""
        found = [one.deadline for one in self._commands.values()]
        if self._tries.deadline is not None:
            found.append(self._tries.deadline)
        return min(found, default=None)

    def tick(self, at: float) -> None:
        """End the tries whose time is over."""
        self._tries.tick(at)
        for command in [one for one in self._commands.values() if one.deadline <= at]:
            command.over(at)
            self._kill(command)


PURPOSES: tuple[Purpose, ...] = ("ready", "liveness")
