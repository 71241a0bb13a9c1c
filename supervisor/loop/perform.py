"""Carries out what core has decided: action -> system call -> the event that answers it."""

from __future__ import annotations

import os
from time import monotonic

from supervisor.core import actions, events, signum
from supervisor.loop.running import Running, Table
from supervisor.system import descriptors, terminal
from supervisor.system.proc import processes
from supervisor.system.process import send, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, TypeAlias

    from supervisor.core.record import Key, Member, Reach
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.core.worker.life import Life
    from supervisor.loop.observer import Attachments, JobControl, Observer
    from supervisor.loop.starting import Starter
    from supervisor.loop.trying import Trying
    from supervisor.system.agent.agents import Agents
    from supervisor.system.poller import Poller, Source
    from supervisor.system.process.exits import Exits
    from supervisor.system.process.spawn import Child
    from supervisor.system.signals import Inherited

    Way: TypeAlias = Callable[[Any], "events.Event | None"]

# Members outside our own children (no subreaper) are watched by pidfd, so many at a time of each worker.
MOST_WATCHED = 256
# Members of a group that are asked, before it is signalled, whether they may be: what it costs is bounded.
MOST_ASKED = 16


class Performer:
    """Knows the running processes. ``found`` takes facts that arrive later: exec has worked, a member has ended."""

    def __init__(
        self,
        inherited: Inherited,
        *,
        alone: bool,
        subreaper: bool,
        tty: terminal.Terminal | None,
        attachments: Attachments,
        poller: Poller,
        exits: Exits,
        found: Callable[[list[events.Event]], None],
        sources: list[Source],
    ) -> None:
        """Make a performer; ``alone``: there is one worker, to which every descendant of ours belongs; none needs a
        mark.
        """
        self.running = Table()
        self.observers: list[Observer] = []
        self.jobs: list[JobControl] = []
        self.agents: Agents | None = None
        self.census = processes.Census(subreaper)
        self._inherited = inherited
        self._alone = alone
        self._subreaper = subreaper
        self._tty = tty
        self._attachments = attachments
        self._poller = poller
        self._exits = exits
        self._found = found
        self._sources = sources
        self._starter: Starter | None = None
        self._trying: Trying | None = None
        self._ways: dict[type[actions.Action], Way] = {
            actions.Signal: self._send,
            actions.ReadMasks: self._read_masks,
            actions.Probe: self._probe,
            actions.Dump: self._dump,
            actions.Try: self._try,
            actions.Locate: self._locate,
            actions.Look: self._look,
            actions.Survey: self._survey,
            actions.Reap: self._reap,
            actions.Suspend: self._suspend,
            actions.Foreground: self._foreground,
            actions.Report: self._report,
            actions.Amend: self._amend,
            actions.Note: self._note,
        }

    def perform(self, todo: Sequence[actions.Action], lives: Mapping[WorkerId, Life]) -> list[events.Event]:
        """Carry out the actions in order; return what came of them. Raises TypeError for an unknown action."""
        answers: list[events.Event] = []
        starts: list[WorkerId] = []
        for action in todo:
            if isinstance(action, actions.Spawn):
                starts.append(action.worker)
                continue
            if starts:
                answers += self._spawn(starts, lives)
                starts = []
            way = self._ways.get(type(action))
            if way is None:
                raise TypeError(f"no way to carry out {action!r}")
            answer = way(action)
            if answer is not None:
                answers.append(answer)
        if starts:
            answers += self._spawn(starts, lives)
        return answers

    # -------------------------------------------------------------- starting

    def _spawn(self, workers: list[WorkerId], lives: Mapping[WorkerId, Life]) -> list[events.Event]:
        if self._starter is None:
            from supervisor.loop.starting import Starter

            self._starter = Starter(self._inherited, self._attachments, self._tty, self.watch, alone=self._alone)
        return self._starter.start(workers, lives)

    def watch(self, worker: WorkerId, spec: WorkerSpec, child: Child) -> events.Event:
        """Look after a process that has just been forked."""
        running = Running(worker, spec, child)
        self.running.add(running)
        self._exits.watch(child.pidfd)
        self._poller.watch(child.status_fd, lambda at, _: self._found(self.status_known(running, at)))
        if self.agents is not None:
            self.agents.main(worker, child.pid)
        self._attachments.forked(worker)
        for observer in self.observers:
            observer.started(worker, child.pid)
        return events.Forked(child.at, worker, child.pid, child.terminal)

    def status_known(self, running: Running, at: float) -> list[events.Event]:
        """Return whether the worker's exec has worked, if that has not been told yet: at the latest when the process
        has ended.
        """
        if running.status_fd < 0:
            return []
        failure = running.take_status(self._poller)
        if failure is None:
            return [events.Started(at, running.worker)]
        return [events.StartFailed(at, running.worker, *failure)]

    def last_words(self, worker: WorkerId, at: float) -> Sequence[events.Event]:
        """Return what a worker had said before it ended, so that nothing of it comes after its end."""
        return self._attachments.last_words(worker, at)

    # -------------------------------------------------------------- signals

    def _send(self, action: actions.Signal) -> events.Event:
        self.census.refresh()
        # Before: once the signal is out, a handler may fork ahead of our next line.
        newest = processes.newest() if action.target == "group" else None
        if action.target == "leftovers":
            began = monotonic()
            each = {one.key: send.send_checked(one, action.signal, action.wake) for one in action.members}
            result = send.altogether(each.values())
            hit, missed = _those(each, "delivered"), _those(each, "could not look")
        else:
            each, hit, missed = self._permitted(action.members), (), ()
            began = monotonic()
            result = self._send_together(action)
            if each and result == "delivered" and set(each.values()) == {"not permitted"}:
                result = "not permitted"  # kill(2) says that it worked when the zombie of the leader alone got it
        at = monotonic()
        refused = tuple((key, processes.user(key[0]) or "another user") for key in _those(each, "not permitted"))
        user = None
        if result == "not permitted":
            user = refused[0][1] if refused else processes.user(self.running[action.worker].child.pid)
        return events.Sent(
            at,
            action.worker,
            action.signal,
            action.target,
            result,
            hit,
            action.ladder,
            newest,
            began,
            missed,
            refused,
            user,
        )

    def _send_together(self, action: actions.Signal) -> Reach:
        """Signal the worker's group, or its main process alone."""
        running = self.running[action.worker]

        def to(signal: int) -> Reach:
            if action.target == "group":
                return self.send_group(running, signal)
            return send.send_main(running.child.pidfd, signal)

        result = to(action.signal)
        if action.wake:
            to(signum.CONT)
        return result

    @staticmethod
    def _permitted(members: Collection[Member]) -> dict[Key, Reach]:
        """Return what would become of a signal to each of these, so many of them."""
        return {one.key: send.send_checked(one, 0, False) for one in [*members][:MOST_ASKED]}

    def send_group(self, running: Running, signal: int) -> Reach:
        """Signal the worker's group; where that is ours too, its processes one by one."""
        child = running.child
        if running.group == child.pid:
            return send.send_group(child.pid, child.pidfd, signal)
        results = [send.send_main(child.pidfd, signal)]
        try:
            members = self.census.members(child.pid, running.group, self.running.apart, None)
        except OSError:
            return send.altogether([*results, "could not look"])
        results += [send.send_checked(one, signal, False) for one in members if one.in_group]
        return send.altogether(results)

    # -------------------------------------------------------------- looking

    def _probe(self, action: actions.Probe) -> events.Event:
        asked = self.agents.probe(action.worker) if self.agents is not None else 0
        return events.Probed(monotonic(), action.worker, asked)

    def _dump(self, action: actions.Dump) -> None:
        if self.agents is not None:
            self.agents.dump(action.worker)

    def _try(self, action: actions.Try) -> None:
        if self._trying is None:
            from supervisor.loop.trying import Trying

            self._trying = Trying(self._poller, self.running, self._inherited, self._pids, self._found)
            self._sources.append(self._trying)
        self._trying.begin(action)

    def close(self) -> None:
        """End what checks have started."""
        if self._trying is not None:
            self._trying.close()

    def _pids(self, running: Running) -> list[int]:
        """Return the processes of a worker at this moment."""
        self.census.refresh()
        mark = None if self._alone else processes.mark(running.worker)
        members = self.census.members(running.child.pid, running.group, self.running.apart, mark)
        return [running.child.pid, *(member.pid for member in members)]

    def _locate(self, action: actions.Locate) -> None:
        if self.agents is not None:
            self.agents.look(action.worker)

    def _read_masks(self, action: actions.ReadMasks) -> events.Event:
        running = self.running[action.worker]
        masks = processes.masks(running.child.pid, running.masks)
        return events.MasksRead(monotonic(), action.worker, masks)

    def _look(self, action: actions.Look) -> events.Event:
        at = monotonic()
        return events.Sampled(at, action.worker, processes.sample(self.running[action.worker].child.pid, at))

    def _survey(self, action: actions.Survey) -> events.Event:
        if self._trying is not None:
            self._trying.forget(action.worker)
        try:
            members = tuple(self._members(action.worker))
        except OSError:
            return events.Surveyed(monotonic(), action.worker, None)
        if not self._subreaper and action.worker in self.running:
            self._watch_members(self.running[action.worker], [member.pid for member in members])
        return events.Surveyed(monotonic(), action.worker, members)

    def _members(self, worker: WorkerId) -> list[Member]:
        """Return who is alive of a worker besides its main process. Raises OSError where nobody can look."""
        if worker not in self.running:  # it has ended: what it left is known by its mark alone
            return self.census.marked(self.running.apart, processes.mark(worker))
        running = self.running[worker]
        mark = None if self._alone else processes.mark(worker)
        return self.census.members(running.child.pid, running.group, self.running.apart, mark, dead=running.ended)

    def _watch_members(self, running: Running, pids: list[int]) -> None:
        running.forget_members(self._poller)
        for pid in pids[:MOST_WATCHED]:
            if not descriptors.enough():
                break
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            running.members.add(fd)
            self._poller.watch(fd, lambda at, _, fd=fd: self._member_ended(running, fd, at))  # type: ignore[misc]  # a loop's variable is kept by a default

    def _member_ended(self, running: Running, fd: int, at: float) -> None:
        self._poller.unwatch(fd)
        os.close(fd)
        running.members.discard(fd)
        self._found([events.OrphansChanged(at)])

    # -------------------------------------------------------------- the end, and telling

    def _reap(self, action: actions.Reap) -> events.Event:
        if self._trying is not None:
            self._trying.forget(action.worker)
        running = self.running.remove(action.worker)
        rusage = None if action.stuck else wait.reap(running.child.pid)
        self._exits.unwatch(running.child.pidfd)
        running.close(self._poller)
        self._attachments.detach(action.worker)
        return events.Reaped(monotonic(), action.worker, rusage, int.from_bytes(os.urandom(4), "big") / 2**32)

    def _suspend(self, action: actions.Suspend) -> events.Event | None:
        for job in self.jobs:
            job.suspending()
        if self._tty is not None:
            self._tty.take_back()
        stopped = terminal.suspend(action.signal, action.job)
        for job in self.jobs:
            job.resumed()
        if not stopped and action.job and action.signal == signum.TSTP:
            # Nobody could continue us, so Ctrl-Z has no effect, as on a command that leads its session.
            return events.SignalReceived(monotonic(), signum.CONT, os.getpid())
        return None

    def _foreground(self, action: actions.Foreground) -> None:
        child = self.running[action.worker].child
        if self._tty is not None and child.terminal:
            self._tty.lend(child.pid)

    def _report(self, action: actions.Report) -> None:
        for observer in self.observers:
            observer.report(action.shutdown, action.worker)
        self._exits.stamp()  # that took a while, in which others may have ended

    def _amend(self, action: actions.Amend) -> None:
        for observer in self.observers:
            observer.amended(action.shutdown, action.worker)

    def _note(self, action: actions.Note) -> None:
        for observer in self.observers:
            observer.note(action)


def _those(results: Mapping[Key, Reach], wanted: Reach) -> tuple[Key, ...]:
    """Return the processes for which the signal had this result."""
    return tuple(key for key, result in results.items() if result == wanted)
