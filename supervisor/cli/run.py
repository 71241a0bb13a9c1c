"""`supervisor run`: its options -> a frozen plan -> the run; shared by the lean path and typer."""

from __future__ import annotations

import os

from supervisor.cli.plan import keeping, voice, warn_of_misspelt
from supervisor.core import ladder, signum
from supervisor.core.spec import RUN, RUN_AS_INIT, ExecSpec, FleetSpec, RestartSpec, StopSpec, WorkerSpec
from supervisor.errors import UsageError
from supervisor.runs import wrapping
from supervisor.runs.plan import RunPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from supervisor.cli.options import Values
    from supervisor.core.readiness import Check, LivenessSpec, ReadySpec


# How a value that is empty is shown.
NOTHING = "''"


def run(values: Values, command: list[str]) -> int:
    """Run the command to its end; the exit code. Raises UsageError, SpawnError."""
    planned = plan(values, command, init=os.getpid() == 1, managed=bool(os.environ.get("NOTIFY_SOCKET")))
    warn_of_misspelt(planned.voice)
    return wrapping.run(planned)


def plan(values: Values, command: list[str], *, init: bool, managed: bool = False) -> RunPlan:
    """Check and combine. ``init``: we are PID 1. ``managed``: a service manager wants to hear of us. Raises
    UsageError."""
    given: dict[str, Any] = dict(values)
    if not command:
        raise UsageError("no command to run", "write it after the options, as in: supervisor run -- python worker.py")
    worker = WorkerSpec(
        name=_name(command[0]),
        exec=ExecSpec(
            argv=tuple(command),
            cwd=given["cwd"],
            keep_ignored=given["keep_ignored"],
            parent_death=given["parent_death"],
        ),
        stop=StopSpec(
            ladder=_ladder(given["escalation"], given["grace"], given["stop_signal"]),
            group=not given["child_only"],
            leftovers=given["leftovers"],
            rewrite=_rewrites(given["rewrite"]),
        ),
        restart=RestartSpec(policy="never", on_exit="ignore"),
        agent=not given["no_agent"],
        own=_packages(given["own"]),
        reload_signal=_reload_signal(given["reload_signal"]),
        ready=_ready(given["ready"], given["ready_timeout"], managed),
        liveness=_liveness(given["liveness"]),
    )
    return RunPlan(
        fleet=FleetSpec((worker,), RUN_AS_INIT if init else RUN),
        signal_exit=_signal_exit(given["signal_exit"], init),
        subreaper=given["subreaper"] == "auto",
        voice=voice(given),
        # A wrapper as transparent as tini writes no files; a service with a state folder has made it for that.
        keeping=keeping(given, unasked="STATE_DIRECTORY" in os.environ),
        extends=given["extend"] == "auto",
    )


def _name(command: str) -> str:
    return command.rstrip("/").rpartition("/")[2] or command


def _signal_exit(choice: str, init: bool) -> str:
    if choice == "auto":
        # systemd counts death by SIGTERM as clean and exit 143 as failure; PID 1 cannot die of a default action.
        return "code" if init else "raise"
    return choice


def _ladder(escalation: str | None, grace: str | None, stop_signal: str | None) -> ladder.Ladder:
    if escalation is not None and (grace is not None or stop_signal is not None):
        other = "--grace" if grace is not None else "--stop-signal"
        raise UsageError(
            f"--escalation and {other} both set the first rung",
            "give the whole ladder with --escalation, as in TERM/10/KILL, or leave it out",
        )
    try:
        result = ladder.parse(ladder.DEFAULT if escalation is None else escalation)
    except ladder.LadderError as error:
        raise UsageError(f"--escalation: {error}", "write signals and seconds, as in TERM/10/INT/5/KILL") from None
    if stop_signal is not None:
        result = ladder.with_stop_signal(result, signal_to_stop_with(stop_signal, "--stop-signal"))
    if grace is not None:
        result = ladder.with_grace(result, seconds(grace))
    return result


def signal_to_stop_with(text: str, option: str) -> int:
    """Return the number of a signal that may begin a stop. Raises UsageError."""
    number = signum.number(text)
    if number is None or number in (signum.KILL, signum.STOP, signum.CHLD):
        raise UsageError(f"{option} {text or NOTHING}: no signal to stop with", "use a name like TERM, INT or QUIT")
    return number


