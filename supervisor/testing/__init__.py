"""Drills in a test suite: ``from supervisor.testing import drill``, or the pytest fixture of that name.

    result = drill([sys.executable, "app.py"], runs=5, ready="tcp=127.0.0.1:8000")
    assert result.total.p95 < 5, result
    assert not result.findings

A drill is a process of its own (``supervisor drill``), so that the signals it blocks and the orphans it adopts stay
out of the test's process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervisor.testing.api import DrillError, drill
    from supervisor.testing.result import Finding, Result, Span

__all__ = ["DrillError", "Finding", "Result", "Span", "drill"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: pytest imports this package in every suite, for the plugin."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from supervisor.testing import api, result

    return getattr(api, name, None) or getattr(result, name)
