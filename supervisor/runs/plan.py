"""What a run is made from, checked and frozen: built by cli/ from options and config."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.spec import FleetSpec, LogSpec
from supervisor.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.spec import WorkerSpec


class Voice(Frozen):
    """How a run speaks: the report files it writes, how much it says, as JSON or text, in colour or not.

    ``color`` is ``auto``, ``always`` or ``never``. ``verbose`` and ``quiet`` are never both set (cli/plan.py).
    """

    reports: tuple[str, ...] = ()
    verbose: bool = False
    quiet: bool = False
    json: bool = False
    color: str = "auto"

    @property
    def keeps_record(self) -> bool:
        """Return whether every end goes into a document, so that every end is to be explained."""
        return bool(self.reports) or self.json


class Keeping(Frozen):
    """Whether and where runs are recorded. ``path`` None: where it is by default; ``off``: nowhere.

    ``sources`` False: no source line is stored at all; else only of files in the folder that we were started in.
    ``tag``: the user's word for this version, by which sets of runs are compared.
    """

    path: str | None = "off"
    sources: bool = True
    tag: str | None = None

    @property
    def wanted(self) -> bool:
        """Tell whether anything is recorded."""
        return self.path != "off"


class RunPlan(Frozen):
    """What `run` shall do. ``extends``: as in UpPlan."""

    fleet: FleetSpec
    signal_exit: str
    subreaper: bool
    voice: Voice
    extends: bool = True
    keeping: Keeping = Keeping()


class UpPlan(Frozen):
    """What `up` shall run. ``config`` is the real path of its file, ``option`` how a later command names it.

    ``option`` is empty where the command finds the file by itself, else as in `` -c shop.toml``. ``extends``: a
    service manager over us is asked for as much time as a stop takes (EXTEND_TIMEOUT_USEC, sd_notify(3)).
    """

    fleet: FleetSpec
    log: LogSpec
    config: str
    dashboard: bool
    voice: Voice
    option: str = ""
    extends: bool = True
    keeping: Keeping = Keeping()


MOST_TITLES = 12  # workers that are listed one by one where a name means none of them


def choose(names: Sequence[str], workers: Sequence[WorkerSpec], owner: str) -> list[int]:
    """Return the positions of the workers that are meant, in the order of the names; of all workers without a name.

    A name means all instances of a worker, a title (``api.2``) one of them. Raises UsageError for a name that means
    nobody; ``owner`` is who has the workers that are then listed (``the config``, ``the fleet``).
    """
    chosen: dict[int, None] = {} if names else dict.fromkeys(range(len(workers)))
    for name in names:
        found = [place for place, worker in enumerate(workers) if name in (worker.name, worker.title)]
        if not found:
            from supervisor.core.visible import quoted

            raise UsageError(f"no worker is named {quoted(name)}", f"{owner} has: {', '.join(_known(workers))}")
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _known(workers: Sequence[WorkerSpec]) -> list[str]:
    """Return the titles of the workers; where these are many, of a worker's instances the first and the last."""
    if len(workers) <= MOST_TITLES:
        return [worker.title for worker in workers]
    titles: dict[str, list[str]] = {}
    for worker in workers:
        titles.setdefault(worker.name, []).append(worker.title)
    return [found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}" for found in titles.values()]


def needed(chosen: Sequence[int], workers: Sequence[WorkerSpec]) -> list[int]:
    """Return the positions of the chosen workers and of all that they depend on, directly or through others."""
    found = dict.fromkeys(chosen)
    wanted = [*found]
    while wanted:
        names = {dependency.worker for dependency in workers[wanted.pop()].depends_on}
        more = [place for place, worker in enumerate(workers) if worker.name in names and place not in found]
        found |= dict.fromkeys(more)
        wanted += more
    return list(found)
