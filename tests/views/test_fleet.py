"""Sentences and the final table about a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from supervisor.core import ladder, signum
from supervisor.core.events import Forked, MainExited, Reaped, SignalReceived, StartAsked, Started, Surveyed
from supervisor.core.fleet import step
from supervisor.core.fleet.state import Fleet, new
from supervisor.core.record import Climb, Finding, Marks, Shutdown, Where
from supervisor.core.spec import FIRST, Dependency, ExecSpec, FleetSpec, RestartSpec, StopSpec, WorkerSpec
from supervisor.core.worker.restart import Attempts
from supervisor.views.fleet import details, stopping, table, unasked_end, unstarted
from supervisor.views.layout import ansi, plain

if TYPE_CHECKING:
    from supervisor.core.record import Severity
from tests.support.shutdowns import shutdown


def _running(*graces: str) -> Fleet:
    """A fleet of workers with these ladders, all running since second 1."""
    workers = tuple(
        WorkerSpec(f"w{index}", ExecSpec(("x",)), StopSpec(ladder.parse(grace)), agent=False)
        for index, grace in enumerate(graces)
    )
    fleet, _ = step.step(new(FleetSpec(workers)), StartAsked(1.0))
    for worker in fleet.lives:
        fleet, _ = step.step(fleet, Forked(1.0, worker, 100 + worker, False))
        fleet, _ = step.step(fleet, Started(1.0, worker))
    return fleet


def _asked(fleet: Fleet, at: float) -> Fleet:
    return step.step(fleet, SignalReceived(at, signum.INT, 0, 0, True))[0]


def test_what_a_stop_request_sets_going() -> None:
    fleet = _asked(_running("TERM/10/KILL", "TERM/20/KILL"), 5.0)
    assert stopping(fleet, 5.0) == "stopping 2 workers, kill in 10.0 s to 20.0 s; Ctrl-C again: next step now"
    fleet = _asked(_running("TERM/10/QUIT/5/KILL"), 5.0)
    assert stopping(fleet, 5.0) == "stopping 1 worker, kill in 15.0 s; Ctrl-C again: next step now"
    fleet = _asked(fleet, 6.0)
    assert stopping(fleet, 6.0) == (
        "stopping 1 worker, asked again: SIGQUIT sent, kill in 5.00 s; Ctrl-C again: next step now"
    )
    assert stopping(_asked(fleet, 7.0), 7.0) == "stopping 1 worker: SIGKILL sent"
    patient = stopping(_asked(_running("none", "TERM/10/KILL"), 5.0), 5.0)
    assert patient == "stopping 2 workers, no kill is planned; Ctrl-C again: next step now"


def test_nothing_to_stop() -> None:
    fleet = _running("TERM/10/KILL")
    for event in (MainExited(2.0, FIRST, 0, None), Surveyed(2.0, FIRST, ()), Reaped(2.0, FIRST, None, 0.5)):
        fleet, _ = step.step(fleet, event)
    assert stopping(_asked(fleet, 5.0), 5.0) == "stopping: all workers have ended already"


def _end(worker: str = "w", total: float = 1.0, **changes: Any) -> Shutdown:
    asked = {"asked_by": "signal SIGINT", "escalation": (Climb(0.0, signum.INT, "group"),)}
    return shutdown(exited=total, worker=worker, **asked | changes)


def _unasked(worker: str, **fields: Any) -> Shutdown:
    gone = Marks(asked=None, main_exited=0.0, exited=0.0)
    return _end(worker, asked_by="self", marks=gone, escalation=(), **fields)


KILLED: dict[str, Any] = {"outcome": "killed", "grace": 0.1, "exit_code": None, "signal": signum.KILL}


def test_the_table_tells_ends_from_workers() -> None:
    ends = [_end("w", start=start) for start in range(1, 6)]
    assert table(ends, 80, plain).startswith("5 ends of 1 worker\n")
    assert table([*ends, _end("v")], 80, plain).startswith("6 ends of 2 workers\n")
    assert table([_end("v"), _end("w")], 80, plain).startswith("shutdown of 2 workers\n")


def test_the_table_tells_who_was_never_started_and_why() -> None:
    """`b` needs `a`, which cannot be started; `d` waits for `c` when the stop comes."""

    def one(name: str, needs: str = "", instance: int = 0) -> WorkerSpec:
        dependencies = (Dependency(needs, "completed"),) if needs else ()
        restart = RestartSpec(policy="never")
        stop = StopSpec(ladder.parse("TERM/10/KILL"))
        return WorkerSpec(name, ExecSpec(("x",)), stop, instance, restart, False, depends_on=dependencies)

    fleet = new(FleetSpec((one("a"), one("b", "a", 1), one("b", "a", 2), one("c"), one("d", "c"))))
    fleet, _ = step.step(fleet, StartAsked(1.0))
    fleet, _ = step.step(fleet, Forked(1.0, FIRST, 100, False))
    for event in (MainExited(2.0, FIRST, 3, None), Surveyed(2.0, FIRST, ()), Reaped(2.0, FIRST, None, 0.5)):
        fleet, _ = step.step(fleet, event)
    fleet = _asked(fleet, 5.0)
    never = unstarted(fleet)
    assert never == [("b ×2", "a did not end clean"), ("d", "the stop came before its turn")]
    assert table([_end("c")], 80, plain, 0, never).splitlines()[2:] == [
        "  b ×2  not started: a did not end clean",
        "  d     not started: the stop came before its turn",
    ]
    assert unstarted(_running("TERM/10/KILL")) == []


def test_the_table() -> None:
    ends = [
        _unasked("crash", outcome="failed", exit_code=3, start=2),
        _unasked("crash", outcome="failed", exit_code=4, start=3),
        _end("quick", total=0.25),
        _end("slow", total=1.0, **KILLED | {"grace": 1.0}),
        _end("patient", total=0.5, grace=None),
    ]
    assert table(ends, 80, plain, 7).splitlines() == [
        "shutdown of 3 workers",
        "  slow       1.00 s of 1.00 s   ████████████████████  had to be killed (SIGKILL)",
        "  patient    500 ms no limit    ██████████░░░░░░░░░░  exited with 0",
        "  quick      250 ms of 10.0 s   █████░░░░░░░░░░░░░░░  exited with 0",
        "  `slow` finished last, 500 ms after the others",
        "  crash    had ended by itself: exited with 4, after 3 starts",
        "  7 earlier ends are not listed",
    ]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_fits(width: int) -> None:
    ends = [_end(f"worker-{index}", total=0.1 * index + 0.01, **(KILLED if index % 2 else {})) for index in range(9)]
    lines = table(ends, width, plain).splitlines()
    assert max(map(len, lines)) <= width
    assert table(ends, width, ansi).count("\x1b[31m") == 4, "the killed ones in red"


def test_how_it_ended_is_broken_between_words_below_itself() -> None:
    ends = [_end("w", **KILLED | {"grace": 9.0}, requests=2), _unasked("gone", signal=signum.USR1, exit_code=None)]
    assert table(ends, 70, plain).splitlines()[1:] == [
        "  w       1.00 s of 9.00 s   ████████  was killed (SIGKILL) before its",
        "                                       grace period ended",
        "  gone  had ended without a stop request: died of SIGUSR1",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_long_names_lose_their_middle(width: int) -> None:
    ends = [_end("worker-of-" * 6 + name, **KILLED) for name in "ab"] + [_unasked("x" * 63, exit_code=3)]
    lines = table(ends, width, plain).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].split()[0].endswith("orker-of-a")


def test_of_many_workers_the_instances_that_ended_alike_share_a_row() -> None:
    ends = [_end("web", instance=index + 1, total=0.3 + index / 100) for index in range(20)]
    ends += [_end("web", instance=21, total=2.0, **KILLED), _end("mail", total=0.1)]
    assert [line[:26] for line in table(ends, 80, plain).splitlines()] == [
        "shutdown of 22 workers", "  web.21     2.00 s of 100", "  web ×20    490 ms of 10.",
        "  mail       100 ms of 10.", "  `web.21` finished last, ",
    ]  # fmt: skip


def test_who_took_much_longer_than_its_like_has_its_own_row() -> None:
    ends = [_end("web", instance=index + 1, total=0.02) for index in range(15)] + [
        _end("web", instance=16, total=4.9)
    ]
    rows = table(ends, 80, plain).splitlines()
    assert rows[1].startswith("  web.16   ") and rows[2].startswith("  web ×15 ")


def test_no_table_when_nobody_was_asked() -> None:
    assert table([_unasked("a")], 80, plain) == ""


def test_unasked_ends() -> None:
    fleet = _running("TERM/10/KILL")
    assert unasked_end(_end("w0"), fleet, FIRST, 3.0) is None
    crash = _unasked("w0", outcome="failed", exit_code=3)
    assert unasked_end(crash, fleet, FIRST, 3.0) == "w0 exited with 3"
    assert unasked_end(crash, fleet, FIRST, 3.0, "cannot start 'x'") == "w0: cannot start 'x'"
    planned = fleet.with_(lives={FIRST: fleet.lives[FIRST].with_(attempts=Attempts(count=2, due=4.5))})
    assert unasked_end(crash, planned, FIRST, 3.0) == "w0 exited with 3; restart 2 in 1.50 s"


def _slow(worker: str, instance: int, total: float, severity: Severity) -> Shutdown:
    finding = Finding("slow-task", severity, "Task 'poll' held the exit", "…", total, Where("/app/w.py", 9, "poll"))
    return _end(worker, instance=instance, total=total, findings=(finding,))


def test_equal_ends_on_both_sides_of_a_threshold_are_told_once() -> None:
    ends = [_slow("w", 0, 4.98, "note"), _slow("w", 1, 5.09, "warning"), _slow("w", 2, 4.99, "note")]
    text = details(ends, 80, plain)
    assert text.count("slow-task") == 1 and "warning slow-task" in text
    assert "2 more ends like this: w.2, w\n" in text


def test_a_worker_that_ended_alike_again_and_again_is_named_once() -> None:
    text = details([_slow("api", 0, 5.0, "warning")] * 4, 80, plain)
    assert "3 more ends like this: api\n" in text


def test_a_quick_end_is_not_told_with_a_slow_one_for_the_same_reason() -> None:
    ends = [_slow("w", 0, 5.2, "warning"), _slow("w", 1, 0.5, "note"), _end("w", instance=2, total=5.0)]
    assert "like this" not in details(ends, 80, plain)


def test_details_are_of_the_remarkable_ones() -> None:
    text = details([_end("good"), _end("bad", **KILLED)], 80, plain)
    assert text.startswith("bad: python3 w.py\n") and "good" not in text
