"""A mutation check: each promise of `promises.py` notices a fault of its own, put into a copy of the core.

A fault that survives means that a promise is not tested, however green the other tests are.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.core import loading
from tests.core.driver import Drive
from tests.core.promises import Broken

if TYPE_CHECKING:
    from pathlib import Path

# Runs per fault; most are found in the first dozen. Each run takes about 3 ms.
RUNS = 4000


class Fault(NamedTuple):
    """One expression or statement of the core, changed, and the promise that must notice."""

    promise: str
    module: str
    name: str
    old: str
    new: str


FAULTS = (
    Fault(
        "every stop has a deadline",  # armed only once somebody has died (honcho)
        "worker.life",
        "Life.next_rung_at",
        "stop is None or wait is None",
        "stop is None or wait is None or self.death is None",
    ),
    Fault(
        "every stop has a deadline",  # one worker after the other
        "fleet.state",
        "Fleet.deadline",
        "self.dated().dues.values()",
        "[*self.dated().dues.values()][:1]",
    ),
    Fault(
        "every stop has a deadline",  # what has changed is not written down
        "fleet.state",
        "_write",
        "dues[worker] = at",
        "dues.setdefault(worker, at)",
    ),
    Fault(
        "after SIGKILL there is a deadline too",
        "ladder",
        "_checked",
        "Rung(signum.KILL, AFTER_KILL)",
        "Rung(signum.KILL, None)",
    ),
    Fault(
        "an exit is never lost",  # the end after SIGKILL goes unheard
        "worker.step",
        "step",
        "return _TAKES[kind](life, event)",
        "return _TAKES[kind](life, event) if kind is not MainExited or life.killed is None else (life, ())",
    ),
    Fault(
        "an exit is never lost",  # stuck is said of the dead
        "worker.step",
        "_who_is_left",
        "waited = _waited_for(life)",
        "waited = _waited_for(life) or life.leftovers.seen",
    ),
    Fault(
        "nothing is done to a pid or group after its reap",
        "worker.escalation",
        "forward",
        "life.going",
        "life.alive",
    ),
    Fault(
        "a stopped worker stays stopped",  # a stop during backoff is forgotten
        "fleet.requests",
        "stop",
        "_rest(turn, event.workers, Attempts(wanted=False))",
        "pass",
    ),
    Fault(
        "a stopped worker stays stopped",  # a request during fork is forgotten
        "worker.escalation",
        "request_stop",
        "return (life.with_(stop=life.stop or Stop(by, by_pid, at, at, 1, Standing(0, at))), ())",
        "return (life, ())",
    ),
    Fault(
        "escalation never goes back",
        "worker.escalation",
        "request_stop",
        "stop = stop.with_(by=by, by_pid=by_pid, asked=at, last_request=at, requests=1)",
        "stop = stop.with_(by=by, by_pid=by_pid, asked=at, last_request=at, requests=1, standing=Standing(0, at))",
    ),
    Fault(
        "asking again only hurries",
        "worker.escalation",
        "request_stop",
        "stop.with_(requests=stop.requests + 1, last_request=at)",
        "stop.with_(requests=stop.requests + 1, last_request=at, standing=stop.standing.with_(since=at))",
    ),
    Fault(
        "requests in the same moment are one",
        "worker.escalation",
        "HURRY_AFTER",
        "0.1",
        "0.0",
    ),
    Fault(
        "the third request is KILL",
        "worker.escalation",
        "request_stop",
        "stop.requests >= 3",
        "stop.requests >= 4",
    ),
    Fault(
        "a patient ladder stays",
        "worker.escalation",
        "request_stop",
        "stop.requests >= 3 and (not life.spec.stop.ladder.patient)",
        "stop.requests >= 3",
    ),
    Fault(
        "a request starts the ladder",  # only the first worker is asked
        "fleet.requests",
        "stop",
        "turn.each(ask, event.workers)",
        "turn.each(ask, [*(event.workers or turn.lives)][:1])",
    ),
    Fault(
        "the signal is the rung's",
        "worker.escalation",
        "climb",
        "signal = life.ladder.rungs[rung].signal",
        "signal = life.ladder.rungs[0].signal",
    ),
    Fault(
        "nobody gets the same rung twice",  # those signalled one by one
        "worker.escalation",
        "_untold",
        "member.key not in standing.told",
        "member.pid",
    ),
    Fault(
        "nobody gets the same rung twice",  # those that the group's signal reached
        "worker.escalation",
        "_untold",
        "not (member.in_group and _had_it_from_the_group(member, standing))",
        "member.pid",
    ),
    Fault(
        "the first signal waits for a moment only",
        "worker.escalation",
        "PROBE_LIMIT",
        "0.25",
        "1.0",
    ),
    Fault(
        "what asks for no stop starts and hurries none",  # TERM:0
        "spec",
        "StopSpec.rewritten",
        "dict(self.rewrite).get(signal, signal)",
        "dict(self.rewrite).get(signal, signal) or signal",
    ),
    Fault(
        "what asks for no stop starts and hurries none",  # a terminal's Ctrl-C in `run`
        "fleet.signals",
        "received",
        "not keyboard",
        "True",
    ),
    Fault(
        "what asks for no stop starts and hurries none",  # a peer's end hurries
        "fleet.requests",
        "NOBODY_INSISTS",
        "('failed peer', 'finished peer', 'dependency')",
        "()",
    ),
    Fault(
        "the limit kills everything that was asked",
        "worker.escalation",
        "kill",
        "life.stopping is None",
        "life.stopping is None or life.ladder.patient",
    ),
    Fault(
        "whoever gets SIGKILL was asked before",
        "worker.escalation",
        "unasked",
        "_untold(life, members)",
        "_untold(life, ())",
    ),
    Fault(
        "the ladder begins anew only at SIGKILL",  # also for whom somebody is in a hurry
        "worker.escalation",
        "unasked",
        "stop.hurried",
        "stop.must_kill",
    ),
    Fault(
        "SIGCONT only for a stopped worker",
        "worker.escalation",
        "_first_request",
        "_signal(life, sending, wake=life.stopped, ladder=True)",
        "_signal(life, sending, wake=True, ladder=True)",
    ),
    Fault(
        "the whole worker has ended",
        "worker.step",
        "_waited_for",
        "member.in_group or everyone",
        "everyone",
    ),
    Fault(
        "who may stay is left alone",
        "worker.step",
        "_surveyed",
        "wanted = life.spec.stop.leftovers != 'leave'",
        "wanted = True",
    ),
    Fault(
        "only a dead process is reaped",
        "worker.ending",
        "finish",
        "stuck and death is None",
        "False",
    ),
    Fault(
        "one report per start",
        "fleet.step",
        "_take_in",
        "life.state in RESTS and before.state in ('forking', 'ended')",
        "life.state in RESTS",
    ),
    Fault(
        "a fleet passes no signal on",
        "fleet.signals",
        "received",
        "turn.refused",
        "_pass_on(turn, event)",
    ),
    Fault(
        "marks are in order",  # the main process ends before the worker does
        "worker.ending",
        "finish",
        "max(at, death.at)",
        "death.at - 1",
    ),
    Fault(
        "instants are as they were, before zero too",
        "worker.ending",
        "shutdown",
        "at - zero",
        "max(at - zero, 0.0)",
    ),
    Fault(
        "a grace period is kept",  # the deadline does not move with the delivery
        "worker.step",
        "_delivered",
        "standing.with_(since=max(standing.since, event.at), extended=event.at > standing.first + wait)",
        "standing",
    ),
    Fault(
        "nobody is forgotten",
        "worker.escalation",
        "request_stop",
        "life.state in RESTS and life.remains",
        "False",
    ),
    Fault(
        "nobody is forgotten",  # what an earlier start left, when the next one is stopped
        "fleet.endings",
        "ended",
        "life.remains",
        "False",
    ),
    Fault(
        "what was left is named",
        "worker.sweeping",
        "swept",
        "leftovers.with_(alive=members, seen=seen, unknown=False)",
        "leftovers.with_(alive=(), seen=seen, unknown=False)",
    ),
    Fault(
        "the outcome is the truth",  # killed by somebody else
        "worker.ending",
        "_outcome",
        "death.signal == signum.KILL and death.forced",
        "death.signal == signum.KILL and life.killed",
    ),
    Fault(
        "the exit status",  # the last failure instead of the first
        "fleet.state",
        "Turn.failed",
        "self.failure is None",
        "True",
    ),
    Fault(
        "the exit status",  # who waits for its restart is forgotten
        "fleet.requests",
        "go_down",
        "life.state in ('waiting', 'backoff')",
        "life.state == 'waiting'",
    ),
    Fault(
        "a peer's end stops all",
        "fleet.endings",
        "_unasked_end",
        "policy.on_exit == 'stop-all'",
        "policy.on_exit == 'stop-all' and record.outcome == 'clean'",
    ),
    Fault(
        "the unexpected is told",
        "worker.step",
        "unexpected",
        "(Note(f'unexpected {type(event).__name__} while {life.spec.title} is {life.phase}'),)",
        "()",
    ),
    Fault(
        "the unexpected changes nothing",
        "worker.step",
        "_started",
        "process is None or process.running_since is not None or life.failure is not None",
        "process is None",
    ),
    Fault(
        "a tick makes progress",
        "fleet.step",
        "_tick",
        "turn.limited = True",
        "turn.limited = False",
    ),
    Fault(
        "a way of the table",  # an agent's word moves one that nobody stops
        "worker.step",
        "_agent_said",
        "life.state in ('draining', 'cleaning') and event.what == 'cleaned'",
        "event.what == 'cleaned'",
    ),
    Fault(
        "a worker is given no more time than it may have",  # EXTEND_TIMEOUT_USEC for ever
        "worker.notified",
        "extended",
        "min(wanted, max(most(life) - stop.extended, 0.0))",
        "wanted",
    ),
    Fault(
        "a recording is the run",  # a clock in the core
        "worker.ending",
        "shutdown",
        "death.at if death else end.at",
        "end.at + 1e-9 * __import__('time').perf_counter()",
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.promise}-{fault.name}".replace(" ", "-"))
def test_the_promise_notices_the_fault(fault: Fault, tmp_path: Path) -> None:
    package = f"mutant_{FAULTS.index(fault)}"
    core = loading.copy(tmp_path, package, module=fault.module, name=fault.name, old=fault.old, new=fault.new)
    others: set[str] = set()
    try:
        for seed in range(RUNS):
            try:
                Drive(core, Random(seed)).run()
            except Broken as error:
                if error.promise == fault.promise:
                    return
                others.add(error.promise)
    finally:
        loading.forget(package)
    pytest.fail(f"the fault survived {RUNS} runs; other promises noticed it: {sorted(others) or 'none'}")


def test_every_promise_has_a_fault() -> None:
    """Whatever `promises.py` holds, something here breaks."""
    text = (loading.TESTS / "promises.py").read_text()
    named = {part.split('"')[1] for part in (*text.split("hold(")[1:], *text.split("broken(")[1:]) if part[0] == '"'}
    assert named == {fault.promise for fault in FAULTS}
