"""Why a running process does not end, or what it does: (facts, a look inside) -> findings, worst first. Pure.

A finding is claimed only when the facts show it. Severities: ``error``, as it stands SIGTERM cannot end it;
``warning``, something holds it that should not; ``note``, worth knowing.
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.record import Finding
from supervisor.diagnosis.phrases import several
from supervisor.diagnosis.running import waits
from supervisor.diagnosis.running.stacks import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from supervisor.diagnosis.evidence.frames import Sources
    from supervisor.diagnosis.running.facts import Facts, Inside, Relative

    Answer: TypeAlias = Literal["handled", "ignored", "blocked", "read", "dropped", "default"]

# Of its descriptors in use: the next accept() or open() may be the one that fails.
FEW_LEFT = 0.95
_SEVERITIES = ("error", "warning", "note")


def findings(
    facts: Facts, inside: Inside | None, sources: Sources, told: bool = False, stop: str | None = None
) -> tuple[Finding, ...]:
    """Return what is known to keep the process where it is. ``sources(file, line)`` gives a line's text or None.

    ``told``: its agent has said what it waits for, and knows better than a look from outside. ``stop``: the command
    by which its supervisor ends it; a signal past a supervisor would make it start the worker again.
    """
    if facts.ended:
        return ()
    if is_dead(facts):
        return (_zombie(facts),)
    if facts.kernel:
        return (
            Finding(
                "kernel-thread",
                "note",
                "It is a thread of the kernel: signals do not reach it",
                "Leave it; it ends with the kernel's own work.",
            ),
        )
    held = _held(facts)
    found = [*held, *_signals(facts, stop)]
    if not held and not told:
        found += waits.main_thread(
            facts, reading(inside, facts.pid, sources), (inside and inside.tree) or (), inside is not None
        )
    found += _surroundings(facts)
    return tuple(sorted(found, key=lambda one: _SEVERITIES.index(one.severity)))


def is_dead(facts: Facts) -> bool:
    """Return whether the process is a zombie; not so a process whose main thread alone has ended."""
    return facts.main.state in "ZX" and facts.n_threads <= 1


def answer(facts: Facts, signal: int) -> Answer:
    """Return what the process does with a signal that asks it to stop (signal(7)).

    ``dropped``: it is the first process of its PID namespace, for which the kernel drops signals without a handler
    (pid_namespaces(7)); ``read``: it takes the signal from a signalfd.
    """
    bit = 1 << (signal - 1)
    if facts.accepted & bit:
        return "read"
    if all(thread.blocked & bit for thread in facts.threads):
        return "blocked"
    if facts.caught & bit:
        return "handled"
    if facts.ignored & bit:
        return "ignored"
    return "dropped" if facts.namespace_init else "default"


def pending(facts: Facts, signal: int) -> bool:
    """Return whether the signal was sent and has not been delivered yet."""
    bit = 1 << (signal - 1)
    return bool((facts.shared_pending | facts.main.pending) & bit)


# ------------------------------------------------------------------ it cannot run


def _zombie(facts: Facts) -> Finding:
    parent = facts.parent
    who = f"its parent {called(parent)}" if parent else "its parent, outside of this PID namespace,"
    proof = [f"{who} has not asked for its exit status yet (wait(2))"]
    if parent and parent.state in "Tt":
        proof.append(f"the parent is stopped (state {parent.state}): it cannot do so")
    caught, ignored = facts.parent_masks or (0, 0)
    if facts.parent_masks and not (caught | ignored) & 1 << (signum.CHLD - 1):
        proof.append("the parent has no handler for SIGCHLD; it may wait in another way")
    if facts.mates:
        mates = several([called(mate) for mate in facts.mates], "process").replace("processs", "processes")
        proof.append(f"still running in its process group: {mates}")
    advice = "No signal reaches a zombie, and it uses nothing but its pid. "
    if parent is None or parent.pid == 1:
        advice += "Its parent is PID 1, which must reap: run the container with an init, such as supervisor run."
    elif facts.mates:
        advice += f"A supervisor keeps it until its group has ended: explain {facts.mates[0].pid} instead."
    else:
        advice += f"Make {called(parent)} wait for its children, or end it: then PID 1 reaps."
    return Finding(
        "zombie", "error", "It has ended; only its exit status is kept (a zombie)", advice, proof=tuple(proof)
    )


def _held(facts: Facts) -> list[Finding]:
    """Return what keeps the process from running at all."""
    main, waiting = facts.main, _waiting(facts)
    if facts.frozen is not None:
        return [
            Finding(
                "frozen",
                "error",
                f"Its control group {facts.frozen} is frozen: nothing in it runs",
                "Thaw it (docker unpause, systemctl thaw, or write 0 to its cgroup.freeze).",
                proof=waiting,
            )
        ]
    if main.state == "t" and facts.tracer is not None:
        return [
            Finding(
                "traced",
                "error",
                f"{called(facts.tracer)} traces it and has stopped it",
                "Let the debugger continue it, or detach it.",
                proof=waiting,
            )
        ]
    if main.state in "Tt":
        return [
            Finding(
                "stopped",
                "error",
                "It is stopped (state T, as by Ctrl-Z or SIGSTOP): signals but SIGKILL wait until it continues",
                f"Continue it: kill -CONT {facts.pid}",
                proof=waiting,
            )
        ]
    if len(main.states) > 1 and all(state == "D" for state in main.states):
        stack = f"in the kernel at {' < '.join(facts.stack[:3])}" if facts.stack else ""
        where = stack or (f"in the kernel at {main.wchan}" if main.wchan else "")
        call = waits.dominant(facts)
        if call is not None and call.name in ("vfork", "clone", "clone3"):
            children = several([called(one) for one in facts.children], "child").replace("childs", "children")
            return [
                Finding(
                    "waits-for-vfork",
                    "warning",
                    f"It waits until {children} runs another program or ends (vfork(2))",
                    "Explain that child; until then no signal but SIGKILL is delivered.",
                    proof=waiting,
                )
            ]
        return [
            Finding(
                "uninterruptible",
                "error",
                "It is in the kernel and cannot be interrupted (state D): even SIGKILL may have to wait",
                "See what it waits for: a network file system whose server is gone, a disk, a FUSE program.",
                proof=tuple(one for one in (where, *waiting) if one),
            )
        ]
    return []


def _waiting(facts: Facts) -> tuple[str, ...]:
    names = [signum.name(number) for number in range(1, 65) if pending(facts, number)]
    return (
        (f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} sent and will be delivered then",)
        if names
        else ()
    )


# ------------------------------------------------------------------ signals


def _signals(facts: Facts, stop: str | None) -> list[Finding]:
    """Return what SIGTERM does to the process: that is how it is asked to stop."""
    name, sent, what = "SIGTERM", pending(facts, signum.TERM), answer(facts, signum.TERM)
    inter = _interrupt(facts, what) if stop is None else f"its supervisor ends it, with SIGKILL at last: {stop}"
    if what == "blocked":
        threads = "its only thread blocks" if facts.n_threads == 1 else f"all its {facts.n_threads} threads block"
        proof = [f"{threads} {name} (SigBlk), and no signalfd reads it"]
        if sent:
            proof.append(f"{name} is pending: it was sent and waits (SigPnd, ShdPnd)")
        title = f"{name} was sent, but it blocks the signal" if sent else f"It blocks {name}"
        advice = f"Unblock it (pthread_sigmask), also where a parent hands its mask to its children; {inter}"
        return [Finding("signal-blocked", "error" if sent else "warning", title, advice, proof=tuple(proof))]
    if what == "ignored":
        proof = [f"{name} is in its set of ignored signals (SigIgn)"]
        advice = f"Make it handle {name}; ignored signals are inherited, so check what started it, too; {inter}"
        return [Finding("signal-ignored", "error", f"It ignores {name}", advice, proof=tuple(proof))]
    if what == "dropped":
        return [
            Finding(
                "init-without-handler",
                "error",
                f"It is PID 1 of its PID namespace and has no handler for {name}: the kernel drops the signal",
                f"Give it a handler, or start it below an init: supervisor run, docker run --init; {inter}",
                proof=("for PID 1 a signal's default action does not apply (pid_namespaces(7))",),
            )
        ]
    if what == "default" and not sent and not _held(facts):
        return [
            Finding(
                "not-asked",
                "note",
                f"Nothing keeps {name} from ending it: it has no handler, so the signal was not sent",
                f"Ask it to stop: {stop or f'kill {facts.pid}'}",
                proof=(f"{name} is neither handled, ignored nor blocked, and it lives",),
            )
        ]
    if sent and not _held(facts):
        where = {"read": "takes it from a signalfd", "handled": "has a handler for it"}.get(what, "would die of it")
        return [
            Finding(
                "signal-not-taken",
                "warning",
                f"{name} was sent and has not been delivered yet",
                "See what its threads do: none of them reaches a point where signals are delivered.",
                proof=(f"it {where}; the signal is still pending (SigPnd, ShdPnd)",),
            )
        ]
    return []


def _interrupt(facts: Facts, term: Answer) -> str:
    """Return which other signal may end the process by its own doing."""
    usable = answer(facts, signum.INT)
    if usable in ("handled", "read"):
        return f"it does handle SIGINT: kill -INT {facts.pid}"
    if term != "dropped" and usable == "default":
        return f"SIGINT has its default action: kill -INT {facts.pid} ends it at once"
    return f"SIGINT is {usable} too, so only SIGKILL is left" if usable != "default" else "only SIGKILL is left"


# ------------------------------------------------------------------ around it


def _surroundings(facts: Facts) -> list[Finding]:
    found: list[Finding] = []
    if facts.fds and facts.fd_limit and facts.fds >= FEW_LEFT * facts.fd_limit:
        found.append(
            Finding(
                "descriptors-exhausted",
                "warning",
                f"It has {facts.fds} of at most {facts.fd_limit} descriptors open: it will soon run out of them",
                "Find what it does not close, or raise the limit (ulimit -n, LimitNOFILE=).",
            )
        )
    dead = [child for child in facts.children if child.state == "Z"]
    if dead:
        pids = ", ".join(str(child.pid) for child in dead[:5]) + (", …" if len(dead) > 5 else "")
        found.append(
            Finding(
                "zombie-children",
                "note",
                f"{len(dead)} of its children {'has' if len(dead) == 1 else 'have'} ended and not been waited for",
                "Make it wait for its children (wait(2)); each keeps a pid until then.",
                proof=(f"zombies: {pids}",),
            )
        )
    for output in facts.outputs:
        if output.kind == "pipe" and output.holders == () and output.all_seen:
            name = {1: "stdout", 2: "stderr"}[output.fd]
            found.append(
                Finding(
                    "output-unread",
                    "warning",
                    f"No process has the other end of its {name} open: the next write fails (SIGPIPE, EPIPE)",
                    "Restart it with an output that is read, or a file.",
                    proof=(f"no process has {output.target} open for reading",),
                )
            )
    slow = [one for one in (facts.sockets.connections if facts.sockets else ()) if one.unsent > 0]
    if slow:
        worst = max(slow, key=lambda one: one.unsent)
        found.append(
            Finding(
                "peer-does-not-read",
                "note",
                f"{len(slow)} of its connections {'has' if len(slow) == 1 else 'have'} bytes the peer has not read",
                "A slow peer can delay a graceful close: limit the wait.",
                proof=(f"{worst.unsent} bytes wait for {worst.peer}",),
            )
        )
    return found


def called(one: Relative) -> str:
    """Return the name and the pid: ``bash (pid 812)``."""
    return f"{one.argv[0].rpartition('/')[2] if one.argv else '?'} (pid {one.pid})"
