"""Who waited for whom, in words: of a start, of a stop, and of one that is still waiting."""

from __future__ import annotations

import pytest

from supervisor.core.contract import chains
from supervisor.core.contract.state import worker_view
from supervisor.core.readiness import Check, LivenessSpec, ReadySpec
from supervisor.core.record import Begun, Ready, Shutdown
from supervisor.core.spec import Dependency, FleetSpec
from supervisor.views import starting
from tests.core.script import Script, worker
from tests.support.shutdowns import shutdown

TCP = ReadySpec(Check("tcp", host="127.0.0.1", port=1))
LIVE = LivenessSpec(Check("tcp", host="127.0.0.1", port=1), interval=10)


def three(text: str) -> Script:
    script = Script(
        FleetSpec(
            (
                worker("web", depends_on=(Dependency("api"),)),
                worker("api", ready=TCP, liveness=LIVE, depends_on=(Dependency("db"),)),
                worker("db", ready=TCP),
            ),
            name="shop",
        )
    )
    script.play(text)
    return script


def standings(script: Script, now: float) -> list[str]:
    fleet = script.fleet
    views = [worker_view(fleet, life, index) for index, life in enumerate(fleet.lives.values())]
    return [starting.standing(view, now) for view in views]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            ">> 0 start\n>> 0.5 db: refuses",
            [
                "waits for api",
                "waits for db",
                "not ready, 59.0 s left: tcp 127.0.0.1:1: connection refused",
            ],
        ),
        (
            ">> 0 start\n>> 0.5 db: is ready",
            ["waits for api", "not ready, 59.5 s left: tcp 127.0.0.1:1: no answer yet", ""],
        ),
        (">> 0 start\n>> 0.5 db: is ready\n>> 0.9 api: is ready", ["", "", ""]),
        (
            ">> 0 start\n>> 0.5 db: is ready\n>> 0.9 api: is ready\n>> 11 api: hangs",
            ["", "did not answer once: no answer within 1 s", ""],
        ),
        (
            ">> 0 start\n>> 0.5 db: is ready\n>> 0.9 api: is ready\n>> 1 stop",
            ["", "asked to stop, after web", "asked to stop, after api"],
        ),
    ],
)
def test_what_a_worker_waits_for(text: str, told: list[str]) -> None:
    assert standings(three(text), 1.0) == told


def test_a_line_that_was_not_printed_yet_is_no_answer() -> None:
    script = Script(FleetSpec((worker("web", ready=ReadySpec(Check("log", text="listening"))),)))
    script.play(">> 0 start")
    assert standings(script, 1.0) == ["not ready, 59.0 s left: log 'listening': no such line yet"]


def test_skipped_says_why() -> None:
    script = three(">> 0 start\n>> 61 time passes\n>> 61 db: ends 0\n>> 61 time passes")
    assert standings(script, 61.0)[:2] == [
        "not started: api was skipped",
        "not started: db was not ready within 60 s: tcp 127.0.0.1:1: no answer",
    ]


def test_the_table_and_the_way_of_a_start() -> None:
    fleet = three(">> 0 start\n>> 0.5 db: is ready\n>> 0.9 api: is ready").fleet
    views = [worker_view(fleet, life, index) for index, life in enumerate(fleet.lives.values())]
    assert starting.table({"workers": views}, 80) == (
        "worker  began at  after      ready at  took    by\n"
        "web     900 ms    api ready  900 ms    0.0 ms  started\n"
        "api     500 ms    db ready   900 ms    400 ms  tcp 127.0.0.1:1\n"
        "db      0 s       -          500 ms    500 ms  tcp 127.0.0.1:1\n"
        "ready in 900 ms: db 500 ms -> api 400 ms -> web 0.0 ms\n"
    )


def test_the_way_of_a_start_from_records() -> None:
    """Only first starts that were asked for together; a restart is another matter."""

    def began(name: str, at: float, over: float | None, after: str | None = None, start: int = 1) -> Shutdown:
        ready = None if over is None else Ready(over, "started", 0.1)
        return shutdown(zero=9.0).with_(
            worker=name, start=start, begun=Begun(1.0, at, after, "ready" if after else None), ready=ready
        )

    ends = [
        began("db", 1.0, 3.0),
        began("api", 3.0, 7.0, "db"),
        began("other", 1.0, 2.0),
        began("db", 8.0, 9.0, start=2),
    ]
    way = chains.start(chains.recorded(ends))
    assert starting.said(way, "ready") == "ready in 6.00 s: db 2.00 s -> api 4.00 s"
    assert chains.start(chains.recorded([began("db", 1.0, None)])) == ()


def test_the_way_of_a_stop() -> None:
    """To the one that ended last, through those that it had waited for."""
    ends = [
        shutdown(exited=2.0, zero=10.0).with_(worker="web"),
        shutdown(exited=0.5, zero=10.0).with_(worker="cron"),
        shutdown(exited=1.0, zero=12.0).with_(worker="api", after=("web", "cron")),
        shutdown(exited=9.0, zero=1.0).with_(worker="alone"),
    ]
    assert starting.said(chains.stop(ends), "stopped") == "stopped in 3.00 s: web 2.00 s -> api 1.00 s"
    assert chains.stop(ends[:2]) == ()


def test_stops_that_overlapped_are_no_way() -> None:
    """The limit asked `db` out of order, while `api` was still there."""
    ends = [
        shutdown(exited=3.0, zero=10.0).with_(worker="api"),
        shutdown(exited=1.2, zero=12.0).with_(worker="db", after=("api",)),
    ]
    assert chains.stop(ends) == ()
    in_turn = [ends[0], ends[1].with_(zero=13.0)]
    assert [step.worker for step in chains.stop(in_turn)] == ["api", "db"]
