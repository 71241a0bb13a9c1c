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
RUNS = 1000


class Fault(NamedTuple):
    """One line of the core, changed, and the promise that must notice."""

    promise: str
    file: str
    old: str
    new: str


FAULTS = (
    Fault(
        "every stop has a deadline",  # armed only once somebody has died (honcho)
        "worker/life.py",
        "        return stop.since + wait if stop and wait is not None else None\n",
        "        return stop.since + wait if stop and wait is not None and self.death else None\n",
    ),
    Fault(
        "every stop has a deadline",  # one worker after the other
        "fleet/step.py",
        "        due = [life.due for life in self.lives.values() if life.due is not None]\n",
        "        due = [life.due for life in [*self.lives.values()][:1] if life.due is not None]\n",
    ),
    Fault(
        "after SIGKILL there is a deadline too",
        "ladder.py",
        "        rungs[-1] = Rung(signum.KILL, AFTER_KILL)\n",
        "        rungs[-1] = Rung(signum.KILL, None)\n",
    ),
    Fault(
        "an exit is never lost",  # the end after SIGKILL goes unheard
        "worker/step.py",
        "        case MainExited() if going and life.death is None:\n",
        "        case MainExited() if going and life.death is None and life.killed is None:\n",
    ),
    Fault(
        "an exit is never lost",  # stuck is said of the dead
        "worker/step.py",
        "    return life, (Survey(life.id),)  # the last look",
        "    return _finish(life, at, stuck=True)  # the last look",
    ),
    Fault(
        "nothing is done to a pid or group after its reap",
        "worker/escalation.py",
        '    """Pass a signal on that asks for no stop."""\n    if not life.going:\n',
        '    """Pass a signal on that asks for no stop."""\n    if not life.alive:\n',
    ),
    Fault(
        "a stopped worker stays stopped",  # a stop during backoff is forgotten
        "fleet/step.py",
        "**dict.fromkeys(chosen, Attempts(wanted=False))",
        "",
    ),
    Fault(
        "a stopped worker stays stopped",  # a request during fork is forgotten
        "worker/escalation.py",
        "        return life.with_(stop=life.stop or Stop(by, by_pid, at, 0, at, at, 1)), ()\n",
        "        return life, ()\n",
    ),
    Fault(
        "escalation never goes back",
        "worker/escalation.py",
        "asked=at, last_request=at, requests=1)\n",
        "asked=at, last_request=at, requests=1, rung=0)\n",
    ),
    Fault(
        "asking again only hurries",
        "worker/escalation.py",
        "    life = life.with_(stop=stop.with_(requests=requests, last_request=at))\n",
        "    life = life.with_(stop=stop.with_(requests=requests, last_request=at, since=at))\n",
    ),
    Fault(
        "requests in the same moment are one",
        "worker/escalation.py",
        "HURRY_AFTER = 0.1\n",
        "HURRY_AFTER = 0.0\n",
    ),
    Fault(
        "the third request is KILL",
        "worker/escalation.py",
        "    if requests >= 3 and",
        "    if requests >= 4 and",
    ),
    Fault(
        "a patient ladder stays",
        "worker/escalation.py",
        "    if requests >= 3 and not life.spec.stop.ladder.patient:\n",
        "    if requests >= 3:\n",
    ),
    Fault(
        "a request starts the ladder",  # only the first worker is asked
        "fleet/step.py",
        "    return _each(fleet, ask, chosen)\n",
        "    return _each(fleet, ask, [*chosen][:1])\n",
    ),
    Fault(
        "the signal is the rung's",
        "worker/escalation.py",
        "    signal = life.ladder.rungs[rung].signal\n    kills",
        "    signal = life.ladder.rungs[0].signal\n    kills",
    ),
    Fault(
        "nobody gets the same rung twice",  # those signalled one by one
        "worker/escalation.py",
        "        if member.key not in stop.told\n",
        "        if member.pid\n",
    ),
    Fault(
        "nobody gets the same rung twice",  # those that the group's signal reached
        "worker/escalation.py",
        "        and not (member.in_group and _had_it_from_the_group(member, stop))\n",
        "\n",
    ),
    Fault(
        "the first signal waits for a moment only",
        "worker/life.py",
        "PROBE_LIMIT = 0.25\n",
        "PROBE_LIMIT = 1.0\n",
    ),
    Fault(
        "what asks for no stop starts and hurries none",  # TERM:0
        "spec.py",
        "        return dict(self.rewrite).get(signal, signal)\n",
        "        return dict(self.rewrite).get(signal, signal) or signal\n",
    ),
    Fault(
        "what asks for no stop starts and hurries none",  # a terminal's Ctrl-C in `run`
        "fleet/step.py",
        "    if event.signal not in signum.STOP_REQUESTS or keyboard or event.ignored:\n",
        "    if event.signal not in signum.STOP_REQUESTS:\n",
    ),
    Fault(
        "what asks for no stop starts and hurries none",  # a peer's end hurries
        "fleet/step.py",
        '("failed peer", "finished peer", "dependency")',
        "()",
    ),
    Fault(
        "the limit kills everything that was asked",
        "worker/escalation.py",
        "    if life.stopping is None or life.killed is not None:\n",
        "    if life.stopping is None or life.killed is not None or life.ladder.patient:\n",
    ),
    Fault(
        "SIGCONT only for a stopped worker",
        "worker/escalation.py",
        "    return life, (ReadMasks(life.id), _signal(life, sending, wake=life.stopped, ladder=True))\n",
        "    return life, (ReadMasks(life.id), _signal(life, sending, wake=True, ladder=True))\n",
    ),
    Fault(
        "the whole worker has ended",
        "worker/step.py",
        "if member.in_group or asked or life.spec.adopts)\n",
        "if asked or life.spec.adopts)\n",
    ),
    Fault(
        "who may stay is left alone",
        "worker/step.py",
        '        wanted = life.spec.stop.leftovers != "leave"\n',
        "        wanted = True\n",
    ),
    Fault(
        "only a dead process is reaped",
        "worker/step.py",
        "stuck=stuck and life.death is None",
        "stuck=False",
    ),
    Fault(
        "one report per start",
        "fleet/step.py",
        "    if life.alive or not before.alive:\n",
        "    if life.alive or life.outcome is None:\n",
    ),
    Fault(
        "marks are in order and never negative",
        "worker/step.py",
        "        return None if at is None else max(at - zero, 0.0)\n",
        "        return None if at is None else at - zero\n",
    ),
    Fault(
        "the outcome is the truth",  # killed by somebody else
        "worker/step.py",
        "death.signal == signum.KILL and death.forced",
        "death.signal == signum.KILL and life.killed",
    ),
    Fault(
        "the exit status",  # the last failure instead of the first
        "fleet/step.py",
        "    return fleet.with_(failure=fleet.failure or last)\n",
        "    return fleet.with_(failure=last)\n",
    ),
    Fault(
        "a peer's end stops all",
        "fleet/step.py",
        '    if policy.on_exit == "stop-all":\n',
        '    if policy.on_exit == "stop-all" and ended.outcome == "clean":\n',
    ),
    Fault(
        "the unexpected is told",
        "worker/step.py",
        '            return life, (Note(f"unexpected',
        '            return life, () and (Note(f"unexpected',
    ),
    Fault(
        "the unexpected changes nothing",
        "worker/step.py",
        "        case Started() if untried:\n",
        "        case Started() if going:\n",
    ),
    Fault(
        "a tick makes progress",
        "fleet/step.py",
        "fleet.with_(limited=True)",
        "fleet.with_(limited=False)",
    ),
    Fault(
        "a recording is the run",  # a clock in the core
        "worker/step.py",
        "    zero = asked if asked is not None",
        '    zero = 1e-9 * __import__("time").perf_counter() + asked if asked is not None',
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.promise}-{fault.file}".replace(" ", "-"))
def test_the_promise_notices_the_fault(fault: Fault, tmp_path: Path) -> None:
    package = f"mutant_{FAULTS.index(fault)}"
    core = loading.copy(tmp_path, package, file=fault.file, old=fault.old, new=fault.new)
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
