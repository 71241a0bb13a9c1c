"""The agent's protocol, version 1: its words, and the bounded decoder of the receiving end. No I/O.

JSON objects over an AF_UNIX SOCK_SEQPACKET connection: a packet holds one, or several with a line feed between. Each
process of a worker connects by itself and says ``hello`` first (a forked child too). EOF: the process ended or called
exec. The other end is somebody else's process, so :func:`decode` believes nothing: size, depth, types and lengths are
bounded, control characters are replaced, and what does not fit is rejected with a reason to count. It never raises.

Every message::

    v        1
    ev       what happened (below)
    t        int, CLOCK_MONOTONIC nanoseconds: one clock for both ends (time_namespaces(7) aside)
    pid      the sender's own idea of its pid; the receiver trusts SO_PEERCRED instead (pid namespaces)
    seq      1, 2, 3, … per connection: a gap is a lost message
    dropped  how many messages this process could not send so far (the socket's buffer was full), when not 0

Any field may be null or missing: unknown. The decoder fills missing ones with None and drops unknown ones.
Durations are seconds. A FRAME is ``[file, line, function]``; a STACK is a list of frames, outermost first, whose
middle is cut (``["...", 12, ""]`` stands for 12 frames). ``at`` is the innermost frame of the user's own code (not
standard library, not site-packages; else not standard library; else the leaf), ``leaf`` the innermost frame of all.
Files may be relative to hello's ``cwd`` (a Python 3.8 main script). ``task`` is a number of the agent's own, never
reused in a process; ``thread`` is threading.get_ident(), ``tid`` the kernel's.

Before any shutdown, only::

    hello           python "3.11.7", ppid, forked (bool), executable, cwd,
                    probe (bool: SIGURG is answered), dump (file in the channel's folder that faulthandler writes
                    to, open as dump_fd) and dump_signal (the signal that makes it write: no Python code and no GIL
                    needed; send it only when SIGKILL is next), monitoring (bool: exact `except` lines, 3.12+),
                    cancelling (bool: Task.cancelling() exists, 3.11+), stdlib (folder of the standard library), by
                    FRAME (of a forked one: the line that forked)
    probe           probe (bool): the application took SIGURG for itself (false): do not send it any more

When shutdown begins (SIGURG, a stop signal whose handler is Python code, or the teardown itself)::

    signal-received signal, kind, name, at: the Python-level handler begins (HANDLER fields)
    signal-callback signal, name, at: the event loop runs what add_signal_handler() was given
    snapshot        reason (probe, signal, loop-stop, cancel, asyncgens, executor, loop-close, thread-join, exit),
                    look (nothing was armed; only for a probe before which the parent had sent the bytes "look"),
                    first (bool: the one that armed the agent), signal, handlers [HANDLER], displaced [HANDLER]
                    (earlier handlers of the same signals, oldest first), loops [LOOP], n_tasks, tasks [TASK]
                    (<= 100), threads [THREAD], n_threads (that Python itself counts; null: it has no count),
                    running (name of the task on the loop's stack), children [CHILD]; in the first also started (top
                    package of the console script or `-m` module, null for a script of the user's), own (prefixes of
                    installed files that are the user's: PEP 610, SIGDRAIN_OWN, what was started and is no server)
    ready           seconds (the arming took), sampler (bool), monitoring (bool): all is in place, and the main thread
                    is back in its own code; last of its batch
    phase           name: this phase begins now, and ends where the next begins. Where nothing was left to wait for
                    (no task, generator, connection, thread) and nobody had asked, only n_tasks 0 goes with it
                      cancel       n_tasks, tasks, by, exception (what main ended with, e.g. KeyboardInterrupt)
                      asyncgens    generators [{name, at}]
                      executor     busy [THREAD], queued
                      loop-close   tasks (still pending), n_tasks, transports [TRANSPORT], busy, queued
                      loop-closed  (the loop is closed: the mark `cleaned`)
                      thread-join  busy (non-daemon threads alive), loops, tasks (pending on loops never closed),
                                   exception (what the main module ended with)
                      atexit
                      finalize     (the interpreter takes itself down: after it only task-destroyed)
    loop-stop       by FRAME (who called loop.stop(), other than run_until_complete itself), n_tasks, tasks
    exit            how (os._exit, sys.exit, os.abort; raise_signal, os.kill: of any process, so that it counts only
                    right before the eof), by FRAME, n_tasks, tasks, busy (none of the three where another process
                    is signalled), target (its pid) and signal, where the sender's variables tell them

While it lasts, for at most 200 tasks (sampled every 10 ms at first; waits shorter than 50 ms are not told)::

    task-waiting    TASK + seconds (here so far), since_cancel: told at 0.05, 0.1, 0.2, 0.4 … s of the same wait
    task-moved      TASK of the new place + was, was_leaf (FRAMEs), seconds (there), since_cancel
    task-created    TASK + by FRAME, handling (name of the exception being handled there), stack (the creator's)
    task-done       task, name, coro, outcome (returned, cancelled, exception), exception, at, leaf, seconds (last
                    wait), since_cancel, cancelling, caught FRAME (the `except` that stopped CancelledError,
                    3.12+), shielded, late (bool: created after shutdown began), moves (waits after the cancel)
    task-cancelled  task, name, at, by FRAME (who called cancel(), where its wake-up was seen), by_task: cancel()
                    seen, where it can be: Task.cancelling() rose (3.11+), a handler was entered (3.12+), the
                    exception state holds CancelledError, the wake-up was seen. Not told where the phase `cancel`
                    tells it of all tasks
    wakes           rows [WAKE], those of one task in their order, missed (how often wake-ups went unseen so far)
    holders         who could end a wait that nobody owns, when it is told at 0.2, 0.4 … s, and at a probe of an armed
                    agent: task or thread (that waits), kind, object, target (as in WAIT), fellows (others that wait
                    for the same), total (candidates), found [{task or thread, how, distance, at}], best first: holds
                    (inside of a `with` that leads to it), sets (its code names the method that would end the wait,
                    and the attribute), names (the method), reaches; gone [{task, name, coro, outcome, cancelled_by}]
                    (used it and have ended)
    task-destroyed  task, name, coro, at, late: "Task was destroyed but it is pending!"
    task-census     n_tasks, groups [{count, coro, at}]: when more than 200; counts are projected from a sample
    loop-exception  message, exception: loop.call_exception_handler() for other reasons
    loop-idle       LOOP fields: the loop has nothing to run; what could still wake it (timers, watched files)
    thread-waiting  THREAD + seconds, cpu (CPU seconds it used there), delayed (seconds there in which it could run
                    and no CPU was free): told at 0.05, 0.1, 0.2 … s at the same line
    thread-moved    THREAD of the wait that ended + seconds, cpu, delayed
    sampler-end     ticks, cpu (seconds)
    agent-error     where, error

Made by the receiver: ``dump`` (text: faulthandler's stacks), ``ended`` (code or signal: how a process ended, once its
parent has waited for it; Linux 6.15+) and ``eof`` (rejected: messages of this process that
could not be understood, lost: sequence numbers never seen).

TASK     task, name, coro, at, leaf, stack, on (WAIT), cancelling, handling ("CancelledError": suspended in the
         handler or `finally` that it runs after a cancel), shielded, caught, late, born (seconds since
         it was first seen)
WAIT     kind, and what applies: task, name (kind task); tasks, count (kinds tasks, shield); due (seconds until it
         ends by itself: sleep, timeout), since (seconds that it has lasted, where known: sleep, timeout); peer (read,
         drain); child (its pid); clients, count (server); unfinished, count (queue-join: items not done, tasks
         still getting); count (event, queue-get, lock: waiters)
         kinds: task tasks shield sleep event condition lock semaphore barrier queue-get queue-put queue-join
         executor (job) read drain child server socket future generator ready (would run at once) poll (a library
         that sleeps and looks again: tasks that its variables lead to) group (in a task group that is open: its
         other tasks). Of a wait that nobody owns: object (the type of the innermost thing that says something),
         target (number of the very object: equal numbers are the same object)
         of a thread: join (thread), pool (threads), result (job; count), loop (tasks that run_until_complete() waits
         for), feeder (of a multiprocessing.Queue: writes into its pipe), child, condition lock queue-get queue-put
         queue-join (object: qualified name of the type)
JOB      job (number of its future), name (of the callable, without partial() and a context's run()), at (its
         definition; null: C), by (the user's line that awaits it, else a library's), task (that awaits it), thread
         (that does it), done
THREAD   thread, tid, name, main, daemon, state, at, leaf, stack, doing, fd, child, on (WAIT), job (JOB: of a pool's
         thread), callback (qualified name of what atexit runs), importing (bool: in an import), by (the user's line
         that started it, where none is on its stack)
         state: loop-idle pool-idle callback (runs a callback or a task's step: the loop is blocked) executor (runs
         a pool job) join-threads join-executor busy (anything else)
         doing, from the kernel: running, lock, sleep, poll, read, write (with fd), wait-child (with child: its
         pid), other
WAKE     t (ns, as in every message), task (woken), by_task (ran, or has just ended) or by_thread (neither: a callback
         of the loop), how (returned, raised, cancelled: what the awaited future ended with; step: it has just been
         created, or runs on without waiting; null: not known), at FRAME (the innermost of the user's own code that
         ran, else of a library, else asyncio's; null: C code), name (of by_thread; of a callback: timer, executor,
         signal, io, null), times (that it was woken in this same way since it was last told)
HANDLER  signal, kind (default, ignore, python, loop, foreign), name, at (its definition), by (who installed it),
         inherited (bool: in the process that this one was forked from);
         loop: the event loop calls it, add_signal_handler() installed it
CHILD    of multiprocessing: pid, name, how (fork, spawn, forkserver), daemon, alive (bool: not waited for yet)
LOOP     loop, type, running, closed, n_tasks, timers, next_timer (seconds), ready, watched (files besides its own
         wake-up), asyncgens
TRANSPORT fd, type, peer, protocol, closing, buffered (bytes)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Tuple, Union

VERSION = 1
MAX_MESSAGE = 32_768  # bytes; what the agent keeps to, and the receiver's read size is one more
MAX_TEXT = 1_000  # characters of one string
MAX_ITEMS = 300  # entries of one list

FRAME = "frame"
STACK = [FRAME]
JOB = {"job": int, "name": str, "at": FRAME, "by": FRAME, "task": int, "thread": int, "done": bool}
WAIT = {
    "kind": str, "task": int, "name": str, "tasks": [int], "count": int, "due": float, "peer": str, "child": int,
    "clients": [str], "unfinished": int, "object": str, "target": int, "since": float, "job": JOB, "thread": int,
    "threads": [int],
}  # fmt: skip
TASK = {
    "task": int, "name": str, "coro": str, "at": FRAME, "leaf": FRAME, "stack": STACK, "on": WAIT, "cancelling": int,
    "handling": str, "shielded": bool, "caught": FRAME, "late": bool, "born": float,
}  # fmt: skip
THREAD = {
    "thread": int, "tid": int, "name": str, "main": bool, "daemon": bool, "state": str, "at": FRAME, "leaf": FRAME,
    "stack": STACK, "doing": str, "fd": int, "child": int, "on": WAIT, "job": JOB, "callback": str,
    "importing": bool, "by": FRAME,
}  # fmt: skip
HANDLER = {"signal": int, "kind": str, "name": str, "at": FRAME, "by": FRAME, "inherited": bool}
CHILD = {"pid": int, "name": str, "how": str, "daemon": bool, "alive": bool}
WAKE = {
    "t": int, "task": int, "by_task": int, "by_thread": int, "how": str, "at": FRAME, "name": str, "times": int,
}  # fmt: skip
LOOP = {
    "loop": int, "type": str, "running": bool, "closed": bool, "n_tasks": int, "timers": int, "next_timer": float,
    "ready": int, "watched": int, "asyncgens": int,
}  # fmt: skip
TRANSPORT = {"fd": int, "type": str, "peer": str, "protocol": str, "closing": bool, "buffered": int}
TASK_TIMES = {**TASK, "seconds": float, "since_cancel": float}

EVENTS: Dict[str, Dict[str, Any]] = {
    "hello": {
        "python": str, "ppid": int, "forked": bool, "executable": str, "cwd": str,
        "probe": bool, "dump": str, "dump_fd": int, "dump_signal": int, "monitoring": bool, "cancelling": bool,
        "stdlib": str, "by": FRAME,
    },
    "probe": {"probe": bool},
    "signal-received": HANDLER,
    "signal-callback": HANDLER,
    "snapshot": {
        "reason": str, "first": bool, "signal": int, "handlers": [HANDLER], "displaced": [HANDLER], "loops": [LOOP],
        "n_tasks": int, "tasks": [TASK], "threads": [THREAD], "n_threads": int, "running": str,
        "children": [CHILD], "own": [str], "started": str,
    },
    "ready": {"seconds": float, "sampler": bool, "monitoring": bool},
    "phase": {
        "name": str, "n_tasks": int, "tasks": [TASK], "by": FRAME, "exception": str, "busy": [THREAD], "queued": int,
        "generators": [{"name": str, "at": FRAME}], "transports": [TRANSPORT], "loops": [LOOP],
    },
    "loop-stop": {"by": FRAME, "n_tasks": int, "tasks": [TASK]},
    "exit": {
        "how": str, "by": FRAME, "n_tasks": int, "tasks": [TASK], "busy": [THREAD], "target": int, "signal": int,
    },
    "task-waiting": TASK_TIMES,
    "task-moved": {**TASK_TIMES, "was": FRAME, "was_leaf": FRAME},
    "task-created": {**TASK, "by": FRAME},
    "task-done": {
        "task": int, "name": str, "coro": str, "outcome": str, "exception": str, "at": FRAME, "leaf": FRAME,
        "seconds": float, "since_cancel": float, "cancelling": int, "caught": FRAME, "shielded": bool, "late": bool,
        "moves": int,
    },
    "task-cancelled": {"task": int, "name": str, "at": FRAME, "by": FRAME, "by_task": int},
    "wakes": {"rows": [WAKE], "missed": int},
    "holders": {
        "task": int, "thread": int, "kind": str, "object": str, "target": int, "fellows": int, "total": int,
        "found": [{"task": int, "thread": int, "how": str, "distance": int, "at": FRAME}],
        "gone": [{"task": int, "name": str, "coro": str, "outcome": str, "cancelled_by": FRAME}],
    },
    "task-destroyed": {"task": int, "name": str, "coro": str, "at": FRAME, "late": bool},
    "task-census": {"n_tasks": int, "groups": [{"count": int, "coro": str, "at": FRAME}]},
    "loop-exception": {"message": str, "exception": str},
    "loop-idle": LOOP,
    "thread-waiting": {**THREAD, "seconds": float, "cpu": float, "delayed": float},
    "thread-moved": {**THREAD, "seconds": float, "cpu": float, "delayed": float},
    "sampler-end": {"ticks": int, "cpu": float},
    "agent-error": {"where": str, "error": str},
    "dump": {"text": str},
    "eof": {"rejected": int, "lost": int},
    "ended": {"code": int, "signal": int},
}  # fmt: skip
FROM_RECEIVER = frozenset({"dump", "eof", "ended"})

# Terminal escapes in a task's name must not reach a terminal, nor lone surrogates an encoder.
_CLEAN = dict.fromkeys((*range(32), *range(127, 160), *range(0xD800, 0xE000)), "\ufffd")


class AgentMessage:
    """One understood message. ``at``: seconds, CLOCK_MONOTONIC; ``fields``: every field of the event, or None."""

    __slots__ = ("at", "clamped", "dropped", "event", "fields", "pid", "seq")
    event: str
    at: float
    pid: int
    seq: int
    dropped: int
    fields: Dict[str, Any]
    clamped: bool  # the sender's time was impossible and was replaced by the time of receipt

    def __init__(
        self,
        event: str,
        at: float,
        pid: int,
        seq: int = 0,
        dropped: int = 0,
        fields: Union[Dict[str, Any], None] = None,
        clamped: bool = False,
    ) -> None:
        values = (event, at, pid, seq, dropped, fields or {}, clamped)
        for name, value in zip(("event", "at", "pid", "seq", "dropped", "fields", "clamped"), values):
            object.__setattr__(self, name, value)

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError("AgentMessage is frozen: cannot set " + key)

    def __eq__(self, other: object) -> bool:
        return type(other) is AgentMessage and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # it holds a dict

    def __repr__(self) -> str:
        told = {key: value for key, value in self.fields.items() if value is not None}
        return "AgentMessage(%s at=%.6f pid=%d seq=%d %r)" % (self.event, self.at, self.pid, self.seq, told)


class _Refused(Exception):
    pass


def _scanner() -> Callable[[str, int], Tuple[Any, int]]:
    """Return the C scanner without the `json` package, which loads `re` and `enum` (2 ms and 1 MB in the
    supervisor).
    """
    try:
        from _json import make_scanner
    except ImportError:  # an interpreter without it
        import json

        return json.JSONDecoder().raw_decode

    class _Options:
        strict = True
        object_hook = None
        object_pairs_hook = None
        memo: Dict[str, str] = {}
        parse_float = float
        parse_int = int

        @staticmethod
        def parse_constant(name: str) -> float:  # NaN, Infinity
            raise _Refused(name)

    return make_scanner(_Options())  # type: ignore[arg-type]  # the stub wants json's own decoder, which reads the same


_scan = _scanner()


def decode(raw: bytes) -> Union[AgentMessage, str]:
    """Return the message, or why it was refused: ``size``, ``json``, ``version``, ``event``, ``shape``.

    Never raises.
    """
    if not 2 <= len(raw) <= MAX_MESSAGE:
        return "size"
    try:
        text = raw.decode("ascii")
        value, end = _scan(text, 0)
        if end != len(text) or type(value) is not dict:
            return "json"
    except Exception:  # StopIteration, JSONDecodeError, RecursionError, a number of 5000 digits …
        return "json"
    if value.get("v") != VERSION:
        return "version"
    event = value.get("ev")
    if type(event) is not str:
        return "event"
    shapes = EVENTS.get(event)
    if shapes is None or event in FROM_RECEIVER:
        return "event"
    try:
        at, pid, seq = _number(value.get("t")), _number(value.get("pid")), _number(value.get("seq"))
        dropped = _number(value.get("dropped") or 0)
        fields = {key: _fit(value.get(key), shape) for key, shape in shapes.items()}
    except _Refused:
        return "shape"
    return AgentMessage(event, at / 1e9, pid, seq, dropped, fields)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise _Refused
    return value


def _fit(value: Any, shape: Any) -> Any:
    """Return the value as its shape allows, texts cut and cleaned; refused when it is of another kind."""
    if value is None:
        return None
    if shape is str:
        if type(value) is not str:
            raise _Refused
        value = value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"
        return value if value.isprintable() else value.translate(_CLEAN)
    if shape is bool:
        if type(value) is not bool:
            raise _Refused
        return value
    if shape is int:
        if type(value) is not int or not -(1 << 63) <= value < 1 << 64:
            raise _Refused
        return value
    if shape is float:
        if type(value) not in (int, float) or not -1e12 < value < 1e12:
            raise _Refused
        return float(value)
    if shape is FRAME:
        if type(value) is not list or len(value) != 3:
            raise _Refused
        return (_fit(value[0], str), _fit(value[1], int), _fit(value[2], str))
    if type(shape) is list:
        if type(value) is not list or len(value) > MAX_ITEMS:
            raise _Refused
        return [_fit(item, shape[0]) for item in value]
    if type(value) is not dict:
        raise _Refused
    return {key: _fit(value.get(key), inner) for key, inner in shape.items()}
