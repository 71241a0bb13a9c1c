"""The states of a worker and the ways between them: which event may come in which state, and where it may lead.

What comes and has no way here changes nothing and is told, but for those that were on their way when the worker
ended. docs/states.md shows the table as a drawing; a test walks it, every event in every state.

A state is what a worker is, its *phase* is how that is called outside (supervisor/core/contract): a process that has
been asked for and one whose exec is not known yet are both `starting`. Two facts are no state, since they make no
difference to what may come: whether the exec of a worker that is being stopped already has worked, and what its
leftovers are.
"""

from __future__ import annotations

from supervisor.core.events import (
    AgentSaid,
    Event,
    Forked,
    MainContinued,
    MainExited,
    MainStopped,
    MasksRead,
    Notified,
    OrphansChanged,
    ProbeAnswered,
    Probed,
    Reaped,
    Sampled,
    Sent,
    SignalReceived,
    StartAsked,
    Started,
    StartFailed,
    StopAsked,
    Surveyed,
    Tick,
    Tried,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from supervisor.core.record import Phase

    State: TypeAlias = Literal[
        "waiting", "forking", "starting", "unready", "running", "draining", "cleaning", "leaving", "killed",
        "orphaned", "ended", "sweeping", "exited", "failed", "stuck", "backoff", "skipped",
    ]  # fmt: skip
    Ways: TypeAlias = dict[type[Event], tuple[State, ...]]

MEANING: dict[State, str] = {
    "waiting": "it has never been started, or waits for what it depends on",
    "forking": "its process has been asked for",
    "starting": "it has a process; whether that can become the command is not known",
    "unready": "it runs, and is not ready yet",
    "running": "it runs, and is ready",
    "draining": "it was asked to stop",
    "cleaning": "its main work has ended (the agent says so)",
    "leaving": "its event loop is closed (the agent says so)",
    "killed": "SIGKILL has gone out; the main process is still there",
    "orphaned": "its main process has ended; the rest of it is looked for, or ends",
    "ended": "how it ended is decided; the zombie of its main process is kept until the end",
    "sweeping": "it has ended before; what it had left then is asked to end",
    "exited": "it has ended",
    "failed": "it could not be started, was restarted too often, or did not get ready or answer",
    "stuck": "it did not end, even after SIGKILL, and was given up",
    "backoff": "it has ended and will be started again",
    "skipped": "it is not started, for what it depends on has failed",
}

# Where the phase depends on more than the state, `Life.phase` says.
PHASES: dict[State, Phase] = {
    "waiting": "waiting",
    "forking": "starting",
    "starting": "starting",
    "unready": "starting",
    "running": "running",
    "draining": "draining",
    "cleaning": "cleaning",
    "leaving": "leaving",
    "killed": "killed",
    "orphaned": "leaving",
    "ended": "leaving",
    "sweeping": "leaving",
    "exited": "exited",
    "failed": "failed",
    "stuck": "stuck",
    "backoff": "backoff",
    "skipped": "skipped",
}

# Why we ask a worker to stop by ourselves: it has failed, whatever its exit status will be.
START_FAILINGS = ("start timeout", "start failed")
FAILINGS = (*START_FAILINGS, "liveness", "watchdog")

# Its main process lives.
LIVES: frozenset[State] = frozenset({"starting", "unready", "running", "draining", "cleaning", "leaving", "killed"})
# Signals may go to it.
GOING: frozenset[State] = LIVES | {"orphaned"}
# A stop may be under way: a ladder is climbed.
STOPPED: frozenset[State] = GOING | {"sweeping"}
# It has a main process, perhaps as a zombie: pid and group number cannot be used again.
HELD: frozenset[State] = GOING | {"ended"}
# It has ended, and is not started again unless somebody asks for it.
OVER: frozenset[State] = frozenset({"exited", "failed", "stuck", "skipped"})
# Nothing of it is there.
RESTS: frozenset[State] = OVER | {"waiting", "backoff"}

# Asked for or seen before the end of a worker: no surprise after it.
LATECOMERS: frozenset[type[Event]] = frozenset(
    {AgentSaid, MainContinued, MainStopped, MasksRead, Notified, ProbeAnswered, Probed, Sampled, Sent, Surveyed}
    | {Tried}
)


def _stays(state: State, *events: type[Event]) -> Ways:
    return dict.fromkeys(events, (state,))


def _being_stopped(state: State, *further: State) -> Ways:
    """Return the ways of a worker that is being stopped and whose main process lives; its agent leads further."""
    return {
        **_stays(
            state, Started, MainStopped, MainContinued, Sent, MasksRead, Notified, Sampled, Probed, ProbeAnswered
        ),
        Tried: (state,),
        Surveyed: (state,),
        AgentSaid: (state, *further),
        SignalReceived: (state, "killed"),
        StopAsked: (state, "killed"),
        Tick: (state, "killed"),
        MainExited: ("orphaned", "ended"),
    }


def _at_rest(state: State) -> Ways:
    """Return the ways of a worker that has ended: a stop asks what it has left."""
    return {StartAsked: _STARTS, StopAsked: (state, "sweeping"), SignalReceived: (state, "sweeping")}


def _alive(state: State, *further: State) -> Ways:
    """Return the ways of a worker that was not asked to stop, or waits for its turn; its check leads further."""
    return {
        **_stays(state, AgentSaid, MainStopped, MainContinued, Sent),
        **_stays(state, Notified),
        Tried: (state, *further),
        SignalReceived: (state, "draining", "killed"),
        StopAsked: (state, "draining", "killed"),
        Tick: (state, *further, "draining", "killed"),
        MainExited: ("orphaned", "ended"),
    }


# A start is asked for: it begins, or waits for what the worker depends on.
_STARTS: tuple[State, ...] = ("forking", "waiting")

# Not listed: what does not concern a worker in that state. OrphansChanged is for those whose leftovers are waited
# for, StartAsked for those that do not run, Tick for those for whom something can be due. What happens to a worker
# that another one depends on is for the other as if a start or a stop were asked for.
WAYS: dict[State, Ways] = {
    "waiting": {
        StartAsked: (*_STARTS, "skipped"),
        StopAsked: ("exited", "sweeping"),
        SignalReceived: ("waiting", "exited", "sweeping"),
    },
    "forking": {
        Forked: ("starting", "draining", "killed"),
        StartFailed: ("failed", "backoff", "sweeping"),
        **_stays("forking", StopAsked, SignalReceived),
    },
    "starting": {
        **_alive("starting"),
        Started: ("running", "unready"),
        StartFailed: ("starting",),
    },
    "unready": {**_alive("unready", "running"), Notified: ("unready", "running")},
    "running": {**_alive("running"), **dict.fromkeys((Notified, Tried), ("running", "draining", "killed"))},
    "draining": {
        **_being_stopped("draining", "cleaning", "leaving"),
        StartFailed: ("draining",),
    },
    "cleaning": _being_stopped("cleaning", "leaving"),
    "leaving": _being_stopped("leaving"),
    "killed": {
        **_being_stopped("killed"),
        StartFailed: ("killed",),
        Tick: ("killed", "ended"),
    },
    "orphaned": {
        Surveyed: ("orphaned", "ended"),
        **_stays("orphaned", Tick, OrphansChanged, StopAsked, SignalReceived, Sent, AgentSaid, MainContinued),
        **_stays("orphaned", MasksRead, Notified, Sampled, Probed, ProbeAnswered, Tried),
    },
    "ended": {
        Reaped: ("exited", "failed", "stuck", "backoff", "waiting", "sweeping"),
        **_stays("ended", Sent),
    },
    "sweeping": {
        StartAsked: _STARTS,
        Surveyed: ("sweeping", "exited", "failed", "stuck"),
        **_stays("sweeping", Tick, OrphansChanged, StopAsked, SignalReceived, Sent),
    },
    "exited": _at_rest("exited"),
    "failed": _at_rest("failed"),
    "stuck": _at_rest("stuck"),
    "skipped": {StartAsked: _STARTS},
    "backoff": {
        StartAsked: _STARTS,
        Tick: ("backoff", "forking", "waiting"),
        StopAsked: ("exited", "sweeping"),
        SignalReceived: ("backoff", "exited", "sweeping"),
    },
}


def leads(state: State, event: type[Event], to: State) -> bool:
    """Return whether the event may lead from one state to the other."""
    return to in WAYS[state].get(event, ())
