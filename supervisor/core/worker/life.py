"""The state of one worker, frozen: its own snapshot. Knows no other worker, no clock, and takes no decision.

    waiting -> starting -> running -> draining -> (cleaning) -> leaving -> exited -> (backoff -> starting)
                  |                      |  SIGKILL -> killed -> stuck, AFTER_KILL seconds later
                  +-> failed (could not start, or restarted too often)

What happens to it: step.py (facts come in) and escalation.py (a stop is asked for, the ladder is climbed).
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.events import StartFailed
from supervisor.core.frozen import Frozen
from supervisor.core.ladder import Ladder, Rung
from supervisor.core.record import Climb, Leftover, Masks, Member, Rusage, Sample
from supervisor.core.spec import UP, Manner, WorkerId, WorkerSpec
from supervisor.core.worker.restart import Attempts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Key, Outcome, Phase

# The last look at what hangs begins this long before SIGKILL, so that SIGKILL itself is on time.
LAST_GASP = 0.150
# Where the agent has not answered by then, Python code does not run: the stacks are taken at C level.
LAST_DUMP = 0.075
# The stop signal waits so long for an agent to be armed: 3 ms as a rule, 0.2 s with eight busy processes a core. One
# that comes while the agent works would be handled on top of whatever the probe had interrupted.
PROBE_LIMIT = 0.25
# What a dead main process left gets no signal before somebody has looked who that is, for so long at the most: with
# hundreds of ends at once the looks take some turns of the loop.
UNSEEN_LIMIT = 0.25
# Seconds after the stop request at which we look from outside: early and often enough to see a socket close,
# then sparingly. After the last one: every LOOK_EVERY.
LOOKS = (0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LOOK_EVERY = 30.0
MOST_SAMPLES = 64


class Stop(Frozen):
    """A stop under way. ``rung`` is the index on the ladder, ``since`` when it was reached; instants are monotonic.

    ``told`` are the processes that were signalled one by one at this rung; ``group_told`` is when the group was, and
    ``newest`` the pid of the process created last before that.
    ``must_kill``: the ladder gains SIGKILL if it has none. ``held`` is the first signal while it waits for the agent.
    """

    by: str
    by_pid: int | None
    asked: float | None
    rung: int
    since: float
    last_request: float
    requests: int
    group_told: float | None = None
    newest: int | None = None
    told: frozenset[Key] = frozenset()
    looks: int = 0
    gasps: int = 0
    held: int | None = None
    held_until: float | None = None
    must_kill: bool = False


class Death(Frozen):
    """How the main process ended. ``forced``: we had sent it SIGKILL."""

    at: float
    code: int | None
    signal: int | None
    forced: bool = False


class Life(Frozen):
    """The state of one worker; frozen, so it is its own snapshot.

    ``unseen``: who there is besides its main process has to be looked at, as soon as there is time for it;
    ``surveyed`` is when that was last done, None for not since the main process ended.
    """

    id: WorkerId
    spec: WorkerSpec
    manner: Manner = UP
    phase: Phase = "waiting"
    start: int = 0
    pid: int | None = None
    last_pid: int = 0
    since: float | None = None
    running_since: float | None = None
    terminal: bool = False
    stopped: bool = False
    agent: bool = False
    reached: tuple[str, ...] = ()
    stop: Stop | None = None
    death: Death | None = None
    killed: float | None = None
    ended: float | None = None
    masks: Masks | None = None
    samples: tuple[Sample, ...] = ()
    sent: tuple[Climb, ...] = ()
    left: tuple[Member, ...] = ()
    seen_left: tuple[Member, ...] = ()
    waited: bool = False
    shot: frozenset[Key] = frozenset()
    unseen: bool = False
    surveyed: float | None = None
    fates: tuple[Leftover, ...] = ()
    outcome: Outcome | None = None
    rusage: Rusage | None = None
    failure: StartFailed | None = None
    attempts: Attempts = Attempts()

    @property
    def alive(self) -> bool:
        """Its main process exists, perhaps as a zombie: not yet reaped."""
        return self.pid is not None

    @property
    def going(self) -> bool:
        """Signals may go to it: it exists, and its end has not been decided (then it is reaped at any moment)."""
        return self.alive and self.outcome is None

    @property
    def stopping(self) -> Stop | None:
        """The stop under way, while there is something to stop."""
        return self.stop if self.going else None

    @property
    def as_wanted(self) -> bool | None:
        """Whether it ended as somebody wanted: by itself and clean, or of a signal of its stop. None before its end.

        SIGKILL is not wanted: it is what the ladder is for when nothing else helped.
        """
        if self.outcome is None:
            return None
        if self.outcome == "clean":
            return True
        asked = self.stop is not None and self.stop.asked is not None
        ours = {climb.signal for climb in self.sent} - {signum.KILL}
        return asked and self.outcome == "signalled" and self.death is not None and self.death.signal in ours

    @property
    def ladder(self) -> Ladder:
        """What this stop climbs: the worker's own ladder, with SIGKILL on top when that was demanded."""
        own = self.spec.stop.ladder
        return own.with_kill() if self.stop and self.stop.must_kill else own

    @property
    def rung(self) -> Rung | None:
        """The rung that stands, while a stop is under way."""
        return self.ladder.rungs[self.stop.rung] if self.stop else None

    @property
    def next_rung_at(self) -> float | None:
        """When the next rung (or, after the last, the verdict *stuck*) is due."""
        stop = self.stopping
        wait = self.ladder.rungs[stop.rung].wait if stop else None
        return stop.since + wait if stop and wait is not None else None

    @property
    def kill_at(self) -> float | None:
        """When SIGKILL is due if it is the next rung."""
        following = self.following
        return self.next_rung_at if following and following.signal == signum.KILL else None

    def dues(self) -> tuple[float | None, float | None]:
        """Return when this life wants a Tick, and when it wants one for a signal; None for never."""
        if self.outcome is not None or (self.stop is None and not self.unseen):
            return self.attempts.due, None
        signal_at = self.signal_at
        due = [at for at in (signal_at, self.gasp_at, self.look_at, self.survey_at) if at is not None]
        return min(due) if due else None, signal_at

    @property
    def signal_at(self) -> float | None:
        """When the next signal is due, or the verdict *stuck*. Not before it is known who is left to get it.

        That somebody of them may have ended since is no reason to wait: where orphans end all the time, it would be
        for ever. Who climbs looks again.
        """
        stop, rung_at = self.stopping, self.next_rung_at
        if self.death is not None and self.surveyed is None and rung_at is not None:
            return max(rung_at, self.death.at + UNSEEN_LIMIT)
        if stop is None or stop.held_until is None:
            return rung_at
        return stop.held_until if rung_at is None else min(rung_at, stop.held_until)

    @property
    def survey_at(self) -> float | None:
        """Since when somebody should look who is there besides the main process."""
        if not self.unseen or not self.going:
            return None
        if self.surveyed is not None:
            return self.surveyed
        return self.killed if self.death is None else self.death.at

    @property
    def following(self) -> Rung | None:
        """The rung above the one that stands."""
        rungs = self.ladder.rungs
        return rungs[self.stop.rung + 1] if self.stop and self.stop.rung + 1 < len(rungs) else None

    @property
    def gasp_at(self) -> float | None:
        """When the last look before SIGKILL is due."""
        stages = (LAST_GASP, LAST_DUMP) if self.agent else (LAST_GASP,)
        if self.stop is None or self.death is not None or self.stop.gasps >= len(stages):
            return None
        kill_at = self.kill_at
        return None if kill_at is None else max(kill_at - stages[self.stop.gasps], self.stop.since)

    @property
    def look_at(self) -> float | None:
        """When the next look from outside is due."""
        stop = self.stopping
        if stop is None or stop.asked is None or self.death is not None or len(self.samples) >= MOST_SAMPLES:
            return None
        extra = stop.looks - len(LOOKS)
        offset = LOOKS[stop.looks] if extra < 0 else LOOKS[-1] + LOOK_EVERY * (extra + 1)
        return stop.asked + offset
