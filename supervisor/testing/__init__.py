"""Drills in a test suite: ``from supervisor.testing import drill``, or the pytest fixture of that name.

    result = drill([sys.executable, "app.py"], runs=5, ready="tcp=127.0.0.1:8000")
    assert result.total.p95 < 5, result
    assert not result.findings

A drill is a process of its own (``supervisor drill``), so that the signals it blocks and the orphans it adopts stay
out of the test's process.
"""

from __future__ import annotations

from supervisor.testing.api import DrillError, Result, drill
from supervisor.testing.result import Finding, Span

__all__ = ["DrillError", "Finding", "Result", "Span", "drill"]