def _ready(text: str | None, timeout: str | None, managed: bool) -> ReadySpec | None:
    """Return when the command counts as ready; None for at once.

    Under a service manager it is by default when the command says so over sd_notify(3), as if we were not there, and
    as late as its unit allows where no ``timeout`` is given.
    """
    if text is None and managed:
        from supervisor.core.readiness import Check, ReadySpec

        if timeout is not None:
            return ReadySpec(Check("notify"), timeout=seconds(timeout, "--ready-timeout"))
        return ReadySpec(Check("notify"), timeout=ladder.LONGEST, on_timeout="continue")
    if text in (None, "started"):
        if timeout is not None:
            seconds(timeout, "--ready-timeout")  # what is no duration at all is told first
            raise UsageError("--ready-timeout is for a command with a check", "give one with --ready")
        return None
    from supervisor.core.readiness import ReadySpec

    check = check_of("--ready", text or "")
    if check.kind == "log" and (os.isatty(1) or os.isatty(2)):
        raise UsageError(
            "--ready log=… reads the command's output, which goes to a terminal here",
            "send it elsewhere, as in 2>&1 | cat, or use another check",
        )
    return ReadySpec(check) if timeout is None else ReadySpec(check, timeout=seconds(timeout, "--ready-timeout"))


def _liveness(text: str | None) -> LivenessSpec | None:
    if text is None:
        return None
    from supervisor.core.readiness import LIVENESS, LivenessSpec

    check = check_of("--liveness", text)
    if check.kind not in LIVENESS:
        raise UsageError(f"--liveness {text}: cannot be asked again and again", f"use one of {', '.join(LIVENESS)}")
    return LivenessSpec(check, failures=1) if check.kind == "notify" else LivenessSpec(check)


def check_of(option: str, text: str) -> Check:
    """Return the check that an option gives. Raises UsageError."""
    from supervisor.config import checks
    from supervisor.core.readiness import CheckError

    try:
        return checks.parse(text)
    except CheckError as error:
        raise UsageError(f"{option} {text or NOTHING}: {error}", "as in tcp=127.0.0.1:8000, or notify") from None


def _reload_signal(text: str | None) -> int | None:
    if text is None:
        return None
    number = signum.number(text)
    if number is None or number not in signum.FORWARDED or number in (signum.TERM, signum.CONT, *signum.SUSPENDS):
        raise UsageError(
            f"--reload-signal {text or NOTHING}: no signal to reload with", "use a name like HUP, USR1 or USR2"
        )
    return number


def seconds(text: str, option: str = "--grace") -> float:
    """Return the duration that an option gives. Raises UsageError."""
    try:
        value = float(text)
    except ValueError:
        from supervisor.config.durations import parse

        found = parse(text)
        value = -1.0 if found is None else found
    if not 0 <= value <= ladder.LONGEST:
        raise UsageError(
            f"{option} {text or NOTHING}: not a duration of at most {ladder.LONGEST / 86400:.0f} days",
            f"write seconds, as in {option} 2.5, or 500ms, 1m30s"
            + ("; `--escalation none` waits for ever" if option == "--grace" else ""),
        )
    return value


def _packages(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not name.isidentifier():
            raise UsageError(f"--own {name or NOTHING}: not the name of a package", "as it is imported: --own shop")
    return tuple(names)


def _rewrites(texts: Iterable[str]) -> tuple[tuple[int, int], ...]:
    found: dict[int, int] = {}
    for text in texts:
        before, after = _rewrite(text)
        if found.setdefault(before, after) != after:
            raise UsageError(
                f"--rewrite {text}: {signum.name(before)} has another target already", "give one of them"
            )
    return tuple(found.items())


def _rewrite(text: str) -> tuple[int, int]:
    before, colon, after = text.partition(":")
    found = signum.number(before)
    target = 0 if after == "0" else signum.number(after)
    if not colon:
        raise UsageError(f"--rewrite {text or NOTHING}: it is not FROM:TO", "as in TERM:INT; TERM:0 drops SIGTERM")
    if found is None or target is None:
        from supervisor.core.visible import quoted

        unknown = quoted(before if found is None else after)
        raise UsageError(f"--rewrite {text}: {unknown} is not a signal", "as in TERM:INT; TERM:0 drops SIGTERM")
    if found not in signum.FORWARDED:
        raise UsageError(f"--rewrite {text}: {signum.name(found)} is never forwarded", "rewrite another signal")
    return found, target
