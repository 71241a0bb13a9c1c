"""What a worker has said of itself over its notify socket, kept for one start."""

from __future__ import annotations

from supervisor.core.frozen import Frozen


class Notice(Frozen):
    """What a start has said over its notify socket, the last word of each kind (sd_notify(3)); None: nothing.

    ``ready`` is when it first said READY=1, ``reloading`` since when it reads its configuration again. ``stopping``:
    it has begun to end. ``pinged`` is when it last said WATCHDOG=1, ``triggered``: it said WATCHDOG=trigger.
    ``starting_until``: until when it asked for time, before it was ready. ``odd``: it said what means nothing.
    """

    status: str | None = None
    errno: int | None = None
    exit_status: int | None = None
    ready: float | None = None
    reloading: float | None = None
    pinged: float | None = None
    triggered: bool = False
    starting_until: float | None = None
    stopping: bool = False
    odd: bool = False
