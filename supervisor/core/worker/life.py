"""What is known of one worker, frozen: its own snapshot. Knows no other worker, no clock, and takes no decision.

Which states there are and the ways between them: states.py; what is due when: dues.py. What happens to a worker:
step.py (facts come in), escalation.py (a stop is asked for, the ladder is climbed), ending.py (how it ended).
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.events import StartFailed
from supervisor.core.frozen import Frozen
from supervisor.core.ladder import Ladder, Rung
from supervisor.core.record import Begun, Climb, FailedTry, Leftover, Masks, Member, Ready, Rusage, Sample, Shutdown
from supervisor.core.spec import UP, Manner, WorkerId, WorkerSpec
from supervisor.core.worker import states
from supervisor.core.worker.restart import Attempts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Key, Outcome, Phase
    from supervisor.core.worker.notice import Notice
    from supervisor.core.worker.states import State


class Process(Frozen):
    """The main process of a start. ``running_since``: when its exec had worked, monotonic seconds as all instants.

    ``terminal``: it may lead our terminal's foreground. ``stopped``: job control has stopped it (state T). ``agent``:
    an agent is in one of the worker's processes. ``reached``: the marks that the agent has told.
    """

    pid: int
    terminal: bool = False
    running_since: float | None = None
    stopped: bool = False
    agent: bool = False
    reached: tuple[str, ...] = ()


class Readying(Frozen):
    """A start that is not ready yet. ``until``: when it has failed; ``next_try``: when its check is tried again, None
    while a try is under way or the worker tells by itself.

    ``seen``: what the last of so many ``tries`` saw. ``gave_up``: the worker itself has said that it will not be
    ready; ``until`` is near then. ``early``: what was told before it was known that exec had worked.
    """

    until: float
    next_try: float | None = None
    tries: int = 0
    seen: str | None = None
    gave_up: bool = False
    early: tuple[bool, str, str] | None = None


class Health(Frozen):
    """Whether a worker that is ready still answers. ``next_try``: when it is asked next, or has to have told; None
    while a try is under way that began at ``began``, or when nothing is due.

    ``answered``: it has been asked with success since it was ready. ``failed`` are the tries that failed in a row.
    ``every``: seconds from one try to the next, which a worker with a watchdog may change.
    """

    every: float
    next_try: float | None = None
    began: float = 0.0
    answered: bool = False
    failed: tuple[FailedTry, ...] = ()


class Awaited(Frozen):
    """A stop that waits until those have ended that depend on the worker; at ``until`` at the latest.

    ``by``, ``by_pid`` and ``signal`` are the request's. ``after`` are the titles of those that it waits for.
    """

    by: str
    by_pid: int | None
    signal: int | None
    at: float
    until: float | None = None
    after: tuple[str, ...] = ()


class Standing(Frozen):
    """Where a stop stands on the ladder: the rung's index, and since when its wait counts. A new one for each rung.

    The wait counts from the delivery of the rung's signal: ``since`` is when that was decided, then when it was sent,
    then when the last one was told who had to be looked for first. ``first`` is when it was first sent, None before;
    ``held_since`` is since when it had waited for the agent, until it is sent. ``told`` are those who were signalled
    one by one; ``group_told`` is just before the group is, ``newest`` the last pid given by then. ``extended``: one
    was told after the wait of the others. ``woken``: somebody has looked for members that job control has stopped.
    ``anew``: the ladder has begun once more, for those whom SIGKILL would have reached as their first signal of all;
    then ``group_told`` stays when the group got that. ``until``: the worker has asked for time until then
    (EXTEND_TIMEOUT_USEC), and got it.
    """

    rung: int
    since: float
    first: float | None = None
    held_since: float | None = None
    group_told: float | None = None
    newest: int | None = None
    told: frozenset[Key] = frozenset()
    extended: bool = False
    woken: bool = False
    anew: bool = False
    until: float | None = None


class Hold(Frozen):
    """The first signal of a stop while it waits for the agent to be armed: since when, until when at the latest."""

    signal: int
    since: float
    until: float


class Stop(Frozen):
    """A stop under way. ``asked``: when the first signal of a requested stop was sent, None when nobody asked for it.

    ``extended``: seconds that its rungs were made longer because the worker asked for that; ``refused``: it asked for
    more than it may have. ``must_kill``: the ladder gains SIGKILL if it has none. ``killed`` is when SIGKILL was
    decided, then when it was sent. ``told`` are those who were signalled one by one, on any rung. ``looks`` and
    ``gasps`` count what was seen from outside, and before SIGKILL. ``cause``: why we asked for it by ourselves, after
    which ``tries`` of its check. ``after``: titles of those whose end it has waited for.
    """

    by: str
    by_pid: int | None
    asked: float | None
    last_request: float
    requests: int
    standing: Standing
    hold: Hold | None = None
    must_kill: bool = False
    extended: float = 0.0
    refused: bool = False
    killed: float | None = None
    sent: tuple[Climb, ...] = ()
    told: frozenset[Key] = frozenset()
    looks: int = 0
    gasps: int = 0
    masks: Masks | None = None
    samples: tuple[Sample, ...] = ()
    cause: str | None = None
    tries: tuple[FailedTry, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def hurried(self) -> bool:
        """Tell whether somebody has asked again, or the limit has passed: nobody gets more time than is left."""
        return self.requests > 1 or self.must_kill


class Death(Frozen):
    """How the main process ended. ``forced``: we had sent it SIGKILL."""

    at: float
    code: int | None
    signal: int | None
    forced: bool = False


class Leftovers(Frozen):
    """Who there is besides the main process.

    ``alive`` at the last look; ``seen`` at any look since the main process ended; ``shot``: who got SIGKILL of us.
    ``unseen``: somebody has to look, as soon as there is time for it. ``surveyed`` is when that was last done, None
    for not since the main process ended. ``unknown``: the last look failed, and who there is is not known.
    ``refused``: whom we are not permitted to signal, and as which user each of them runs. ``waited``: the end of the
    worker waited for them.
    """

    alive: tuple[Member, ...] = ()
    seen: tuple[Member, ...] = ()
    shot: frozenset[Key] = frozenset()
    refused: tuple[tuple[Key, str], ...] = ()
    unseen: bool = False
    surveyed: float | None = None
    unknown: bool = False
    waited: bool = False


class Remains(Frozen):
    """What a start had left when its end was reported: its record, and the processes that were alive then."""

    record: Shutdown
    members: tuple[Member, ...]


class Rest(Frozen):
    """How a worker rested before what it had left was asked to end: its state, and the stop of its last start."""

    state: State
    stop: Stop | None


class End(Frozen):
    """How and when the whole worker ended, and what became of its leftovers."""

    outcome: Outcome
    at: float
    fates: tuple[Leftover, ...] = ()


class Life(Frozen):
    """The state of one worker, from one start to the next. ``since``: when its process came, or had gone.

    ``start`` counts the starts. ``failure``: why its process could not become the command, or there was none.
    ``reload_asked``: when it was asked last to read its configuration again. ``remains`` is what this and earlier
    starts have left; while that is asked to end, ``stop`` is the stop of it, and ``former`` how the worker rested
    before. ``queued``: since when it is asked to start, and waits for what it depends on. ``awaits``: it is asked to
    stop, and waits for those that depend on it.
    """

    id: WorkerId
    spec: WorkerSpec
    manner: Manner = UP
    state: State = "waiting"
    start: int = 0
    since: float | None = None
    attempts: Attempts = Attempts()
    process: Process | None = None
    notice: Notice | None = None
    reload_asked: float | None = None
    stop: Stop | None = None
    death: Death | None = None
    leftovers: Leftovers = Leftovers()
    end: End | None = None
    failure: StartFailed | None = None
    rusage: Rusage | None = None
    remains: tuple[Remains, ...] = ()
    former: Rest | None = None
    queued: float | None = None
    begun: Begun | None = None
    readying: Readying | None = None
    ready: Ready | None = None
    health: Health | None = None
    awaits: Awaited | None = None
    missing: str | None = None

    # -------------------------------------------------------------- where it is

    @property
    def alive(self) -> bool:
        """Return whether the worker's main process exists, perhaps as a zombie that is not yet reaped."""
        return self.state in states.HELD

    @property
    def going(self) -> bool:
        """Return whether signals may go to the worker: its main process exists, and its end has not been decided.

        After that decision the process is reaped at any moment.
        """
        return self.state in states.GOING

    @property
    def phase(self) -> Phase:
        """Return what the state of the worker is called outside."""
        if self.state in ("orphaned", "ended"):
            if self.outcome == "stuck":
                return "stuck"
            if self.death is not None and self.death.forced:
                return "killed"
        return states.PHASES[self.state]

    @property
    def pid(self) -> int | None:
        """Return the pid of the main process, None when there is no main process."""
        return self.process.pid if self.process is not None and self.alive else None

    @property
    def last_pid(self) -> int:
        """Return the pid that the main process has or had; 0 when there was none in this start."""
        return self.process.pid if self.process is not None else 0

    @property
    def agent(self) -> bool:
        """Return whether one of the worker's processes has an agent."""
        return self.process is not None and self.process.agent

    @property
    def stopped(self) -> bool:
        """Return whether job control has stopped the main process (state T)."""
        return self.process is not None and self.process.stopped

    # -------------------------------------------------------------- its stop

    @property
    def stopping(self) -> Stop | None:
        """Return the stop that is under way, while there is something to stop."""
        return self.stop if self.state in states.STOPPED else None

    @property
    def requested(self) -> bool:
        """Return whether the worker's stop was asked for."""
        return self.stop is not None and self.stop.asked is not None

    @property
    def failing(self) -> bool:
        """Tell whether it is stopped, or was, because it did not get ready or did not answer: a failure, whatever its
        exit status."""
        stop = self.former.stop if self.former is not None else self.stop
        return stop is not None and stop.by in states.FAILINGS

    @property
    def ladder(self) -> Ladder:
        """Return the ladder that this stop climbs: the worker's own, with SIGKILL on top when SIGKILL was
        demanded.
        """
        own = self.spec.stop.ladder
        return own.with_kill() if self.stop and self.stop.must_kill else own

    @property
    def rung(self) -> Rung | None:
        """Return the rung that stands, while a stop is under way."""
        return self.ladder.rungs[self.stop.standing.rung] if self.stop else None

    @property
    def following(self) -> Rung | None:
        """Return the rung above the one that stands."""
        rungs = self.ladder.rungs
        return rungs[self.stop.standing.rung + 1] if self.stop and self.stop.standing.rung + 1 < len(rungs) else None

    @property
    def next_rung_at(self) -> float | None:
        """Return when the next rung (or, after the last, the verdict *stuck*) is due.

        A rung stands for its whole wait after its own signal, which may still be waiting for the agent.
        """
        stop = self.stopping
        wait = self.ladder.rungs[stop.standing.rung].wait if stop else None
        if stop is None or wait is None:
            return None
        due = (stop.hold.until if stop.hold else stop.standing.since) + wait
        return due if stop.standing.until is None else max(due, stop.standing.until)

    @property
    def kill_at(self) -> float | None:
        """Return when SIGKILL is due, if SIGKILL is the next rung."""
        following = self.following
        return self.next_rung_at if following and following.signal == signum.KILL else None

    @property
    def killed(self) -> float | None:
        """Return when SIGKILL was sent, or decided; None before that."""
        return self.stop.killed if self.stop else None

    @property
    def group_shot(self) -> bool:
        """Tell whether SIGKILL has gone to the whole group."""
        rung, standing = self.rung, self.stop.standing if self.stop else None
        if rung is None or standing is None or standing.group_told is None:
            return False
        return standing.anew or rung.signal == signum.KILL

    @property
    def sent(self) -> tuple[Climb, ...]:
        """Return the signals of the worker's stop so far."""
        return self.stop.sent if self.stop else ()

    # -------------------------------------------------------------- its end

    @property
    def outcome(self) -> Outcome | None:
        """Return how the whole worker ended; None before that."""
        return self.end.outcome if self.end else None

    @property
    def ended(self) -> float | None:
        """Return when the whole worker ended; None before that."""
        return self.end.at if self.end else None

    @property
    def as_wanted(self) -> bool | None:
        """Tell whether it ended as somebody wanted: clean, or of a signal of its stop. None before its end.

        SIGKILL is not wanted: it is what the ladder is for when nothing else helped.
        """
        if self.outcome is None:
            return None
        if self.failing:
            return False
        if self.outcome == "clean":
            return True
        stop = self.former.stop if self.former is not None else self.stop
        if stop is None or stop.asked is None or self.outcome != "signalled" or self.death is None:
            return False
        return self.death.signal in {climb.signal for climb in stop.sent} - {signum.KILL}
