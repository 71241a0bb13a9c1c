"""Whether the one worker of `run` began to end and has not, since when, and how often that was to be told. Pure.

A stop request that came to us is a fact. A terminal's Ctrl-C goes to the program itself, and many programs live on
after one (a shell, a REPL): only what its agent saw since then shows that this one ends.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.diagnosis.attribution.timeline import INTERRUPT, TEARDOWN
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.evidence.notes import Exit, LoopStop, SignalReceived, Snapshot
from supervisor.diagnosis.live_wait import bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.worker.life import Life
    from supervisor.diagnosis.evidence.model import Process

# Seconds after its begin at which an end that goes on is told: sooner would be noise for a program that just takes
# its time, later the reader has pressed Ctrl-C again without knowing what that does.
TOLD_AFTER = (3.0, 10.0, 30.0)
_KEYS = (signum.INT, signum.QUIT)
# An end that begins more seconds than this after a key was pressed is not put down to it.
BY_A_KEY = 10.0
# After the loop is closed a program may go on in its own code; what comes with the end of its main thread is final.
_FINAL = ("thread-join", "atexit", "finalize")
# The handler by which asyncio.run() cancels its main task on Ctrl-C (CPython, Lib/asyncio/runners.py).
_RUNNER = "Runner._on_sigint"


class Hang(Frozen):
    """An end that goes on: since when (monotonic seconds), and the signal with which it began.

    ``requested``: the signal is one of a stop that was requested through us, so that the ladder goes on.
    """

    since: float
    signal: int
    requested: bool


def find(life: Life, messages: Sequence[AgentMessage], now: float) -> Hang | None:
    """Return the end that is under way; None when there is none, or nothing but time is needed (after SIGKILL)."""
    if not life.going or life.killed is not None:
        return None
    stop = life.stop
    if stop is not None and stop.asked is not None:
        sent = stop.sent[0].signal if stop.sent else life.ladder.stop_signal
        return Hang(stop.asked, sent, requested=True)
    if life.death is not None:
        return _by_a_dead_main(life)
    leader = gather(bounded(messages), now, life.last_pid).leader if messages else None
    return _by_a_key(leader, now) if leader is not None and leader.ended is None else None


def times_due(hang: Hang, now: float) -> int:
    """Return how often the end was to be told until now."""
    return sum(now - hang.since >= after for after in TOLD_AFTER)


def next_at(hang: Hang, told: int) -> float | None:
    """Return when the end is to be told next; None when it was told often enough."""
    return hang.since + TOLD_AFTER[told] if told < len(TOLD_AFTER) else None


def _by_a_dead_main(life: Life) -> Hang | None:
    """Return the hang of a worker whose main process a key has ended, while others of it are left."""
    death = life.death
    if death is None:
        return None
    signal = death.signal if death.signal is not None else (death.code or 0) - 128
    return Hang(death.at, signal, requested=False) if signal in _KEYS else None


def _by_a_key(process: Process, now: float) -> Hang | None:
    """Return the first key that was handled not too long before the teardown that goes on, or that asks by itself to
    end.

    A program that never imported `signal` has no handler that the agent could see: KeyboardInterrupt shows the key.
    """
    pressed = [note for note in process.of(SignalReceived) if note.handler.signal in _KEYS]
    teardown = _teardown(process)
    for note in pressed:
        if _asks_to_end(process, note) or (teardown is not None and 0.0 <= teardown - note.at <= BY_A_KEY):
            return Hang(now + note.at, note.handler.signal or signum.INT, requested=False)
    ends = [phase.at for phase in process.phases if phase.name == "thread-join" and phase.exception == INTERRUPT]
    return Hang(now + ends[0], signum.INT, requested=False) if ends else None


def _teardown(process: Process) -> float | None:
    """Return when the teardown began that goes on now; None when the program may be at its own work again."""
    leaves = [note.at for note in process.of(Exit)] + [note.at for note in process.of(LoopStop)]
    if leaves or any(phase.name in _FINAL for phase in process.phases):
        return min([*leaves, *(phase.at for phase in process.phases if phase.name in TEARDOWN)])
    last = process.phases[-1] if process.phases else None
    if last is None or last.name not in TEARDOWN or last.name == "loop-closed":
        return None
    return next(phase.at for phase in reversed(process.phases) if phase.name == "cancel" or phase is last)


def _asks_to_end(process: Process, note: SignalReceived) -> bool:
    """Return whether this handler is there to end the program: asyncio's own, or one that answers SIGTERM just so."""
    handler = note.handler
    if handler.name is not None and handler.name.endswith(_RUNNER):
        return True
    shots = [shot for shot in process.of(Snapshot) if shot.handlers]
    known = {one.signal: (one.kind, one.name, one.at) for one in shots[-1].handlers} if shots else {}
    ours, term = known.get(handler.signal), known.get(signum.TERM)
    return ours is not None and ours == term and ours[0] in ("python", "loop")
