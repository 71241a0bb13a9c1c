"""What the service manager over us is told over sd_notify(3), and when. Pure.

READY when everything runs, STOPPING with an extension of the unit's time limit when it stops, the extension again
before it is over, a sign of life for the watchdog. The words of STATUS are a view's (views/one_line.py).

systemd 252, measured: STOPPING alone, or EXTEND_TIMEOUT_USEC in a datagram before it, ends in SIGKILL after
TimeoutStopSec when the stop was not requested from systemd; both in one datagram do not.
"""

from __future__ import annotations

from supervisor.core.fleet.state import limit_due
from supervisor.core.frozen import Frozen
from supervisor.core.worker.states import OVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from supervisor.core.fleet.state import Fleet
    from supervisor.core.spec import WorkerId
    from supervisor.core.worker.life import Life
    from supervisor.core.worker.notice import Notice

    # Its kind, and its lines. Of those that wait for a manager which does not read only the newest of a kind is kept.
    Datagram: TypeAlias = tuple[str, tuple[str, ...]]

# Seconds that a stop may take longer than its ladder says, until its last SIGKILL has worked and we have gone.
MARGIN = 1.0
# After this part of an extension it is said again: a manager that was busy has two more chances to hear it.
RENEWED = 1 / 3
LEAST_PAUSE = 1.0  # seconds between two extensions to the same instant
# Seconds for which the report and the readers of our output may hold us up after the last worker has ended
# (system/output/patience.py), and a margin.
TELLING = 6.0
# Seconds after a request to reload in which a command that speaks sd_notify(3) says that it does.
RELOADS = 1.0
# Seconds after which a command that has not said READY=1 is suspected not to speak sd_notify(3) at all.
SUSPECTED = 10.0
# Seconds for which changes are collected before STATUS is said again; while a stop lasts it is said every second,
# since it tells for how long already.
SOON = 0.25
EVERY = 1.0


class Reload(Frozen):
    """The command reads its configuration again, since ``at``. ``heard``: it says so itself, and will say when it is
    done."""

    at: float
    heard: bool = False


class Manager(Frozen):
    """What the manager wants, and what it has been told. Instants are monotonic seconds.

    ``extends``: the unit's time limit gives way to our ladders. ``watchdog``: seconds in which a sign of life has to
    come (WATCHDOG_USEC), None for no watchdog. ``settled``: the workers that have been ready, until all are.
    ``reload`` is the one under way, ``reloaded`` since when the last one that was told.
    ``starting_to``: until when the start may last, as far as we have asked for it, ``extended_to``: the stop;
    ``over``: for the report, too.
    ``passes``: READY is the command's own, and so is all else that it says of itself; ``passed`` is that so far.
    ``suspect_at``: when it will be ``suspected`` to say nothing ever.
    """

    extends: bool = True
    watchdog: float | None = None
    passes: bool = False
    passed: Notice | None = None
    suspect_at: float | None = None
    suspected: bool = False
    settled: frozenset[WorkerId] = frozenset()
    ready: bool = False
    stopping: bool = False
    over: bool = False
    starting_to: float | None = None
    extended_to: float | None = None
    renew_at: float | None = None
    ping_at: float | None = None
    reload: Reload | None = None
    reloaded: float | None = None
    status: str | None = None
    status_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """Return when something is to be said next, whatever happens; None for never."""
        reload_at = self.reload.at + RELOADS if self.reload is not None and not self.reload.heard else None
        dues = (self.renew_at, self.ping_at, reload_at, self.status_at, self.suspect_at)
        return min((at for at in dues if at is not None), default=None)


def begin(manager: Manager, at: float) -> Manager:
    """Return the manager from its first moment on."""
    return manager.with_(
        status_at=at,
        ping_at=at if manager.watchdog is not None else None,
        suspect_at=at + SUSPECTED if manager.passes else None,
    )


