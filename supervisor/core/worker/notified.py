"""What a worker says over its notify socket (sd_notify(3)) means for it: kept to be shown, time given, ready, alive.

A worker may ask for time, but not for ever: each stop, and each start, is made longer by ``extend_max`` at the most.
MAINPID is never believed: whose main process it is we know, and where a worker forks there is no other.
"""

from __future__ import annotations

from supervisor.core.actions import Note
from supervisor.core.units import duration
from supervisor.core.worker.notice import Notice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.actions import Action
    from supervisor.core.events import Notified
    from supervisor.core.notify import Message
    from supervisor.core.worker.escalation import Step
    from supervisor.core.worker.life import Life

# Most seconds that EXTEND_TIMEOUT_USEC may add to a stop whose ladder has no end and no limit of its own.
WITHOUT_END = 60.0


def notified(life: Life, event: Notified) -> Step:
    """Take in one message."""
    message, at = event.message, event.at
    before = life.notice or Notice()
    notice = _noticed(message, before, at)
    if notice != before:
        life = life.with_(notice=notice)
    actions: tuple[Action, ...] = ()
    if life.spec.ready is not None or life.spec.liveness is not None:
        life, actions = _checked(life, message, at)
    if message.extend is not None and life.stop is not None:
        life, more = extended(life, at, message.extend)
        actions = (*actions, *more)
    odd = () if before.odd or not notice.odd else (Note(_oddity(life, message), verbose=True),)
    return life, (*actions, *odd)


def _checked(life: Life, message: Message, at: float) -> Step:
    """Take in what concerns its readiness and its liveness."""
    from supervisor.core.worker import health, readying

    actions: tuple[Action, ...] = ()
    by_itself = life.spec.ready is not None and life.spec.ready.check.kind == "notify"
    if message.extend is not None:
        life = readying.extend(life, at, message.extend, most(life))
    if message.ready and by_itself:
        life, actions = readying.told(life, at, True, "notify", "READY=1")
    if life.spec.liveness is None or not life.spec.liveness.told:
        return life, actions
    if message.watchdog_every is not None:
        life = health.every(life, at, message.watchdog_every)
    if message.watchdog == "ping":
        life = health.pinged(life, at)
    elif message.watchdog == "trigger":
        life, more = health.failed(life, at, "WATCHDOG=trigger", final=True)
        actions = (*actions, *more)
    return life, actions


def _noticed(message: Message, before: Notice, at: float) -> Notice:
    """Return what the worker has said by now, each by its last word."""
    reloading = before.reloading
    if message.reloading:
        reloading = at if message.monotonic is None else min(message.monotonic, at)
    elif message.ready:
        reloading = None
    starting_until = before.starting_until
    if message.extend is not None and before.ready is None and not message.ready:
        starting_until = at + message.extend
    off = message.watchdog_every == 0
    return Notice(
        pinged=None if off else at if message.watchdog == "ping" else before.pinged,
        triggered=before.triggered or message.watchdog == "trigger",
        starting_until=starting_until,
        status=before.status if message.status is None else message.status or None,
        errno=before.errno if message.errno is None else message.errno or None,
        exit_status=before.exit_status if message.exit_status is None else message.exit_status,
        ready=at if message.ready and before.ready is None else before.ready,
        reloading=reloading,
        stopping=before.stopping or message.stopping,
        odd=before.odd or bool(message.odd) or message.main_pid is not None,
    )


def _oddity(life: Life, message: Message) -> str:
    if message.main_pid is not None and message.main_pid != life.pid:
        return f"{life.spec.title}: MAINPID={message.main_pid} is ignored, its main process is pid {life.pid}"
    said = ", ".join(message.odd) if message.odd else f"MAINPID={message.main_pid}"
    return f"{life.spec.title} said over its notify socket what means nothing: {said}"


def extended(life: Life, at: float, seconds: float) -> Step:
    """Let the present rung last until so many seconds from now, if that is longer, and as ``extend_max`` allows."""
    stop, due = life.stopping, life.next_rung_at
    if stop is None or due is None:
        return life, ()
    wanted = at + seconds - due
    given = min(wanted, max(most(life) - stop.extended, 0.0))
    refused = wanted - given > 0.001 and not stop.refused
    note = () if not refused else (Note(_refusal(life, seconds)),)
    if given <= 0:
        return (life.with_(stop=stop.with_(refused=True)) if refused else life), note
    standing = stop.standing.with_(until=due + given)
    refused = refused or stop.refused
    return life.with_(stop=stop.with_(standing=standing, extended=stop.extended + given, refused=refused)), note


def most(life: Life) -> float:
    """Return how many seconds EXTEND_TIMEOUT_USEC may add in all: by default what the ladder takes to SIGKILL."""
    if life.spec.extend_max is not None:
        return life.spec.extend_max
    grace = life.spec.stop.ladder.grace
    return WITHOUT_END if grace is None else grace


def _refusal(life: Life, seconds: float) -> str:
    asked = f"{life.spec.title} asked for {duration(seconds)} more to stop"
    return f"{asked}; extend_max allows {duration(most(life))} in all"
