"""What the core promises (docs/architecture.md, "Layers"), checked by name at every step of the simulated world.

Written from the promises, not from the code: the model keeps its own account of requests, rungs and instants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from tests.core.bounds import bound, most

if TYPE_CHECKING:
    from tests.core.world import Process, World

KILL = 9
STOP_REQUESTS = {15, 2, 3, 1}
HURRY_AFTER = 0.1
LONGEST_HOLD = 0.25
EPSILON = 1e-6
PEERS = ("failed peer", "finished peer", "dependency")


class Broken(AssertionError):
    """A promise was broken; ``promise`` is its name."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise}: {detail}")
        self.promise = promise


def broken(promise: str, detail: str) -> NoReturn:
    raise Broken(promise, detail)


def hold(promise: str, fact: bool, detail: object = "") -> None:
    if not fact:
        broken(promise, str(detail))


class Account:
    """What the model knows about one start of one worker."""

    def __init__(self) -> None:
        self.requests, self.last = 0, 0.0
        self.rung, self.since = -1, 0.0
        self.first: float | None = None
        self.extended = False
        self.held = False
        self.anew = False
        self.sent: list[tuple[int, float]] = []
        self.stand_in: int | None = None
        self.stopped = False
        self.started = False
        self.forked = False
        self.exited = False
        self.surveyed = False
        self.reaping = False
        self.reported = False