def told(manager: Manager, fleet: Fleet, at: float) -> tuple[Manager, tuple[Datagram, ...]]:
    """Return what is to be told now, in view of the fleet's state; but for STATUS."""
    out: list[Datagram] = []
    if not manager.ready:
        manager = _readied(manager, fleet)
        if manager.ready:
            manager = manager.with_(status_at=at, suspect_at=None, suspected=False)
            out.append(("ready", ("READY=1",)))
    if fleet.spec.manner.wraps:
        manager, passed = _passed_on(manager, fleet)
        out += passed
    if not manager.ready and not manager.stopping and manager.extends:
        manager, asked = _starting(manager, fleet, at)
        out += asked
    if manager.ready and fleet.spec.manner.wraps and not manager.stopping:
        manager, reload = _reloading(manager, fleet, at)
        out += reload
    if not manager.stopping and stops(fleet):
        # The manager expects no sign of life any more (systemd.service(5), WatchdogSec=).
        manager = manager.with_(stopping=True, ping_at=None, suspect_at=None)
        manager, extension = _extended(manager, fleet, at)
        out.append(("stopping", ("STOPPING=1", *extension)))
    elif manager.stopping and not manager.over:
        manager, extension = _extended(manager, fleet, at)
        if extension:
            out.append(("extend", extension))
    if manager.watchdog is not None and not manager.stopping and (manager.ping_at is None or at >= manager.ping_at):
        alive = _pings(manager.watchdog, fleet, at)
        manager = manager.with_(ping_at=at + manager.watchdog / 2 if alive else None)
        out += [("watchdog", ("WATCHDOG=1",))] if alive else []
    if manager.suspect_at is not None and at >= manager.suspect_at:
        manager = manager.with_(suspect_at=None, suspected=True, status_at=at)
    return manager, tuple(out)


def changed(manager: Manager, at: float) -> Manager:
    """Return the manager after a change that STATUS may have to tell: soon, together with what follows."""
    soon = at + SOON
    return manager.with_(status_at=soon if manager.status_at is None else min(manager.status_at, soon))


def with_status(manager: Manager, text: str, at: float) -> tuple[Manager, tuple[Datagram, ...]]:
    """Say STATUS, unless it is what was said last."""
    following = at + EVERY if manager.stopping else None
    said: tuple[Datagram, ...] = () if text == manager.status else (("status", (f"STATUS={text}",)),)
    return manager.with_(status=text, status_at=following), said


def stops(fleet: Fleet) -> bool:
    """Tell whether the end of everything has begun: it was requested, or nothing is there that could go on."""
    if fleet.asked is not None:
        return True
    if fleet.spec.manner.wraps:
        return any(life.death is not None for life in fleet.lives.values())
    return all(life.state in OVER or life.state == "sweeping" for life in fleet.lives.values())


def pending(manager: Manager, fleet: Fleet) -> list[Life]:
    """Return the workers that have to get ready before everything is; none once everything was."""
    if manager.ready:
        return []
    return [life for life in fleet.lives.values() if _pends(life) and life.id not in manager.settled]


def _pends(life: Life) -> bool:
    return life.phase in ("waiting", "starting", "backoff")


def _readied(manager: Manager, fleet: Fleet) -> Manager:
    """Return the manager with those that have got ready in this start, and with READY when that is to be said."""
    settled = {life.id for life in fleet.lives.values() if life.ready is not None}
    if not settled <= manager.settled:
        manager = manager.with_(settled=manager.settled | settled)
    if fleet.spec.manner.wraps:
        ready = bool(manager.settled)  # also when it has ended since: what happened first is said first
    elif fleet.over:
        ready = fleet.failure is None  # all have done their work
    else:
        ready = bool(manager.settled) and not pending(manager, fleet) and fleet.asked is None
    return manager.with_(ready=True, settled=frozenset()) if ready else manager


def _pings(watchdog: float, fleet: Fleet, at: float) -> bool:
    """Return whether nobody hangs: a command that has begun to send WATCHDOG=1 has to go on. When it hangs we are
    silent as well, so that the manager sees it."""
    if not fleet.spec.manner.wraps:
        return True
    (life,) = fleet.lives.values()
    pinged = life.notice.pinged if life.notice is not None else None
    return pinged is None or at - pinged <= watchdog


