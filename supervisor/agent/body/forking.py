"""A forked child is another process: a connection of its own, nothing under way. Loaded with the first fork."""

from __future__ import annotations

import os
from os import fstat

import _sigdrain_agent as agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Optional


def before() -> None:
    if agent.body is not None:
        agent.body.arming.before_fork()


def after_in_child(frame: Optional[FrameType]) -> None:
    """Begin anew; ``frame``: what ran when the process was forked."""
    old, agent._line = agent._line, -1
    if old >= 0 and fstat(old)[1:3] == agent._identity:
        os.close(old)
    _close_dump()
    if agent.body is not None:
        agent.body.arming.after_fork()
    agent.inherited.update((number, len(kept)) for number, kept in agent.history.items())
    agent.connect(True, forked_by(frame))


def _close_dump() -> None:
    old, agent._dump = agent._dump, None
    try:
        if old is not None and fstat(old[0])[1:3] == old[1]:
            os.close(old[0])
    except OSError:  # the program closed it
        pass


def forked_by(frame: Optional[FrameType]) -> Any:
    """Return the line that forked; what it called is the standard library's."""
    while frame and frame.f_code.co_filename.startswith(agent.STDLIB) and "-packages" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame and [frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name]
