"""What a service manager over us is told: when READY, how long a stop may take, and no more than is needed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from supervisor.core import events, manager, notify
from supervisor.core.actions import Reap, Signal, Spawn, Survey
from supervisor.core.fleet import state, step
from supervisor.core.readiness import Check, ReadySpec
from supervisor.core.spec import RUN, UP, FleetSpec, RestartSpec, WorkerId
from tests.core.script import worker

if TYPE_CHECKING:
    from supervisor.core.actions import Action
    from supervisor.core.manager import Manager
    from supervisor.core.spec import Manner, WorkerSpec

A, B = WorkerId(0), WorkerId(1)


class Unit:
    """A fleet whose workers obey nobody, what its manager was told (instant, lines), time going on by itself."""

    def __init__(
        self, *workers: WorkerSpec, manner: Manner = UP, limit: float | None = None, wanted: Manager | None = None
    ) -> None:
        self.fleet = state.new(FleetSpec(workers or (worker("a"), worker("b")), manner, limit=limit))
        self.manager = manager.begin(wanted or manager.Manager(), 0.0)
        self.now = 0.0
        self.said: list[tuple[float, tuple[str, ...]]] = []
        if manner is RUN:
            self.see(events.Forked(0.0, A, 100))

    def see(self, *seen: events.Event) -> None:
        todo: list[events.Event] = list(seen)
        self.now = seen[-1].at
        while todo:
            self.fleet, actions = step.step(self.fleet, *todo)
            todo = [answer for action in actions for answer in self._answers(action)]
        self._tell()

    def _answers(self, action: Action) -> list[events.Event]:
        match action:
            case Spawn(one):
                return [events.Forked(self.now, one, 100 + one)]
            case Signal(one, signal, target, ladder=ladder):
                return [events.Sent(self.now, one, signal, target, "delivered", ladder=ladder)]
            case Survey(one):
                return [events.Surveyed(self.now, one, ())]
            case Reap(one):
                return [events.Reaped(self.now, one, None)]
        return []

    def _tell(self) -> None:
        self.manager, said = manager.told(self.manager, self.fleet, self.now)
        self.said += [(self.now, lines) for _, lines in said]

    def until(self, at: float) -> None:
        """Let time pass."""
        while True:
            due = self.manager.deadline
            own = self.fleet.deadline
            following = min((one for one in (due, own) if one is not None), default=at)
            if following >= at:
                break
            self.now = following
            if own is not None and own <= following:
                self.see(events.Tick(following))
            self._tell()
            if self.manager.status_at is not None and self.manager.status_at <= self.now:
                self.manager, _ = manager.with_status(self.manager, f"at {self.now}", self.now)
        self.now = at

    def start(self) -> None:
        self.see(events.StartAsked(self.now))
        for one in self.fleet.lives:
            self.see(events.Started(self.now, one))

    @property
    def words(self) -> list[str]:
        return [line for _, lines in self.said for line in lines]

    def extensions(self) -> list[tuple[float, float]]:
        """Each extension: when it was asked for, and until when."""
        name = "EXTEND_TIMEOUT_USEC="
        return [
            (at, at + int(line.removeprefix(name)) / 1e6)
            for at, lines in self.said
            for line in lines
            if line.startswith(name)
        ]


def test_ready_comes_once_when_everybody_runs() -> None:
    unit = Unit()
    unit.see(events.StartAsked(0.0))
    unit.see(events.Started(0.1, A))
    assert unit.said == []
    unit.see(events.Started(0.2, B))
    assert unit.said == [(0.2, ("READY=1",))]
    unit.see(events.MainExited(1.0, A, 1, None, alone=True))
    unit.until(5.0)
    unit.see(events.Started(5.0, A))
    assert unit.words == ["READY=1"]


def test_who_waits_for_its_next_start_holds_ready_only_before_its_first() -> None:
    unit = Unit()
    unit.see(events.StartAsked(0.0))
    unit.see(events.Started(0.1, A))
    unit.see(events.MainExited(0.2, A, 1, None, alone=True))  # it has run
    assert unit.fleet.lives[A].phase == "backoff"
    unit.see(events.Started(0.2, B))
    assert unit.words == ["READY=1"]

    unit = Unit()
    unit.see(events.StartAsked(0.0))
    unit.see(events.StartFailed(0.1, A, "exec", 2), events.MainExited(0.1, A, 127, None, alone=True))
    unit.see(events.Started(0.2, B))
    assert unit.words == (["READY=1"] if unit.fleet.lives[A].phase == "failed" else [])


def test_a_worker_that_failed_for_good_holds_up_nothing() -> None:
    unit = Unit(worker("a", restart=RestartSpec(policy="never")), worker("b"))
    unit.see(events.StartAsked(0.0))
    unit.see(events.Started(0.1, A))
    unit.see(events.MainExited(0.2, A, 1, None, alone=True))
    unit.see(events.Started(0.3, B))
    assert unit.words == ["READY=1"]


def test_a_fleet_that_has_failed_as_a_whole_was_never_ready() -> None:
    failing = worker("a", restart=RestartSpec(policy="never"))
    for code, words in ((1, []), (0, ["READY=1"])):
        unit = Unit(failing)
        unit.see(events.StartAsked(0.0))
        unit.see(events.Started(0.1, A), events.MainExited(0.1, A, code, None, alone=True))
        assert unit.fleet.over
        assert [word for word in unit.words if word == "READY=1"] == words, code


def test_stopping_and_its_extension_are_one_datagram() -> None:
    unit = Unit()
    unit.start()
    unit.see(events.SignalReceived(3.0, 15, 1))
    (at, lines), *_ = unit.said[1:]
    assert at == 3.0
    assert lines[0] == "STOPPING=1" and lines[1].startswith("EXTEND_TIMEOUT_USEC=")
    ((_, until),) = unit.extensions()
    assert until == 14.0


def test_the_extension_is_renewed_and_follows_the_ladder_to_its_end() -> None:
    unit = Unit(worker("a", "TERM/30/INT/6/KILL"))
    unit.start()
    unit.see(events.SignalReceived(100.0, 15, 1))
    unit.until(180.0)
    asked = unit.extensions()
    ends = [100.0 + 30, 100.0 + 30 + 6, 100.0 + 30 + 6 + 5]
    for (at, until), (following, _) in itertools.pairwise(asked):
        assert following - at <= max((until - at) / 3, manager.LEAST_PAUSE) + 0.001, "each is renewed at a third"
        assert following < until, "never after it has passed"
    over = [until for at, until in asked if not unit.fleet.over or at < ends[-1]]
    assert {round(until - manager.MARGIN, 3) for until in over} == set(ends)
    assert unit.fleet.over, "stuck"
    last_at, last = asked[-1]
    assert last_at == ends[-1] and last == last_at + manager.TELLING


def test_the_limit_of_the_fleet_ends_the_extension() -> None:
    unit = Unit(worker("a", "TERM/30/KILL"), worker("b", "none"), limit=8.0)
    unit.start()
    unit.see(events.SignalReceived(10.0, 15, 1))
    unit.until(17.9)
    assert {round(until, 3) for _, until in unit.extensions()} == {10.0 + 8.0 + manager.MARGIN}


def test_a_ladder_without_an_end_leaves_the_units_limit() -> None:
    unit = Unit(worker("a", "none"))
    unit.start()
    unit.see(events.SignalReceived(10.0, 15, 1))
    unit.until(1000.0)
    assert unit.words == ["READY=1", "STOPPING=1"]


def test_nothing_is_extended_when_switched_off() -> None:
    unit = Unit(wanted=manager.Manager(extends=False))
    unit.start()
    unit.see(events.SignalReceived(10.0, 15, 1))
    unit.until(1000.0)
    assert unit.extensions() == []
    assert "STOPPING=1" in unit.words


def test_a_command_that_stops_one_worker_stops_no_service() -> None:
    unit = Unit()
    unit.start()
    unit.see(events.StopAsked(1.0, "command stop", (A,)))
    unit.see(events.MainExited(1.5, A, None, 15, alone=True))
    unit.until(100.0)
    assert unit.words == ["READY=1"]
    unit.see(events.StopAsked(100.0, "command stop", (B,)))
    unit.see(events.MainExited(100.5, B, None, 15, alone=True))
    assert "STOPPING=1" in unit.words, "now nothing is left"


def test_a_restart_of_the_only_worker_is_no_end() -> None:
    unit = Unit(worker("a"))
    unit.start()
    for at in (1.0, 2.0):
        unit.until(at)
        unit.see(events.MainExited(at, A, 1, None))
        unit.until(at + 0.9)
        unit.see(events.Started(at + 0.9, A))
    assert unit.words == ["READY=1"]


def test_the_watchdog_hears_at_half_of_its_time_until_the_stop() -> None:
    unit = Unit(wanted=manager.Manager(watchdog=4.0))
    unit.start()
    unit.until(9.0)
    pings = [at for at, lines in unit.said if "WATCHDOG=1" in lines]
    assert pings == [0.0, 2.0, 4.0, 6.0, 8.0]
    unit.see(events.SignalReceived(9.0, 15, 1))
    unit.until(15.0)
    assert [at for at, lines in unit.said if "WATCHDOG=1" in lines] == pings


def test_an_idle_service_has_nothing_to_say() -> None:
    unit = Unit()
    unit.start()
    unit.until(1.0)
    assert unit.manager.deadline is None


def test_run_is_ready_with_its_command_and_stops_with_its_end() -> None:
    unit = Unit(worker("a"), manner=RUN)
    unit.see(events.Started(0.1, A))
    assert unit.words == ["READY=1"]
    unit.see(events.MainExited(5.0, A, 0, None))
    assert unit.words[1] == "STOPPING=1"


def test_status_is_said_when_it_differs_and_often_only_in_a_stop() -> None:
    one, said = manager.with_status(manager.Manager(), "running", 1.0)
    assert said == (("status", ("STATUS=running",)),) and one.status_at is None
    one, said = manager.with_status(one, "running", 2.0)
    assert said == ()
    one = manager.changed(one, 3.0)
    assert one.status_at == 3.0 + manager.SOON
    assert manager.changed(one, 3.1).status_at == one.status_at, "what follows soon waits for it"
    one, _ = manager.with_status(one.with_(stopping=True), "draining", 4.0)
    assert one.status_at == 4.0 + manager.EVERY


def said_by_the_worker(unit: Unit, at: float, *lines: str) -> None:
    unit.see(events.Notified(at, A, notify.parse("\n".join(lines).encode())))


def test_a_reload_is_told_with_its_instant_and_over_at_once_without_a_word_of_the_command() -> None:
    unit = Unit(worker("a").with_(reload_signal=1), manner=RUN)
    unit.see(events.Started(0.1, A))
    unit.see(events.SignalReceived(5.0, 1, 1))
    assert unit.words[1:] == ["RELOADING=1", "MONOTONIC_USEC=5000000", "READY=1"]
    unit.see(events.SignalReceived(6.0, 1, 1))
    assert unit.words[4:] == ["RELOADING=1", "MONOTONIC_USEC=6000000", "READY=1"]
    assert unit.fleet.asked is None


def test_a_command_that_speaks_says_itself_when_it_has_reloaded() -> None:
    unit = Unit(worker("a").with_(reload_signal=1), manner=RUN)
    unit.see(events.Started(0.1, A))
    said_by_the_worker(unit, 0.2, "READY=1")
    unit.see(events.SignalReceived(5.0, 1, 1))
    said_by_the_worker(unit, 5.2, "RELOADING=1", "MONOTONIC_USEC=4000000")
    unit.until(20.0)
    assert unit.words[1:] == ["RELOADING=1", "MONOTONIC_USEC=5000000"], "it takes its time"
    said_by_the_worker(unit, 20.0, "READY=1")
    assert unit.words[3:] == ["READY=1"]


def test_a_command_that_reloads_without_saying_so_is_waited_for_a_second() -> None:
    unit = Unit(worker("a").with_(reload_signal=1), manner=RUN)
    unit.see(events.Started(0.1, A))
    said_by_the_worker(unit, 0.2, "READY=1")
    unit.see(events.SignalReceived(5.0, 1, 1))
    unit.until(5.9)
    assert "READY=1" not in unit.words[1:]
    unit.until(6.1)
    assert unit.words[-1] == "READY=1"


def test_a_closed_terminal_is_no_reload() -> None:
    unit = Unit(worker("a").with_(reload_signal=1), manner=RUN)
    unit.see(events.Started(0.1, A))
    unit.see(events.SignalReceived(5.0, 1, kernel=True))
    assert unit.fleet.asked == 5.0


def test_a_worker_that_needs_time_to_get_ready_gets_it_from_the_manager_as_well() -> None:
    check = ReadySpec(Check("notify"))
    unit = Unit(worker("a").with_(ready=check), worker("b").with_(ready=check))
    unit.start()
    said_by_the_worker(unit, 1.0, "EXTEND_TIMEOUT_USEC=30000000")
    said_by_the_worker(unit, 1.0, "EXTEND_TIMEOUT_USEC=5000000")
    assert unit.extensions() == [(1.0, 31.0)], "less than that is no news"
    said_by_the_worker(unit, 25.0, "EXTEND_TIMEOUT_USEC=30000000")
    assert unit.extensions()[1:] == [(25.0, 55.0)]
    for one in (A, B):
        unit.see(events.Notified(26.0, one, notify.parse(b"READY=1")))
    assert unit.words[-1] == "READY=1"
