"""A program: one real Loop, and a script that makes things happen between its turns. Prints what came of it as JSON.

In a process of its own, since a Loop takes over the signals of the process that it runs in.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from supervisor.core import actions, events, ladder
from supervisor.core.fleet import step
from supervisor.core.spec import FIRST, ExecSpec, FleetSpec, RestartSpec, StopSpec, WorkerId, WorkerSpec
from supervisor.loop import loop
from supervisor.loop.observer import Observer
from supervisor.system import signals
from supervisor.system.process import wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.record import Shutdown

# Turns in which a traced zombie could be asked again and again.
TURNS = 50


class Script(Observer):
    """One of the loop's observers and of its sources: ``begin`` is called once, as soon as all workers run."""

    def __init__(self, count: int) -> None:
        command = ExecSpec(("/bin/sleep", "600"))
        alone = RestartSpec(policy="never", on_exit="ignore")
        spec = FleetSpec(
            tuple(
                WorkerSpec(f"w{n}", command, StopSpec(ladder.parse("TERM/3/KILL")), restart=alone, agent=False)
                for n in range(count)
            )
        )
        self.ends: dict[WorkerId, float] = {}
        self.results: dict[str, Any] = {}
        self.deadline: float | None = None
        self.loop = loop.Loop(spec, signals.take_over(), subreaper=False, observers=[self], record=self._record)
        self.loop.sources.append(self)

    def _record(self, event: events.Event) -> None:
        if isinstance(event, events.MainExited):
            self.ends[event.worker] = event.at
        if isinstance(event, events.Started) and self.deadline is None:
            self.deadline = event.at

    def tick(self, at: float) -> None:
        if all(life.phase == "running" for life in self.loop.fleet.lives.values()):
            self.deadline = None
            self.begin()
        else:
            self.deadline = at + 0.002

    def begin(self) -> None:
        raise NotImplementedError

    def end(self, worker: WorkerId) -> None:
        """Kill a worker's process; back when the kernel says that it has ended."""
        pid = self.loop.fleet.lives[worker].pid
        assert pid is not None
        pidfd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll()
        os.close(pidfd)

    def run(self) -> None:
        self.loop.see(events.StartAsked(monotonic()))
        self.loop.run()
        print(json.dumps(self.results | {"ends": [self.ends[worker] for worker in sorted(self.ends)]}))


class Meanwhile(Script):
    """Worker 1 ends while the first of two facts of one turn is handled; the second one says when it was its turn."""

    def __init__(self) -> None:
        super().__init__(3)
        self._facts = 0

    def _fact(self) -> None:
        self._facts += 1
        if self._facts == 1:
            self.end(WorkerId(1))
        elif self._facts == 2:
            self.results["second"] = monotonic()


class MeanwhileEnds(Meanwhile):
    """The facts are ends of workers."""

    def begin(self) -> None:
        self.end(FIRST)
        self.end(WorkerId(2))

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        del shutdown, worker
        self._fact()


class MeanwhileReady(Meanwhile):
    """The facts are descriptors that are ready."""

    def begin(self) -> None:
        for _ in range(2):
            reader, writer = os.pipe()
            os.write(writer, b".")
            self.loop.poller.watch(reader, self._ready(reader))

    def _ready(self, fd: int) -> Callable[[float, int], None]:
        def ready(_at: float, _events: int) -> None:
            self.loop.poller.unwatch(fd)
            self._fact()
            if self._facts == 2:
                self.end(FIRST)
                self.end(WorkerId(2))

        return ready


class Traced(Script):
    """Somebody traces the worker and does not wait for it. ``asked`` is how often its end was asked for meanwhile."""

    def __init__(self) -> None:
        super().__init__(1)
        self._turns = 0
        self._peeks = 0
        self._peek = wait.peek_exit
        wait.peek_exit = self._counted

    def _counted(self, pidfd: int) -> wait.Exit | None:
        self._peeks += 1
        return self._peek(pidfd)

    def begin(self) -> None:
        print(self.loop.fleet.lives[FIRST].pid, flush=True)
        sys.stdin.readline()
        self.end(FIRST)
        self.deadline = monotonic()
        self.tick = self._turn  # type: ignore[method-assign]  # from here on it only counts

    def _turn(self, at: float) -> None:
        self._turns += 1
        self.deadline = at + 0.002
        if self._turns == TURNS:
            self.deadline = None  # nothing but the news of the end may wake the loop
            self.results["asked"] = self._peeks
            print("kept", flush=True)


class Strange(actions.Action):
    """An action that the loop has never heard of."""


class Unknown(Script):
    """The core asks for something that nobody has taught the loop."""

    def __init__(self) -> None:
        super().__init__(1)

    def begin(self) -> None:
        taught = step.step
        step.step = lambda fleet, *seen: (taught(fleet, *seen)[0], (Strange(),))
        try:
            self.loop.see(events.OrphansChanged(monotonic()))
        except TypeError as error:
            self.results["refused"] = str(error)
        step.step = taught
        self.end(FIRST)


if __name__ == "__main__":
    kinds = {"ends": MeanwhileEnds, "ready": MeanwhileReady, "traced": Traced, "unknown": Unknown}
    kinds[sys.argv[1]]().run()
