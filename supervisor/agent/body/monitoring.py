"""The exact `except` line that stopped a CancelledError: sys.monitoring (3.12+), while the agent is armed.

Exception events cannot be switched off by code location (PEP 669), so they are switched off as a whole once a
budget of callbacks is used: a shutdown that cancels ten thousand tasks is not to pay for each.
"""

from __future__ import annotations

import sys

import _sigdrain_agent_frames as frames
import _sigdrain_agent_tasks as tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Dict, Optional, Tuple

TOOL = 4  # 0, 1, 2 and 5 are spoken for: debugger, coverage, profiler, optimizer
BUDGET = 4_000  # callbacks of about 1 us

_on = False
_left = 0
_lines: Dict[Tuple[CodeType, int], Optional[int]] = {}
_push_exc_info = -1


def _sample() -> None:
    try:
        raise ValueError
    except ValueError:
        pass


def _handler_opcode() -> int:
    """Return the first instruction of every `except`, `finally` and `with` handler (PUSH_EXC_INFO), learned from one.

    Its number differs by version, and the implicit handler of each coroutine must be told from a real one.
    """
    table = _sample.__code__.co_exceptiontable
    values, value = [], 0
    for byte in table:  # 6 bits a byte, 0x40 continues (CPython, InternalDocs/exception_handling.md)
        value = value << 6 | byte & 63
        if not byte & 64:
            values.append(value)
            value = 0
    return _sample.__code__.co_code[values[2] * 2]


def start() -> bool:
    global _on, _left, _push_exc_info
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None or "asyncio.exceptions" not in sys.modules or _on:
        return _on
    if monitoring.get_tool(TOOL) is not None:
        return False
    _push_exc_info = _handler_opcode()
    monitoring.use_tool_id(TOOL, "sigdrain-agent")
    monitoring.register_callback(TOOL, monitoring.events.EXCEPTION_HANDLED, _handled)
    monitoring.register_callback(TOOL, monitoring.events.RERAISE, _reraised)
    monitoring.set_events(TOOL, monitoring.events.EXCEPTION_HANDLED | monitoring.events.RERAISE)
    _on, _left = True, BUDGET
    return True


def stop() -> None:
    global _on
    monitoring: Any = getattr(sys, "monitoring", None)
    if _on and monitoring is not None:
        _on = False
        monitoring.set_events(TOOL, 0)
        for event in (monitoring.events.EXCEPTION_HANDLED, monitoring.events.RERAISE):
            monitoring.register_callback(TOOL, event, None)
        monitoring.free_tool_id(TOOL)
        _lines.clear()


def _handled(code: CodeType, offset: int, error: BaseException) -> None:
    global _left
    _left -= 1
    if _left < 0:
        sys.monitoring.set_events(TOOL, 0)  # type: ignore[attr-defined]  # 3.12+
    if type(error).__name__ != "CancelledError":
        return
    key = (code, offset)
    if key not in _lines:
        _lines[key] = _line(code, offset)
    line = _lines[key]
    kept = _current() if line is not None else None
    if kept is not None:
        tasks.saw_cancel(kept)
        kept.caught = (code.co_filename, line, code.co_name)


def _reraised(code: CodeType, _: int, error: BaseException) -> None:
    global _left
    _left -= 1
    if type(error).__name__ == "CancelledError" and frames.rank(code.co_filename) < frames.STANDARD:
        kept = _current()
        if kept is not None and kept.caught and kept.caught[2] == code.co_name:
            kept.caught = None


def _line(code: CodeType, offset: int) -> Optional[int]:
    """Return the handler's line; None for standard library code and for handlers that no source line wrote."""
    if frames.rank(code.co_filename) >= frames.STANDARD or code.co_code[offset] != _push_exc_info:
        return None
    met = False
    for start, end, line in code.co_lines():  # the first instruction has no line: the next that has one
        met = met or start <= offset < end
        if met and line:
            return int(line)
    return None


def _current() -> Any:
    try:
        loop = sys.modules["asyncio.events"]._get_running_loop()
        task = sys.modules["asyncio.tasks"].current_task(loop) if loop is not None else None
        return tasks.record(task) if task is not None else None
    except (RuntimeError, KeyError, AttributeError):
        return None