class Promises:
    """The model beside a world; every method raises Broken when what is about to happen must not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts = [Account() for _ in world.spec.workers]
        self.down = [False for _ in world.spec.workers]
        self.fleet_down = False
        self.asked_all: float | None = None
        self.starts = [0 for _ in world.spec.workers]
        self.failure: tuple[int | None, int | None] | None = None
        self.last: tuple[int | None, int | None] = (0, None)
        self.statuses: dict[int, tuple[int | None, int | None]] = {}
        self.unfinished: tuple[int | None, int | None] | None = None
        self.before = world.fleet
        self.absurd = False

    # ------------------------------------------------------------------ events and the state after them

    def stepped(self, before: Any, event: Any, actions: tuple[Any, ...]) -> None:
        self.before = before
        name = type(event).__name__
        if not self.absurd:
            self._note_fact(name, event)
        asked = self._asked_workers(name, event, before)
        # The first signal of all to a fleet is no second request to those that a command is stopping.
        again = before.spec.manner.wraps or before.asked is not None
        insists = (name == "SignalReceived" and again) or (name == "StopAsked" and event.by not in PEERS)
        for life in self.world.fleet.lives.values():
            was = before.lives[life.id]
            self._way(was, life, event)
            if life.state == "sweeping" and was.state != "sweeping":
                account = self.accounts[life.id]  # another ladder, for what was left
                account.rung, account.since, account.first = 0, event.at, None
                account.held = account.extended = account.anew = False
                for one in self.world.of(life.id):
                    one.rungs = {}
            if asked is not None and life.id in asked:
                self._asked(was, life, event, insists=insists)
            elif name == "SignalReceived":
                same = was.stop == life.stop and not any(_ladder(one, life.id) for one in actions)
                hold("what asks for no stop starts and hurries none", same, (event, actions))
            if was.stop is not None and life.start == was.start and name in ("SignalReceived", "StopAsked"):
                hold(
                    "asking again only hurries",
                    bound(life, event.at) <= bound(was, event.at) + EPSILON,
                    (event, was.stop, life.stop),
                )
        if name == "StartAsked" and not self.fleet_down:
            for worker in range(len(self.down)) if event.workers is None else event.workers:
                self.down[worker] = False
        if asked is not None and (name != "StopAsked" or event.workers is None):
            if not self.fleet_down:
                self._unfinished(before)
                if name not in ("Reaped", "StartFailed"):
                    self._failed(self.unfinished)  # else the peer that ended has failed first, if it has
            self.fleet_down = True
            self.asked_all = event.at if self.asked_all is None and self.fleet_down else self.asked_all
        for worker in asked or ():
            if name == "StopAsked" and before.lives[worker].state == "backoff" and self._never_ran(worker):
                self._failed(self.statuses[worker])
            self.down[worker] = True
        if name == "Forked" and not self.absurd and self.accounts[event.worker].requests:
            hold("a stopped worker stays stopped", self.world.fleet.lives[event.worker].stop is not None, event)
        if name == "Sent" and event.ladder:
            self._sent(event)
        self._climbed(event.at)

    def _unfinished(self, before: Any) -> None:
        """The fleet goes down: who should run and does not has failed."""
        waits = [number for number, life in before.lives.items() if life.state in ("waiting", "backoff")]
        if waits and not self.world.spec.manner.wraps:
            self.unfinished = self.statuses.get(waits[0], (1, None))

    def _never_ran(self, worker: int) -> bool:
        """Whether the last start of the worker has failed: no process, or one that could not become the command."""
        return (main := self.world.mains[worker]) is None or main.exec_fails is not None

    def _failed(self, status: tuple[int | None, int | None] | None) -> None:
        if self.failure is None and status is not None:
            self.failure = (1, None) if status == (0, None) else status

    def _way(self, was: Any, life: Any, event: Any) -> None:
        """Whoever changes its state goes a way of the table; what an end means for others is a stop request."""
        if was.state != life.state:
            events, kind = self.world.core.events, type(event)
            others = getattr(event, "worker", life.id) != life.id
            told = self.world.core.states.leads(was.state, events.StopAsked if others else kind, life.state)
            hold("a way of the table", told, (was.state, kind.__name__, life.state))

    def performed(self, before: Any, event: Any) -> None:
        """After the actions of a step: deadlines, the limit, and that peers are asked when they should be."""
        world = self.world
        if type(event).__name__ == "Tick":
            limit = world.spec.limit
            if self.asked_all is not None and limit is not None and event.at >= self.asked_all + limit:
                for life in world.fleet.lives.values():
                    top = life.stopping is None or life.rung.signal == KILL
                    hold("the limit kills everything that was asked", top, life)
            due = before.deadline is not None and before.deadline <= event.at
            hold("a tick makes progress", not due or world.fleet != before or bool(world.pending), before.deadline)
        self.nobody_forgotten()
        for life in world.fleet.lives.values():
            self._deadline(life)
            if life.stop is not None and life.stop.standing.rung > 0:
                self.accounts[life.id].stand_in = None  # the first signal was overtaken

    def _note_fact(self, name: str, event: Any) -> None:
        if name in ("Forked", "Started", "MainExited", "MainStopped", "MainContinued", "Surveyed", "Reaped"):
            account = self.accounts[event.worker]
            account.forked |= name == "Forked"
            if name == "Forked" and (self.down[event.worker] or self.fleet_down):
                account.requests, account.last = 1, event.at  # asked while it was being forked
            account.started |= name == "Started"
            account.exited |= name == "MainExited"
            if name == "MainExited":
                account.stand_in = None  # not needed any more, if it was still held back
            account.reaping &= name != "Reaped"
            account.stopped = name == "MainStopped" or (
                account.stopped and name not in ("MainContinued", "MainExited")
            )

    def _asked_workers(self, name: str, event: Any, before: Any) -> list[int] | None:
        """Whom the event asks to stop; None when it is no request at all."""
        world = self.world
        if name in ("Reaped", "StartFailed") and before.want != world.fleet.want:
            return list(range(len(world.spec.workers)))  # a peer's end stops all: judged in `reported`
        if name == "StopAsked":
            return list(range(len(world.spec.workers)) if event.workers is None else event.workers)
        keyboard = world.spec.manner.wraps and name == "SignalReceived" and event.kernel and event.signal in (2, 3)
        if name != "SignalReceived" or event.signal not in STOP_REQUESTS or keyboard:
            return None
        dropped = [dict(one.stop.rewrite).get(event.signal) == 0 for one in world.spec.workers]
        return [index for index, one in enumerate(dropped) if not one] or None

    def _asked(self, was: Any, life: Any, event: Any, *, insists: bool) -> None:
        account, at, stop = self.accounts[life.id], event.at, life.spec.stop
        if not was.going:
            return
        if account.requests == 0 and was.stop is None:
            signal = getattr(event, "signal", None)
            closed = not self.world.spec.manner.wraps and signal in (1, 3)  # a terminal that went away
            own = signal is None or stop.own_signal or closed or stop.ladder.stop_signal == KILL
            account.stand_in = stop.ladder.stop_signal if own else dict(stop.rewrite).get(signal, signal)
        if account.requests and at - account.last < HURRY_AFTER:
            hold("requests in the same moment are one", was.stop.standing.rung == life.stop.standing.rung, life.stop)
            return
        if account.requests and not insists:
            hold("what asks for no stop starts and hurries none", was.stop == life.stop, life.stop)
            return
        account.requests, account.last = account.requests + 1, at
        hold("a request starts the ladder", life.stop is not None and life.stop.asked is not None, life)
        if account.requests >= 2 and was.following is not None:
            hold("asking again only hurries", life.stop.standing.rung > was.stop.standing.rung, (was.stop, life.stop))
        if account.requests >= 3 and not stop.ladder.patient:
            hold("the third request is KILL", life.rung.signal == KILL, life.stop)
        if stop.ladder.patient:
            stays = was.stop is None or life.stop.standing.rung == was.stop.standing.rung
            hold("a patient ladder stays", stays, life.stop)

    def _climbed(self, at: float) -> None:
        for life in self.world.fleet.lives.values():
            account, stop = self.accounts[life.id], life.stop
            if stop is None or not (life.alive or life.state == "sweeping"):
                continue
            if stop.standing.anew and not account.anew:
                self._anew(account, life)
            hold("escalation never goes back", stop.standing.rung >= account.rung, (account.rung, stop))
            if stop.standing.rung != account.rung or (account.held and stop.hold is None):
                account.rung, account.since, account.first = stop.standing.rung, at, None
                account.extended = False
            account.held = stop.hold is not None

    def _anew(self, account: Account, life: Any) -> None:
        """The ladder begins once more for whom SIGKILL would be the first signal, when nobody is in a hurry."""
        above = [*(one.signal for one in life.spec.stop.ladder.rungs), KILL][account.rung]
        hurried = account.requests > 1 or self.world.fleet.limited
        hold("the ladder begins anew only at SIGKILL", above == KILL and not hurried, (account.rung, life.stop))
        account.anew, account.rung, account.first = True, 0, None

    def _sent(self, event: Any) -> None:
        """The grace period counts from the delivery; who is told late has the whole of it, if it does not double."""
        account, life = self.accounts[event.worker], self.world.fleet.lives[event.worker]
        if life.stopping is None:
            return
        if account.first is None:
            account.first = account.since = max(account.since, event.at)
        elif event.target == "leftovers" and life.rung.wait is not None and not account.extended:
            account.since = max(account.since, event.at)
            account.extended = event.at > account.first + life.rung.wait

    def _deadline(self, life: Any) -> None:
        account, deadline = self.accounts[life.id], self.world.fleet.deadline
        if life.stopping is None:
            return
        wait = life.rung.wait
        if life.rung.signal == KILL:
            hold("after SIGKILL there is a deadline too", wait is not None and deadline is not None, life)
        if life.stop.hold is not None:
            soon = deadline is not None and deadline <= account.since + LONGEST_HOLD + EPSILON
            hold("the first signal waits for a moment only", soon, (deadline, account.since))
        elif wait is not None:
            # Time may be given while the first signal is held; that begins to count when it is due at the latest.
            latest = account.since + wait + (life.stop.extended + LONGEST_HOLD if life.stop.extended else 0.0)
            hold("a worker is given no more time than it may have", life.stop.extended <= most(life) + EPSILON, life)
            if life.state == "orphaned" and life.leftovers.surveyed is None:
                latest = max(latest, life.death.at)  # somebody has to look first
            in_time = deadline is not None and deadline <= latest + EPSILON
            hold("every stop has a deadline", in_time, (deadline, account.since, wait))

    # ------------------------------------------------------------------ actions

    def spawning(self, worker: int) -> None:
        main = self.world.mains[worker]
        account = self.accounts[worker]
        first = self.starts[worker] == 0
        hold("a stopped worker stays stopped", not (self.down[worker] or self.fleet_down), worker)
        hold("an exit is never lost", first or account.reported, (worker, main))
        self.starts[worker] += 1
        self.accounts[worker] = Account()

    def touching(self, worker: int, what: str) -> Process:
        main = self.world.mains[worker]
        if main is None or main.reaped:
            broken("nothing is done to a pid or group after its reap", f"worker {worker} is {what}")
        return main

    def signalling(self, action: Any) -> Process | None:
        account, life = self.accounts[action.worker], self.world.fleet.lives[action.worker]
        swept = life.state == "sweeping" and action.target == "leftovers"
        main = None if swept else self.touching(action.worker, f"signalled {action.signal}")
        if action.wake and action.target != "leftovers":
            hold("SIGCONT only for a stopped worker", account.stopped, action)
        if self._kind(action) == "rung":
            expected = [*(one.signal for one in life.spec.stop.ladder.rungs), KILL][life.stop.standing.rung]
            hold("the signal is the rung's", action.signal == expected, (action, life.stop))
        if action.ladder:
            account.sent.append((action.signal, self.world.now))
        return main

    def hitting(self, action: Any, hit: list[Process]) -> None:
        life = self.world.fleet.lives[action.worker]
        if life.spec.stop.leftovers == "leave" and action.ladder and action.target == "leftovers":
            broken("who may stay is left alone", str(action))
        kind = self._kind(action)
        if kind == "stand-in":
            self.accounts[action.worker].stand_in = None
        if kind in ("stand-in", "rung"):
            for one in hit:
                rung = life.stop.standing.rung if kind == "rung" else 0
                hold("nobody gets the same rung twice", rung not in one.rungs, (action, one.pid))
                if action.signal == KILL and action.target == "leftovers":
                    hold("whoever gets SIGKILL was asked before", self._may_kill(life, one), (action, one.pid))
                self._whole_wait(life, one, rung)
                one.rungs[rung] = self.world.now

    def _may_kill(self, life: Any, one: Process) -> bool:
        """One by one, SIGKILL only goes to whom a rung below has reached, with the group or alone."""
        account = self.accounts[one.worker]
        hurried = account.requests > 1 or self.world.fleet.limited or life.ladder.stop_signal == KILL
        in_shot_group = one.in_group and any(number == KILL for number, _ in account.sent)
        return bool(one.rungs) or hurried or account.anew or in_shot_group

    def _whole_wait(self, life: Any, one: Process, rung: int) -> None:
        """Whoever got the signal of a rung gets that of the next only after a whole wait, when nothing but time says
        so. Who was told after the wait of the others has less if somebody else had been before."""
        told, wait = one.rungs.get(rung - 1), life.ladder.rungs[rung - 1].wait
        limited = self.world.fleet.limited and not self.before.limited
        if told is None or wait is None or limited or type(self.world.events[-1]).__name__ != "Tick":
            return
        times = sorted(other.rungs.get(rung - 1, told) for other in [one, *self.world.of(one.worker)])
        late = [at for at in times if at > times[0] + wait]
        early = self.world.now < told + wait - EPSILON and (not late or told <= late[0])
        hold("a grace period is kept", not early, (one.pid, rung, told, self.world.now, wait))

    def _kind(self, action: Any) -> str:
        """``rung``: the ladder's own signal; ``stand-in``: the first request's, as received; ``raw``: passed on."""
        event, life, account = (
            self.world.events[-1],
            self.world.fleet.lives[action.worker],
            self.accounts[action.worker],
        )
        if not action.ladder:
            hold("a fleet passes no signal on", self.world.spec.manner.wraps, action)
            return "raw"
        if action.target != "leftovers" and action.signal == account.stand_in:
            return "stand-in"
        if type(event).__name__ != "SignalReceived" or action.target == "leftovers":
            return "rung"
        was = self.before.lives[action.worker].stop
        climbed = was is not None and was.standing.rung != life.stop.standing.rung
        sending = dict(life.spec.stop.rewrite).get(event.signal, event.signal)
        return "raw" if sending == action.signal and not climbed else "rung"

    def reaping(self, action: Any) -> None:
        world, worker = self.world, action.worker
        main = self.touching(worker, "reaped")
        account, life = self.accounts[worker], world.fleet.lives[worker]
        hold("one report per start", not account.reaping, action)
        account.reaping = True
        if life.outcome == "stuck":
            alive = main.alive or any(one.alive for one in world.of(worker))
            hold("an exit is never lost", alive, f"{worker} is called stuck, but everybody is dead")
        hold("only a dead process is reaped", action.stuck == main.alive, action)
        if life.outcome == "stuck":
            return
        if life.spec.stop.leftovers != "end":
            return
        everyone = self.down[worker] or self.fleet_down or life.manner.init
        kept = [
            one.pid
            for one in world.of(worker)
            if one.alive and (one.in_group or (everyone and account.requests and not one.left))
        ]
        hold("the whole worker has ended", not kept, (worker, kept))

    def reported(self, shutdown: Any) -> None:
        world = self.world
        worker = [spec.name for spec in world.spec.workers].index(shutdown.worker)
        account, main = self.accounts[worker], world.mains[worker]
        hold("one report per start", not account.reported and shutdown.start == self.starts[worker], shutdown)
        account.reported = True
        marks = shutdown.marks
        known = [at for at in (marks.asked, marks.exited) if at is not None]
        hold("marks are in order", known == sorted(known) and marks.asked in (0, None), marks)
        within = marks.main_exited is None or marks.exited is None or marks.main_exited <= marks.exited
        hold("marks are in order", within, marks)
        shown = [shutdown.zero + one.at for one in shutdown.escalation]
        sent = all(any(abs(at - when) < EPSILON for _, when in account.sent) for at in shown)
        hold("instants are as they were, before zero too", sent, (shown, account.sent))
        hold("the outcome is the truth", shutdown.outcome == self._outcome(shutdown, main), (shutdown, main))
        if main is not None and not main.alive:
            hold(
                "the outcome is the truth",
                (shutdown.exit_code, shutdown.signal) == self._status(main),
                shutdown,
            )
        self._count(worker, shutdown, main)

    def _outcome(self, shutdown: Any, main: Process | None) -> str:
        if shutdown.outcome == "stuck":
            return "stuck"  # judged when it was reaped
        life = next(one for one in self.world.fleet.lives.values() if one.spec.name == shutdown.worker)
        if main is None or main.exec_fails:
            return "failed"
        if main.signal is not None:
            return "killed" if main.signal == KILL and main.shot else "signalled"
        return "clean" if main.code in life.spec.stop.success_codes else "failed"

    @staticmethod
    def _status(main: Process) -> tuple[int | None, int | None]:
        """What a dead main process stands for: a command that could not be run has a shell's exit code."""
        return ({2: 127, 13: 126}[main.exec_fails], None) if main.exec_fails else (main.code, main.signal)

    def _count(self, worker: int, shutdown: Any, main: Process | None) -> None:
        """The exit status, from the reports so far."""
        account = self.accounts[worker]
        if main is None:
            status: tuple[int | None, int | None] = (125, None)
        elif main.alive:
            status = (125, None)
        else:
            status = self._status(main)
        self.last = status
        asked = account.requests > 0 or (main is None and (self.down[worker] or self.fleet_down))
        ours = (
            asked
            and shutdown.outcome == "signalled"
            and shutdown.signal in {number for number, _ in account.sent} - {KILL}
        )
        if not asked and not self.fleet_down and self.world.spec.workers[worker].restart.on_exit == "stop-all":
            hold("a peer's end stops all", self.world.fleet.want == "down" or self.world.spec.manner.wraps, shutdown)
        again = self.world.fleet.lives[worker].attempts.due is not None
        self.statuses[worker] = status
        if shutdown.outcome != "clean" and not ours and not again:
            self._failed(status)
        self._failed(self.unfinished)

    def amended(self, shutdown: Any) -> None:
        """A start is told anew, with what has become of what it had left."""
        fates = {one.pid: one.fate for one in shutdown.leftovers}
        for one in self.world.members:
            if one.pid in fates:
                told = fates[one.pid]
                hold("what was left is named", (told == "left") == one.alive, (one.pid, told))
                shot = one.shot or one.profile == "unkillable"
                hold("what was left is named", told != "killed" or shot, (one.pid, told))

    def nobody_forgotten(self) -> None:
        """Once a fleet is stopped, nobody is left of it but whom SIGKILL did not end, and who may stay."""
        world = self.world
        if not world.fleet.over or not self.fleet_down or world.spec.manner.wraps:
            return
        for one in world.members:
            life = world.fleet.lives[one.worker]
            excused = life.spec.stop.leftovers != "end" or life.outcome == "stuck" or one.profile == "unkillable"
            hold("nobody is forgotten", excused or not one.alive, (one.pid, life))

    # ------------------------------------------------------------------ the end

    def unexpected(self, event: Any) -> None:
        """The event is impossible now: one Note, nothing else."""
        world = self.world
        before, notes = world.fleet, len(world.notes)
        count = len(world.reports)
        self.absurd = True
        world.see(event)
        self.absurd = False
        hold("the unexpected changes nothing", world.fleet == before and len(world.reports) == count, event)
        hold("the unexpected is told", len(world.notes) == notes + 1, event)

    def finished(self) -> None:
        world = self.world
        for worker, account in enumerate(self.accounts):
            main = world.mains[worker]
            if self.starts[worker]:
                hold("an exit is never lost", account.reported, (worker, main, world.fleet.lives[worker]))
        hold("an exit is never lost", world.fleet.over, world.fleet)
        ending = world.fleet.ending
        expected = self.last if world.spec.manner.wraps else self.failure or (0, None)
        hold("the exit status", (ending.code, ending.signal) == expected, (ending, expected))
        fleet, reports = world.core.state.new(world.spec), []
        for event in world.events:
            fleet, actions = world.core.fleet.step(fleet, event)
            reports += [one.shutdown for one in actions if type(one).__name__ == "Report"]
        hold("a recording is the run", fleet == world.fleet and reports == world.reports)


def _ladder(action: Any, worker: int) -> bool:
    return type(action).__name__ == "Signal" and action.ladder and action.worker == worker
