"""`run`: start the command at once, then import what the running phase needs; nothing is said without a reason.

Until the process exists this path imports no typer, rich, psutil, asyncio, logging, dataclasses, enum or typing:
the worker's first instruction comes at 1.8 x `python -c pass` or earlier (benchmarks/wrapper.py).
"""

from __future__ import annotations

import os

from supervisor.core import signum
from supervisor.core.spec import FIRST
from supervisor.errors import SpawnError, SupervisorError
from supervisor.runs import assembly
from supervisor.system import signals, stdio
from supervisor.system.agent import inject
from supervisor.system.agent.meeting import Meeting
from supervisor.system.process import spawn
from supervisor.system.terminal import Terminal, pass_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.fleet.state import Ending
    from supervisor.core.spec import FleetSpec
    from supervisor.runs.hearing import Hearing
    from supervisor.runs.plan import RunPlan, Voice
    from supervisor.runs.told import Told

# Descriptors: signalfd, epoll, pidfd, status pipe, terminal, the agent's four, and a module being imported.
ROOM = 13
# What to do where nothing can be made in the folders that we try.
_PLACE = "set XDG_RUNTIME_DIR or TMPDIR to a writable folder of your own with a short path"


def run(plan: RunPlan) -> int:
    """Run the command to its end and return our exit code; may die of the command's signal instead.

    Raises SpawnError when the command could not be started.
    """
    ground = assembly.prepare(ROOM, subreaper=plan.subreaper, init=plan.fleet.manner.init)
    tty = Terminal.find()
    fleet = _apart(plan.fleet, tty)
    fleet, hearing, additions = _hearing(fleet, plan.voice)
    meeting = _meeting(fleet, plan.voice)
    if isinstance(meeting, Meeting):
        additions |= inject.environment(os.environ, meeting.path, own=fleet.workers[0].own)
    try:
        told = _told(fleet)
        if told is None:
            launch = spawn.Launch(fleet.workers[0].exec, ground.inherited, terminal=tty, additions=additions)
        else:
            launch = spawn.Launch(
                fleet.workers[0].exec,
                ground.inherited,
                terminal=tty,
                stdio=told.attached.stdio,
                additions={**additions, **told.attached.additions},
                descriptors=told.attached.descriptors,
            )
        launch.fork()
        child = launch.child()
    except OSError as error:
        if isinstance(meeting, Meeting):
            meeting.close()
        if hearing is not None:
            hearing.close()
        raise assembly.cannot_fork(error) from None
    from supervisor.runs.wrapped import Wrapped

    wrapped = Wrapped(
        fleet, ground, tty, plan.voice, plan.keeping, meeting, extends=plan.extends, hearing=hearing, told=told
    )
    ended = wrapped.run(child)
    failure = ended.lives[FIRST].failure
    if failure is not None:
        from supervisor.system.process.startfail import explain

        raise explain(fleet.workers[0].exec, failure, ended.ending.code or 125)
    wrapped.tell()
    return _exit_code(plan, ended.ending, keyboard=ended.asked is None and tty is not None and tty.was_lent)


def _hearing(fleet: FleetSpec, voice: Voice) -> tuple[FleetSpec, Hearing | None, dict[str, str]]:
    """Return what gives the command a notify socket, None where nobody wants to hear it, and the variables for it.

    Where there is no place for a socket the run goes on without one, and a command that would be ready by its word
    (the default under a service manager) is ready when it has started: the fleet comes back so. Raises SpawnError
    when the user has asked for ``notify``.
    """
    worker = fleet.workers[0]
    if not (os.environ.get("NOTIFY_SOCKET") or worker.speaks_notify):
        return fleet, None, {}
    from supervisor.runs.hearing import Hearing

    hearing = Hearing(alone=True)
    try:
        return fleet, hearing, hearing.attach(FIRST, worker, None, _watchdog())
    except OSError as error:
        hearing.close()
        reason = error.strerror or str(error)
    if worker.ready is not None and worker.ready.on_timeout == "continue":  # the default: no option can say that
        worker = worker.with_(ready=None)
    if worker.speaks_notify:
        raise SpawnError(reason, f"{_PLACE}, or use another check than notify", 125)
    if not voice.quiet:
        from supervisor.core.visible import visible

        counts = " and counts as ready once it has started" if worker.ready is not fleet.workers[0].ready else ""
        stdio.say(f"supervisor: {visible(reason)}; the command runs without one{counts}: {_PLACE}\n")
    return fleet.with_(workers=(worker,)), None, {}


def _told(fleet: FleetSpec) -> Told | None:
    """Return what a command gets that tells by itself when it is ready; None for every other. Raises OSError."""
    ready = fleet.workers[0].ready
    if ready is None or ready.check.kind not in ("log", "fd"):
        return None
    from supervisor.runs.told import Told

    return Told(fleet.workers[0])


def _watchdog() -> float | None:
    """Return the seconds in which the command has to send WATCHDOG=1: as often as we, whose unit it is."""
    if "WATCHDOG_USEC" not in os.environ:
        return None
    from supervisor.system.notify.client import watchdog

    return watchdog(os.environ, os.getpid())


def _exit_code(plan: RunPlan, ending: Ending, *, keyboard: bool) -> int:
    """Return the command's own exit code; died of a signal: 128 + n, or we die of it too.

    ``keyboard``: a key may have sent it.
    """
    if ending.signal is None:
        return ending.code or 0
    if keyboard and ending.signal in (signum.INT, signum.QUIT):
        pass_on(ending.signal)
    if plan.signal_exit == "raise":
        signals.die_of(ending.signal)
    return 128 + ending.signal


def _apart(fleet: FleetSpec, tty: Terminal | None) -> FleetSpec:
    """Let the command lead a process group of its own, but not in a pipeline on a terminal.

    There every part must stay in the foreground together (`run -- make | less`, `run -- bash | tee log`).
    """
    if tty is None or not tty.ours():
        return fleet
    from supervisor.system.proc.processes import in_a_pipeline

    if not in_a_pipeline():
        return fleet
    worker = fleet.workers[0]
    return fleet.with_(workers=(worker.with_(exec=worker.exec.with_(own_group=False)),))


def _meeting(fleet: FleetSpec, voice: Voice) -> Meeting | str | None:
    """Return where the agents of the command will meet us, or why they cannot; None when none is wanted.

    They may come from here on, and wait: what listens to them is imported after the fork.
    """
    if not fleet.workers[0].agent:
        return None
    try:
        meeting = Meeting()
    except SupervisorError as error:
        reason = error.message
    else:
        try:
            meeting.listen()
            return meeting
        except OSError as error:
            meeting.close()
            reason = f"no channel for the agent in {meeting.folder}: {error.strerror}"
    if not voice.quiet:
        from supervisor.core.visible import visible

        stdio.say(f"supervisor: no explanations, {visible(reason)}\n")
    return reason