def _passed_on(manager: Manager, fleet: Fleet) -> tuple[Manager, list[Datagram]]:
    """Pass on what the command says of itself; not its MAINPID, which is ours."""
    (life,) = fleet.lives.values()
    notice, before = life.notice, manager.passed
    if notice is None or notice is before:
        return manager, []
    out: list[Datagram] = []
    if notice.errno is not None and (before is None or before.errno != notice.errno):
        out.append(("errno", (f"ERRNO={notice.errno}",)))
    if notice.exit_status is not None and (before is None or before.exit_status != notice.exit_status):
        out.append(("exit status", (f"EXIT_STATUS={notice.exit_status}",)))
    if notice.triggered and not (before is not None and before.triggered):
        out.append(("trigger", ("WATCHDOG=trigger",)))
    return manager.with_(passed=notice), out


def _starting(manager: Manager, fleet: Fleet, at: float) -> tuple[Manager, list[Datagram]]:
    """Pass on that a worker has asked for time to get ready; whoever gets no more from us is stopped."""
    wanted = [
        life.notice.starting_until
        for life in fleet.lives.values()
        if life.ready is None and life.notice is not None and life.notice.starting_until is not None
    ]
    until = max(wanted, default=None)
    if until is None or until <= at or (manager.starting_to is not None and until <= manager.starting_to):
        return manager, []
    return manager.with_(starting_to=until), [("extend", (f"EXTEND_TIMEOUT_USEC={round((until - at) * 1e6)}",))]


def _reloading(manager: Manager, fleet: Fleet, at: float) -> tuple[Manager, list[Datagram]]:
    """Tell that the command reloads, from the request or from its own word on; and that it has.

    Who does not speak of itself has reloaded at once, as far as anybody knows. Who does gets RELOADS seconds to
    begin.
    """
    (life,) = fleet.lives.values()
    said = life.notice.reloading if life.notice is not None else None
    latest = max((since for since in (life.reload_asked, said) if since is not None), default=None)
    out: list[Datagram] = []
    if latest is not None and (manager.reloaded is None or latest > manager.reloaded):
        manager = manager.with_(reload=Reload(latest), reloaded=latest)
        # notify-reload of systemd 253 believes only an instant that is not before its signal.
        out.append(("reloading", ("RELOADING=1", f"MONOTONIC_USEC={round(latest * 1e6)}")))
    reload = manager.reload
    if reload is None:
        return manager, out
    if said is not None:
        return manager.with_(reload=reload.with_(heard=True)), out
    speaks = life.notice is not None and life.notice.ready is not None
    if reload.heard or not speaks or at >= reload.at + RELOADS:
        manager = manager.with_(reload=None)
        out.append(("ready", ("READY=1",)))
    return manager, out


def _extended(manager: Manager, fleet: Fleet, at: float) -> tuple[Manager, tuple[str, ...]]:
    """Ask for time until the rung that ends last has ended, if that is longer than asked for, or said long ago."""
    until = _rungs_end(fleet)
    to = at + TELLING if fleet.over else None if until is None else until + MARGIN
    if not manager.extends or to is None:
        return manager.with_(renew_at=None), ()
    more = manager.extended_to is None or to > manager.extended_to + MARGIN / 10
    if not more and (manager.renew_at is None or at < manager.renew_at):
        return manager, ()
    pause = max((to - at) * RENEWED, LEAST_PAUSE)
    renew_at = at + pause if at + pause < to and not fleet.over else None
    manager = manager.with_(extended_to=to, renew_at=renew_at, over=fleet.over)
    return manager, (f"EXTEND_TIMEOUT_USEC={max(round((to - at) * 1e6), 1)}",)


def _rungs_end(fleet: Fleet) -> float | None:
    """Return when the present rungs of all that stop will have ended; None when one of them has no end."""
    ends = [life.next_rung_at for life in fleet.lives.values() if life.stopping is not None]
    if not ends:
        return None
    endless = any(end is None for end in ends)
    last = None if endless else max(end for end in ends if end is not None)
    return min((at for at in (last, limit_due(fleet)) if at is not None), default=None)
