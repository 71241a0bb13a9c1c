"""Whether, and when, a worker that ended by itself is started again: backoff, jitter, burst limit. Pure."""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.record import Shutdown
from supervisor.core.spec import RestartSpec


class Attempts(Frozen):
    """Restarts without a stable run in between; ``due`` is when the next start happens, None when none is planned.

    ``wanted``: False from a stop request on (it may come when the end is known, but not reaped) until a start.
    """

    count: int = 0
    due: float | None = None
    exhausted: bool = False
    wanted: bool = True


def after_end(
    spec: RestartSpec, attempts: Attempts, ended: Shutdown, ran: float, at: float, chance: float
) -> Attempts:
    """Decide what follows the unasked end of a worker that ran ``ran`` seconds; ``chance`` in [0, 1) is the jitter's
    dice.

    ``due`` stays None when the policy says no; ``exhausted`` marks the named failure: too many restarts.
    """
    if not attempts.wanted:
        return attempts
    if spec.on_exit != "restart" or spec.policy == "never":
        return Attempts(attempts.count)
    if spec.policy == "on-failure" and ended.outcome == "clean" and ended.cause is None:
        return Attempts(attempts.count)
    count = 0 if ran >= spec.stable else attempts.count
    if count >= spec.burst:
        return Attempts(count, exhausted=True)
    # Where burst is huge the power would overflow; 2 ** 64 times anything is longer than backoff_max.
    delay = min(spec.backoff * 2.0 ** min(count, 64), spec.backoff_max)
    return Attempts(count + 1, due=at + delay * (1 + spec.jitter * (2 * chance - 1)))
