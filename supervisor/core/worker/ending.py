"""How a worker has ended: the verdict, what became of its leftovers, and the record that is told."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.actions import Reap
from supervisor.core.record import AGENT_OFF, AgentFacts, Leftover, Marks, Member, Shutdown
from supervisor.core.worker.life import End, Leftovers, Life

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Fate, Outcome
    from supervisor.core.worker.escalation import Step


def finish(life: Life, at: float, stuck: bool = False) -> Step:
    """Say how the whole worker has ended, or that it is given up as stuck; then let the zombie go."""
    death = life.death
    fates = tuple(leftover(one, life.leftovers) for one in life.leftovers.seen)
    ended = at if death is None else max(at, death.at) if life.leftovers.waited else death.at
    end = End(_outcome(life, stuck), ended, fates)
    return life.with_(state="ended", end=end), (Reap(life.id, stuck=stuck and death is None),)


def _outcome(life: Life, stuck: bool) -> Outcome:
    if stuck:
        return "stuck"
    death = life.death
    assert death is not None
    if life.failure is not None:
        return "failed"
    if death.signal is None:
        return "clean" if death.code in life.spec.stop.success_codes else "failed"
    return "killed" if death.signal == signum.KILL and death.forced else "signalled"


def leftover(member: Member, leftovers: Leftovers) -> Leftover:
    """Return how a process that outlived the main process is told."""
    fate = fate_of(member, leftovers)
    return Leftover(member.pid, member.argv, fate, dict(leftovers.refused).get(member.key))


def fate_of(member: Member, leftovers: Leftovers) -> Fate:
    """Return what became of a process by the last look."""
    if any(member.key == one.key for one in leftovers.alive):
        return "left"
    return "killed" if member.key in leftovers.shot else "ended"


def shutdown(life: Life) -> Shutdown:
    """Return the record of an ended life. Zero is the first stop signal, else the death of the main process."""
    assert life.end is not None
    end, stop, death = life.end, life.stop, life.death
    asked = stop.asked if stop else None
    # The ladder may have reached SIGKILL before anybody had looked, and there was nobody left to get it.
    killed = any(climb.signal == signum.KILL for climb in life.sent)
    zero = asked if asked is not None else death.at if death else end.at

    def after(at: float) -> float:
        return at - zero

    def since(at: float | None) -> float | None:
        return None if at is None else after(at)

    return Shutdown(
        worker=life.spec.name,
        instance=life.spec.instance,
        start=life.start,
        pid=life.last_pid,
        argv=life.spec.exec.argv,
        asked_by=stop.by if stop and asked is not None else "self",
        asked_by_pid=stop.by_pid if stop else None,
        outcome=end.outcome,
        exit_code=life.failure.code if life.failure else death.code if death else None,
        signal=death.signal if death and not life.failure else None,
        grace=life.spec.stop.ladder.grace,
        zero=zero,
        marks=Marks(
            asked=since(asked),
            killed=since(life.killed) if killed else None,
            main_exited=since(death.at) if death else None,
            exited=None if end.outcome == "stuck" else since(end.at),
        ),
        escalation=tuple(climb.with_(at=after(climb.at)) for climb in life.sent),
        rusage=life.rusage,
        leftovers=end.fates,
        leftovers_known=not life.leftovers.unknown,
        masks=stop.masks if stop else None,
        samples=tuple(sample.with_(at=after(sample.at)) for sample in stop.samples) if stop else (),
        given_up=since(end.at) if end.outcome == "stuck" else None,
        agent=AgentFacts(present=False, reason=None if life.spec.agent else AGENT_OFF),
        requests=stop.requests if stop and asked is not None else 0,
        started=life.failure is None,
        cause=stop.cause if stop else None,
        tries=tuple(stop.tries) if stop else (),
        begun=life.begun,
        ready=life.ready,
        after=stop.after if stop else (),
    )
