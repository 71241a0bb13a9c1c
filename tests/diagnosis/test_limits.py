"""Limits inside limits, of a whole fleet: each worker's own, ours, and that of systemd over us."""

from __future__ import annotations

import pytest

from supervisor.core import ladder
from supervisor.core.spec import Dependency, ExecSpec, FleetSpec, StopSpec, WorkerSpec
from supervisor.diagnosis import limits


def _worker(name: str, *argv: str, stop: str = "TERM/10/KILL", group: bool = True, **more: object) -> WorkerSpec:
    spec = WorkerSpec(name, ExecSpec(argv), StopSpec(ladder.parse(stop), group))
    return spec.with_(**more)  # type: ignore[arg-type]  # by name


def test_a_fleet_is_told_in_one_line_each_worker_once() -> None:
    workers = [
        _worker("web", "uvicorn", "app:app").with_(instance=1),
        _worker("web", "uvicorn", "app:app").with_(instance=2),
        _worker("jobs", "celery", "-A", "app", "worker"),
        _worker("ok", "python", "worker.py"),
    ]
    told = limits.line(workers, {})
    assert told == (
        "a stop may cost work: web (uvicorn waits for its work without a limit unless told, SIGKILL comes after "
        "10.0 s), jobs (celery waits for its work without a limit, SIGKILL comes after 10.0 s). See: supervisor check"
    )
    many = [_worker(f"web{number}", "uvicorn", "app:app") for number in range(9)]
    assert " and 6 more. See" in (limits.line(many, {}) or "")
    assert limits.line([_worker("ok", "python", "worker.py")], {}) is None


def test_a_worker_that_fits_is_not_told() -> None:
    bounded = _worker("web", "uvicorn", "app:app", "--timeout-graceful-shutdown", "5")
    alone = _worker("jobs", "celery", "-A", "app", "worker", "-P", "solo", stop="none")
    spared = _worker("jobs", "dramatiq", "tasks", "--worker-shutdown-timeout", "1000", group=False)
    assert limits.line([bounded, alone, spared], {}) is None


def test_the_environment_is_the_workers_own_where_it_has_one() -> None:
    ours = {"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "5"}
    spec = _worker("web", "uvicorn", "app:app")
    assert limits.line([spec], ours) is None
    assert limits.line([spec.with_(exec=spec.exec.with_(env={}))], ours) is not None


def test_how_long_a_stop_may_take_goes_along_who_depends_on_whom() -> None:
    one, two = _worker("db", "db"), _worker("web", "web", stop="TERM/20/KILL", depends_on=(Dependency("db"),))
    assert limits.whole(FleetSpec((one, two))) == 30.0
    assert limits.whole(FleetSpec((one, two), limit=25.0)) == 25.0
    endless = _worker("web", "web", stop="none", depends_on=(Dependency("db"),))
    assert limits.whole(FleetSpec((one, endless))) is None
    assert limits.whole(FleetSpec((one, endless), limit=25.0)) == 25.0


def test_a_service_managers_limit_must_be_the_longer_one() -> None:
    fleet = FleetSpec((_worker("web", "web", stop="TERM/90/KILL"),))
    told = limits.outer(fleet, 90.0)
    assert told is not None
    assert "systemd ends this unit 1 min 30 s after its stop (TimeoutStopUSec)" in told
    assert "TimeoutStopSec=100" in told
    assert limits.outer(fleet, 91.0) is None
    assert limits.outer(fleet, None) is None
    assert "TimeoutStopSec=infinity" in (limits.outer(FleetSpec((_worker("w", "w", stop="none"),)), 90.0) or "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1min 30s", 90.0), ("10s", 10.0), ("500ms", 0.5), ("2h", 7200.0), ("infinity", None), ("", None), ("x", None)],
)
def test_time_spans_of_systemd(text: str, seconds: float | None) -> None:
    assert limits.timespan(text) == seconds
