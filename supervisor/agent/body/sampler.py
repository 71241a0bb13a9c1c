"""The sampler: one thread that looks at the program at each tick while a shutdown lasts.

The thread is started without `threading` (it is in nobody's list and nobody joins it), with all signals blocked in
it, and takes at most 5 % of one core.
"""

from __future__ import annotations

import os
from time import monotonic_ns, thread_time_ns

import _sigdrain_agent as agent
import _sigdrain_agent_edges as edges
import _sigdrain_agent_frames as frames
import _sigdrain_agent_grain as grain
import _sigdrain_agent_looks as looks
import _sigdrain_agent_threads as threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

# In nanoseconds: who has not run for so long in a lock does not wait for the GIL alone, of which a turn takes 5 ms.
ASLEEP = 6_000_000
# In nanoseconds: who has had the processor for so long since our probe works; where that is not known, so much later.
AT_WORK = 5_000_000
# In nanoseconds: the parent's signal waits 250 ms in all.
LONGEST = 150_000_000
_wake = agent.allocate_lock()
_stopping = False
_alive = False
_tid = 0  # as the kernel numbers the sampler's thread
_ready: List[Dict[str, Any]] = []  # fields of "ready" that wait until the main thread has left the agent


def start(limit: Callable[[], float], give_up: Callable[[], None]) -> bool:
    """Begin to look; with all signals blocked by the caller, which the new thread inherits."""
    global _stopping, _alive, _wake
    if _alive or not frames.HAS_GIL:
        return _alive
    _stopping = False
    _wake = agent.allocate_lock()
    _wake.acquire()
    _alive = True
    try:
        agent.start_new_thread(_run, (_wake, limit, give_up))
    except RuntimeError:  # 3.12: not once the main thread has ended
        _alive = False
    return _alive


def announce(ready: Dict[str, Any]) -> None:
    """Say "ready" when the main thread has left us: the parent then sends a signal whose handler may raise, and our
    frames would be in its traceback."""
    if not _alive:
        agent.say("ready", **ready)
        return
    _ready.append(ready)
    try:
        _wake.release()
    except RuntimeError:
        pass


def say_ready() -> None:
    until = monotonic_ns() + LONGEST
    while inside(agent.main_thread) and monotonic_ns() < until and not _stopping:
        agent.sleep(0.0001)
    settle(until)
    while _ready:
        agent.say("ready", **_ready.pop(0))


def settle(until: int) -> None:
    """Wait until the main thread sleeps in the kernel again; a program at work has no need of it.

    Our probe has just interrupted its epoll_wait. A SIGINT that comes between the interpreter's look at pending
    signals and the next epoll_wait is handled only when something else wakes the loop: asyncio's Runner (3.11+) and
    KeyboardInterrupt have no wake-up descriptor. Without us that instant is rarely met; after the probe it was met by
    4 % of the stops. A main thread in Event().wait() has none for any signal. On a busy machine that instant lasts as
    long as others have the processor.
    """
    tid = agent.pid  # the main thread's id is the process's
    first = last = threads.spent(tid)
    begun = ran_at = monotonic_ns()
    while not _stopping:
        agent.sleep(0.0002)
        call, spent, now = threads.kernel(tid)[0], threads.spent(tid), monotonic_ns()
        if spent != last:
            last, ran_at = spent, now
        if call not in (None, "running", "lock") or (call == "lock" and now - ran_at > ASLEEP):
            return
        known = call is not None and spent is not None and first is not None
        if now > until or (spent[0] - first[0] if known else now - begun) > AT_WORK:
            return


def inside(ident: int) -> bool:
    """Return whether a thread is in code of ours."""
    frame = frames.running().get(ident)
    while frame is not None:
        if frames.rank(frame.f_code.co_filename) == frames.OURS:
            return True
        frame = frame.f_back
    return False


def stop(seconds: float = 0.01) -> None:
    """End it, and wait a moment for its end."""
    global _stopping
    _stopping = True
    if alive():
        try:
            _wake.release()
        except RuntimeError:  # it has been told already
            pass
    until = monotonic_ns() + int(seconds * 1e9)
    while alive() and monotonic_ns() < until:
        agent.sleep(0.0002)


def alive() -> bool:
    return _alive


def gone(seconds: float = 0.02) -> None:
    """Stop, and wait until the kernel has forgotten the thread too: 3.12+ warns of a fork in a process with
    several.
    """
    if not _alive:
        return
    tid, path = _tid, "/proc/self/task/%d"
    stop()
    until = monotonic_ns() + int(seconds * 1e9)
    while tid and os.path.exists(path % tid) and monotonic_ns() < until:
        agent.sleep(0.0002)


def forget() -> None:
    """Forget the sampler's thread in a forked child, where it is not."""
    global _alive, _stopping, _tid
    _alive, _stopping = False, True
    frames.sampler = _tid = 0
    del _ready[:]
    looks.reset(0)


def _run(wake: Any, limit: Callable[[], float], give_up: Callable[[], None]) -> None:
    global _alive, _tid
    frames.sampler, _tid = agent.get_ident(), agent.get_native_id()
    began = monotonic_ns()
    ticks = cpu = 0
    looks.reset(began)
    try:
        while not _stopping:
            if _ready:
                say_ready()
            now, used = monotonic_ns(), thread_time_ns()
            ticks += 1
            looks.tick(now)
            agent.flush()
            took = thread_time_ns() - used  # not what passed: on a busy machine there would be hardly any tick
            cpu += took
            lasts = (now - began) / 1e9
            if lasts > limit() and not _stopping:
                give_up()
                break
            pause = next(pause for until, pause in grain.LOOKS if lasts < until)
            wake.acquire(True, max(pause, grain.DUTY * took / 1e9))
            woke = monotonic_ns()
            edges.refill((woke - now) / 1e9, woke)
        looks.last(monotonic_ns())
    except Exception as error:  # nothing may leave this thread: it would be printed
        agent.say("agent-error", where="sampler", error=repr(error)[:300])
    finally:
        while _ready:
            agent.say("ready", **_ready.pop(0))
        agent.say("sampler-end", ticks=ticks, cpu=cpu / 1e9)
        frames.sampler = 0  # its number may be another thread's next
        _alive = False
