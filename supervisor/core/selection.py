"""Which recorded runs are meant: what `history`, `report`, `compare`, `export` and `prune` choose from."""

from __future__ import annotations

from supervisor.core.frozen import Frozen


class Selection(Frozen):
    """All conditions hold together; None and empty: no condition. The newest ``last`` of what matches.

    ``since`` and ``before`` are seconds before now. ``worker`` is a name or a title (``api.2``).
    """

    id: int | None = None
    last: int | None = None
    worker: str | None = None
    fleet: str | None = None
    tag: str | None = None
    kind: str | None = None
    outcome: str | None = None
    drill: str | None = None
    host: str | None = None
    since: float | None = None
    before: float | None = None
