"""One stream of one worker, and how its lines are shown."""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from supervisor.core.spec import WorkerId

    class Format(Protocol):
        """Turns a block of whole lines into what is shown."""

        def lines(self, block: bytes, at: float) -> bytes:
            """Return the lines of a block as they are shown; ``at`` is seconds since the epoch."""


class Lane(Frozen):
    """How one stream of one worker is shown."""

    worker: WorkerId
    stream: str
    drop: bool
    format: Format
