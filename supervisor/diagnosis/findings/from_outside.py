"""What is known without the agent: processes left behind, forced ends, stuck writes, and why the agent is silent."""

from __future__ import annotations

from supervisor.core import redact, verdict
from supervisor.core.record import AGENT_OFF
from supervisor.diagnosis.attribution.nobody import main_task
from supervisor.diagnosis.findings.case import TOLD, Case, Claim
from supervisor.diagnosis.findings.children import child_hint, inherited
from supervisor.diagnosis.phrases import at_line, capital, figure, instant, named, several, signal_name
from supervisor.diagnosis.without_agent import isolating, observations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.core.record import Sample, Severity

# Its helper process watches for semaphores and shared memory that were not released, and ends by itself right
# after its parent (multiprocessing/resource_tracker.py; forkserver.py likewise).
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "multiprocessing.semaphore_tracker")
# Children that were told to stop together with the main process may end a moment after it.
TOGETHER = 0.25


def leaked(case: Case) -> Iterable[Claim]:
    """Find members of the worker that were alive when its main process had exited."""
    shutdown = case.shutdown
    left = [
        member
        for member in shutdown.leftovers
        # A process without a command line has exited and is only not reaped yet (proc(5), cmdline).
        if member.argv and not any(name in " ".join(member.argv) for name in _HELPERS)
    ]
    begin, kill = case.marks.main_exited, case.marks.killed
    if not left or (kill is not None and begin is not None and begin >= kill):
        return  # one SIGKILL for all of them: nobody outlived anybody
    seconds = max(case.until - begin, 0.0) if begin is not None else 0.0
    fates = {member.fate for member in left}
    severity: Severity = "error" if "killed" in fates and not case.killed else "warning"
    if fates == {"ended"} and seconds < TOGETHER:
        severity = "note"
    names = [f"{member.pid} ({_command(member.argv)})" for member in left]
    claim = Claim("leaked-children", severity, ("children",), children=capital(several(names, "process")))
    claim.words["signal"] = signal_name(case.asked_with)
    claim.advise("wait").at(None, None)
    claim.words["children"] = claim.words["children"].replace("processs", "processes")
    claim.seconds = seconds
    for member in left[:5]:
        fate = {"ended": "ended when it was signalled", "killed": "had to be killed", "left": "was left running"}
        claim.proof.append(f"process {member.pid} `{_command(member.argv)}` {fate[member.fate]}")
    if begin is not None:
        claim.proof.append(f"the main process had exited at {instant(begin)}")
    for member in left[:5]:
        inherited(case, claim, member.pid)
    yield claim


def not_permitted(case: Case) -> Iterable[Claim]:
    """Find that a process of the worker may not be signalled by us: it has become another user."""
    shutdown = case.shutdown
    climbs = [climb for climb in shutdown.escalation if climb.result == "not permitted"]
    left = [one for one in shutdown.leftovers if one.user is not None]
    users = [climb.user for climb in climbs if climb.user] + [one.user for one in left if one.user]
    user = users[0] if users else "another user"
    if not climbs and not left:
        return
    lives = verdict.refused(shutdown) is not None
    pid = left[0].pid if left else shutdown.pid
    claim = Claim("not-permitted", "error" if lives else "warning", ("not-permitted",), user=user, pid=str(pid))
    claim.words["who"] = f"process {pid}" if left else "it"
    claim.words["lives"] = ", and it is still running" if lives else ""
    claim.advise("left" if lives else "ended")
    claim.seconds = shutdown.total
    for climb in climbs[:5]:
        claim.proof.append(f"{signal_name(climb.signal)} at {instant(climb.at)}: not permitted (EPERM)")
    for member in left[:5]:
        claim.proof.append(f"process {member.pid} `{_command(member.argv)}` runs as {member.user}")
    yield claim


