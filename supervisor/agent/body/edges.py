"""Who woke whom: a recorder in front of a running loop's call_soon() and call_soon_threadsafe() while armed.

Each wake-up of a task goes through these two, also those of asyncio's C tasks: they look the methods up on the loop,
where an attribute of the instance is found first. A row keeps a line and records of ours, no object of the program.
Tokens ration the rows: without any left the recorder takes itself off until the sampler's next tick.

Off in debug mode: asyncio then keeps and shows the stack of each call, with our frame in it.
"""

from __future__ import annotations

import sys
from _weakref import ref
from time import monotonic_ns

import _sigdrain_agent as agent
import _sigdrain_agent_frames as frames
import _sigdrain_agent_hooks as hooks
import _sigdrain_agent_reach as reach
import _sigdrain_agent_tasks as tasks
import _sigdrain_agent_threads as threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List, Optional, Tuple

NAMES = ("call_soon", "call_soon_threadsafe")
C_KINDS = ("TaskStepMethWrapper", "TaskWakeupMethWrapper")  # with bound methods: what a task gives to call_soon()
BURST = 1_000  # calls that are looked at in a row: 1 to 3 us each
EXPECTED = 5  # tokens that are there at least when a task is created
RATE = 3_000  # more of them a second: in a loop that makes 100 000 calls a second they cost a tenth of its CPU time
OFF = 190_000_000  # ns that a recorder stays off at least: to put it back makes the loop's next calls dearer
KEPT = 5_000  # rows that wait for the sampler at most
TOLD = 20_000  # rows that one shutdown tells of: 2 MB of messages
AGAIN = 500_000_000  # ns after which a wake-up that only repeats itself is told once more
CLIMBED = 25  # frames above a wake-up that are searched for the user's own code
RETURNED, RAISED, CANCELLED, STEP = "returned", "raised", "cancelled", "step"
# What woke a task in a callback of asyncio's own, by the function or the file that it was in.
ORIGINS = {
    "_set_result_unless_cancelled": "timer", "_release_waiter": "timer", "_on_timeout": "timer",
    "_set_state": "executor", "_call_set_state": "executor",
    "selector_events.py": "io", "unix_events.py": "io", "sslproto.py": "io",
}  # fmt: skip

rows: List[Row] = []
missed = 0  # how often a recorder took itself off, or rows were lost
on_new: Optional[Callable[[Any], None]] = None  # told of a task without a record that is to make a step
_recorders: List[Recorder] = []
_kinds: Dict[type, bool] = {}  # can a callable of this type be a task's step or wake-up?
_futures: List[type] = []  # asyncio's own: what they answer is not the program's code
_cancelled_error: Any = None
_last: Dict[int, Row] = {}  # number of a task -> its last row, while the task is only woken in the same way again
_thrown: List[List[Any]] = []  # what threads gave to a loop of late: [handle, thread, place]
_draining = agent.allocate_lock()
_told = 0


class Row:
    """One wake-up. ``kept``: the record of the woken task. ``by``: the record of the task that ran, a reference to
    one without a record, or number and name of a thread; None: a callback of the loop, whose ``origin`` is told."""

    __slots__ = ("at", "by", "how", "kept", "origin", "place", "said_at", "times")

    def __init__(self, kept: tasks.Followed, by: Any, how: Optional[str], place: Optional[frames.Place]) -> None:
        self.at = monotonic_ns()
        self.kept, self.by, self.how, self.place = kept, by, how, place
        self.origin: Optional[str] = None
        self.times = self.said_at = 0  # wake-ups of the same kind since it was told, and when that was (ns)


