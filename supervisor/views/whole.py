"""Everything about one shutdown: what happened, then why. Text and Markdown. Pure."""

from __future__ import annotations

from supervisor.views import explain, report
from supervisor.views.report import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Shutdown
    from supervisor.views.report import Style


def text(one: Shutdown, width: int = 80, style: Style = plain, head: str = "supervisor") -> str:
    """Lines of at most ``width`` columns, ending in a newline."""
    why = explain.text(one, width, style)
    return report.text(one, width, style, head) + (f"\n{why}" if why else "")
