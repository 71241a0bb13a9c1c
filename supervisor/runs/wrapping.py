"""`run`: start the command at once, then import what the running phase needs; nothing is said without a reason.

Until the process exists this path imports no typer, rich, psutil, asyncio, logging, dataclasses, enum or typing:
the worker's first instruction comes at 1.8 x `python -c pass` or earlier (benchmarks/wrapper.py).
"""

from __future__ import annotations

import os

from supervisor.core import signum
from supervisor.core.spec import FIRST
from supervisor.errors import SupervisorError
from supervisor.runs import assembly
from supervisor.runs.room import cannot_fork
from supervisor.system import signals, stdio
from supervisor.system.process import spawn
from supervisor.system.terminal import Terminal, pass_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.fleet.state import Ending, Fleet
    from supervisor.core.spec import FleetSpec
    from supervisor.runs.assembly import Ground
    from supervisor.runs.evidence import Evidence
    from supervisor.runs.plan import RunPlan, Voice
    from supervisor.system.agent.agents import Agents

# Descriptors: signalfd, epoll, pidfd, status pipe, terminal, the agent's four, and a module being imported.
ROOM = 13


def run(plan: RunPlan) -> int:
    """Run the command to its end and return our exit code; may die of the command's signal instead.

    Raises SpawnError when the command could not be started.
    """
    ground = assembly.prepare(ROOM, subreaper=plan.subreaper, init=plan.fleet.manner.init)
    tty = Terminal.find()
    fleet = _apart(plan.fleet, tty)
    agents, additions = _with_agent(fleet, plan.voice)
    try:
        launch = spawn.Launch(fleet.workers[0].exec, ground.inherited, terminal=tty, additions=additions)
        launch.fork()
        child = launch.child()
    except OSError as error:
        if agents is not None:
            agents.close()
        raise cannot_fork(error) from None
    from supervisor.runs.evidence import Evidence

    evidence = Evidence(agents)
    ended = _watched(plan, fleet, ground, tty, child, agents, evidence)
    failure = ended.lives[FIRST].failure
    if failure is not None:
        from supervisor.system.process.startfail import explain

        raise explain(fleet.workers[0].exec, failure, ended.ending.code or 125)
    _tell(plan.voice, evidence)
    return _exit_code(plan, ended.ending, keyboard=ended.asked is None and tty is not None and tty.was_lent)


def _watched(
    plan: RunPlan,
    fleet: FleetSpec,
    ground: Ground,
    tty: Terminal | None,
    child: spawn.Child,
    agents: Agents | None,
    evidence: Evidence,
) -> Fleet:
    """The loop, from the fork to the end of the command."""
    from supervisor.loop.loop import Loop
    from supervisor.runs.notes import Notes

    loop = Loop(
        fleet,
        ground.inherited,
        subreaper=ground.subreaper,
        tty=tty,
        observers=(evidence, Notes(plan.voice)),
        poller=agents.poller if agents is not None else None,
        agents=agents,
    )
    try:
        loop.adopt(FIRST, child)
        # What the end needs is imported while the worker works: later its parent would wait for it.
        import resource  # noqa: F401 - os.wait4 loads it for its result, 0.3 ms

        if agents is not None:
            agents.sweep()
        return loop.run()
    finally:
        if agents is not None:
            agents.close()


def _tell(voice: Voice, evidence: Evidence) -> None:
    """Nothing after a clean end in good time, unless asked; so the modules for it are imported only here."""
    from supervisor.core.verdict import worth_telling

    for ended in evidence.told(voice, every=voice.verbose):
        if voice.keeps_record or voice.verbose or (not voice.quiet and worth_telling(ended)):
            from supervisor.runs.telling import tell

            tell(voice, ended)


def _exit_code(plan: RunPlan, ending: Ending, *, keyboard: bool) -> int:
    """The command's own; died of a signal: 128 + n, or we die of it too. ``keyboard``: a key may have sent it."""
    if ending.signal is None:
        return ending.code or 0
    if keyboard and ending.signal in (signum.INT, signum.QUIT):
        pass_on(ending.signal)
    if plan.signal_exit == "raise":
        signals.die_of(ending.signal)
    return 128 + ending.signal


def _apart(fleet: FleetSpec, tty: Terminal | None) -> FleetSpec:
    """The command leads a process group of its own, but not in a pipeline on a terminal: there every part must
    stay in the foreground together (`run -- make | less`, `run -- bash | tee log`)."""
    if tty is None or not tty.ours():
        return fleet
    from supervisor.system.proc.processes import in_a_pipeline

    if not in_a_pipeline():
        return fleet
    worker = fleet.workers[0]
    return fleet.with_(workers=(worker.with_(exec=worker.exec.with_(own_group=False)),))


def _with_agent(fleet: FleetSpec, voice: Voice) -> tuple[Agents | None, dict[str, str] | None]:
    """The channel and the variables for the agent; without a place for them the command runs all the same."""
    if not fleet.workers[0].agent:
        return None, None
    from supervisor.system.agent.agents import Agents
    from supervisor.system.poller import Poller

    agents = Agents(Poller())
    try:
        return agents, agents.prepare(FIRST, os.environ, None)
    except SupervisorError as error:
        if not voice.quiet:
            from supervisor.core.visible import visible

            stdio.say(f"supervisor: running without the agent, so less can be explained: {visible(error.message)}\n")
        return None, None
