"""Marks and shutdown phases of one worker, from its leading process and the outside facts.

What they mean: docs/architecture.md, "Vocabulary".
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.record import PhaseSpan
from supervisor.diagnosis.evidence.notes import Exit, HandlerRan, LoopStop, SignalCallback, SignalReceived

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Marks, Shutdown
    from supervisor.diagnosis.evidence.model import Process

# What comes after the main coroutine ended, in CPython's order (asyncio/runners.py, pylifecycle.c Py_FinalizeEx).
TEARDOWN = ("cancel", "asyncgens", "executor", "loop-close", "loop-closed", "thread-join", "atexit", "finalize")
_PHASES = frozenset(TEARDOWN) | {"after-loop"}
# A signal is stamped by the sender and by the receiver; the receiver may be the quicker one.
EARLY = 0.05
_STOPS = (signum.INT, signum.TERM, signum.QUIT)
INTERRUPT = "KeyboardInterrupt"
AT_ONCE = 0.5  # seconds for an exception to come through to the runner
# After a signal that we did not send the agent looks so long (agent/body/arming.py, limit).
DIRECT = 60.0
# Between the loop's end and what comes next there is always a moment; longer, it is the program's own code.
OWN_CODE = 0.001


def teardown_began(process: Process | None) -> float | None:
    """Return when a worker that was not asked began to end: its first phase, or the snapshot that armed the agent."""
    if process is None:
        return None
    begun = [phase.at for phase in process.phases if phase.name in TEARDOWN]
    begun += [note.at for note in (*process.of(Exit), *process.of(LoopStop))]
    return min(begun, default=None)


def began_earlier(process: Process | None) -> tuple[float, int] | None:
    """Return (when, which) a stop signal had set off the teardown that the worker was still in when we asked it to
    stop.

    A Ctrl-C that the program caught, and event loops that were run and closed before, are none: after them the
    program was at work again, or its last loop was closed and no thread was joined yet.
    """
    if process is None:
        return None
    before = [phase for phase in process.phases if phase.at < -EARLY and phase.name in TEARDOWN]
    if not before or before[-1].name == "loop-closed":
        return None
    closed = [index for index, phase in enumerate(before) if phase.name == "loop-closed"]
    joins = before[-1].name in ("thread-join", "atexit", "finalize")
    first = closed[-1] + 1 if closed and not joins else closed[-2] + 1 if len(closed) > 1 else 0
    begun = before[first].at
    notes = [note for note in process.of(HandlerRan) if note.handler.signal in _STOPS and note.at <= begun + EARLY]
    signals = [note for note in notes if begun - note.at <= DIRECT]
    if not signals or signals[0].handler.signal is None:
        return None
    return signals[0].at, signals[0].handler.signal


def signalled_directly(process: Process | None, shutdown: Shutdown) -> tuple[float, int] | None:
    """Return (when, which) a stop signal reached a worker that we had not asked to stop, and that ended of it.

    A terminal's Ctrl-C goes to its foreground group, not to us, and anybody may signal a worker. Many programs live
    on after one. It is taken for the cause when the process died of INT, TERM or QUIT (or exited with 128 + n),
    whoever lost patience; or ended within the grace period, where a handler of the program's or of a loop's took it.
    Python's own handler of SIGINT raises KeyboardInterrupt, which the program may have caught to go on: there the
    loop's teardown has to show it. The first of several counts: who is impatient presses again.
    """
    if process is None:
        return None
    code = shutdown.signal if shutdown.signal is not None else (shutdown.exit_code or 0) - 128
    of_it = code in _STOPS
    patience = DIRECT if of_it or shutdown.grace is None else shutdown.grace
    until = max(shutdown.marks.main_exited or 0.0, 0.0)
    found: tuple[float, int] | None = None
    for note in reversed(process.of(SignalReceived)):
        number = note.handler.signal
        if number not in _STOPS or (not of_it and _may_go_on(process, note)):
            continue
        if until - note.at > patience:
            break
        found = (note.at, number)
        until = note.at
    return found


def _may_go_on(process: Process, note: SignalReceived) -> bool:
    """Return whether the signal only raised KeyboardInterrupt, and no loop was seen to end of that."""
    if note.handler.name != "default_int_handler":
        return False
    ends = (phase.at for phase in process.phases if phase.name == "cancel" and phase.exception == INTERRUPT)
    return not any(0.0 <= at - note.at < AT_ONCE for at in ends)


def noticed(process: Process | None, asked: float | None) -> float | None:
    """Return when the worker's own handler began; None when none was seen to run.

    The handler of ``loop.add_signal_handler`` is the callback that the loop runs, not the empty C-level one
    (asyncio/unix_events.py, ``_sighandler_noop``).
    """
    if process is None or asked is None:
        return None
    for note in process.of(HandlerRan):
        if note.at >= asked - EARLY and (type(note) is SignalCallback or note.handler.kind != "loop"):
            return max(note.at, asked)
    for phase in process.phases:
        if phase.name == "cancel" and phase.at >= asked and phase.exception == INTERRUPT:
            return phase.at
    return None


def received(process: Process, asked: float) -> HandlerRan | None:
    """Return the first sign that Python's eval loop acted on the signal, also where the loop's callback never ran."""
    return next((note for note in process.of(HandlerRan) if note.at >= asked - EARLY), None)


def marks(shutdown: Shutdown, process: Process | None) -> Marks:
    """Return the record's marks, completed by ``noticed``, ``drained`` and ``cleaned``; in order, none after the
    exit.
    """
    given = shutdown.marks
    if process is None:
        return given
    first = noticed(process, given.asked)
    begin = first if first is not None else 0.0
    exits = process.of(Exit)
    drained = process.phase_start(*TEARDOWN, after=begin)
    if drained is None and exits:
        drained = exits[0].at
    cleaned = max((one.at for one in process.phases if one.name == "loop-closed" and one.at >= begin), default=None)
    latest = _earliest(given.killed, given.main_exited, given.exited)
    values: list[float | None] = []
    before = 0.0
    for mark in (first, drained, cleaned):
        if mark is None or (latest is not None and mark > latest):
            values.append(None)
        else:
            before = max(before, mark)
            values.append(before)
    return given.with_(noticed=values[0], drained=values[1], cleaned=values[2])


def phases(marks: Marks, process: Process | None) -> tuple[PhaseSpan, ...]:
    """Return the shutdown phases, one after the other without holes, seconds since zero.

    Without an agent: only `killed`.
    """
    end = marks.exited if marks.exited is not None else _earliest(marks.main_exited)
    if end is None:
        return ()
    cuts: list[tuple[float, str]] = []
    if process is not None:
        if marks.asked is not None:
            cuts.append((0.0, "signal"))
        if marks.noticed is not None:
            cuts.append((marks.noticed, "drain"))
        begin = marks.noticed or 0.0
        starts = [phase.at for phase in process.phases] + [end]
        for phase, after in zip(process.phases, starts[1:], strict=True):
            own = "after-loop" if after - phase.at >= OWN_CODE else "loop-close"
            name = own if phase.name == "loop-closed" else phase.name
            if name in _PHASES and phase.at >= begin:
                cuts.append((phase.at, name))
    stop = _earliest(marks.killed, marks.main_exited) or end
    cuts = sorted((cut for cut in cuts if cut[0] <= stop), key=lambda cut: cut[0])
    main = marks.main_exited
    if marks.killed is not None and (main is None or marks.killed <= main):  # later, it was for what main had left
        cuts.append((marks.killed, "killed"))
    if main is not None and end - main > 0.005:
        cuts.append((main, "leftovers"))
    return _spans(cuts, end)


def _spans(cuts: list[tuple[float, str]], end: float) -> tuple[PhaseSpan, ...]:
    spans: list[PhaseSpan] = []
    for index, (start, name) in enumerate(cuts):
        stop = min(cuts[index + 1][0] if index + 1 < len(cuts) else end, end)
        if stop <= start:
            continue
        if spans and spans[-1].name == name:
            spans[-1] = PhaseSpan(name, spans[-1].start, stop)
        else:
            spans.append(PhaseSpan(name, spans[-1].end if spans else start, stop))
    return tuple(spans)


def phase_at(spans: tuple[PhaseSpan, ...], at: float) -> str:
    """Return the phase that contains the instant; empty when none does."""
    return next((span.name for span in reversed(spans) if span.start <= at <= span.end), "")


def _earliest(*instants: float | None) -> float | None:
    return min((at for at in instants if at is not None), default=None)
