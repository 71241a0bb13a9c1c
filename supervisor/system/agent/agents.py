"""The agents of all workers: one channel per user, whose process said what, and asking them. Decides nothing.

A process that connects belongs to the worker in whose session or group it is, or from whose main process it stems.
What a worker says is kept until its end is explained, bounded: the rest of a flood is dropped.
"""

from __future__ import annotations

import os
from itertools import islice
from time import monotonic

from supervisor.core import signum
from supervisor.errors import SupervisorError
from supervisor.system.agent import inject
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.finalizing import Finalizing, catches
from supervisor.system.agent.meeting import Meeting
from supervisor.system.poller import Poller
from supervisor.system.proc import processes, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.events import Said
    from supervisor.core.spec import WorkerId
    from supervisor.system.process.spawn import Identity

# Messages kept of one worker: an honest agent says tens, in a long shutdown of 200 followed tasks some thousands.
MOST_KEPT = 20_000
# Messages after which those of processes that came and went before the stop are thrown away, for the first time.
ROOM = 1_000
# Seconds after which a process that has not answered is probed once more. CPython runs a handler between two
# instructions: a signal that comes between the last of them and a system call wakes nobody (no wake-up descriptor).
ASK_AGAIN = 0.03
# Seconds until a question that was asked twice is looked for again in the kernel, where it may still be on its way;
# and after which the first of them is given up: the parent's signal waits no longer for any.
TAKEN, GIVEN_UP = 0.002, 0.25
# Processes that are asked to arm themselves before a stop signal. All of 300 would be busy with it for seconds, on as
# many cores as there are, and the signal and our deadlines would wait for them.
MOST_ASKED = 16
# Reads for a dead worker, of the channel's budget each: what its processes said last is still in the kernel.
LAST_READS = 32


