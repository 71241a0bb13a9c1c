"""One small module per family of causes; each rule is a pure function (case) -> claims."""

from __future__ import annotations

from supervisor.diagnosis.findings import (
    children,
    cut_short,
    finalize,
    from_outside,
    handlers,
    loop,
    setup,
    signals,
    swallowed,
    tasks,
    threads,
    transports,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervisor.diagnosis.findings.case import Case, Claim

RULES: tuple[Callable[[Case], Iterable[Claim]], ...] = (
    signals.died_at_once,
    children.died_at_once,
    children.failed_without,
    children.left_at_once,
    signals.ignored,
    handlers.not_run,
    signals.raised_again,
    handlers.displaced,
    tasks.held_by_tasks,
    threads.held_by_threads,
    threads.held_by_phases,
    finalize.slow_finalize,
    children.killed_by_parent,
    tasks.created_while_cancelled,
    tasks.shielded_cut,
    swallowed.quietly,
    loop.left_behind,
    loop.destroyed_early,
    loop.exit_from_the_middle,
    threads.outlived_quietly,
    cut_short.jobs_cut,
    cut_short.threads_cut,
    cut_short.cancelled_under_way,
    transports.unclosed,
    from_outside.leaked,
    from_outside.write_stuck,
    from_outside.child_waited_for,
    from_outside.not_permitted,
    from_outside.killed,
    setup.does_not_fit,
    from_outside.no_agent,
)


def claims(case: Case) -> list[Claim]:
    """Return what all rules say."""
    return [claim for rule in RULES for claim in rule(case)]
