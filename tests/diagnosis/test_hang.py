"""Whether the command of `run` hangs in its end: after a key only what its agent saw shows that it ends at all."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.core import ladder, signum
from supervisor.core.spec import FIRST, RUN, ExecSpec, StopSpec, WorkerSpec
from supervisor.core.worker.life import Death, Life, Process, Standing, Stop
from supervisor.diagnosis import hang
from tests.diagnosis.synthetic import message

STOP_SET = {"kind": "loop", "name": "Event.set", "at": ("/app/w.py", 3, "main")}


def life(**changes: Any) -> Life:
    """The command of `run`, which runs as process 7 since instant 50."""
    spec = WorkerSpec("w", ExecSpec(("w",)), StopSpec(ladder.parse("TERM/10/KILL")))
    return Life(FIRST, spec, RUN, "running", process=Process(7, running_since=50.0)).with_(**changes)


def by_key(*messages: Any, now: float = 3.0) -> hang.Hang | None:
    """Return what is found ``now`` seconds after instant 100, from what an agent told."""
    return hang.find(life(), [message("hello", -40.0), *messages], 100.0 + now)


def key(at: float = 0.0, name: str = "default_int_handler", kind: str = "python", **fields: Any) -> Any:
    """Ctrl-C was handled."""
    return message("signal-received", at, signal=signum.INT, name=name, kind=kind, **fields)


def snapshot(*handlers: dict[str, Any]) -> Any:
    """The agent was armed, and these handlers were there."""
    return message("snapshot", 0.01, reason="signal", first=True, handlers=list(handlers))


def phase(name: str, at: float, **fields: Any) -> Any:
    """A step of a teardown."""
    return message("phase", at, name=name, **fields)


@pytest.mark.parametrize(
    "told",
    [
        [key(), phase("thread-join", 0.1)],
        [key(), phase("cancel", 0.1, exception="KeyboardInterrupt")],
        [key(), phase("cancel", 0.1), phase("loop-close", 0.2), phase("loop-closed", 0.3), phase("atexit", 0.4)],
        [key(), message("exit", 0.5, how="os._exit")],
        [key(name="Runner._on_sigint")],
        [
            key(kind="loop", name="Event.set"),
            snapshot({"signal": signum.TERM, **STOP_SET}, {"signal": signum.INT, **STOP_SET}),
        ],
        [phase("thread-join", 0.0, exception="KeyboardInterrupt")],
    ],
)
def test_an_end_after_a_key(told: list[Any]) -> None:
    assert by_key(*told) == hang.Hang(100.0, signum.INT, requested=False)


@pytest.mark.parametrize(
    "told",
    [
        [],
        [key()],
        [key(name="on_int")],
        [key(), phase("cancel", 0.1), phase("loop-close", 0.2), phase("loop-closed", 0.3)],
        [phase("thread-join", 0.0)],
        [key(at=-20.0), phase("thread-join", 0.0)],
        [
            key(name="redraw"),
            snapshot({"signal": signum.TERM, "kind": "default"}, {"signal": signum.INT, **STOP_SET}),
        ],
        [key(), phase("finalize", 0.1), message("eof", 0.2)],
    ],
)
def test_no_end_or_none_that_a_key_asked_for(told: list[Any]) -> None:
    assert by_key(*told) is None


def test_a_stop_request_counts_from_its_signal_whatever_the_agent_says() -> None:
    stop = Stop("signal SIGHUP", 1, 104.0, 104.0, 1, Standing(0, 104.0))
    stopping = life(state="draining", stop=stop)
    assert hang.find(stopping, [key(), phase("cancel", 0.1)], 107.0) == hang.Hang(104.0, signum.TERM, requested=True)
    assert hang.find(stopping.with_(state="killed", stop=stop.with_(killed=105.0)), (), 107.0) is None
    assert hang.find(stopping.with_(state="exited"), (), 107.0) is None


@pytest.mark.parametrize(("code", "signal", "known"), [(None, 2, True), (130, None, True), (0, None, False)])
def test_a_main_process_that_a_key_ended_leaves_others(code: int | None, signal: int | None, known: bool) -> None:
    found = hang.find(life(state="orphaned", death=Death(101.0, code, signal)), (), 105.0)
    assert (found == hang.Hang(101.0, signum.INT, requested=False)) is known


def test_it_is_told_three_times() -> None:
    end = hang.Hang(100.0, signum.INT, requested=False)
    assert [hang.times_due(end, 100.0 + after) for after in (2.9, 3.0, 9.9, 10.0, 30.0, 600.0)] == [0, 1, 1, 2, 3, 3]
    assert [hang.next_at(end, told) for told in range(4)] == [103.0, 110.0, 130.0, None]