class Recorder:
    """What stands in front of one loop's two methods.

    Never through ``loop.__dict__``: since 3.11 that would make a dictionary of it, and the loop slower for ever.
    """

    __slots__ = ("left", "loop", "off_at", "on", "ours")

    def __init__(self, loop: Any) -> None:
        self.loop, self.left, self.on, self.off_at = loop, BURST, False, 0
        self.ours = {name: _recording(self, name) for name in NAMES}

    def put(self) -> None:
        self.on = True
        for name, ours in self.ours.items():
            setattr(self.loop, name, ours)

    def take_off(self) -> None:
        self.on, self.off_at = False, monotonic_ns()
        for name, ours in self.ours.items():
            if getattr(self.loop, name) is ours:
                delattr(self.loop, name)


# -- on and off ------------------------------------------------------------------------------------------------


def arm(loop: Any) -> None:
    """Record the wake-ups of this loop. Not of a loop of somebody's own kind, nor where a method was replaced."""
    if any(one.loop is loop for one in _recorders) or loop.is_closed() or loop.get_debug():
        return
    uvloop, base = sys.modules.get("uvloop"), sys.modules.get("asyncio.base_events")
    stock = (getattr(uvloop, "Loop", None), getattr(base, "BaseEventLoop", None))
    owner = next((cls for cls in stock if cls is not None and cls in type(loop).__mro__), None)
    for name in NAMES:
        theirs = getattr(owner, name, None)
        if theirs is None or getattr(loop, name) != theirs.__get__(loop, type(loop)):
            return
    _learn_types()
    recorder = Recorder(loop)
    _recorders.append(recorder)
    recorder.put()


def expect(loop: Any) -> bool:
    """Be there for the next call of this loop's methods. False: nothing stands in front of them."""
    for recorder in _recorders:
        if recorder.loop is loop:
            recorder.left = max(recorder.left, EXPECTED)
            if not recorder.on:
                recorder.put()
            return True
    return False


def disarm(loop: Any = None) -> None:
    """Leave this loop (None: every loop) as it was."""
    global _told, missed
    for recorder in list(_recorders):
        if loop is None or recorder.loop is loop:
            recorder.take_off()
            _recorders.remove(recorder)
    if loop is None:
        del rows[:]
        _last.clear()
        _told = missed = 0


def after_fork() -> None:
    """Replace the lock in a forked child: a thread that is not there may hold it."""
    global _draining
    _draining = agent.allocate_lock()
    disarm()


def refill(seconds: float, now: int) -> None:
    """Give each recorder its tokens for so many seconds; put back one that has been off for a while."""
    for recorder in _recorders:
        recorder.left = min(BURST, max(0, recorder.left) + int(RATE * seconds) + 1)
        if not recorder.on and now - recorder.off_at > OFF:
            recorder.put()


# -- recording: in whatever thread calls, and as short as can be -----------------------------------------------


