"""A start on its way to ready: its check is tried until it says yes, once for each start, or the time is over."""

from __future__ import annotations

from supervisor.core import readiness
from supervisor.core.actions import Locate, Note, Try
from supervisor.core.readiness import ASKED
from supervisor.core.record import FailedTry, Ready
from supervisor.core.worker import escalation, health
from supervisor.core.worker.life import Life, Readying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.events import Tried
    from supervisor.core.readiness import ReadySpec
    from supervisor.core.worker.escalation import Step

# A worker that closes its pipe has most often ended, which is known a moment later; that is its own end then.
GAVE_UP_GRACE = 0.1


def begin(life: Life, at: float) -> Step:
    """Take in that its exec has worked: without a check it is ready, else the first try begins at once."""
    spec = life.spec.ready
    if spec is None:
        return _ready(life, at, "started")
    early = life.readying.early if life.readying is not None else None
    life = life.with_(state="unready", readying=Readying(at + spec.timeout))
    if early is not None:
        ok, by, seen = early
        return told(life, at, ok, by, seen)
    if spec.check.kind in ASKED:
        return attempt(life, at)
    if spec.check.kind == "after":
        return life.with_(readying=Readying(at + spec.timeout, next_try=at + spec.check.seconds)), ()
    return life, ()


def attempt(life: Life, at: float) -> Step:
    """Try its check now, or with ``after`` say that the time is over."""
    spec, readying = life.spec.ready, life.readying
    assert spec is not None
    assert readying is not None
    if spec.check.kind == "after":
        return _ready(life, at, spec.check.shown)
    life = life.with_(readying=readying.with_(next_try=None, tries=readying.tries + 1))
    return life, (Try(life.id, "ready", spec.check, spec.try_timeout),)


def tried(life: Life, event: Tried) -> Step:
    """Take the answer of a try in, or what the worker has told by itself."""
    spec = life.spec.ready
    if spec is None:
        return life, ()
    before = life.state
    life, actions = told(life, event.at, event.ok, spec.check.shown, event.seen, final=event.final)
    if event.note is not None and (before, life.state) == ("unready", "running"):
        actions = (*actions, Note(f"{life.spec.title}: {event.note}"))
    return life, actions


def told(life: Life, at: float, ok: bool, by: str, seen: str, *, final: bool = True) -> Step:
    """Take in that it is ready, or is not. ``final``: no further try can say anything else."""
    if life.state in ("forking", "starting"):
        return life.with_(readying=Readying(at, early=(ok, by, seen))), ()
    readying = life.readying
    if life.state != "unready" or readying is None:
        if ok and life.ready is None and life.requested and life.going:
            return life, (
                Note(f"{life.spec.title} says that it is ready, after its stop was requested", verbose=True),
            )
        return life, ()
    if ok:
        return _ready(life, at, by)
    if final:
        until = min(readying.until, at + GAVE_UP_GRACE)
        return life.with_(readying=readying.with_(until=until, next_try=None, seen=seen, gave_up=True)), ()
    return life.with_(readying=readying.with_(next_try=at + readiness.pause(readying.tries), seen=seen)), ()


def extend(life: Life, at: float, seconds: float, most: float) -> Life:
    """Let a start have until so many seconds from now to get ready, but at most ``most`` more than its timeout."""
    readying, spec = life.readying, life.spec.ready
    if life.state != "unready" or readying is None or readying.gave_up or spec is None:
        return life
    return life.with_(readying=readying.with_(until=min(at + seconds, _since(life) + spec.timeout + most)))


def over(life: Life, at: float) -> Step:
    """Take in that the time is over: it is stopped, or counts as ready all the same."""
    spec, readying = life.spec.ready, life.readying
    assert spec is not None
    assert readying is not None
    seen = readying.seen or _unheard(spec)
    last = (FailedTry(at, seen),)
    if readying.gave_up:
        return _give_up(life, at, "start failed", f"did not get ready: {seen}", last)
    began = life.process.running_since if life.process is not None else None
    within = readying.until - (at if began is None else began)
    cause = f"not ready within {round(within, 3):g} s: {spec.check.shown}: {seen}"
    if spec.on_timeout == "continue":
        life, actions = _ready(life, at, "timeout")
        return life, (*actions, Note(f"{life.spec.title} is {cause}; counted as ready (on_timeout)"))
    return _give_up(life, at, "start timeout", cause, last)


def _give_up(life: Life, at: float, by: str, cause: str, tries: tuple[FailedTry, ...]) -> Step:
    """Stop it; its agents are asked before where it is."""
    located = (Locate(life.id),) if life.agent else ()
    life, actions = escalation.give_up(life, at, by, cause, tries)
    return life, (*located, *actions)


def _ready(life: Life, at: float, by: str) -> Step:
    ready = Ready(at, by, at - _since(life))
    return health.begin(life.with_(state="running", readying=None, ready=ready), at), ()


def _since(life: Life) -> float:
    return life.since if life.since is not None else 0.0


def _unheard(spec: ReadySpec) -> str:
    match spec.check.kind:
        case "notify":
            return "READY=1 was not sent"
        case "log":
            return "no such line was printed"
        case "fd":
            return "nothing was written to it"
    return "no answer"