class Agents:
    """All channels and what came over them."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self._said: Callable[[WorkerId, Said, float], None] = lambda *_: None
        self._answered: Callable[[WorkerId, float], None] = lambda *_: None
        self._heard: Callable[[WorkerId, float], None] = lambda *_: None
        self._lines: dict[int, _Line] = {}
        self._workers: dict[WorkerId, _Worker] = {}
        self._by_main: dict[int, WorkerId] = {}
        self._asked: dict[WorkerId, float] = {}  # when those who have not answered are asked again
        self._finalizing = Finalizing()
        self._reasons: dict[WorkerId, str] = {}
        self._unswept: list[Meeting] = []

    def listen(
        self,
        said: Callable[[WorkerId, Said, float], None],
        answered: Callable[[WorkerId, float], None],
        heard: Callable[[WorkerId, float], None],
    ) -> None:
        """Set who is told: ``said(worker, what, at)`` of marks, ``answered(worker, at)`` when all that were probed
        have answered, ``heard(worker, at)`` of news."""
        self._said = said
        self._answered = answered
        self._heard = heard

    def prepare(
        self, worker: WorkerId, env: Mapping[str, str], identity: Identity | None, own: tuple[str, ...] = ()
    ) -> dict[str, str]:
        """Return the variables that lead the processes of a worker about to start to the channel of its user.

        ``own``: installed packages whose code is the user's.
        Raises SupervisorError when it starts without an agent; :meth:`reason` keeps why.
        """
        self.forget(worker)
        uid = os.geteuid() if identity is None or identity.uid is None else identity.uid
        try:
            if uid not in self._lines:
                self._lines[uid] = self._open(identity)
        except SupervisorError as error:
            self._reasons[worker] = error.message
            raise
        self._workers[worker] = _Worker(self._lines[uid], identity)
        return inject.environment(env, self._lines[uid].path, self._lines[uid].home, own)

    def adopt(self, worker: WorkerId, meeting: Meeting) -> None:
        """Take over the one worker of `run`, which was started before this object, with a meeting of our own user."""
        self._lines[meeting.uid] = self._line(meeting, inject.HOME)
        self._workers[worker] = _Worker(self._lines[meeting.uid], None)

    def _open(self, identity: Identity | None) -> _Line:
        home = inject.home_for(identity)
        return self._line(Meeting(identity), home)

    def _line(self, meeting: Meeting, home: str) -> _Line:
        try:
            channel = Channel(meeting, self._find_owner)
        except OSError as error:
            meeting.close()
            raise SupervisorError(f"no channel for the agent in {meeting.folder}: {error.strerror}", "") from None
        line = _Line(meeting.path, home, channel)
        self.poller.watch(channel.fileno(), lambda at, _: self._readable(line, at))
        self._unswept.append(meeting)
        return line

    def reason(self, worker: WorkerId) -> str | None:
        """Return why a worker was started without an agent; None when it has one, or wants none."""
        return self._reasons.get(worker)

    def main(self, worker: WorkerId, pid: int) -> None:
        """Set the main process of a worker: its others are known by it, and only its marks are told to the loop."""
        if worker in self._workers:
            self._workers[worker].main = pid
            self._by_main[pid] = worker

    def probe(self, worker: WorkerId) -> int:
        """Send SIGURG to the main process and some others with a live agent; return how many will answer.

        The stop signal waits for them. The rest arm themselves when it comes, or when they end.
        """
        state = self._workers.get(worker)
        if state is None:
            return 0
        channel = state.line.channel
        others = (pid for pid in state.pids if pid != state.main and channel.live(pid))
        asked = [pid for pid in (state.main,) if channel.live(pid)]
        asked += islice(others, MOST_ASKED - len(asked))
        state.unanswered = {pid for pid in asked if channel.signal(pid, signum.URG)}
        state.asked_again, state.told, state.asked_at = set(), set(), monotonic()
        if state.unanswered:
            self._asked[worker] = monotonic() + ASK_AGAIN
        return len(state.unanswered)

    def look(self, worker: WorkerId) -> int:
        """Have every process with a live agent tell how it stands, and go on as before; how many will answer.

        Nobody is asked while the last answers may be under way: :meth:`looks` has those. Nor is a process in
        pause(2): that returns after any signal that has a handler (PEP 475 leaves it out), and the program goes on.
        """
        state, now = self._workers.get(worker), monotonic()
        if state is None or now < state.looked + ASK_AGAIN:
            return 0
        state.looked = now
        state.looks.clear()
        channel = state.line.channel
        asked = [pid for pid in state.pids if channel.live(pid) and syscalls.current(pid) != "pause"]
        for pid in asked:
            channel.tell(pid, b"look")
        return sum(channel.signal(pid, signum.URG) for pid in asked)

    def looks(self, worker: WorkerId) -> list[AgentMessage]:
        """Return what the last look has shown so far: a snapshot of each process."""
        state = self._workers.get(worker)
        return list(state.looks.values()) if state is not None else []

    def dump(self, worker: WorkerId) -> None:
        """Have the processes that have said nothing since the last probe write their C-level stacks."""
        state = self._workers.get(worker)
        if state is None:
            return
        for pid in state.unanswered - state.told:
            signal = state.line.channel.dump_signal(pid)
            if signal is not None and catches(pid, signal):
                state.line.channel.signal(pid, signal)

    @property
    def deadline(self) -> float | None:
        """Return when a process is asked again or looked at next (monotonic seconds); None for never."""
        return min((*self._asked.values(), *self._finalizing.due()), default=None)

    def tick(self, at: float) -> None:
        """Ask the processes again that have not answered; look at those that still take themselves down."""
        due = {worker: state for worker, state in self._workers.items() if self._asked.get(worker, at + 1) <= at}
        for line in {state.line for state in due.values() if state.unanswered}:
            self._read(line, at)  # we may come so late that the answers are there
        for worker, state in due.items():
            if self._asked.pop(worker, None) is None:
                continue
            if not state.unanswered:
                self._settle(worker, state, at)
            for pid in state.unanswered:
                state.line.channel.signal(pid, signum.URG)
            state.asked_again |= state.unanswered
        self._look_at_ends(at)

    def _settle(self, worker: WorkerId, state: _Worker, at: float) -> None:
        """Say that all have answered, once none has a question of ours pending.

        Who has one in its main thread gets the stop signal in another thread (complete_signal() in kernel/signal.c):
        the main thread sleeps on, and no handler of Python's runs before something else wakes it.
        """
        if at < state.asked_at + GIVEN_UP and any(processes.pending(pid, signum.URG) for pid in state.asked_again):
            self._asked[worker] = monotonic() + TAKEN
        else:
            self._answered(worker, at)

    def _look_at_ends(self, at: float) -> None:
        """Keep the stacks of the processes that still take themselves down."""
        for worker, message in self._finalizing.look(at, self._channel):
            if (state := self._workers.get(worker)) is not None:
                state.messages.append(message)
                self._heard(worker, at)

    def _channel(self, worker: WorkerId) -> Channel | None:
        state = self._workers.get(worker)
        return state.line.channel if state is not None else None

    def user(self, worker: WorkerId) -> Identity | None:
        """Return the user as whom a worker runs, None for our own: with whose rights its files may be looked at."""
        state = self._workers.get(worker)
        return state.user if state is not None else None

    def messages(self, worker: WorkerId) -> list[AgentMessage]:
        """Return what the agents of a worker said so far."""
        state = self._workers.get(worker)
        return state.messages if state is not None else []

    def take(self, worker: WorkerId, at: float) -> list[AgentMessage]:
        """Return everything that a dead worker said, also what is still unread; then the worker is forgotten."""
        state = self._workers.get(worker)
        if state is None:
            return []
        for _ in range(LAST_READS if state.pids else 1):
            if not self._read(state.line, at):
                break
        self.forget(worker)
        return state.messages

    def forget(self, worker: WorkerId) -> None:
        """Forget a worker: what its processes say from now on belongs to no worker."""
        self._reasons.pop(worker, None)
        state = self._workers.pop(worker, None)
        if state is not None:
            self._by_main.pop(state.main, None)
            for pid in state.pids:
                state.line.owners.pop(pid, None)

    def sweep(self) -> None:
        """Remove what supervisors have left in the folders of the channels that were killed by SIGKILL."""
        while self._unswept:
            self._unswept.pop().sweep()

    def close(self) -> None:
        """End all channels."""
        for line in self._lines.values():
            self.poller.unwatch(line.channel.fileno())
            line.channel.close()
        self._lines.clear()
        self._workers.clear()

    def _readable(self, line: _Line, at: float) -> None:
        self._read(line, at)

    def _read(self, line: _Line, at: float) -> int:
        """Read a channel once; return how many messages there were."""
        fresh = line.channel.read(at)
        news: dict[WorkerId, None] = {}
        for message in fresh:
            worker = self._owner(line, message.pid)
            state = self._workers.get(worker) if worker is not None else None
            if worker is None or state is None:
                continue
            news[worker] = None
            if message.event == "snapshot" and message.fields.get("reason") == "look":
                state.looks[message.pid] = message  # of no end: whatever ends the worker is explained without it
                continue
            if len(state.messages) >= state.room:
                self._forget_passers(state)
            if len(state.messages) < MOST_KEPT:
                state.messages.append(message)
            self._understand(worker, state, message, at)
        for worker in news:
            self._heard(worker, at)
        return len(fresh)

    def _forget_passers(self, state: _Worker) -> None:
        """Make room: a worker may run thousands of short Python programs before its own stop is to be explained."""
        gone = passers(state.messages) - {state.main}
        state.messages = [message for message in state.messages if message.pid not in gone]
        state.pids -= gone
        for pid in gone:
            state.line.owners.pop(pid, None)
        state.room = max(ROOM, 2 * len(state.messages))

    def _understand(self, worker: WorkerId, state: _Worker, message: AgentMessage, at: float) -> None:
        if message.event == "hello":
            if not state.pids:
                self._said(worker, "hello", at)
            state.pids.add(message.pid)
        if message.event == "phase" and message.fields.get("name") == "finalize":
            self._finalizing.begin(worker, message.pid, message.at)
        elif message.event == "eof":
            self._finalizing.over(message.pid)
        mark = _mark(message) if message.pid == state.main else None
        if mark is not None:
            self._said(worker, mark, message.at)
        if message.event == "snapshot":
            state.told.add(message.pid)
        if message.pid in state.unanswered and message.event in ("ready", "eof"):
            state.unanswered.discard(message.pid)
            if not state.unanswered:
                self._asked.pop(worker, None)
            if not state.unanswered and self._workers.get(worker) is state:
                self._settle(worker, state, at)

    def _owner(self, line: _Line, pid: int) -> WorkerId | None:
        """Return the worker of a process, None without one. The kernel is asked once, while the process lives."""
        if pid not in line.owners:
            line.owners[pid] = self._find_owner(pid)
        return line.owners[pid]

    def _find_owner(self, pid: int) -> WorkerId | None:
        found = processes.owner(pid, self._by_main)
        if found is not None:
            return found
        return None if len(self._workers) != 1 else next(iter(self._workers))


class _Line:
    """One user's workers speak over this channel; which process belongs to which worker is kept beside it."""

    def __init__(self, path: str, home: str, channel: Channel) -> None:
        self.path = path
        self.home = home
        self.channel = channel
        self.owners: dict[int, WorkerId | None] = {}


class _Worker:
    def __init__(self, line: _Line, user: Identity | None) -> None:
        self.line = line
        self.user = user
        self.main = 0
        self.pids: set[int] = set()
        self.messages: list[AgentMessage] = []
        self.looks: dict[int, AgentMessage] = {}
        self.looked = float("-inf")
        self.room = ROOM
        self.unanswered: set[int] = set()
        self.asked_again: set[int] = set()
        self.told: set[int] = set()  # who has said how it stands since it was asked, and may not be ready yet
        self.asked_at = 0.0


def passers(messages: Iterable[AgentMessage]) -> set[int]:
    """Return the processes that have gone and only said that they were there: none of their agents was armed."""
    gone: set[int] = set()
    told: set[int] = set()
    for message in messages:
        if message.event == "eof":
            gone.add(message.pid)
        elif message.event not in ("hello", "probe", "phase"):
            told.add(message.pid)
    return gone - told


def _mark(message: AgentMessage) -> Said | None:
    match message.event:
        case "signal-received":
            return "noticed"
        case "phase":
            name = message.fields.get("name")
            return "cleaned" if name == "loop-closed" else "drained" if name == "cancel" else None
    return None
