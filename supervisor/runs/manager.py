"""Keeps the service manager over us informed (sd_notify(3)): what core/manager.py decides, sent. Imported only where
``$NOTIFY_SOCKET`` is set, and by `run` not before its command runs."""

from __future__ import annotations

import os

from supervisor.core import manager
from supervisor.loop.observer import Observer
from supervisor.system.notify.client import VARIABLE, NotifyClient, Unreachable, watchdog
from supervisor.views import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisor.core.manager import Datagram
    from supervisor.core.notify import Message
    from supervisor.core.record import Waiting
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.loop.loop import Loop

# Naming what a worker waits for takes 0.3 ms for the tens of messages of an ordinary stop: not of one that has said
# so much. It is imported (10 ms) for a stop that has lasted so many seconds.
MOST_MESSAGES = 1000
NAMED_AFTER = 0.5


class Notifier(Observer):
    """An observer of the loop, and a source of it that is due when the manager is to hear from us next."""

    def __init__(
        self, loop: Loop, client: NotifyClient, wanted: manager.Manager, say: Callable[[str], object], at: float
    ) -> None:
        """Begin at ``at``; ``say`` takes a sentence for the user."""
        self._say = say
        self._stored = 0
        self._loop = loop
        self._client = client
        self._manager = manager.begin(wanted, at)
        self._fleet = loop.fleet
        # What came from the command before we knew that its exec had worked, with descriptors of our own.
        self._early: list[tuple[Message, list[int]]] = []

    @property
    def deadline(self) -> float | None:
        """Return when something is to be said, monotonic seconds."""
        return self._manager.deadline

    def changed(self, at: float) -> None:
        """Say at once what cannot wait; STATUS follows, with the changes that follow."""
        if self._loop.fleet is self._fleet:
            return
        self._fleet = self._loop.fleet
        self._manager = manager.changed(self._manager, at)
        self._tell(at)
        if self._early and not self._unknown:
            self._let_go()

    def heard(self, worker: WorkerId, at: float) -> None:
        """Look again soon what a stopping worker waits for."""
        del worker
        if self._manager.stopping:
            self._manager = manager.changed(self._manager, at)

    def tick(self, at: float) -> None:
        """Say what is due."""
        self._tell(at)
        due = self._manager.status_at
        if due is not None and at >= due:
            pending = manager.pending(self._manager, self._fleet)
            suspected = self._manager.suspected
            text = one_line.line(self._fleet, at, pending, self._waits(at), suspected=suspected)
            self._manager, said = manager.with_status(self._manager, text, at)
            self._send(said)

    def close(self) -> None:
        """Send what waits, if the manager takes it now, and hang up."""
        self._let_go()
        self._client.close()

    @property
    def _unknown(self) -> bool:
        """Tell whether a process was forked of which we do not know yet that its exec has worked."""
        return any(
            life.alive and life.process and life.process.running_since is None
            for life in self._loop.fleet.lives.values()
        )

    def _let_go(self) -> None:
        """Pass on what was held, behind READY."""
        held, self._early = self._early, []
        for message, descriptors in held:
            self._pass(message, descriptors)
            for fd in descriptors:
                os.close(fd)

    def _tell(self, at: float) -> None:
        suspected = self._manager.suspected
        self._manager, said = manager.told(self._manager, self._fleet, at)
        self._send(said)
        if self._manager.suspected and not suspected:
            self._say(one_line.SILENT)

    def pass_on(self, message: Message, descriptors: Sequence[int]) -> None:
        """Pass on what came from the command with descriptors: those to be stored, and the BARRIER that it waits for.

        The caller keeps its own. READY that is said in the first instant is told when it is known that exec has
        worked: what was said after it is held as long.
        """
        if self._early or self._unknown:
            self._early.append((message, [os.dup(fd) for fd in descriptors]))
        else:
            self._pass(message, descriptors)

    def _pass(self, message: Message, descriptors: Sequence[int]) -> None:
        if message.barrier:
            self._client.send("barrier", ("BARRIER=1",), descriptors)
            return
        self._stored += 1  # none of them stands in for another
        self._client.send(f"store {self._stored}", message.storing, descriptors)

    def _send(self, said: tuple[Datagram, ...]) -> None:
        for kind, lines in said:
            self._client.send(kind, lines)

    def _waits(self, at: float) -> Waiting | None:
        """Return what the worker waits for whose stop lasts longest."""
        life = one_line.slowest(self._fleet)
        if life is None or self._loop.agents is None or not _lasts(life, at):
            return None
        messages = self._loop.agents.messages(life.id)
        if not messages or len(messages) > MOST_MESSAGES:
            return None
        try:
            from supervisor.diagnosis.live_wait import waiting
        except (ImportError, OSError):  # no descriptor is left to import with
            return None
        return waiting(messages, at, life.last_pid)


def _lasts(life: Life, at: float) -> bool:
    return life.stop is not None and at - life.stop.last_request >= NAMED_AFTER


def attach(
    loop: Loop, extends: bool, say: Callable[[str], object], at: float, *, passes: bool = False
) -> Notifier | None:
    """Let the manager of ``$NOTIFY_SOCKET`` hear of the loop's fleet; None, told with ``say``, when it cannot.

    ``passes``: READY is the word of the command of `run`.
    """
    try:
        client = NotifyClient(os.environ[VARIABLE], loop.poller)
    except Unreachable as error:
        say(f"{error}; the service manager hears nothing of us. Unset it, or start us from the unit itself")
        return None
    every = watchdog(os.environ, os.getpid())
    notifier = Notifier(loop, client, manager.Manager(extends=extends, watchdog=every, passes=passes), say, at)
    loop.observers.append(notifier)
    loop.sources.append(notifier)
    return notifier
