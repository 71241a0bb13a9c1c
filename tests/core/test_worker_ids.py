"""A worker's id is not its place: the others keep theirs when one leaves or joins a fleet that runs."""

from __future__ import annotations

from supervisor.core import events
from supervisor.core.actions import Action, Report, Signal, Spawn, Survey, WorkerAction
from supervisor.core.contract.state import worker_view
from supervisor.core.fleet import state, step
from supervisor.core.fleet.state import Fleet
from supervisor.core.spec import FIRST, FleetSpec, WorkerId
from supervisor.core.worker.life import Life
from tests.core.script import worker

WEB, API, DB, CACHE = WorkerId(0), WorkerId(1), WorkerId(2), WorkerId(3)


def see(fleet: Fleet, *seen: events.Event) -> tuple[Fleet, list[Action]]:
    """The fleet after these events, and all that they asked for."""
    found: list[Action] = []
    for event in seen:
        fleet, actions = step.step(fleet, event)
        found += actions
    return fleet, found


def about(found: list[Action], kind: type[WorkerAction]) -> list[WorkerId]:
    return [one.worker for one in found if isinstance(one, kind)]


def running(*names: str) -> Fleet:
    fleet, found = see(state.new(FleetSpec(tuple(map(worker, names)))), events.StartAsked(0.0))
    for number in about(found, Spawn):
        fleet, _ = see(fleet, events.Forked(1.0, number, 100 + number), events.Started(1.0, number))
    return fleet


def without_the_first(fleet: Fleet) -> Fleet:
    """As if it had been scaled away."""
    return fleet.dated().with_(lives={number: life for number, life in fleet.lives.items() if number != WEB})


def test_ids_are_given_in_the_order_of_the_configuration() -> None:
    fleet = running("web", "api", "db")
    assert list(fleet.lives) == [WEB, API, DB]
    assert WEB == FIRST
    assert [life.id for life in fleet.lives.values()] == [WEB, API, DB]


def test_who_is_left_keeps_its_id_in_all_that_happens() -> None:
    fleet, found = see(without_the_first(running("web", "api", "db")), events.StopAsked(2.0, "command stop"))
    assert about(found, Signal) == [API, DB]
    fleet, found = see(
        fleet, events.Sent(2.0, DB, 15, "group", "delivered", ladder=True), events.MainExited(3.0, DB, 0, None)
    )
    assert about(found, Survey) == [DB]
    fleet, found = see(fleet, events.Surveyed(3.0, DB, ()), events.Reaped(3.0, DB, None))
    assert [(one.worker, one.shutdown.worker) for one in found if isinstance(one, Report)] == [(DB, "db")]
    assert fleet.lives[API].alive
    fleet, found = see(fleet, events.Sent(2.0, API, 15, "group", "delivered", ladder=True), events.Tick(12.0))
    assert about(found, Signal) == [API], "SIGKILL goes to the one that is left"


def test_who_joins_has_an_id_that_nobody_had() -> None:
    fleet = without_the_first(running("web", "api", "db"))
    fleet = fleet.with_(lives={**fleet.lives, CACHE: Life(CACHE, worker("cache"))})
    assert not fleet.over
    fleet, found = see(fleet, events.StartAsked(2.0, (CACHE,)))
    assert about(found, Spawn) == [CACHE]
    fleet, found = see(fleet, events.Forked(2.0, CACHE, 200), events.StopAsked(3.0, "command stop", (CACHE,)))
    assert about(found, Signal) == [CACHE]
    assert fleet.want == "up"


def test_a_state_says_both_who_it_is_and_where_it_is_shown() -> None:
    fleet = without_the_first(running("web", "api", "db"))
    views = [worker_view(fleet, life, index) for index, life in enumerate(fleet.lives.values())]
    assert [(one["title"], one["index"], one["id"]) for one in views] == [("api", 0, API), ("db", 1, DB)]
