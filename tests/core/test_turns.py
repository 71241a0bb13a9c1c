"""Hundreds of workers at once: who is due for a signal gets it first, and looks never keep one waiting."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

from supervisor.core import events, ladder
from supervisor.core.actions import Action, Look, Probe, Reap, Report, Signal, Survey, WorkerAction
from supervisor.core.fleet import step
from supervisor.core.fleet.state import Fleet, new
from supervisor.core.fleet.step import LOOKS_A_TURN
from supervisor.core.record import Member
from supervisor.core.spec import ExecSpec, FleetSpec, StopSpec, WorkerId, WorkerSpec
from supervisor.core.worker.dues import LAST_GASP, UNSEEN_LIMIT

MANY = 40


def workers(count: int) -> list[WorkerId]:
    """The first ``count`` workers of a fleet."""
    return [WorkerId(number) for number in range(count)]


class Run:
    """A fleet, and what was asked of us at the last event."""

    def __init__(self, count: int = MANY) -> None:
        stop = StopSpec(ladder.parse("TERM/3/KILL"))
        self.fleet: Fleet = new(FleetSpec(tuple(WorkerSpec(f"w{n}", ExecSpec(("w",)), stop) for n in range(count))))
        self.actions: tuple[Action, ...] = ()

    def see(self, *seen: events.Event) -> tuple[Action, ...]:
        for event in seen:
            self.fleet, self.actions = step.step(self.fleet, event)
        return self.actions

    def of(self, *kinds: type[WorkerAction]) -> list[WorkerId]:
        return [one.worker for one in self.actions if isinstance(one, kinds)]

    def ticks(self, at: float) -> Counter[type[Action]]:
        """Ticks at this instant until nothing is due any more; all that was asked for."""
        asked: Counter[type[Action]] = Counter()
        while self.fleet.deadline is not None and self.fleet.deadline <= at:
            asked.update(type(one) for one in self.see(events.Tick(at)))
            looked = set(self.of(Look, Survey, Probe))
            assert len(looked) <= LOOKS_A_TURN
        return asked


def _stopping(count: int = MANY) -> Run:
    """All were asked to stop at 10 and had their signal."""
    run = Run(count)
    run.see(events.StartAsked(0.0))
    for worker in workers(count):
        run.see(events.Forked(1.0, worker, 100 + worker), events.Started(1.0, worker))
    run.see(events.StopAsked(10.0, "drill"))
    assert run.of(Signal) == workers(count)
    for worker in workers(count):
        run.see(events.Sent(10.0, worker, 15, "group", "delivered", ladder=True))
    return run


def _killed(run: Run, at: float) -> None:
    for worker in run.of(Signal):
        run.see(events.Sent(at, worker, 9, "group", "delivered", ladder=True))


def test_looks_are_spread_over_turns() -> None:
    run = _stopping()
    assert run.ticks(10.5) == {Look: MANY}, "one each, however many were missed"


def test_looks_that_do_not_fit_before_the_signal_are_left_out() -> None:
    run = _stopping()
    run.ticks(12.8)
    gasp = 13.0 - LAST_GASP
    run.see(events.Tick(gasp))
    assert len(run.of(Probe)) == LOOKS_A_TURN
    run.see(events.Tick(gasp + 0.01))
    assert len(run.of(Probe)) == LOOKS_A_TURN
    run.see(events.Tick(13.0))
    assert run.of(Signal) == workers(MANY), "everybody is on time"
    assert run.of(Look, Probe) == [], "a look is of no use any more"
    kinds = [type(one) for one in run.actions]
    assert kinds == [Signal] * MANY + [Survey] * LOOKS_A_TURN, "all signals come before the first look"


def test_ends_do_not_keep_the_others_signals_waiting() -> None:
    """Ends arrive in one batch of the loop; what they need is a look each, after who is due in the same turn."""
    run = _stopping()
    run.ticks(12.99)
    half = workers(MANY // 2)
    for worker in half:
        assert run.see(events.MainExited(12.995, worker, 0, None)) == ()
    run.see(events.Tick(13.0))
    assert run.of(Signal) == workers(MANY)[MANY // 2 :]
    assert [type(one) for one in run.actions[: MANY // 2]] == [Signal] * (MANY // 2)
    assert len(run.of(Survey)) == LOOKS_A_TURN
    assert set(run.of(Survey)) <= set(half)


def test_every_end_is_told_all_the_same() -> None:
    run = _stopping()
    run.ticks(12.99)
    run.see(events.Tick(13.0))
    surveyed = run.of(Survey)
    _killed(run, 13.0)
    reported: list[WorkerId] = []
    for worker in workers(MANY):
        run.see(events.MainExited(13.01, worker, None, 9))
    for _ in range(MANY):
        for worker in surveyed:
            run.see(events.Surveyed(13.02, worker, ()))
            for reaped in run.of(Reap):
                run.see(events.Reaped(13.02, reaped, None))
                reported += run.of(Report)
        if run.fleet.over:
            break
        run.see(events.Tick(13.02))
        surveyed = run.of(Survey)
    assert sorted(reported) == workers(MANY)
    assert run.fleet.over


def test_orphans_are_looked_for_once_however_many_end() -> None:
    """Each end of an orphan may be that of a leftover of any worker whose main process has ended."""
    run = _stopping()
    run.ticks(11.0)
    for worker in workers(MANY):
        run.see(events.MainExited(11.0, worker, 0, None))
    for _ in range(MANY):
        assert run.see(events.OrphansChanged(11.0)) == ()
    assert run.ticks(11.0)[Survey] == MANY


def _left(worker: WorkerId) -> Member:
    """A daemon that a worker has left, in a session of its own."""
    return Member(900 + worker, ("daemon",), 0.5, False, "S", 50)


class Storm:
    """Turns of a fleet in each of which an orphan ends, so that everybody dead has to be looked at again."""

    def __init__(self, run: Run, every: float) -> None:
        self.run, self.every, self.turn = run, every, 0
        self.signals: list[tuple[float, int, int]] = []
        self.surveyed: dict[WorkerId, list[int]] = {}
        self.looked: dict[WorkerId, list[int]] = {}

    def rage(self, begin: float, end: float) -> None:
        at = begin
        while at < end:
            self.turn += 1
            self._see(events.OrphansChanged(at), at)
            self._see(events.Tick(at), at)
            at = round(at + self.every, 6)

    def _see(self, event: events.Event, at: float) -> None:
        queue: list[events.Event] = [event]
        while queue:
            for action in self.run.see(queue.pop(0)):
                match action:
                    case Signal(worker=worker, signal=signal, target=target, members=members):
                        self.signals.append((at, worker, signal))
                        hit = tuple(member.key for member in members)
                        queue.append(events.Sent(at, worker, signal, target, "delivered", hit, action.ladder))
                    case Survey(worker=worker):
                        self.surveyed.setdefault(worker, []).append(self.turn)
                        queue.append(events.Surveyed(at, worker, (_left(worker),)))
                    case Look(worker=worker):
                        self.looked.setdefault(worker, []).append(self.turn)
                    case _:
                        pass


@pytest.mark.parametrize(("died", "every"), [(10.125, 0.125), (12.9, 0.01)])
@pytest.mark.parametrize("count", [LOOKS_A_TURN, LOOKS_A_TURN + 1, 30])
def test_orphans_that_end_all_the_time_delay_no_signal(count: int, died: float, every: float) -> None:
    """That somebody has ended since the last look is no reason to wait with SIGKILL for those that have not."""
    run = _stopping(count)
    for worker in workers(count):
        run.see(events.MainExited(died, worker, 0, None))
    storm = Storm(run, every)
    storm.rage(died, died + 3.5)
    told = {worker: at for at, worker, signal in storm.signals if signal == 15}
    killed = {worker: at for at, worker, signal in storm.signals if signal == 9}
    assert killed == pytest.approx({worker: told[worker] + 3.0 for worker in workers(count)}), "on time"


@pytest.mark.parametrize("count", [LOOKS_A_TURN + 1, 30])
def test_orphans_that_end_all_the_time_starve_nobody_of_looks(count: int) -> None:
    """Neither the one that died last, whichever number it has, nor one that lives and is to be looked at as well."""
    low, *_, high = workers(count)
    for last, living in ((high, low), (low, high)):
        run = _stopping(count)
        storm = Storm(run, every=0.001)
        for worker in workers(count):
            if worker not in (last, living):
                run.see(events.MainExited(10.2, worker, 0, None))
        storm.rage(10.201, 10.3)
        run.see(events.MainExited(10.3, last, 0, None))
        born = storm.turn
        storm.rage(10.301, 10.6)
        assert storm.surveyed[last][0] == born + 1, "at whom nobody has looked yet comes first"
        round_ = ceil(count / LOOKS_A_TURN)
        for worker, turns in storm.surveyed.items():
            waits = [after - before for before, after in zip(turns, [*turns[1:], storm.turn], strict=True)]
            assert max(waits) <= round_ + 1, f"worker {worker} of {count}"
        due = next(turn for turn in range(1, storm.turn) if 10.2 + 0.001 * turn >= 10.5)
        assert due <= storm.looked[living][-1] <= due + round_ + 1, "the look half a second after the request"


def test_the_first_look_holds_a_signal_back_for_a_moment_only() -> None:
    """A look into what was left may take long, and hundreds may end at once."""
    run = _stopping()
    run.ticks(12.99)
    for worker in workers(MANY):
        run.see(events.MainExited(12.995, worker, 0, None))
    run.see(events.Tick(13.0))
    assert run.of(Signal) == []
    assert len(run.of(Survey)) == LOOKS_A_TURN
    seen = set(run.of(Survey))
    run.see(events.Tick(12.995 + UNSEEN_LIMIT))
    assert {life.id for life in run.fleet.lives.values() if life.killed is not None} == set(workers(MANY))
    assert set(run.of(Survey)) >= set(workers(MANY)) - seen, "who they are is looked up all the same"


def test_what_the_dead_left_is_looked_for_behind_the_signals_to_the_living() -> None:
    run = _stopping()
    run.ticks(11.0)
    dead = workers(MANY // 2)
    for worker in dead:
        run.see(events.MainExited(11.0, worker, 0, None))
    run.ticks(11.0)
    for worker in dead:
        run.see(events.Surveyed(11.0, worker, (_left(worker),)))
    run.ticks(12.99)
    run.see(events.Tick(13.0))
    kinds = [type(one) for one in run.actions]
    assert kinds[: MANY // 2] == [Signal] * (MANY // 2)
    assert sorted(run.of(Survey))[: MANY // 2] == list(dead)
