"""What to run and how to stop it: frozen, complete, checked by whoever built it (cli/ or config/)."""

from __future__ import annotations

from supervisor.core import ladder
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, NewType, TypeAlias

    from supervisor.core.readiness import LivenessSpec, ReadySpec

    # Which worker of a fleet. A number is given once and never to another worker: one may leave or join without new
    # numbers for the rest. Where a worker stands in a list or on the screen is something else.
    WorkerId = NewType("WorkerId", int)

    Leftovers: TypeAlias = Literal["end", "signal", "leave"]
    ParentDeath: TypeAlias = Literal["TERM", "KILL", "off"]
    Restart: TypeAlias = Literal["never", "on-failure", "always"]
    OnExit: TypeAlias = Literal["restart", "stop-all", "ignore"]
    Output: TypeAlias = Literal["inherit", "pipe"]
    Overflow: TypeAlias = Literal["block", "drop"]
    LogFormat: TypeAlias = Literal["text", "json"]
    LogTime: TypeAlias = Literal["offset", "utc"]
    LogStamps: TypeAlias = Literal["auto", "always", "never"]
    Control: TypeAlias = Literal["auto", "off"]
    Condition: TypeAlias = Literal["started", "ready", "completed", "ended"]
else:
    WorkerId = int

# The first worker of a fleet; the only one of `run`, which is started before there is a fleet.
FIRST = WorkerId(0)


class ExecSpec(Frozen):
    """How the process is started. None means: as the supervisor's own.

    ``env`` is complete (not a change to ours), None inherits. ``limits`` are (RLIMIT name, soft, hard), -1 for no
    limit. ``session`` gives it a session of its own (no controlling terminal), else only a process group;
    ``own_group`` False leaves it in ours, as a part of a shell's pipeline whose signals come from the terminal.
    """

    argv: tuple[str, ...]
    env: dict[str, str] | None = None
    cwd: str | None = None
    user: str | None = None
    group: str | None = None
    umask: int | None = None
    limits: tuple[tuple[str, int, int], ...] = ()
    no_new_privs: bool = False
    session: bool = False
    own_group: bool = True
    stdin_null: bool = False
    keep_ignored: bool = False
    parent_death: ParentDeath = "KILL"
    output: Output = "inherit"
    overflow: Overflow = "block"


class StopSpec(Frozen):
    """How it is stopped. ``group`` signals the whole process group, else the main process only.

    ``own_signal``: the ladder's first signal was chosen by name and is used even when a signal asked for the stop.
    """

    ladder: ladder.Ladder
    group: bool = True
    leftovers: Leftovers = "end"
    rewrite: tuple[tuple[int, int], ...] = ()
    own_signal: bool = False
    success_codes: tuple[int, ...] = (0,)

    def rewritten(self, signal: int) -> int:
        """Return the signal to send for one received; 0 drops it."""
        return dict(self.rewrite).get(signal, signal) if self.rewrite else signal


class RestartSpec(Frozen):
    """What follows when a worker ends that nobody asked to stop.

    ``on_exit``: ``restart`` applies ``policy`` and lets the others run; ``stop-all`` stops the fleet; ``ignore``
    does neither. ``policy`` ``on-failure`` restarts after any outcome but clean. Seconds; the delay doubles from
    ``backoff`` to ``backoff_max``, each times a random 1 +- ``jitter``. ``stable`` seconds of running reset the
    count; more than ``burst`` restarts without them end in phase ``failed``.
    """

    policy: Restart = "on-failure"
    on_exit: OnExit = "restart"
    backoff: float = 0.5
    backoff_max: float = 30.0
    jitter: float = 0.1
    stable: float = 10.0
    burst: int = 5


class Dependency(Frozen):
    """What has to be true of another worker, of all its instances, before one starts.

    ``started``: its exec has worked; ``ready``: its check says so, and without a check the same as ``started``;
    ``completed``: it has ended clean; ``ended``: it has ended. ``restart``: who depends on it is stopped and started
    again when it ends by itself and is started again. ``required``: who depends on it is skipped when the condition
    cannot come true any more; otherwise started with a warning.
    """

    worker: str
    condition: Condition = "ready"
    restart: bool = False
    required: bool = True


class WorkerSpec(Frozen):
    """One process to supervise. ``name`` and ``instance`` identify it in every report.

    ``ready`` None: it is ready as soon as its exec has worked. ``notify``: it gets a socket for sd_notify(3) although
    no check needs one. ``extend_max``: so many seconds at most may be added by EXTEND_TIMEOUT_USEC, None for once the
    ladder's sum. ``reload_signal``: what asks it to read its configuration again. ``own``: installed packages whose
    code is the user's own.
    """

    name: str
    exec: ExecSpec
    stop: StopSpec
    instance: int = 0
    restart: RestartSpec = RestartSpec()
    agent: bool = True
    ready: ReadySpec | None = None
    liveness: LivenessSpec | None = None
    depends_on: tuple[Dependency, ...] = ()
    notify: bool = False
    extend_max: float | None = None
    reload_signal: int | None = None
    own: tuple[str, ...] = ()

    @property
    def speaks_notify(self) -> bool:
        """Tell whether it needs a socket for sd_notify(3)."""
        checks = [spec.check.kind for spec in (self.ready, self.liveness) if spec is not None]
        return self.notify or "notify" in checks

    @property
    def title(self) -> str:
        """Return ``api``, or ``api.2`` for the further instances of a worker."""
        return title(self.name, self.instance)


def title(worker: str, instance: int) -> str:
    """Return what a worker is called in text: ``api``, or ``api.2`` for a further instance."""
    return f"{worker}.{instance}" if instance else worker


class Manner(Frozen):
    """How the program is used.

    ``wraps``: as `run`, one command as if we were not there. Signals pass through, a terminal's Ctrl-C starts no
    ladder, the command's status is ours, and it is not started again. Otherwise as `up`. ``init``: as PID 1, to which
    every process comes that its parent has left; what a worker leaves behind is ours to end.
    """

    wraps: bool = False
    init: bool = False


UP, RUN, RUN_AS_INIT = Manner(), Manner(wraps=True), Manner(wraps=True, init=True)


class FleetSpec(Frozen):
    """All workers of one supervisor.

    ``limit`` is the fleet-wide grace limit: seconds from the first stop request until everything that is left gets
    SIGKILL.
    ``control``: whether it has a control socket where it can have one.
    """

    workers: tuple[WorkerSpec, ...]
    manner: Manner = UP
    name: str | None = None
    limit: float | None = None
    control: Control = "auto"


class LogSpec(Frozen):
    """How the workers' output is shown: with their names before each line, as text or JSON, in which time.

    ``stamps``: when lines of text say their time; ``auto``: on a terminal, and in our own messages elsewhere.
    ``offset`` is local time with its offset from UTC. What happens when the reader is too slow is each worker's
    own: ``ExecSpec.overflow``.
    """

    prefix: bool = True
    format: LogFormat = "text"
    time: LogTime = "offset"
    stamps: LogStamps = "auto"
