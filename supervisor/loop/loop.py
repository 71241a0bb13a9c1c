"""The only event loop: a fact arrives, core decides, perform.py carries out. epoll, no thread, no wake-up while idle.

Every event enters at :meth:`Loop.see`. Facts of one epoll batch share one time stamp, taken before anything is read;
ends of main processes have their own (system/process/exits.py), since the length of a shutdown is what we tell.
"""

from __future__ import annotations

import os
from time import monotonic, sleep

from supervisor.core import events, signum
from supervisor.core.fleet import step
from supervisor.core.fleet.state import Fleet, new
from supervisor.loop.observer import Attachments
from supervisor.loop.perform import Performer
from supervisor.system import signals
from supervisor.system.lateness import Lateness
from supervisor.system.poller import Poller
from supervisor.system.proc import processes
from supervisor.system.process import send, wait
from supervisor.system.process.exits import Exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from supervisor.core.events import Said
    from supervisor.core.spec import FleetSpec, WorkerId
    from supervisor.loop.observer import JobControl, Observer
    from supervisor.loop.running import Running
    from supervisor.system.agent.agents import Agents
    from supervisor.system.output.patience import Patience
    from supervisor.system.poller import Source
    from supervisor.system.process.spawn import Child
    from supervisor.system.terminal import Terminal

# Ends that core hears of in one call: some milliseconds, in which nobody gets a signal.
ENDS_A_TURN = 32
# After a bug of ours nothing tells us when a group has ended: look so often, seconds.
ABANDONED_LOOK = 0.05


