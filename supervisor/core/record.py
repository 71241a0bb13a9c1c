"""What leaves the core: one frozen :class:`Shutdown` per end of a worker, and the parts it is made of.

Three axes (docs/architecture.md, "Vocabulary"): *want*, *phase* (where it is) and *outcome* (how it ended, once).
Unknown is None, never 0. Instants (``Marks``, ``at``) are seconds since zero, the first of asked, noticed and begin
of teardown; what was before that, as when a worker had begun to end by itself, is negative.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.spec import title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from supervisor.core.spec import Condition

    Want: TypeAlias = Literal["up", "down"]
    Phase: TypeAlias = Literal[
        "waiting", "starting", "running", "draining", "cleaning", "leaving", "killed", "stuck", "exited",
        "backoff", "failed", "skipped",
    ]  # fmt: skip
    Outcome: TypeAlias = Literal["clean", "failed", "signalled", "killed", "stuck"]
    Target: TypeAlias = Literal["main", "group", "leftovers", "systemd"]
    # What became of a signal: kill(2) worked for at least one process; there was none; all of them belong to another
    # user; or we ran out of what looking takes (descriptors, memory), so that nobody knows.
    Reach: TypeAlias = Literal["delivered", "nobody", "not permitted", "could not look"]
    Fate: TypeAlias = Literal["ended", "killed", "left"]
    Purpose: TypeAlias = Literal["ready", "liveness"]
    Severity: TypeAlias = Literal["error", "warning", "note"]
    Disposition: TypeAlias = Literal["caught", "ignored", "default"]
    StretchKind: TypeAlias = Literal[
        "task", "task cleanup", "executor", "thread", "loop-blocked", "main", "child main", "atexit", "finalize",
        "killed", "leftovers", "system call", "computing", "uninterruptible", "stopped", "unknown",
    ]  # fmt: skip
    # Which process: pid and birth. A pid alone is given to another one some time after its end.
    Key: TypeAlias = tuple[int, int]


class Rusage(Frozen):
    """Of the main process and the children it waited for (wait4(2)): CPU seconds, peak bytes of one process.

    ``max_rss`` None: not above that of our own fork, which the kernel counts in, so it is not known.
    """

    cpu_user: float
    cpu_system: float
    max_rss: int | None


class Unit(Frozen):
    """The unit of systemd that we are the main process of; ``manager`` is the pid from which its signals come."""

    name: str
    kill_mode: str
    manager: int


class Climb(Frozen):
    """One signal of the ladder as it was sent, seconds since zero. ``held``: seconds it had waited for the agent.

    The ``target`` ``systemd``: it was not we who sent it (KillMode=control-group).

    ``user``: as whom the process runs that we are not permitted to signal, None where that did not happen.
    """

    at: float
    signal: int
    target: Target
    result: Reach = "delivered"
    held: float = 0.0
    user: str | None = None

    @property
    def delivered(self) -> bool:
        """Return whether a process got the signal."""
        return self.result == "delivered"


class Marks(Frozen):
    """Instants of one shutdown. ``exited`` is the end of the whole worker, ``main_exited`` of its main process."""

    asked: float | None = None
    noticed: float | None = None
    drained: float | None = None
    cleaned: float | None = None
    killed: float | None = None
    main_exited: float | None = None
    exited: float | None = None


class Member(Frozen):
    """A process of the worker besides its main process. ``started`` is monotonic seconds; ``state`` as in proc(5).

    ``born`` is its start as the kernel counts it, in clock ticks since boot: exact, the same at each look.
    """

    pid: int
    argv: tuple[str, ...]
    started: float
    in_group: bool
    state: str = "?"
    born: int = 0

    @property
    def key(self) -> Key:
        """Return which process it is, by pid and start time."""
        return self.pid, self.born


class Leftover(Frozen):
    """A member that was alive when the main process had exited, and what became of it.

    ``user``: as whom it runs, where we were not permitted to signal it.
    """

    pid: int
    argv: tuple[str, ...]
    fate: Fate
    user: str | None = None


class Masks(Frozen):
    """Signal masks of a process as bit sets, bit n-1 for signal n (proc(5), SigCgt, SigIgn, SigBlk)."""

    caught: int
    ignored: int
    blocked: int

    def disposition(self, signal: int) -> Disposition:
        """Return what the process does with the signal."""
        bit = 1 << (signal - 1)
        return "caught" if self.caught & bit else "ignored" if self.ignored & bit else "default"

    def blocks(self, signal: int) -> bool:
        """Return whether the main thread holds the signal back."""
        return bool(self.blocked & 1 << (signal - 1))


class Sample(Frozen):
    """What could be seen from outside at one instant of a stop. ``cpu`` is cumulative seconds of the main process.

    ``syscall`` is the system call its main thread sleeps in, ``None`` when it runs or cannot be read.
    ``listening`` are local addresses, ``connections`` the number of established ones; None when unreadable.
    """

    at: float
    state: str
    cpu: float
    threads: int
    syscall: str | None = None
    listening: tuple[str, ...] | None = None
    connections: int | None = None
    children: int = 0


class Where(Frozen):
    """A place in somebody's source, with the line's text when it could be read."""

    file: str
    line: int
    function: str
    source: str | None = None
    task: str | None = None
    thread: str | None = None


class PhaseSpan(Frozen):
    """One shutdown phase of a Python worker (signal, drain, cancel, ... finalize), seconds since zero."""

    name: str
    start: float
    end: float


class Stretch(Frozen):
    """A piece of the critical path: seconds, what kind of wait, and where.

    ``between``: of an unknown stretch the two events that it lies between, in words. ``pid``: of a child process;
    ``call``: the system call that the process was in.
    """

    seconds: float
    kind: StretchKind
    where: Where | None = None
    between: tuple[str, str] | None = None
    pid: int | None = None
    call: str | None = None

    @property
    def what(self) -> str:
        """Return the kind with its particulars, as the report has it."""
        if self.kind == "unknown":
            return f"unknown: between {' and '.join(self.between)}" if self.between else "unknown: no agent"
        if self.kind == "child main":
            return f"the main thread of child process {self.pid}"
        return f"system call {self.call}" if self.kind == "system call" else self.kind


class Link(Frozen):
    """One step of who waits for whom: ``what`` in words, the place, and the process (``pid``) that it is in."""

    what: str
    where: Where | None = None
    pid: int | None = None


class Waiting(Frozen):
    """What a worker waits for now: in a phrase, with its place if it has one, and as the chain of who waits for whom.

    ``at`` is the place as the phrase has it (``queue.py:41``), so that whoever shortens the phrase can keep it.
    """

    phrase: str
    at: str | None = None
    chain: tuple[Link, ...] = ()


class Finding(Frozen):
    """Why a shutdown was slow or lost work; ``code`` is stable, ``seconds`` on the critical path."""

    code: str
    severity: Severity
    title: str
    advice: str
    seconds: float | None = None
    where: Where | None = None
    proof: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    chain: tuple[Link, ...] = ()


class AgentFacts(Frozen):
    """Whether the injected agent spoke; if not, the reason."""

    present: bool
    python: str | None = None
    loop: str | None = None
    dropped: int = 0
    reason: str | None = None


AGENT_OFF = "switched off (--no-agent, agent = false)"


class Explanation(Frozen):
    """What diagnosis adds to a shutdown. All instants count from ``zero`` (monotonic seconds)."""

    zero: float
    marks: Marks
    agent: AgentFacts
    phases: tuple[PhaseSpan, ...] = ()
    critical_path: tuple[Stretch, ...] = ()
    findings: tuple[Finding, ...] = ()
    direct_signal: int | None = None


class Begun(Frozen):
    """How a start came about: asked for at ``queued``, begun at ``at`` (monotonic seconds).

    ``after`` is the title of the worker that it had waited for last, ``condition`` what had to be true of that.
    """

    queued: float
    at: float
    after: str | None = None
    condition: Condition | None = None


class Ready(Frozen):
    """When a start was ready (monotonic seconds), by which check in words, and how long after its fork (seconds).

    ``by`` is ``timeout`` where the check never said yes and the config says to go on all the same.
    """

    at: float
    by: str
    waited: float


class FailedTry(Frozen):
    """A try of a check that said no: when (monotonic seconds), and what it saw, as in ``connection refused``.

    ``what`` and ``where`` are what its agent showed then: ``the event loop was blocked``, and at which place.
    """

    at: float
    seen: str
    what: str | None = None
    where: Where | None = None


# A SIGKILL that is on time may have been decided so long before it was sent, seconds.
CLOSE = 0.05


class Shutdown(Frozen):
    """One worker's end. ``zero`` is monotonic seconds; everything else counts from it.

    ``asked_by`` is ``"signal SIGTERM"``, ``"command stop"``, ``"dependency"``, ``"failed peer"``, ``"drill"``,
    ``"start timeout"``, ``"start failed"``, ``"liveness"``, ``"watchdog"`` or ``"self"``. Exactly one of
    ``exit_code`` and ``signal`` is set unless the worker is stuck; then ``given_up`` is when we stopped waiting, and
    there is no mark ``exited``. ``requests``: how often the stop was asked for.
    ``direct_signal``: a stop signal that reached the worker past us (a terminal's Ctrl-C goes to its foreground
    group, anybody may send one) and ended it; ``asked_by`` is ``"self"`` then, and zero, with the mark ``asked``, its
    arrival.
    ``started``: False when the command could not be run at all; ``exit_code`` is then a shell's, 125 to 127.
    ``cause``: why we stopped it by ourselves, what the last tries of its check saw. ``tries`` are those that failed,
    by liveness, or the last one of a start that timed out. ``begun`` is how the start came about, ``ready`` when and
    how it had become ready. ``after``: titles of those whose end its stop had waited for, since they depend on it.
    """

    worker: str
    instance: int
    start: int
    pid: int
    argv: tuple[str, ...]
    asked_by: str
    asked_by_pid: int | None
    outcome: Outcome
    exit_code: int | None
    signal: int | None
    grace: float | None
    zero: float
    marks: Marks
    escalation: tuple[Climb, ...] = ()
    rusage: Rusage | None = None
    leftovers: tuple[Leftover, ...] = ()
    leftovers_known: bool = True
    masks: Masks | None = None
    samples: tuple[Sample, ...] = ()
    phases: tuple[PhaseSpan, ...] = ()
    agent: AgentFacts = AgentFacts(present=False)
    critical_path: tuple[Stretch, ...] = ()
    findings: tuple[Finding, ...] = ()
    given_up: float | None = None
    requests: int = 0
    started: bool = True
    direct_signal: int | None = None
    cause: str | None = None
    tries: tuple[FailedTry, ...] = ()
    begun: Begun | None = None
    ready: Ready | None = None
    after: tuple[str, ...] = ()

    @property
    def hurried(self) -> bool:
        """Return whether SIGKILL came before the grace period was over: asked for again, or by the fleet's own
        limit.
        """
        killed = self.marks.killed
        return killed is not None and self.grace is not None and killed < self.grace - CLOSE

    @property
    def requested(self) -> bool:
        """Return whether we were asked to stop the worker."""
        return self.marks.asked is not None and self.direct_signal is None

    @property
    def total(self) -> float:
        """Return the seconds from zero to the end of the whole worker; of a stuck one, as long as it was waited
        for.
        """
        return self.marks.exited or self.given_up or 0.0

    @property
    def title(self) -> str:
        """Return ``api``, or ``api.2`` for a further instance."""
        return title(self.worker, self.instance)
