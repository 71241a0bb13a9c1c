"""Everything about one shutdown: what happened, then why. Text and Markdown. Pure."""

from __future__ import annotations

from supervisor.views import summary, why
from supervisor.views.summary import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Shutdown
    from supervisor.views.summary import Style


def text(one: Shutdown, width: int = 80, style: Style = plain, head: str = "supervisor") -> str:
    """Lines of at most ``width`` columns, ending in a newline."""
    reasons = why.text(one, width, style)
    return summary.text(one, width, style, head) + (f"\n{reasons}" if reasons else "")