def _recording(recorder: Recorder, name: str) -> Callable[..., Any]:
    loop = recorder.loop
    real = getattr(loop, name)
    followed, kinds, events = tasks.followed, _kinds, sys.modules["asyncio.events"]

    def call_soon(_: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        if kinds.get(type(callback), True):
            look(callback, args, False)
        recorder.left -= 1
        if recorder.left < 0:
            _exhausted(recorder)
        return real(callback, *args) if context is None else real(callback, *args, context=context)

    def call_soon_threadsafe(_: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        other_thread = events._get_running_loop() is not loop
        look(callback, args, other_thread)
        thrown = None
        if other_thread:  # the loop may run it before the call returns: until then the callback stands for its handle
            thrown = [callback, threads.myself(), _place(_waker(sys._getframe(1))[0])]
            _thrown.append(thrown)
            del _thrown[:-64]
        recorder.left -= 1
        if recorder.left < 0:
            _exhausted(recorder)
        handle = real(callback, *args, context=context)
        if thrown is not None:
            thrown[0] = ref(handle)
        return handle

    def look(callback: Any, args: Any, other_thread: bool) -> None:
        try:
            if kinds.get(type(callback)) or _is_new_kind(callback):
                woken = callback.__self__
                kept = followed.get(id(woken))
                if kept is None:
                    if on_new is not None and not args and is_task(woken):
                        on_new(woken)
                elif kept.ref() is woken:
                    _record(loop, kept, woken, args, other_thread)
        except Exception as error:
            agent.failed("call_soon", error)

    ours = call_soon if name == "call_soon" else call_soon_threadsafe
    return frames.METHOD(hooks.like(ours, real), loop)  # type: ignore[no-any-return]  # a bound method


def _exhausted(recorder: Recorder) -> None:
    global missed
    missed += 1
    recorder.take_off()


def _is_new_kind(callback: Any) -> bool:
    """Learn asyncio's C types when they are met: they have no name that Python code could import."""
    kind = type(callback)
    if kind in _kinds or type(kind) is not type or len(_kinds) > 100:
        return False
    _kinds[kind] = kind.__name__ in C_KINDS and kind.__module__ in ("_asyncio", "builtins")  # 3.8: no module
    return _kinds[kind]


def _learn_types() -> None:
    global _cancelled_error
    _kinds.update({frames.METHOD: True, type(len): True})
    futures, module = sys.modules.get("asyncio.futures"), sys.modules.get("asyncio.tasks")
    found = [getattr(futures, name, None) for name in ("Future", "_PyFuture")]
    found += [getattr(module, name, None) for name in ("Task", "_PyTask", "_GatheringFuture")]
    _futures[:] = [kind for kind in found if kind is not None]
    _cancelled_error = getattr(sys.modules.get("asyncio.exceptions"), "CancelledError", None)


def _record(loop: Any, kept: Any, woken: Any, args: Any, other_thread: bool) -> None:
    global missed
    running = None if other_thread else tasks.current(loop)
    if running is woken:  # its own next step
        return
    how = _outcome(args[0]) if args else STEP
    frame, callback = _waker(sys._getframe(3))
    row = Row(kept, None, how, _place(frame))
    if other_thread:
        row.by = threads.myself()
    elif running is not None:
        row.by = tasks.record(running) or ref(running)
    else:
        _find_origin(row, loop, callback)
    if how is CANCELLED:  # a task that awaits another one is cancelled through it
        relayed = getattr(row.by, "cancel", None) if args[0] is running else None
        kept.cancel = relayed or row
    if len(rows) < KEPT:
        rows.append(row)
    else:
        missed += 1


def is_task(thing: Any) -> bool:
    return type(thing) in _futures or any(cls in _futures for cls in reach.bases(type(thing)))


def _outcome(future: Any) -> Optional[str]:
    """Return how an awaited future ended; None for a kind that is not asyncio's own."""
    if type(future) not in _futures:
        return None
    if future.cancelled():
        return CANCELLED
    error = future._exception  # not exception(): that would mark it as retrieved
    if error is None:
        return RETURNED
    return CANCELLED if type(error) is _cancelled_error else RAISED


def _waker(frame: Any) -> Tuple[Optional[FrameType], Optional[FrameType]]:
    """Return the frame to name and the outermost one.

    The frame to name is the innermost of the user's own code, else of a library, else of asyncio (None: the loop or C
    code made the call); the outermost is the one that the loop called (None: too far up, or none).

    uvloop has no frame of its own: whoever started the loop is known by what it calls.
    """
    best = outermost = None
    best_rank = frames.OURS
    for _ in range(CLIMBED):
        code = frame.f_code
        its = frames.rank(code.co_filename)
        if its == frames.STANDARD and code.co_name in ("_run", "run", "run_forever", "_run_once"):
            return best, outermost
        if its < frames.STANDARD and ("run_until_complete" in code.co_names or "run_forever" in code.co_names):
            return best, outermost
        if its < best_rank:
            best, best_rank = frame, its
        outermost, frame = frame, frame.f_back
        if frame is None:
            break
    return best, None


def _place(frame: Optional[FrameType]) -> Optional[frames.Place]:
    return frames.place(frame) if frame is not None else None


def _find_origin(row: Row, loop: Any, callback: Optional[FrameType]) -> None:
    """Find what gave the loop this callback while no task runs: a task's end, a thread, a signal, a timer, a
    descriptor.
    """
    if callback is not None:
        code = callback.f_code
        arguments = code.co_varnames[: min(3, code.co_argcount + bool(code.co_flags & 4))]
        for value in frames.local(callback, *arguments):
            # a tuple: wait_for()'s _release_waiter(waiter, *args)
            row.by = tasks.record_of_ended(value[0] if type(value) is tuple and value else value)
            if row.by is not None:
                return
        row.origin = ORIGINS.get(code.co_name) or ORIGINS.get(code.co_filename.rsplit("/", 1)[-1])
    handle = _handle(callback.f_back if callback is not None else sys._getframe(4))
    if handle is not None:
        for given, thread, place in list(_thrown):
            if given is handle._callback or (type(given) is ref and given() is handle):
                row.by, row.place = thread, place
                return
        if any(one is handle for one in list(getattr(loop, "_signal_handlers", {}).values())):
            row.origin = "signal"


def _handle(frame: Optional[FrameType]) -> Any:
    """Return what the loop runs, if this is the frame in which asyncio runs it."""
    if (
        frame is not None
        and frame.f_code.co_name == "_run"
        and frame.f_code.co_filename.endswith("asyncio/events.py")
    ):
        return frames.local(frame, "self")[0]
    return None


# -- telling: in the sampler's thread, or in one that a step of the teardown runs in ---------------------------


def drain(now: int) -> None:
    """Tell the rows that have come. A task that is woken in the same way again and again is told twice a second."""
    if not _draining.acquire(False):
        return
    try:
        ready: List[Row] = []
        fresh = rows[:KEPT]
        del rows[: len(fresh)]
        for row in fresh:
            before = _last.get(row.kept.number)
            if before is not None and _same(before, row):
                before.at, before.times = row.at, before.times + 1
            else:
                if before is not None and before.times:
                    ready.append(before)
                _last[row.kept.number] = row
                ready.append(row)
        ready += [row for row in _last.values() if row.times and now - row.said_at > AGAIN and row not in ready]
        for row in ready:
            if row.how == CANCELLED:
                _saw_cancel(row)
        _say(ready, now)
        if len(_last) > 2 * tasks.FOLLOWED:
            for number in [number for number, row in _last.items() if row.kept.ref() is None]:
                del _last[number]
    finally:
        _draining.release()


def _same(one: Row, other: Row) -> bool:
    by = one.by is other.by or (type(one.by) is tuple and one.by == other.by)
    return by and one.how == other.how and one.place == other.place


def _saw_cancel(row: Row) -> None:
    """Note the cancel that a wake-up shows: 3.8 to 3.10 do not tell it, and one can be lost on its way (wait_for
    before 3.12).
    """
    kept = row.kept
    if kept.cancelled_at is None:
        task = kept.ref()
        asked = hasattr(task, "cancelling") and task.cancelling() > 0
        del task
        if asked or (kept.cancel is row and sys.version_info < (3, 11)):
            tasks.saw_cancel(kept, at=row.at)


def _say(ready: List[Row], now: int) -> None:
    global _told
    parts: List[str] = []
    size = 0
    for row in ready[: max(0, TOLD - _told)]:
        part = agent.encode(_fields(row))
        row.times, row.said_at = 0, now
        if parts and size + len(part) > 24_000:
            agent.say("wakes", rows=agent.Raw("[" + ",".join(parts) + "]"), missed=missed)
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
        _told += 1
    if parts:
        agent.say("wakes", rows=agent.Raw("[" + ",".join(parts) + "]"), missed=missed)


def _fields(row: Row) -> Dict[str, Any]:
    ident, name = row.by if type(row.by) is tuple else (None, row.origin)
    return {
        "t": row.at,
        "task": row.kept.number,
        "by_task": tasks.number_of(row.by),
        "by_thread": ident,
        "how": row.how,
        "at": row.place,
        "name": name,
        "times": row.times + (row.said_at == 0),
    }
