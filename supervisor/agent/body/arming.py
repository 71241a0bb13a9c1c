"""Arming: what is switched on when a shutdown begins, and switched off when the program goes on after all.

A begin is *asked* for (the parent's probe, or a stop signal with a Python handler) and then arms always, or it is
*found* (a loop is torn down, the main thread ends) and arms only when something is left to wait for.
"""

from __future__ import annotations

import _signal
from time import monotonic_ns

import _sigdrain_agent as agent
import _sigdrain_agent_edges as edges
import _sigdrain_agent_frames as frames
import _sigdrain_agent_holders as holders
import _sigdrain_agent_jobs as jobs
import _sigdrain_agent_late as late
import _sigdrain_agent_monitoring as monitoring
import _sigdrain_agent_own as own
import _sigdrain_agent_reach as reach
import _sigdrain_agent_sampler as sampler
import _sigdrain_agent_snapshot as snapshot
import _sigdrain_agent_tasks as tasks
import _sigdrain_agent_threads as threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

# Seconds to look before a shutdown that does not go on is taken for none: a probed program whose teardown began,
# one that was only probed, and one that handled a signal (which need not be a shutdown).
LIMIT_STOPPING, LIMIT_PROBED, LIMIT_UNASKED = 86_400.0, 600.0, 60.0

armed = False
asked_by: Optional[str] = None  # "probe" or "signal"; None: nobody asked, a teardown was found under way
stopping = False  # a stop signal was handled, or a teardown has begun
_sampler_paused = False


def begin(reason: str, number: Optional[int] = None, ask: bool = False) -> None:
    """Say how things stand, and switch on everything that is off in a program that runs."""
    global armed, asked_by
    entered = monotonic_ns()
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, agent.DEFERRED)
    try:
        first, armed = not armed, True
        if ask:
            asked_by = "probe" if "probe" in (reason, asked_by) else "signal"
        if first:
            frames.found_own(own.look()[1])
        tasks.find_loops()
        found = tasks.pending()
        for task in found[: tasks.FOLLOWED]:
            tasks.follow(task)
        holders.remember(found[: tasks.FOLLOWED], holders.AT_ARMING)
        snapshot.say(reason, number, first, found)
        sampling = watching = True
        if first:
            late.arm()
            for loop in tasks.loops:
                edges.arm(loop)
        else:
            search(found)
        watching = monitoring.start()
        sampling = sampler.start(limit, give_up)
        took = (monotonic_ns() - entered) / 1e9
        sampler.announce({"seconds": took, "sampler": sampling, "monitoring": watching})
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def search(found: List[Any]) -> None:
    """Search for who could end the waits that nobody owns, when the parent asks again.

    The parent may be about to end the process. First come the waits of the first tasks: asyncio.run()'s own, and what
    it waits for, have the lowest numbers in their names.
    """
    for task in sorted(found[: tasks.FOLLOWED], key=tasks.age)[: 4 * holders.MOST]:
        kept, on = tasks.record(task), tasks.waits_for(task)
        if kept is not None and on is not None:
            holders.of_task(task, kept, on)
    for thread in threads.snapshot():
        if thread["on"] is not None:
            holders.of_thread(thread["thread"], thread["on"])
    holders.finish()


def only_a_look_is_wanted() -> bool:
    """Return whether the parent has said, before its signal, that it wants a look and no stop.

    All that the parent said is taken: one answer is for all of it.
    """
    wanted, line = False, agent.connection()
    if line is None:
        return False
    try:
        while line.recv(16, agent._socket.MSG_DONTWAIT) == b"look":
            wanted = True
    except OSError:  # it has said nothing (more)
        pass
    finally:
        line.detach()
    return wanted and not armed


def look() -> None:
    """Say how things stand, and leave the program as it was: no task is followed, nothing is watched."""
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, agent.DEFERRED)
    known = list(tasks.loops)
    try:
        tasks.find_loops()
        snapshot.say("look", None, False, tasks.pending())
    finally:
        tasks.loops[:] = known
        tasks.followed.clear()
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def begin_if_any_left(reason: str, loop: Any) -> None:
    """Arm for a teardown that nobody asked for, when a task, a generator or a thread is left to wait for."""
    if armed or not in_main_thread():
        return
    if tasks.pending_count() or len(getattr(loop, "_asyncgens", ()) or ()) or threads.busy():
        begin(reason)


def in_main_thread() -> bool:
    threading: Any = frames.loaded("threading", "_main_thread")
    return threading is None or bool(threading._main_thread.ident == agent.get_ident())


def disarm() -> None:
    """Leave the program as it was, because it goes on."""
    global armed, asked_by
    armed, asked_by = False, None
    sampler.stop()
    monitoring.stop()
    late.disarm()
    edges.disarm()
    tasks.followed.clear()


def give_up() -> None:
    """Disarm from the sampler's thread, whose limit has passed."""
    global armed, asked_by
    armed, asked_by = False, None
    monitoring.stop()
    late.disarm()
    edges.disarm()


def limit() -> float:
    """Return the seconds after which the sampler gives up."""
    if asked_by != "probe":
        return LIMIT_UNASKED
    return LIMIT_STOPPING if stopping else LIMIT_PROBED


# -- fork ------------------------------------------------------------------------------------------------------


def before_fork() -> None:
    """Be one thread while the program forks: a fork in a process with two threads warns on 3.12+."""
    global _sampler_paused
    if armed:
        sampler.gone()
        _sampler_paused = True


def resume_sampler() -> None:
    """Look again, at the first note after a fork: right after it would be before Python counts threads."""
    global _sampler_paused
    if not (_sampler_paused and armed):
        return
    _sampler_paused = False
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, agent.DEFERRED)
    try:
        sampler.start(limit, give_up)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def after_fork() -> None:
    """Forget, in a forked child, what was under way: the parent's tasks are not the child's."""
    global armed, asked_by, _sampler_paused
    sampler.forget()
    if armed:
        armed, asked_by, _sampler_paused = False, None, False
        monitoring.stop()
        late.disarm()
    edges.after_fork()
    tasks.followed.clear()
    jobs.forget()
    holders.forget()
    reach.forget()
    del tasks.loops[:]
