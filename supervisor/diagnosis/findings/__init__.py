"""One small module per family of causes; each rule is a pure function (case) -> claims."""

from __future__ import annotations

from supervisor.diagnosis.findings import kernel, loop, signals, swallowed, tasks, threads, transports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervisor.diagnosis.findings.case import Case, Claim

RULES: tuple[Callable[[Case], Iterable[Claim]], ...] = (
    signals.died_at_once,
    signals.children_died_at_once,
    signals.children_left_at_once,
    signals.ignored,
    signals.not_run,
    signals.raised_again,
    loop.displaced,
    tasks.held_by_tasks,
    threads.held_by_threads,
    threads.held_by_phases,
    tasks.created_while_cancelled,
    tasks.shielded_cut,
    swallowed.quietly,
    loop.left_behind,
    loop.destroyed_early,
    loop.exit_from_the_middle,
    threads.outlived_quietly,
    transports.unclosed,
    kernel.leaked,
    kernel.write_stuck,
    kernel.child_waited_for,
    kernel.killed,
    kernel.no_agent,
)


def claims(case: Case) -> list[Claim]:
    """What all rules say."""
    return [claim for rule in RULES for claim in rule(case)]
