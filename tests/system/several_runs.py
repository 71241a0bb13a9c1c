"""A program: some runs of one fleet, one after the other in this process; prints what came of each as JSON.

In a process of its own, since a run takes over the signals of the process that it runs in.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from supervisor.core import events, ladder
from supervisor.core.spec import ExecSpec, FleetSpec, RestartSpec, StopSpec, WorkerSpec
from supervisor.runs import assembly
from supervisor.runs.plan import Voice
from supervisor.runs.run import Run

if TYPE_CHECKING:
    from supervisor.loop.loop import Loop

ROOM = 20
PROGRAM = "import asyncio\nasync def main(): await asyncio.sleep(600)\nasyncio.run(main())"


class Moment:
    """A source of the loop that asks everything to stop when all agents are there."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.deadline: float | None = 0.0

    def tick(self, at: float) -> None:
        lives = self._loop.fleet.lives.values()
        ready = all(life.phase == "running" and (life.agent or not life.spec.agent) for life in lives)
        self.deadline = None if ready else at + 0.01
        if ready:
            self._loop.see(events.StopAsked(at, "drill"))


def fleet() -> FleetSpec:
    stop, restart = StopSpec(ladder.parse("INT/10/KILL")), RestartSpec(policy="never", on_exit="ignore")
    commands = {"py": (sys.executable, "-c", PROGRAM), "sleep": ("/bin/sleep", "600")}
    return FleetSpec(
        tuple(
            WorkerSpec(name, ExecSpec(argv), stop, restart=restart, agent=name == "py")
            for name, argv in commands.items()
        )
    )


def main(count: int) -> None:
    ground = assembly.prepare(ROOM, subreaper=True)
    for _ in range(count):
        run = Run(ground, fleet())
        run.loop.sources.append(Moment(run.loop))
        run.go()
        told = run.evidence.told(Voice(json=True))
        run.close()
        ends = {
            end.worker: [end.outcome, end.asked_by, end.agent.present, end.marks.drained is not None] for end in told
        }
        print(json.dumps([ends, len(os.listdir("/proc/self/fd"))]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
