"""What a worker that has ended had left: it is asked to end when the worker's stop is asked for, and named.

Each process belongs to the start that left it. The record of that start has been told; it is told anew.
"""

from __future__ import annotations

from supervisor.core.actions import Amend, Note
from supervisor.core.record import Member, Shutdown
from supervisor.core.worker.ending import finish, leftover
from supervisor.core.worker.escalation import tell, unasked
from supervisor.core.worker.life import Leftovers, Life, Remains, Standing, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.worker.escalation import Step

# Starts of a worker whose leftovers are kept in mind; the processes of those before live on, and are not named.
MOST_REMAINS = 100


def remember(life: Life, record: Shutdown) -> Life:
    """Keep in mind what a start that was not asked to stop has left alive."""
    left = life.leftovers.alive
    if not left or life.spec.stop.leftovers != "end" or life.outcome == "stuck":
        return life
    return life.with_(remains=(*life.remains, Remains(record, left))[-MOST_REMAINS:])


def swept(life: Life, at: float, members: tuple[Member, ...] | None) -> Step:
    """Take in who is left of a worker that is swept: they are told, or it is over."""
    if members is None:
        return not_seen(life, at)
    leftovers = life.leftovers
    seen = (*leftovers.seen, *unknown(leftovers.seen, members))
    life = life.with_(leftovers=leftovers.with_(alive=members, seen=seen, unknown=False))
    if not members or (given_up(life, at) and not unasked(life, members)):
        return _over(life)
    return tell(life, at, members)


def not_seen(life: Life, at: float) -> Step:
    """Try again, when it could not be seen who is left: that is no reason to believe that no process is.

    The ladder goes on meanwhile; after its end the worker counts as stuck.
    """
    stop = life.stop or Stop("self", None, None, at, 0, Standing(0, at))
    before = life.leftovers
    life = life.with_(leftovers=before.with_(unknown=True, unseen=True, surveyed=at, waited=True), stop=stop)
    if given_up(life, at):
        return _over(life) if life.state == "sweeping" else finish(life, at, stuck=True)
    text = f"{life.spec.title}: could not look which of its processes are left; trying again"
    return life, () if before.unknown else (Note(text),)


def given_up(life: Life, at: float) -> bool:
    """Return whether the wait after the last signal of the ladder has passed."""
    due = life.next_rung_at
    return due is not None and at >= due and life.following is None


def unknown(seen: tuple[Member, ...], found: tuple[Member, ...]) -> tuple[Member, ...]:
    """Return those that were found and have not been seen before."""
    known = {member.key for member in seen}
    return tuple(member for member in found if member.key not in known)


def _over(life: Life) -> Step:
    """Let the worker rest again; each of its starts that had left a process is told anew."""
    assert life.former is not None
    told = tuple(Amend(life.id, _amended(life, remains)) for remains in life.remains)
    state, stop = life.former.state, life.former.stop
    return life.with_(state=state, stop=stop, former=None, leftovers=Leftovers(), remains=()), told


def _amended(life: Life, remains: Remains) -> Shutdown:
    """Return the record of a start with what has become of those that it had left."""
    record, stop = remains.record, life.stop
    sent = stop.sent if stop is not None else ()
    pids = {member.pid for member in remains.members}
    told = [one for one in record.leftovers if one.fate != "left" or one.pid not in pids]
    # Who was born since belongs to the last start before.
    known = {member.key for each in life.remains for member in each.members}
    later = [one for one in life.leftovers.seen if one.key not in known] if remains is life.remains[-1] else []
    ends = [
        leftover(one, life.leftovers).with_(fate="left") if life.leftovers.unknown else leftover(one, life.leftovers)
        for one in (*remains.members, *later)
    ]
    climbs = tuple(climb.with_(at=climb.at - record.zero) for climb in sent)
    return record.with_(
        leftovers=(*told, *ends),
        leftovers_known=record.leftovers_known and not life.leftovers.unknown,
        escalation=(*record.escalation, *climbs),
    )
