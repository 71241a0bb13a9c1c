"""A shutdown made of messages written by hand: what one process, or two, told about its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisor.agent.wire import AgentMessage
from supervisor.core.record import Finding, Shutdown
from supervisor.diagnosis.explain import explain
from tests.support.shutdowns import HANDLES_TERM, shutdown

if TYPE_CHECKING:
    from collections.abc import Mapping


def message(event: str, when: float, pid: int = 7, **fields: Any) -> AgentMessage:
    """``when`` counts from the stop."""
    return AgentMessage(event, 100.0 + when, pid, fields=fields)


def stopped(exited: float, killed: bool = False, **changes: Any) -> Shutdown:
    """Return the end of a worker that handles SIGTERM; SIGKILL (``killed``) came 20 ms before that end."""
    usual = {"outcome": "killed" if killed else "clean", "grace": 3.0, "masks": HANDLES_TERM}
    ended = shutdown(exited=exited, **usual | changes)
    return ended.with_(marks=ended.marks.with_(killed=exited - 0.02)) if killed and "marks" not in changes else ended


def findings(
    *messages: AgentMessage,
    exited: float = 1.0,
    killed: bool = False,
    source: str = "",
    lines: Mapping[int, str] | None = None,
    **changes: Any,
) -> list[Finding]:
    """What is said of it. ``source`` is the text of every file, ``lines`` single lines of it."""
    known = dict(enumerate(source.split("\n"), 1)) if source else dict(lines or {})
    told = [message("hello", -1.0, python="3.12.1", cwd="/app"), *messages]
    return list(explain(stopped(exited, killed, **changes), told, lambda _, line: known.get(line)).findings)


def code(found: list[Finding], name: str) -> Finding | None:
    """The finding of that code."""
    return next((one for one in found if one.code == name), None)


def mentioned(found: list[Finding], name: str) -> bool:
    """The code is a finding, or folded under one."""
    return any(one.code == name or any(also.startswith(f"{name}:") for also in one.also) for one in found)
