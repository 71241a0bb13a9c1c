"""The private sockets over which workers speak to us as to systemd (sd_notify(3)): made, read, taken back."""

from __future__ import annotations

import os

from supervisor.core.events import Notified
from supervisor.core.notify import MOST_BYTES
from supervisor.core.units import plural
from supervisor.errors import SupervisorError
from supervisor.loop.observer import Attachments, Observer
from supervisor.system.agent.meeting import Meeting
from supervisor.system.notify.server import NotifyServer
from supervisor.system.proc import processes, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisor.core.events import Event
    from supervisor.core.notify import Message
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.system.poller import Poller
    from supervisor.system.process.spawn import Identity

    # What is passed on to the manager over us as it came, with its descriptors.
    Pass = Callable[[Message, Sequence[int]], object]


class _Line:
    """One start's socket. ``main``: the pid of its main process, 0 until that is known."""

    def __init__(self, title: str, server: NotifyServer, meeting: Meeting, suffix: str) -> None:
        self.title = title
        self.server = server
        self.meeting = meeting
        self.suffix = suffix
        self.main = 0

    def close(self) -> None:
        self.server.close()
        self.meeting.forget(self.suffix)


class Heard(Attachments):
    """What the one command of `run` has, whose process is there before anything else: a notify socket."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing

    def last_words(self, worker: WorkerId, at: float) -> Sequence[Event]:
        """Return what the command said last over its notify socket."""
        return self._hearing.last_words(worker, at)

    def detach(self, worker: WorkerId) -> None:
        """Take the notify socket back."""
        self._hearing.detach(worker)


def _dropped(line: _Line) -> str:
    """Return what was sent to a socket and not heard; empty as a rule."""
    strangers, long = line.server.dropped, line.server.too_long
    parts = [f"{plural(strangers, 'message')} over its notify socket came from other processes"] if strangers else []
    parts += [f"{plural(long, 'message')} over its notify socket had more than {MOST_BYTES} bytes"] if long else []
    return f"{', '.join(parts)}: dropped" if parts else ""


class Hearing(Observer):
    """All notify sockets of a run. What is said before :meth:`serve` waits in the kernel."""

    def __init__(self, *, alone: bool = False) -> None:
        """Make none yet; ``alone``: there is one worker, to which every descendant of ours belongs."""
        self._say: Callable[[str], object] = lambda _: None
        self._alone = alone
        self._lines: dict[WorkerId, _Line] = {}
        self._meetings: dict[int, Meeting] = {}
        self._poller: Poller | None = None
        self._see: Callable[[Sequence[Event]], object] = lambda _: None
        self._pass_on: Pass | None = None
        self._parcels: list[tuple[Message, list[int]]] = []

    def serve(
        self, poller: Poller, see: Callable[[Sequence[Event]], object], say: Callable[[str], object] | None = None
    ) -> None:
        """Read from here on what is said, and let ``see`` know; ``say`` takes a sentence about what was dropped."""
        self._poller, self._see = poller, see
        self._say = say or self._say
        for worker, line in self._lines.items():
            self._watch(worker, line)

    def pass_on(self, how: Pass) -> None:
        """Let ``how`` have each message that came with descriptors, or is about stored ones; it duplicates what it
        keeps.
        """
        self._pass_on = how

    def attach(
        self, worker: WorkerId, spec: WorkerSpec, whom: Identity | None, watchdog: float | None = None
    ) -> dict[str, str]:
        """Return the variables that lead a start of the worker to a socket of its own. Raises OSError.

        ``watchdog``: seconds within which it has to send WATCHDOG=1 where its liveness says nothing else, None for no
        such demand.
        """
        self.detach(worker)
        uid = os.geteuid() if whom is None or whom.uid is None else whom.uid
        try:
            if uid not in self._meetings:
                self._meetings[uid] = Meeting(whom)
        except SupervisorError as error:
            raise OSError(0, f"no place for the notify socket of {spec.title}: {error.message}") from None
        meeting, suffix = self._meetings[uid], f".notify-{worker}"
        try:
            bound, path = meeting.datagrams(suffix)
        except OSError as error:
            raise OSError(error.errno, f"no notify socket in {meeting.folder}: {error.strerror}") from None
        server = NotifyServer(
            bound,
            frozenset({0, os.geteuid(), uid}),
            lambda pid: self._is_member(worker, pid),
            self._keep,
        )
        line = self._lines[worker] = _Line(spec.title, server, meeting, suffix)
        self._watch(worker, line)
        live = spec.liveness
        every = live.interval if live is not None and live.told else watchdog
        if every is None:
            return {"NOTIFY_SOCKET": path}
        return {
            "NOTIFY_SOCKET": path,
            "WATCHDOG_USEC": str(round(every * 1e6)),
            "WATCHDOG_PID": str(os.getpid()),  # the child puts its own in place of ours (spawn.py)
        }

    def started(self, worker: WorkerId, pid: int) -> None:
        """Know the worker's processes by its main process."""
        if worker in self._lines:
            self._lines[worker].main = pid

    def last_words(self, worker: WorkerId, at: float) -> list[Event]:
        """Return what the worker has said and nobody has read: its main process has ended."""
        line = self._lines.get(worker)
        facts = [] if line is None else self._read(worker, line, at)
        self._deliver()
        return facts

    def detach(self, worker: WorkerId) -> None:
        """Take the socket of the worker's last start back, if there is one."""
        line = self._lines.pop(worker, None)
        if line is not None:
            if self._poller is not None:
                self._poller.unwatch(line.server.fileno())
            dropped = _dropped(line)
            if dropped:
                self._say(f"{line.title}: {dropped}")
            line.close()

    def close(self) -> None:
        """Take everything back."""
        for worker in list(self._lines):
            self.detach(worker)
        for meeting in self._meetings.values():
            meeting.close()
        self._meetings.clear()

    def _watch(self, worker: WorkerId, line: _Line) -> None:
        if self._poller is not None:
            self._poller.watch(line.server.fileno(), lambda at, _: self._readable(worker, line, at))

    def _keep(self, message: Message, descriptors: list[int]) -> bool:
        """Take descriptors over that are for the manager over us: those to be stored, and that of a BARRIER."""
        if self._pass_on is None or not (message.storing or message.barrier):
            return False
        self._parcels.append((message, descriptors))
        return True

    def _readable(self, worker: WorkerId, line: _Line, at: float) -> None:
        self._see(self._read(worker, line, at))
        line.server.done()
        self._deliver()

    def _deliver(self) -> None:
        """Pass on what came with descriptors, behind all that was said before it."""
        for message, descriptors in self._parcels:
            if self._pass_on is not None:
                self._pass_on(message, descriptors)
            for fd in descriptors:
                os.close(fd)
        self._parcels.clear()

    def _read(self, worker: WorkerId, line: _Line, at: float) -> list[Event]:
        """Return what was said; of signs of life that follow one another the first is enough."""
        facts: list[Event] = []
        before: Message | None = None
        for message in line.server.read():
            if message != before:
                facts.append(Notified(at, worker, message))
            before = message
            if message.storing and self._pass_on is not None and not any(message is one for one, _ in self._parcels):
                self._parcels.append((message, []))  # about descriptors that are stored already
        return facts

    def _is_member(self, worker: WorkerId, pid: int) -> bool:
        """Return whether a process is the worker's: it stems from the main process, or carries the worker's mark."""
        leaders = {self._lines[worker].main: worker} | ({os.getpid(): worker} if self._alone else {})
        if processes.owner(pid, leaders) is not None:
            return True
        marked = f"{processes.MARK}={processes.mark(worker)}".encode()
        return marked in (reading.read(f"/proc/{pid}/environ", processes.MOST_ENVIRON_BYTES) or b"").split(b"\0")
