"""STATUS for `systemctl status`: what a drain waits for, and who is in trouble, in one line."""

from __future__ import annotations

from supervisor.core import events, manager
from supervisor.core.record import Waiting
from supervisor.core.spec import RUN, Dependency, RestartSpec, WorkerId
from supervisor.views import one_line
from tests.core.script import worker
from tests.core.test_manager import A, B, Unit


def told(unit: Unit, at: float, waiting: Waiting | None = None) -> str:
    return one_line.line(unit.fleet, at, manager.pending(unit.manager, unit.fleet), waiting)


def test_a_start() -> None:
    unit = Unit()
    assert told(unit, 0.0) == "starting 0/2: a, b"
    unit.see(events.StartAsked(0.0))
    unit.see(events.Started(0.1, A))
    assert told(unit, 0.1) == "starting 1/2: b"
    unit.see(events.Started(0.2, B))
    assert told(unit, 0.2) == "2 of 2 running"


def test_a_drain_names_the_worker_that_takes_longest_and_what_it_waits_for() -> None:
    unit = Unit(worker("api"), worker("db", "TERM/20/INT/5/KILL"))
    unit.start()
    unit.see(events.StopAsked(10.0, "command stop"))
    unit.see(events.MainExited(10.5, A, None, 15, alone=True))
    waiting = Waiting("waits for pool.close at db.py:88", "db.py:88")
    assert told(unit, 14.2, waiting) == "draining 1/2: db waits for pool.close at db.py:88, 4.20 s, SIGINT in 15.8 s"
    assert told(unit, 14.2) == "draining 1/2: db: pid 101 has not ended, 4.20 s, SIGINT in 15.8 s"


def test_a_stop_of_one_worker_is_not_the_services() -> None:
    unit = Unit(worker("a"), worker("b"), worker("c"))
    unit.start()
    unit.see(events.StopAsked(10.0, "command stop", (A,)))
    assert told(unit, 10.5) == "2 of 3 running"


def test_trouble_is_named() -> None:
    unit = Unit(worker("a"), worker("b", restart=RestartSpec(policy="never")), worker("c\x1b"))
    unit.start()
    unit.see(events.MainExited(1.0, A, 1, None, alone=True))
    unit.see(events.MainExited(1.0, B, 1, None, alone=True))
    assert told(unit, 1.1) == "1 of 3 running; in backoff: a; failed: b"


def test_who_failed_for_good_is_not_ready_and_named_and_so_is_who_needed_it() -> None:
    needs = worker("b", depends_on=(Dependency("a"),))
    unit = Unit(worker("a", restart=RestartSpec(policy="never")), needs, worker("c"), worker("d"))
    unit.see(events.StartAsked(0.0))
    unit.see(events.StartFailed(0.1, A, "exec", 2), events.MainExited(0.1, A, 127, None, alone=True))
    unit.see(events.Started(0.2, WorkerId(2)))
    assert told(unit, 0.2) == "starting 1/4: d; failed: a; not started: b"
    unit.see(events.Started(0.3, WorkerId(3)))
    assert told(unit, 0.3) == "2 of 4 running; failed: a; not started: b"


def test_run_names_no_worker() -> None:
    unit = Unit(worker("a"), manner=RUN)
    assert told(unit, 0.1) == "starting"
    unit.see(events.Started(0.1, A))
    assert told(unit, 0.1) == "running"
    unit.see(events.SignalReceived(5.0, 15, 1))
    assert told(unit, 6.5).startswith("draining: pid 100 has not ended, 1.")
    unit.see(events.MainExited(7.0, A, 0, None, alone=True))
    assert told(unit, 7.1) == "stopped"


def test_a_name_cannot_speak_for_us_and_the_line_has_an_end() -> None:
    unit = Unit(*[worker("w\nREADY=1" + "x" * 200 + str(number)) for number in range(5)])
    text = told(unit, 0.0)
    assert "\n" not in text and len(text) == one_line.LONGEST and text.endswith("…")
