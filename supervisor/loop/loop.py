"""The only event loop: a fact arrives, core decides, system carries out. epoll, no thread, no wake-up while idle.

Every event enters at :meth:`Loop.see`. Facts of one epoll batch share one time stamp, taken before anything is read;
ends of main processes have their own (system/process/exits.py), since the length of a shutdown is what we tell.
"""

from __future__ import annotations

import errno
import os
from time import monotonic, sleep

from supervisor.core import actions, events, signum
from supervisor.core.fleet import step
from supervisor.core.fleet.step import Fleet
from supervisor.loop.observer import Attachments, JobControl
from supervisor.system import signals, terminal
from supervisor.system.poller import Poller
from supervisor.system.proc import processes
from supervisor.system.process import identity, send, spawn, wait
from supervisor.system.process.exits import Exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervisor.core.events import Said
    from supervisor.core.record import Key
    from supervisor.core.spec import FleetSpec, WorkerId
    from supervisor.loop.observer import Observer
    from supervisor.system.agent.agents import Agents
    from supervisor.system.poller import Source

# Members outside our own children (no subreaper) are watched by pidfd, so many at a time.
MOST_WATCHED = 256
# After a bug of ours nothing tells us when a group has ended: look so often, seconds.
ABANDONED_LOOK = 0.05


