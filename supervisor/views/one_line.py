"""A fleet's state in one line, as `systemctl status` shows it: STATUS of sd_notify(3). Pure."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.units import duration
from supervisor.core.visible import visible
from supervisor.core.worker.states import OVER
from supervisor.views import hang, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.fleet.state import Fleet
    from supervisor.core.record import Waiting
    from supervisor.core.worker.life import Life

# Workers named one by one; `systemctl status` cuts a line at the terminal's edge.
MOST_NAMED = 3
# Bytes are few in a datagram, and columns on a terminal.
LONGEST = 300
# What a worker waits for begins like this as a rule, and needs no colon after the worker's name then.
_VERBS = ("waits ", "runs ", "stopped ")


def slowest(fleet: Fleet) -> Life | None:
    """Return the worker whose stop is under way for the longest time; None when none is being stopped."""
    stopping = [life for life in fleet.lives.values() if life.stopping is not None]
    return min(stopping, key=_since, default=None)


def line(
    fleet: Fleet,
    at: float,
    pending: Sequence[Life] = (),
    waiting: Waiting | None = None,
    *,
    suspected: bool = False,
) -> str:
    """Return the line. ``pending``: who is still starting, before everything was ready for the first time;
    ``waiting``: what the slowest worker waits for, if its agent knows; ``suspected``: the command of `run` says
    nothing, and perhaps cannot."""
    lives = list(fleet.lives.values())
    held = slowest(fleet)
    over = [life for life in lives if life.state in OVER]
    counted = f" {len(over)}/{len(lives)}" if len(lives) > 1 else ""
    if fleet.over:
        text = "stopped"
    elif held is not None and (fleet.asked is not None or fleet.spec.manner.wraps or len(over) == len(lives) - 1):
        text = f"draining{counted}: {_held(held, at, waiting)}"
    elif pending:
        text = _starting(lives, pending) if not fleet.spec.manner.wraps else _wrapped_starting(lives[0], suspected)
    else:
        text = _running(fleet, lives)
    text = visible(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _since(life: Life) -> float:
    assert life.stop is not None
    return life.stop.asked if life.stop.asked is not None else life.stop.last_request


def _held(life: Life, at: float, waiting: Waiting | None) -> str:
    waits = hang.waits(life, waiting)
    who = life.spec.title if waits.startswith(_VERBS) else f"{life.spec.title}:"
    text = f"{'' if life.manner.wraps else f'{who} '}{waits}, {duration(max(at - _since(life), 0.0))}"
    following, due = life.following, life.next_rung_at
    if following is not None and due is not None:
        text += f", {signum.name(following.signal)} in {duration(max(due - at, 0.0))}"
    told = _said(life) if life.manner.wraps else ""
    return f"{text}; it says: {told}" if told else text


# What to do about a command that has never said READY=1.
SILENT = (
    "the command has not sent READY=1; if it does not speak sd_notify: --ready started, or a check as in "
    "--ready tcp=127.0.0.1:8000"
)


def _said(life: Life) -> str:
    notice = life.notice
    return words.said(notice.status, notice.errno, notice.reloading) if notice is not None else ""


def _wrapped_starting(life: Life, suspected: bool) -> str:
    told = life.notice.status if life.notice is not None else None
    return f"starting: {told or SILENT}" if told or suspected else "starting"


def _starting(lives: Sequence[Life], pending: Sequence[Life]) -> str:
    """Count those that are ready, or have done their work; name who is not yet, and who will not be."""
    waits = {life.id for life in pending}
    rest = [life for life in lives if life.id not in waits]
    ready = f" {sum(not _in_trouble(life) for life in rest)}/{len(lives)}" if len(lives) > 1 else ""
    return "; ".join([f"starting{ready}: {_names(pending)}", *_troubles(rest)])


def _running(fleet: Fleet, lives: list[Life]) -> str:
    """Name those in trouble; a worker that has done its work is none."""
    running = [life for life in lives if life.phase == "running"]
    if fleet.spec.manner.wraps:
        return _said(lives[0]) or "running"
    return "; ".join([f"{len(running)} of {len(lives)} running", *_troubles(lives)])


def _in_trouble(life: Life) -> bool:
    return life.phase in ("failed", "stuck", "skipped") or life.as_wanted is False


def _troubles(lives: Sequence[Life]) -> list[str]:
    """Return who will be started again, who has failed for good, and who is not started because of that."""
    kinds: dict[str, list[Life]] = {"in backoff": [], "failed": [], "not started": []}
    for life in filter(_in_trouble, lives):
        kinds[{"backoff": "in backoff", "skipped": "not started"}.get(life.phase, "failed")].append(life)
    return [f"{kind}: {_names(those)}" for kind, those in kinds.items() if those]


def _names(lives: Sequence[Life]) -> str:
    named = ", ".join(life.spec.title for life in lives[:MOST_NAMED])
    return named + (f" and {len(lives) - MOST_NAMED} more" if len(lives) > MOST_NAMED else "")
