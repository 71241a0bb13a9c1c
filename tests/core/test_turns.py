"""Hundreds of workers at once: who is due for a signal gets it first, and looks never keep one waiting."""

from __future__ import annotations

from collections import Counter

from supervisor.core import events as ev
from supervisor.core import fleet as fleets
from supervisor.core import ladder
from supervisor.core.actions import Action, Look, Probe, Reap, Report, Signal, Survey
from supervisor.core.fleet import LOOKS_A_TURN, Fleet
from supervisor.core.life import LAST_GASP
from supervisor.core.spec import ExecSpec, FleetSpec, StopSpec, WorkerSpec

MANY = 40
SPEC = FleetSpec(
    tuple(WorkerSpec(f"w{n}", ExecSpec(("w",)), StopSpec(ladder.parse("TERM/3/KILL"))) for n in range(MANY))
)


class Run:
    """A fleet, and what was asked of us at the last event."""

    def __init__(self) -> None:
        self.fleet: Fleet = fleets.new(SPEC)
        self.actions: tuple[Action, ...] = ()

    def see(self, *events: ev.Event) -> tuple[Action, ...]:
        for event in events:
            self.fleet, self.actions = fleets.step(self.fleet, event)
        return self.actions

    def of(self, *kinds: type[Action]) -> list[int]:
        return [one.worker for one in self.actions if isinstance(one, kinds)]  # type: ignore[attr-defined]  # all have one

    def ticks(self, at: float) -> Counter[type[Action]]:
        """Ticks at this instant until nothing is due any more; all that was asked for."""
        asked: Counter[type[Action]] = Counter()
        while self.fleet.deadline is not None and self.fleet.deadline <= at:
            asked.update(type(one) for one in self.see(ev.Tick(at)))
            looked = set(self.of(Look, Survey, Probe))
            assert len(looked) <= LOOKS_A_TURN
        return asked


def _stopping() -> Run:
    """All were asked to stop at 10 and had their signal."""
    run = Run()
    run.see(ev.StartAsked(0.0))
    for worker in range(MANY):
        run.see(ev.Forked(1.0, worker, 100 + worker), ev.Started(1.0, worker))
    run.see(ev.StopAsked(10.0, "drill"))
    assert run.of(Signal) == list(range(MANY))
    for worker in range(MANY):
        run.see(ev.Sent(10.0, worker, 15, "group", True, ladder=True))
    return run


def _killed(run: Run, at: float) -> None:
    for worker in run.of(Signal):
        run.see(ev.Sent(at, worker, 9, "group", True, ladder=True))


def test_looks_are_spread_over_turns() -> None:
    run = _stopping()
    assert run.ticks(10.5) == {Look: MANY}, "one each, however many were missed"


def test_looks_that_do_not_fit_before_the_signal_are_left_out() -> None:
    run = _stopping()
    run.ticks(12.8)
    gasp = 13.0 - LAST_GASP
    run.see(ev.Tick(gasp))
    assert len(run.of(Probe)) == LOOKS_A_TURN
    run.see(ev.Tick(gasp + 0.01))
    assert len(run.of(Probe)) == LOOKS_A_TURN
    run.see(ev.Tick(13.0))
    assert run.of(Signal) == list(range(MANY)), "everybody is on time"
    assert run.of(Look, Probe) == [], "a look is of no use any more"
    kinds = [type(one) for one in run.actions]
    assert kinds == [Signal] * MANY + [Survey] * LOOKS_A_TURN, "all signals come before the first look"


def test_ends_do_not_keep_the_others_signals_waiting() -> None:
    """Ends arrive in one batch of the loop; what they need is a look each, after who is due in the same turn."""
    run = _stopping()
    run.ticks(12.99)
    half = range(MANY // 2)
    for worker in half:
        assert run.see(ev.MainExited(12.995, worker, 0, None)) == ()
    run.see(ev.Tick(13.0))
    assert run.of(Signal) == list(range(MANY // 2, MANY))
    assert [type(one) for one in run.actions[: MANY // 2]] == [Signal] * (MANY // 2)
    assert len(run.of(Survey)) == LOOKS_A_TURN
    assert set(run.of(Survey)) <= set(half)


def test_every_end_is_told_all_the_same() -> None:
    run = _stopping()
    run.ticks(12.99)
    run.see(ev.Tick(13.0))
    surveyed = run.of(Survey)
    _killed(run, 13.0)
    reported: list[int] = []
    for worker in range(MANY):
        run.see(ev.MainExited(13.01, worker, None, 9))
    for _ in range(MANY):
        for worker in surveyed:
            run.see(ev.Surveyed(13.02, worker, ()))
            for reaped in run.of(Reap):
                run.see(ev.Reaped(13.02, reaped, None))
                reported += run.of(Report)
        if run.fleet.over:
            break
        run.see(ev.Tick(13.02))
        surveyed = run.of(Survey)
    assert sorted(reported) == list(range(MANY))
    assert run.fleet.over


def test_orphans_are_looked_for_once_however_many_end() -> None:
    """Each end of an orphan may be that of a leftover of any worker whose main process has ended."""
    run = _stopping()
    run.ticks(11.0)
    for worker in range(MANY):
        run.see(ev.MainExited(11.0, worker, 0, None))
    for _ in range(MANY):
        assert run.see(ev.OrphansChanged(11.0)) == ()
    assert run.ticks(11.0)[Survey] == MANY
