"""The formats of a report file, chosen by its suffix. Pure; each is imported when a file asks for it."""

from __future__ import annotations

from supervisor.core.contract import report
from supervisor.views.data import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.contract.report import Origin
    from supervisor.core.drilled import Drilled
    from supervisor.core.record import Shutdown

# Of `run`, `up` and `report`; a drill has one more.
SUFFIXES = (".json", ".md", ".html", ".svg")
OF_DRILLS = (".json", ".md", ".html", ".junit.xml")


def shutdowns(path: str, origin: Origin, ends: Sequence[Shutdown]) -> str:
    """Return what a report of these ends holds in the format of ``path``."""
    if path.endswith(".json"):
        return dumps(report.document(origin, ends))
    if path.endswith(".html"):
        from supervisor.views import html

        return html.shutdowns(origin, ends)
    if path.endswith(".svg"):
        from supervisor.views import svg

        # One picture: of the stop that took longest.
        longest = max(ends, key=lambda one: one.total, default=None)
        return "" if longest is None else svg.waterfall(longest)
    from supervisor.views import markdown

    return markdown.text(origin, ends)


def drill(path: str, origin: Origin, one: Drilled) -> str:
    """Return what the report of a drill holds in the format of ``path``."""
    if path.endswith(".json"):
        return dumps(document(origin, one))
    if path.endswith(".junit.xml"):
        from supervisor.views import junit

        return junit.text(one)
    if path.endswith(".html"):
        from supervisor.views import html

        return html.drill(origin, one)
    from supervisor.views import drill

    return drill.markdown(one)


def document(origin: Origin, one: Drilled) -> dict[str, object]:
    """Return the report of a drill as plain data: its runs are the shutdowns."""
    from supervisor.core.contract import drill

    ends = [end for trial in one.trials for end in trial.shutdowns]
    return {**report.document(origin, ends), "drill": drill.document(one)}
