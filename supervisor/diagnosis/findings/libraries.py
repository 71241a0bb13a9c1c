"""Advice from what servers and libraries offer (servers.py): told when their package is on the chain of a finding.

What the command line or the environment shows that the program does already is not advised.
"""

from __future__ import annotations

from supervisor.diagnosis.limits import given, started_server
from supervisor.diagnosis.servers import FACTS, RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from supervisor.diagnosis.servers import Fact

# More than this many would bury the advice itself.
MOST = 2


def advice(
    code: str,
    packages: Iterable[str],
    argv: Sequence[str],
    environ: Mapping[str, str] | None = None,
    to_group: bool = True,
) -> str:
    """Return the facts that help a finding of this code, in the order of the packages, the outermost of the chain
    first. ``to_group``: the stop signal went to the whole process group.
    """
    found: list[str] = []
    for package in dict.fromkeys(packages):
        for fact in FACTS:
            fits = fact.package == package and code in fact.codes and (to_group or not fact.group)
            if fits and fact.advice not in found and _applies(fact, argv, environ):
                found.append(fact.advice)
    return " ".join(found[:MOST])


def _applies(fact: Fact, argv: Sequence[str], environ: Mapping[str, str] | None) -> bool:
    """Return whether a fact is news: not done already, and its option one of the command that was started (a worker
    of gunicorn takes none of uvicorn's).
    """
    started = started_server(argv)
    foreign = started != fact.package and any(rule.server == started for rule in RULES)
    if foreign and any(rule.server == fact.package for rule in RULES):
        return False
    done = any(given(argv, environ, option) for option in fact.unless)
    return not done and all(given(argv, environ, option) for option in fact.only)