class Loop:
    """Runs one fleet until it is over."""

    def __init__(
        self,
        spec: FleetSpec,
        inherited: signals.Inherited,
        *,
        subreaper: bool,
        tty: terminal.Terminal | None = None,
        observers: Iterable[Observer] = (),
        attachments: Attachments | None = None,
        poller: Poller | None = None,
        agents: Agents | None = None,
        record: Callable[[events.Event], None] | None = None,
    ) -> None:
        self.fleet: Fleet = step.new(spec)
        self.poller = poller or Poller()
        self.agents = agents
        self.sources: list[Source] = []
        self.observers = list(observers)
        self.job = JobControl()
        self._attachments = attachments or Attachments()
        if agents is not None:
            agents.listen(self.agent_said, self.agents_answered, self._heard)
        self._inherited = inherited
        # Ignored when we were started (nohup). SIGINT and SIGQUIT are not meant: a shell's & ignores them, and the
        # command gets them back (signals.hand_down).
        self._ignored = inherited.ignored - {signum.INT, signum.QUIT, signum.CHLD}
        self._subreaper = subreaper
        self._tty = tty
        self._record = record
        self._census = processes.Census(subreaper)
        self._children: dict[WorkerId, spawn.Child] = {}
        self._worker_of: dict[int, WorkerId] = {}  # by pidfd
        self._mains: set[int] = set()
        self._starting: set[WorkerId] = set()
        # Children of ours that somebody else waits for.
        self.kept: set[int] = set()
        self._members: dict[WorkerId, list[int]] = {}
        self._signals = signals.open_fd()
        self.poller.watch(self._signals, self._signals_ready)
        self._exits = Exits()
        self.poller.watch(self._exits.fileno(), lambda *_: None)  # it wakes us; _turn asks it for its news

    # -------------------------------------------------------------- the one entrance

    def see(self, event: events.Event) -> None:
        """Take one event in and carry out what core says, until nothing is left to do."""
        queue = [event]
        while queue:
            current = queue.pop(0)
            if self._record is not None:
                self._record(current)
            self.fleet, todo = step.step(self.fleet, current)
            for action in todo:
                answer = self._perform(action)
                if answer is not None:
                    queue.append(answer)
        for observer in self.observers:
            observer.changed(event.at)

    def adopt(self, worker: WorkerId, child: spawn.Child) -> None:
        """A process that was started before this loop existed (the lean path of `run`)."""
        self.see(self._watch(worker, child))

    def run(self) -> Fleet:
        """Until the fleet is over. On a bug of ours no worker is left behind: they are stopped, then it is raised."""
        try:
            while not self.fleet.over:
                self._turn()
            wait.reap_orphans(self._mains | self.kept)  # a look may have found them dead before SIGCHLD was read
        except BaseException:
            self._abandon()
            raise
        finally:
            if self._tty is not None:
                self._tty.take_back()
        return self.fleet

    def _turn(self) -> None:
        deadline = self.deadline
        ready = self.poller.wait(0.0 if self._exits else None if deadline is None else deadline - monotonic())
        at = monotonic()
        self._exits.stamp()
        self._census.refresh()
        # Ends before signals: a worker that was dead already was not stopped by the signal of the same batch.
        for _ in range(len(self._exits)):
            self._main_ended(*self._exits.take())
            self._exits.stamp()
        for fd, what in sorted(ready, key=lambda one: one[0] == self._signals):
            self.poller.call(fd, at, what)
            self._exits.stamp()
        if self.fleet.deadline is not None and self.fleet.deadline <= at:
            self.see(events.Tick(at))
        for source in self.sources:
            if source.deadline is not None and source.deadline <= at:
                source.tick(at)

    @property
    def deadline(self) -> float | None:
        """When something is due next, of the fleet or of a source; None for never."""
        due = [self.fleet.deadline, *(source.deadline for source in self.sources)]
        return min((at for at in due if at is not None), default=None)

    # -------------------------------------------------------------- facts

    def _main_ended(self, pidfd: int, at: float) -> None:
        found = wait.peek_exit(pidfd)
        if found is None:
            self._exits.set_aside(pidfd)
            return
        worker = self._worker_of[pidfd]
        self._status_known(worker, at)
        self.see(events.MainExited(at, worker, found.code, found.signal))

    def _status_known(self, worker: WorkerId, at: float) -> None:
        if worker not in self._starting:
            return
        # By worker, not by descriptor: the number is used again once it is closed.
        self._starting.discard(worker)
        fd = self._children[worker].status_fd
        failure = spawn.read_status(fd)
        self.poller.unwatch(fd)
        os.close(fd)
        if failure is None:
            self.see(events.Started(at, worker))
        else:
            self.see(events.StartFailed(at, worker, *failure))

    def _signals_ready(self, at: float, _events: int) -> None:
        arrived = signals.read(self._signals)
        if all(one.signal != signum.CONT for one in arrived):
            # A worker that was stopped a moment ago has to be woken by the stop request that is read now. After our
            # own SIGCONT it is the other way round: the worker is continued, and the old stop is no news.
            self._jobs_changed(at)
        for one in arrived:
            if one.signal != signum.CHLD:
                ignored = one.signal in self._ignored
                self.see(events.SignalReceived(at, one.signal, one.sender_pid, one.sender_uid, one.kernel, ignored))
        if any(one.signal == signum.CHLD for one in arrived):
            self._children_changed(at)

    def _jobs_changed(self, at: float) -> None:
        for worker, child in list(self._children.items()):
            while (change := wait.peek_job(child.pid)) is not None:
                kind, signal = change
                self.see(
                    events.MainStopped(at, worker, signal) if kind == "stopped" else events.MainContinued(at, worker)
                )

    def _children_changed(self, at: float) -> None:
        self._exits.again()
        self._jobs_changed(at)
        if wait.reap_orphans(self._mains | self.kept):
            self.see(events.OrphansChanged(at))

    def agent_said(self, worker: WorkerId, what: Said, at: float) -> None:
        """The agent of a main process is there, has gone, or has reached a mark."""
        self.see(events.AgentSaid(at, worker, what))

    def agents_answered(self, worker: WorkerId, at: float) -> None:
        """All agents of a worker that were probed have answered."""
        self.see(events.ProbeAnswered(at, worker))

    def _heard(self, worker: WorkerId, at: float) -> None:
        for observer in self.observers:
            observer.heard(worker, at)

    # -------------------------------------------------------------- actions

    def _perform(self, action: actions.Action) -> events.Event | None:
        match action:
            case actions.Signal():
                return self._send(action)
            case actions.Spawn():
                return self._spawn(action.worker)
            case actions.Probe():
                asked = self.agents.probe(action.worker) if self.agents is not None else 0
                return events.Probed(monotonic(), action.worker, asked)
            case actions.Dump():
                if self.agents is not None:
                    self.agents.dump(action.worker)
            case actions.ReadMasks():
                return events.MasksRead(
                    monotonic(), action.worker, processes.masks(self._children[action.worker].pid)
                )
            case actions.Look():
                at = monotonic()
                return events.Sampled(at, action.worker, processes.sample(self._children[action.worker].pid, at))
            case actions.Survey():
                return self._survey(action.worker)
            case actions.Reap():
                return self._reap(action)
            case actions.Suspend():
                self.job.suspending()
                if self._tty is not None:
                    self._tty.take_back()
                stopped = terminal.suspend(action.signal, action.job)
                self.job.resumed()
                if not stopped and action.job and action.signal == signum.TSTP:
                    # Nobody could continue us, so Ctrl-Z has no effect, as on a command that leads its session.
                    return events.SignalReceived(monotonic(), signum.CONT, os.getpid())
            case actions.Foreground():
                if self._tty is not None and self._children[action.worker].terminal:
                    self._tty.lend(self._children[action.worker].pid)
            case actions.Report():
                for observer in self.observers:
                    observer.report(action.shutdown, action.worker)
            case actions.Note():
                for observer in self.observers:
                    observer.note(action)
            case _:
                raise TypeError(f"no way to carry out {action!r}")
        return None

    def _send(self, action: actions.Signal) -> events.Event:
        self._census.refresh()
        child = self._children[action.worker]
        at = monotonic()
        hit: tuple[Key, ...] = ()
        newest: int | None = None
        if action.target == "group":
            newest = processes.newest()  # before: once the signal is out, a handler may fork ahead of our next line
            delivered = self._send_group(action.worker, action.signal)
            if action.wake:
                self._send_group(action.worker, signum.CONT)
        elif action.target == "main":
            delivered = send.send_main(child.pidfd, action.signal)
            if action.wake:
                send.send_main(child.pidfd, signum.CONT)
        else:
            hit = tuple(one.key for one in action.members if send.send_checked(one, action.signal, action.wake))
            delivered = bool(hit)
        return events.Sent(at, action.worker, action.signal, action.target, delivered, hit, action.ladder, newest)

    def _group(self, worker: WorkerId) -> int:
        own = self.fleet.lives[worker].spec.exec.own_group
        return self._children[worker].pid if own else os.getpgrp()

    def _send_group(self, worker: WorkerId, signal: int) -> bool:
        """Signal the worker's group; where that is ours too, its processes one by one."""
        child = self._children[worker]
        if self._group(worker) == child.pid:
            return send.send_group(child.pid, child.pidfd, signal)
        members = self._census.members(child.pid, self._group(worker), self._mains, None)
        found = [send.send_main(child.pidfd, signal)]
        found += [send.send_checked(one, signal, False) for one in members if one.in_group]
        return any(found)

    def _spawn(self, worker: WorkerId) -> events.Event:
        spec = self.fleet.lives[worker].spec
        try:
            attached = self._attachments.attach(worker, spec)
            child = spawn.fork_exec(
                spec.exec,
                self._inherited,
                identity=identity.of(spec.exec),
                terminal=self._tty,
                stdio=attached.stdio,
                additions=attached.additions,
            )
        except identity.Unknown as error:
            self._attachments.withdraw(worker)
            return events.StartFailed(monotonic(), worker, "user", errno.ENOENT, str(error))
        except OSError as error:
            self._attachments.withdraw(worker)
            return events.StartFailed(monotonic(), worker, "fork", error.errno or 0)
        return self._watch(worker, child)

    def _watch(self, worker: WorkerId, child: spawn.Child) -> events.Event:
        self._children[worker] = child
        self._worker_of[child.pidfd] = worker
        self._mains.add(child.pid)
        self._starting.add(worker)
        self._exits.watch(child.pidfd)
        self.poller.watch(child.status_fd, lambda at, _: self._status_known(worker, at))
        if self.agents is not None:
            self.agents.main(worker, child.pid)
        self._attachments.forked(worker)
        for observer in self.observers:
            observer.started(worker, child.pid)
        return events.Forked(monotonic(), worker, child.pid, child.terminal)

    def _survey(self, worker: WorkerId) -> events.Event:
        mark = None if self.fleet.spec.wrap else processes.mark(worker)
        main, dead = self._children[worker].pid, self.fleet.lives[worker].death is not None
        members = self._census.members(main, self._group(worker), self._mains, mark, dead=dead)
        if not self._subreaper:
            self._watch_members(worker, [member.pid for member in members])
        return events.Surveyed(monotonic(), worker, tuple(members))

    def _watch_members(self, worker: WorkerId, pids: list[int]) -> None:
        self._forget_members(worker)
        for pid in pids[:MOST_WATCHED]:
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            self._members[worker].append(fd)
            self.poller.watch(fd, lambda at, _, fd=fd: self._member_ended(worker, fd, at))  # type: ignore[misc]

    def _member_ended(self, worker: WorkerId, fd: int, at: float) -> None:
        self.poller.unwatch(fd)
        os.close(fd)
        self._members[worker].remove(fd)
        self.see(events.OrphansChanged(at))

    def _forget_members(self, worker: WorkerId) -> None:
        for fd in self._members.get(worker, ()):
            self.poller.unwatch(fd)
            os.close(fd)
        self._members[worker] = []

    def _reap(self, action: actions.Reap) -> events.Event:
        child = self._children.pop(action.worker)
        self._mains.discard(child.pid)
        rusage = None if action.stuck else wait.reap(child.pid)
        self._forget_members(action.worker)
        self._exits.unwatch(child.pidfd)
        del self._worker_of[child.pidfd]
        os.close(child.pidfd)
        self._attachments.detach(action.worker)
        return events.Reaped(monotonic(), action.worker, rusage, int.from_bytes(os.urandom(4), "big") / 2**32)

    # -------------------------------------------------------------- our own bug

    def _abandon(self) -> None:
        """Stop what runs without the core: the stop signal, the grace period, SIGKILL, to each whole group."""
        for worker in self._children:
            self._send_group(worker, self.fleet.lives[worker].spec.stop.ladder.stop_signal)
        graces = [self.fleet.lives[worker].spec.stop.ladder.grace or 10.0 for worker in self._children]
        until = monotonic() + max(graces, default=0.0)
        groups = processes.Census(subreaper=False)
        while monotonic() < until and any(
            wait.peek_exit(child.pidfd) is None or groups.members(child.pid, self._group(worker), (), None)
            for worker, child in self._children.items()
        ):
            sleep(ABANDONED_LOOK)
        for worker in self._children:
            self._send_group(worker, signum.KILL)
