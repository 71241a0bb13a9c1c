"""A fleet as others see it, from a fleet that was driven by events."""

from __future__ import annotations

import json

from supervisor.core.contract.state import fleet_view, next_kill, worker_view
from supervisor.core.record import Link, Waiting
from supervisor.core.spec import FIRST, FleetSpec, RestartSpec, WorkerSpec
from tests.core.script import Script, worker


def after(text: str, *workers: WorkerSpec, limit: float | None = None) -> Script:
    script = Script(FleetSpec(workers, name="shop", limit=limit))
    script.play(text)
    return script


def test_running() -> None:
    fleet = after(">> 0 start\n>> 1 time passes", worker("api")).fleet
    assert fleet_view(fleet) == {
        "name": "shop", "want": "up", "asked": None, "limit": None, "next_kill": None, "workers": 1,
    }  # fmt: skip
    seen = worker_view(
        fleet, fleet.lives[FIRST], 0, Waiting("the executor", "w.py:3", (Link("main waits", None, 7),))
    )
    assert (seen["title"], seen["want"], seen["phase"], seen["pid"], seen["stop"]) == (
        "api",
        "up",
        "running",
        101,
        None,
    )
    assert (seen["starts"], seen["outcome"], seen["waits"]) == (1, None, "the executor")
    assert (seen["waits_at"], seen["chain"]) == ("w.py:3", [{"what": "main waits", "where": None, "pid": 7}])
    assert json.loads(json.dumps(seen)) == seen


def test_stopping() -> None:
    script = after(">> 0 start\n>> 3 stop\n>> 4 time passes", worker("api", "TERM/10/INT/5/KILL"))
    stop = worker_view(script.fleet, script.fleet.lives[FIRST], 0)["stop"]
    assert stop == {
        "by": "command stop", "asked": 3.0, "signal": "SIGTERM", "since": 3.0, "next_at": 13.0,
        "next_signal": "SIGINT", "leftovers": 0,
    }  # fmt: skip
    assert next_kill(script.fleet) == 18.0
    script.play(">> 14 time passes")
    stop = worker_view(script.fleet, script.fleet.lives[FIRST], 0)["stop"]
    assert (stop["signal"], stop["next_signal"]) == ("SIGINT", "SIGKILL")
    assert next_kill(script.fleet) == 18.0


def test_leftovers_and_the_end() -> None:
    script = after(">> 0 start\n>> 3 stop\n>> 4 dies of SIGTERM\n>> 4 found 11 outside", worker("api"))
    seen = worker_view(script.fleet, script.fleet.lives[FIRST], 0)
    assert (seen["stop"]["leftovers"], seen["signal"], seen["phase"]) == (1, "SIGTERM", "leaving")
    script.play(">> 5 somebody ended\n>> 5 found nobody")
    seen = worker_view(script.fleet, script.fleet.lives[FIRST], 0)
    assert (seen["stop"], seen["phase"], seen["outcome"], seen["pid"]) == (None, "exited", "signalled", None)
    assert (seen["exit_code"], seen["ended"], seen["as_wanted"]) == (None, 5.0, True)
    assert seen["took"] == 2.0
    assert any("report: signalled, SIGTERM, 2 s," in line for line in script.lines), "as the record has it"


def test_as_wanted() -> None:
    """Not known before the end; a crash is not, nor a signal that we did not send, nor SIGKILL."""
    ends = {
        ">> 1 exits 0": True,
        ">> 1 exits 3": False,
        ">> 1 dies of SIGTERM": False,
        ">> 1 stop\n>> 2 dies of SIGTERM": True,
        ">> 1 stop\n>> 2 dies of SIGSEGV": False,
        ">> 1 stop\n>> 2 exits 3": False,
        ">> 1 stop\n>> 11 time passes\n>> 12 dies of SIGKILL": False,
    }
    for text, wanted in ends.items():
        script = after(">> 0 start", worker("api", restart=RestartSpec("never")))
        assert worker_view(script.fleet, script.fleet.lives[FIRST], 0)["as_wanted"] is None
        script.play(f"{text}\n>> 13 found nobody")
        assert worker_view(script.fleet, script.fleet.lives[FIRST], 0)["as_wanted"] is wanted, text


def test_last_rung_and_backoff() -> None:
    script = after(
        ">> 0 start\n>> 1 web: exits 3\n>> 1 web: found nobody\n>> 1.1 stop api",
        worker("api", "none"),
        worker("web", restart=RestartSpec(backoff=2.0)),
    )
    api, web = (worker_view(script.fleet, life, index) for index, life in enumerate(script.fleet.lives.values()))
    assert (api["want"], api["stop"]["next_signal"], api["stop"]["next_at"]) == ("down", None, None)
    assert (web["want"], web["phase"], web["restart_at"], web["exit_code"]) == ("up", "backoff", 3.0, 3)


def test_next_kill() -> None:
    """The latest of all, cut by the limit; unknown when one will never get it."""
    both = (worker("api"), worker("web", "none"))
    assert next_kill(after(">> 0 start\n>> 1 stop", *both).fleet) is None
    assert next_kill(after(">> 0 start\n>> 1 stop", *both, limit=4.0).fleet) == 5.0
    assert next_kill(after(">> 0 start\n>> 1 stop", worker("api"), limit=40.0).fleet) == 11.0
    assert next_kill(after(">> 0 start\n>> 1 stop\n>> 12 time passes", worker("api"), limit=40.0).fleet) is None