class Loop:
    """Runs one fleet until it is over. ``sources`` have clocks of their own, ``observers`` learn what happens,
    ``jobs`` put something aside while we are stopped by job control; all three are lists to append to."""

    def __init__(
        self,
        spec: FleetSpec,
        inherited: signals.Inherited,
        *,
        subreaper: bool,
        tty: Terminal | None = None,
        attachments: Attachments | None = None,
        observers: Iterable[Observer] = (),
        poller: Poller | None = None,
        agents: Agents | None = None,
        record: Callable[[events.Event], None] | None = None,
    ) -> None:
        self.fleet: Fleet = new(spec)
        self.poller = poller or Poller()
        self.agents: Agents | None = None
        self.sources: list[Source] = []
        self._exits = Exits()
        # What was found in this turn, and core is told of at once: hundreds of starts work in one.
        self._facts: list[events.Event] = []
        self._hands = Performer(
            inherited,
            alone=spec.manner.wraps,
            subreaper=subreaper,
            tty=tty,
            attachments=attachments or Attachments(),
            poller=self.poller,
            exits=self._exits,
            found=self._facts.extend,
            sources=self.sources,
        )
        self.observers: list[Observer] = self._hands.observers
        self.observers += observers
        self.jobs: list[JobControl] = self._hands.jobs
        self.running = self._hands.running
        if agents is not None:
            self.meet(agents)
        # Ignored when we were started (nohup). SIGINT and SIGQUIT are not meant: a shell's & ignores them, and the
        # command gets them back (signals.hand_down).
        self._ignored = inherited.ignored - {signum.INT, signum.QUIT, signum.CHLD}
        self._tty = tty
        self._record = record
        self._dated: tuple[Fleet, float | None] | None = None
        self._signals = signals.open_fd()
        self._lateness = Lateness()
        for waking in (self._signals, self._exits.fileno()):
            self.poller.watch(waking, lambda *_: None)  # _turn asks them for their news, each at its time

    # -------------------------------------------------------------- the one entrance

    def see(self, event: events.Event) -> None:
        """Take one event in and carry out what core says, until nothing is left to do."""
        self.see_all([event])

    def see_all(self, seen: Sequence[events.Event]) -> None:
        """See facts that were seen together: core takes them in together, and then all their answers."""
        if not seen:
            return
        at = seen[-1].at
        while seen:
            if self._record is not None:
                for event in seen:
                    self._record(event)
            self.fleet, todo = step.step(self.fleet, *seen)
            seen = self._hands.perform(todo, self.fleet.lives)
        for observer in self.observers:
            observer.changed(at)

    def adopt(self, worker: WorkerId, child: Child) -> None:
        """Take over a process that was started before this loop existed (the lean path of `run`)."""
        self.see(self._hands.watch(worker, self.fleet.lives[worker].spec, child))

    def close(self) -> None:
        """Give back our own descriptors; signals stay blocked, and the next loop of this process reads them."""
        for fd in (self._signals, self._exits.fileno()):
            self.poller.unwatch(fd)
        for running in self.running:  # given up as stuck
            running.close(self.poller)
        self._exits.close()
        os.close(self._signals)

    def meet(self, agents: Agents) -> None:
        """Hear from here on what the agents of the workers say."""
        self.agents = self._hands.agents = agents
        agents.listen(self._agent_said, self._agents_answered, self._heard)
        self.sources.append(agents)
        for running in self.running:
            agents.main(running.worker, running.child.pid)

    def run(self) -> Fleet:
        """Run until the fleet is over.

        On a bug of ours no worker is left behind: they are stopped, then it is raised.
        """
        try:
            while not self.fleet.over:
                self._turn()
            self._hands.close()
            wait.reap_orphans(self.running.claimed)  # a look may have found them dead before SIGCHLD was read
        except BaseException:
            self._abandon()
            raise
        finally:
            if self._tty is not None:
                self._tty.take_back()
        return self.fleet

    def _turn(self) -> None:
        deadline = self.deadline
        self._hands.census.refresh()
        waiting = bool(self._exits)
        ready = self.poller.wait(0.0 if waiting else None if deadline is None else deadline - monotonic())
        at = monotonic()
        # A signal alone is passed on before anything else is looked at: after a second of idleness each line of ours
        # costs three times its usual time.
        if waiting or len(ready) != 1 or ready[0][0] != self._signals:
            self._take_in(ready, at)
        else:
            self._signals_ready(at)
            self._exits.stamp()
        due = self._due
        if due is not None and due <= at:
            self.see(events.Tick(at))
        for source in self.sources:
            if source.deadline is not None and source.deadline <= at:
                source.tick(at)
        self._see_found()

    def _take_in(self, ready: list[tuple[int, int]], at: float) -> None:
        """Take in all that is ready: ends before signals, for a worker that was dead already was not stopped by the
        signal of the same batch.
        """
        self._exits.stamp()
        if self._exits:
            self._ends()
        signalled = False
        for fd, what in ready:
            if fd == self._signals:
                signalled = True
                continue
            self.poller.call(fd, at, what)
            self._exits.stamp()
        self._see_found()
        if signalled:
            self._signals_ready(at)
            self._exits.stamp()

    def _see_found(self) -> None:
        """Take in what was found in this turn."""
        if self._facts:
            facts = self._facts[:]
            self._facts.clear()
            self.see_all(facts)

    @property
    def deadline(self) -> float | None:
        """Return when something is due next, of the fleet or of a source; None for never."""
        due = self._due
        for source in self.sources:
            at = source.deadline
            if at is not None and (due is None or at < due):
                due = at
        return due

    @property
    def _due(self) -> float | None:
        """Return when something of the fleet is due: looked up once for each state, since it asks every worker."""
        if self._dated is None or self._dated[0] is not self.fleet:
            self.fleet = self.fleet.dated()
            self._dated = self.fleet, self.fleet.deadline
        return self._dated[1]

    def patience(self) -> Patience:
        """Return how long readers are waited for after the end: until a further stop request at the latest."""
        from supervisor.system.output.patience import Patience

        return Patience(asked=self._signals, again=self._asked_again)

    def _asked_again(self) -> bool:
        requests = signum.STOP_REQUESTS - self._ignored
        return any(one.signal in requests for one in signals.read(self._signals))

    # -------------------------------------------------------------- facts

    def _ends(self) -> None:
        """Tell core who has ended. What is more than ENDS_A_TURN waits for the next turn, which comes at once."""
        ended: list[tuple[Running, float, wait.Exit]] = []
        for _ in range(min(len(self._exits), ENDS_A_TURN)):
            pidfd, at = self._exits.take()
            found = wait.peek_exit(pidfd)
            if found is None:
                self._exits.set_aside(pidfd)
                continue
            running = self.running.of_pidfd(pidfd)
            running.ended = True
            ended.append((running, at, found))
            self._exits.stamp()
        # Asked once for all of them, now that they are dead.
        dead = [running.child.pid for running, _, _ in ended]
        alone = bool(dead) and self._hands.census.without_orphans(self.running.claimed, dead)
        facts: list[events.Event] = []
        for running, at, found in ended:
            facts += self._hands.status_known(running, at)
            facts += self._hands.last_words(running.worker, at)
            facts.append(events.MainExited(at, running.worker, found.code, found.signal, alone))
        self.see_all(facts)
        self._exits.stamp()

    def _signals_ready(self, at: float) -> None:
        arrived = signals.read(self._signals)
        children = signum.CHLD in [one.signal for one in arrived]
        if children and all(one.signal != signum.CONT for one in arrived):
            # A worker that was stopped a moment ago has to be woken by the stop request that is read now. After our
            # own SIGCONT it is the other way round: the worker is continued, and the old stop is no news.
            self._jobs_changed(at)
        asked = False
        for one in arrived:
            if one.signal == signum.CHLD:
                continue
            ignored = one.signal in self._ignored
            asks = one.signal in signum.STOP_REQUESTS and not ignored
            when = self._lateness.earliest(at) if asks else at
            self.see(events.SignalReceived(when, one.signal, one.sender_pid, one.sender_uid, one.kernel, ignored))
            asked = asked or asks
        if asked:
            self._lateness.handled(at)
        if children:
            self._exits.again()
            self._jobs_changed(at)
            if wait.reap_orphans(self.running.claimed):
                self.see(events.OrphansChanged(at))

    def _jobs_changed(self, at: float) -> None:
        """See whom job control has stopped or continued: SIGCHLD tells that there is one (signal(7), wait(2))."""
        while (change := wait.next_job()) is not None:
            pid, kind, signal = change
            running = self.running.of(pid)
            if running is not None:
                stopped = kind == "stopped"
                worker = running.worker
                self.see(events.MainStopped(at, worker, signal) if stopped else events.MainContinued(at, worker))

    def _agent_said(self, worker: WorkerId, what: Said, at: float) -> None:
        """See that the agent of a main process is there, has gone, or has reached a mark."""
        self.see(events.AgentSaid(at, worker, what))

    def _agents_answered(self, worker: WorkerId, at: float) -> None:
        """See that all agents of a worker that were probed have answered."""
        self.see(events.ProbeAnswered(at, worker))

    def _heard(self, worker: WorkerId, at: float) -> None:
        for observer in self.observers:
            observer.heard(worker, at)

    # -------------------------------------------------------------- our own bug

    def _abandon(self) -> None:
        """Stop what runs without core, and import nothing: the stop signal, the grace period, SIGKILL to each group.

        Whatever fails meanwhile, a second bug of ours or a lack of memory or descriptors: SIGKILL is sent.
        """
        for running in self.running:
            self._signal(running, running.spec.stop.ladder.stop_signal)
        try:
            self._wait_for_all()
        except Exception:
            pass  # the first bug is the one to be told
        for running in self.running:
            send.send_main(running.child.pidfd, signum.KILL)
            self._signal(running, signum.KILL)

    def _signal(self, running: Running, signal: int) -> None:
        try:
            self._hands.send_group(running, signal)
        except Exception:
            pass  # as above

    def _wait_for_all(self) -> None:
        """Wait until all groups have ended, at most for the longest grace period."""
        until = monotonic() + max((running.spec.stop.ladder.grace or 10.0 for running in self.running), default=0.0)
        groups = processes.Census(subreaper=False)

        def lives(running: Running) -> bool:
            try:
                members = groups.members(running.child.pid, running.group, (), None)
            except OSError:
                return True  # nobody can look
            return bool(members) or wait.peek_exit(running.child.pidfd) is None

        while monotonic() < until and any(map(lives, self.running)):
            sleep(ABANDONED_LOOK)