def killed(case: Case) -> Iterable[Claim]:
    """Find that SIGKILL was needed."""
    shutdown = case.shutdown
    if not case.killed or not shutdown.leftovers_known or verdict.refused(shutdown) is not None:
        return
    process = case.leader
    after = case.marks.killed if case.marks.killed is not None else case.until
    ends = shutdown.outcome != "stuck"
    claim = Claim("killed", "error", ("killed",), who="it", seconds=figure(after), still="").advise("end")
    claim.words["how"] = "SIGKILL ended" if ends else "SIGKILL did not end"
    claim.seconds = after
    if shutdown.hurried and shutdown.grace is not None:
        claim.severity = "warning"
        claim.advise("ask-once")
        why = (
            f"the stop was requested {shutdown.requests} times"
            if shutdown.requests > 1
            else "the fleet's limit had passed"
        )
        claim.proof.append(f"its grace period of {figure(shutdown.grace)} had not ended: {why}")
    if not ends and case.marks.main_exited is None:
        asleep = bool(shutdown.samples) and shutdown.samples[-1].state == "D"
        claim.proof.append(
            "its main process sleeps in the kernel, where no signal wakes it (state D)"
            if asleep
            else "its main process was still there when it was given up"
        )
    for climb in shutdown.escalation:
        claim.proof.append(f"{signal_name(climb.signal)} at {instant(climb.at)}")
    if process is not None:
        main = main_task(process)
        wait = main.open_wait if main is not None else None
        if main is not None and wait is not None:
            claim.at(process, wait.at, main.name)
            claim.piece = next((piece for piece in reversed(case.pieces) if piece.process is process), None)
            claim.words["still"] = f": {named(main)} still waited {at_line(wait.at)}"
            if case.nothing_began:
                claim.advise("end-wait").unanswered = True
                claim.proof.append("after the handler ran no task moved and nothing was cancelled")
    claim.proof += observations(shutdown)
    yield claim


def write_stuck(case: Case) -> Iterable[Claim]:
    """Find, without an agent, that the main thread was in write(2) for as long as anyone looked."""
    if case.leader is not None:
        return
    stuck = _run_of(case.shutdown.samples, ("write", "writev", "pwrite64", "sendto", "sendmsg"))
    if stuck < TOLD:
        return
    severity: Severity = "error" if case.killed else "warning"
    claim = Claim("output-blocked", severity, ("outside",), fd="", seconds=figure(stuck)).advise("read")
    claim.seconds = stuck
    claim.proof.append(f"system call of the main thread at every look: write, for {figure(stuck)}")
    yield claim


def child_waited_for(case: Case) -> Iterable[Claim]:
    """Find, without an agent, that the main thread was in wait4(2) with children alive, and ended when they had.

    When SIGKILL ended it, it may as well have waited for one short-lived child after another.
    """
    if case.leader is not None or case.killed:
        return
    waited = _run_of([s for s in case.shutdown.samples if s.children], ("wait4", "waitid", "waitpid"))
    if waited < TOLD:
        return
    severity = case.held(waited, False)
    claim = Claim("waits-for-child", severity, ("outside",), child="its child process", seconds=figure(waited))
    claim.words["signal"] = signal_name(case.asked_with)
    claim.advise(child_hint(case, None))
    claim.seconds = waited
    claim.proof.append(
        f"system call of the main process at every look: wait4, for {figure(waited)}, with children alive"
    )
    if case.shutdown.argv and case.shutdown.argv[0].rpartition("/")[2] in ("sh", "bash", "dash", "ash", "zsh"):
        claim.proof.append(
            "a shell runs its trap only after the command in the foreground has ended; `exec` replaces it"
        )
    yield claim


def _run_of(samples: Iterable[Sample], calls: tuple[str, ...]) -> float:
    """Return seconds between the first and the last look of the longest unbroken row in one of these system calls."""
    best = begin = 0.0
    inside = False
    for sample in samples:
        if (sample.syscall or "").partition("(")[0].partition(" ")[0] in calls:
            begin = begin if inside else sample.at
            inside = True
            best = max(best, sample.at - begin)
        else:
            inside = False
    return best


def no_agent(case: Case) -> Iterable[Claim]:
    """Find why no task, line or thread is named."""
    facts = case.shutdown.agent
    if case.leader is not None or not facts.reason or facts.reason == AGENT_OFF or not case.shutdown.started:
        return
    claim = Claim("no-agent", "note", ("no-agent",), reason=facts.reason)
    claim.advise("option" if isolating(case.shutdown.argv) else "other")
    claim.proof += observations(case.shutdown)
    yield claim


def _command(argv: tuple[str, ...]) -> str:
    text = " ".join(redact.argv(argv))
    return text if len(text) <= 60 else text[:59] + "…"
