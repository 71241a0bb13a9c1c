"""What is wrong or doubtful about who depends on whom, and how each is known to be ready. Pure."""

from __future__ import annotations

from supervisor.config.problems import nearest
from supervisor.core.fleet.sequence import before_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.config.locate import Path
    from supervisor.config.problems import Problems
    from supervisor.config.validate import Document, Settings
    from supervisor.core.spec import Dependency, FleetSpec, WorkerSpec


def doubts(fleet: FleetSpec, document: Document, problems: Problems) -> None:
    """Look at the workers that could be built; those that could not were told."""
    instances: dict[str, list[WorkerSpec]] = {}
    for spec in fleet.workers:
        instances.setdefault(spec.name, []).append(spec)
    specs = {name: each[0] for name, each in instances.items()}
    for name, each in instances.items():
        settings = document.defaults | document.workers[name][1]
        for place, dependency in _depends(settings).items():
            _dependency(name, dependency, (*settings["depends_on"].path, place), document, specs, problems)
        _listener(each, settings, problems)
    if not _cycle(specs, document, problems):
        _limit(fleet, specs, document, problems)


def _depends(settings: Settings) -> Mapping[str | int, Dependency]:
    """Return the dependencies of a worker, by where each of them stands in the value of its key."""
    found: Any = settings["depends_on"].value if "depends_on" in settings else {}
    return dict(found)


def _dependency(
    name: str,
    dependency: Dependency,
    path: Path,
    document: Document,
    specs: Mapping[str, WorkerSpec],
    problems: Problems,
) -> None:
    other = dependency.worker
    if other not in document.workers:
        meant = nearest(other, [known for known in document.workers if known != name])
        guess = f', did you mean "{meant}"?' if meant else ""
        problems.value(path, f'names "{other}", but there is no such worker{guess}')
        return
    spec = specs.get(other)
    endless = spec is not None and spec.restart.policy == "always" and spec.restart.on_exit == "restart"
    if dependency.condition in ("completed", "ended") and endless:
        problems.value(
            path,
            f'waits until "{other}" has {dependency.condition}, but that has restart = "always"',
            f'give [worker.{other}] restart = "on-failure", or wait until it is "ready"',
        )


def _cycle(specs: Mapping[str, WorkerSpec], document: Document, problems: Problems) -> bool:
    """Tell each circle of workers that wait for each other, once; whether there is one."""
    done: set[str] = set()
    found = False
    for first in specs:
        way = _way_back(first, specs, done)
        if way:
            found = True
            shown = " -> ".join((*way, way[0]))
            own = document.workers[way[0]][1]
            text = f"depends on itself: {shown}" if len(way) == 1 else f"is in a circle: {shown}"
            problems.value(own["depends_on"].path, text, "leave one of them out: a worker waits for those it names")
    return found


def _way_back(first: str, specs: Mapping[str, WorkerSpec], done: set[str]) -> list[str]:
    """Return a circle that is met from this worker on, if it was met by nobody before."""
    way: list[str] = []
    turns = [iter([first])]
    while turns:
        name = next(turns[-1], None)
        if name is None:
            turns.pop()
            if way:
                done.add(way.pop())
        elif name in way:
            circle = way[way.index(name) :]
            done.update(way)
            return circle
        elif name not in done and name in specs:
            way.append(name)
            turns.append(iter([dependency.worker for dependency in specs[name].depends_on]))
    return []


def _limit(fleet: FleetSpec, specs: Mapping[str, WorkerSpec], document: Document, problems: Problems) -> None:
    """Warn when the longest way of a stop, from dependents to what they depend on, exceeds the fleet's limit."""
    if fleet.limit is None or not any(spec.depends_on for spec in specs.values()):
        return
    longest: dict[str, tuple[float, tuple[str, ...]]] = {}

    def way(name: str) -> tuple[float, tuple[str, ...]]:
        """Return seconds and names from this worker down to the last that it depends on."""
        stack = [name]
        while stack:
            one = stack[-1]
            below = [dependency.worker for dependency in specs[one].depends_on if dependency.worker in specs]
            missing = [other for other in below if other not in longest]
            if missing:
                stack += missing
                continue
            seconds, names = max((longest[other] for other in below), default=(0.0, ()))
            longest[stack.pop()] = (seconds + before_limit(specs[one].stop.ladder), (one, *names))
        return longest[name]

    seconds, names = max((way(name) for name in specs), default=(0.0, ()))
    if seconds > fleet.limit and len(names) > 1:
        problems.warn(
            document.fleet["limit"].path,
            f"is {fleet.limit:g} s, but a stop in order may take {seconds:g} s: {' -> '.join(names)}",
            "raise it, or shorten their escalations: near the limit the rest is asked to stop out of order",
        )


def _listener(instances: list[WorkerSpec], settings: Settings, problems: Problems) -> None:
    """Warn of a check by a socket that all instances share: it says nothing about one of them."""
    check = instances[0].ready.check if instances[0].ready is not None else None
    if check is None or check.kind not in ("tcp", "unix", "http") or len(instances) == 1:
        return
    second = instances[1].ready
    if second is not None and second.check == check:
        problems.warn(
            settings["ready"].path,
            f"proves nothing about one of {len(instances)} instances: all of them share {check.shown}",
            'use http on a {port} of its own, or "notify"',
        )
