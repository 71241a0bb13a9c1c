"""`supervisor run -- CMD`: start the command at once, then import what the running phase needs.

Until the process exists this path imports no typer, rich, psutil, asyncio, logging, dataclasses, enum or typing:
the worker's first instruction comes at 1.8 x `python -c pass` or earlier (benchmarks/wrapper.py).
"""

from __future__ import annotations

import os

from supervisor.core import signum
from supervisor.core.spec import FIRST
from supervisor.errors import SupervisorError
from supervisor.runs.plan import RunPlan
from supervisor.runs.room import cannot_fork, check_room
from supervisor.system import signals, stdio
from supervisor.system.process import spawn
from supervisor.system.terminal import Terminal, pass_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.system.agent.agents import Agents

# Descriptors: signalfd, epoll, pidfd, status pipe, terminal, the agent's three, and a module being imported.
ROOM = 12


def run(plan: RunPlan) -> int:
    """Run the command to its end and return our exit code; may die of the command's signal instead.

    Raises SpawnError when it could not be started.
    """
    stdio.reserve()
    check_room(ROOM)
    inherited = signals.take_over()
    init = plan.fleet.init
    subreaper = init or _become_subreaper(plan)
    tty = Terminal.find()
    plan = _apart(plan, tty)
    worker = plan.fleet.workers[0]
    agents, additions = _with_agent(plan)
    try:
        child = spawn.fork_exec(worker.exec, inherited, terminal=tty, additions=additions)
    except OSError as error:
        if agents is not None:
            agents.close()
        raise cannot_fork(error) from None

    from supervisor.loop.loop import Loop
    from supervisor.runs.wrapping import Wrapping

    wrapping = Wrapping(plan, agents)
    poller = agents.poller if agents is not None else None
    loop = Loop(plan.fleet, inherited, subreaper=subreaper, tty=tty, listener=wrapping, poller=poller, agents=agents)
    try:
        loop.adopt(FIRST, child)
        # What the end needs is imported while the worker works: later its parent would wait for it.
        import resource  # noqa: F401 - os.wait4 loads it for its result, 0.3 ms

        from supervisor.core import verdict  # noqa: F401 - as above, 0.2 ms

        if agents is not None:
            agents.sweep()
        fleet = loop.run()
    finally:
        if agents is not None:
            agents.close()
    failure = fleet.lives[FIRST].failure
    if failure is not None:
        from supervisor.system.process.startfail import explain

        raise explain(worker.exec, failure, fleet.ending.code or 125)
    wrapping.finish()
    ending = fleet.ending
    if ending.signal is None:
        return ending.code or 0
    if ending.signal in (signum.INT, signum.QUIT) and fleet.asked is None and tty is not None and tty.was_lent:
        pass_on(ending.signal)
    if plan.signal_exit == "raise":
        signals.die_of(ending.signal)
    return 128 + ending.signal


def _apart(plan: RunPlan, tty: Terminal | None) -> RunPlan:
    """The command leads a process group of its own, but not in a pipeline on a terminal: there every part must
    stay in the foreground together (`run -- make | less`, `run -- bash | tee log`)."""
    if tty is None or not tty.ours():
        return plan
    from supervisor.system.proc.processes import in_a_pipeline

    if not in_a_pipeline():
        return plan
    worker = plan.fleet.workers[0]
    worker = worker.with_(exec=worker.exec.with_(own_group=False))
    return plan.with_(fleet=plan.fleet.with_(workers=(worker,)))


def _with_agent(plan: RunPlan) -> tuple[Agents | None, dict[str, str] | None]:
    """The channel and the variables for the agent; without a place for them the command runs all the same."""
    if not plan.fleet.workers[0].agent:
        return None, None
    from supervisor.system.agent.agents import Agents
    from supervisor.system.poller import Poller

    agents = Agents(Poller())
    try:
        return agents, agents.prepare(FIRST, os.environ, None)
    except SupervisorError as error:
        if not plan.quiet:
            from supervisor.core.visible import visible

            stdio.say(f"supervisor: no explanations, {visible(error.message)}\n")
        return None, None


def _become_subreaper(plan: RunPlan) -> bool:
    if not plan.subreaper:
        return False
    from supervisor.system import libc

    libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    return True
