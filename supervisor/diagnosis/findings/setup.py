"""What of the way a program is stopped does not fit the server that it is: told before anything is lost."""

from __future__ import annotations

from supervisor.diagnosis import limits
from supervisor.diagnosis.findings.case import Case, Claim
from supervisor.diagnosis.phrases import figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def does_not_fit(case: Case) -> Iterable[Claim]:
    """Find a server's own limit that is longer than ours; or worker processes that get a signal which the server
    passes on to them.
    """
    shutdown = case.shutdown
    if case.marks.asked is None or not shutdown.started:
        return
    told = limits.nested(shutdown.argv, shutdown.grace, case.environ)
    inner = limits.limit(shutdown.argv, case.environ)
    if told is not None and inner is not None:
        claim = Claim("stop-setup", "note", ("setup", "limit"), what=told)
        given = f"{inner.option} {figure(inner.seconds)}" if inner.given and inner.seconds is not None else "not set"
        if inner.option:
            claim.proof.append(f"on its command line and in its environment: {given}")
        yield claim.advise("limit").at(None, None)
    server = limits.spares_children(shutdown.argv, case.environ)
    if server is not None and shutdown.escalation and shutdown.escalation[0].target == "group":
        what = f"{server} tells its worker processes of a stop by itself, and the signal went to them too: "
        what += limits.why_spared(server)
        yield Claim("stop-setup", "note", ("setup", "group"), what=what).advise("main-only").at(None, None)
