"""The page docs/states.md: the states of a worker and what is due for it, from the tables of the core."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supervisor.core.worker.dues import DUES
from supervisor.core.worker.states import MEANING, PHASES, WAYS

if TYPE_CHECKING:
    from supervisor.core.events import Event
    from supervisor.core.worker.states import State

HEAD = """\
# The states of a worker

Made by `scripts/docs` from `supervisor/core/worker/states.py` and `supervisor/core/worker/dues.py`. An arrow says
which event may lead from one state to another; what leaves a worker in its state is only in the module. An event that
has no way changes nothing, and is told as unexpected.
"""


def text() -> str:
    """Return the page."""
    return "\n".join((HEAD, *_drawing(), "", *_states(), "", *_dues(), ""))


def _drawing() -> list[str]:
    arrows: dict[tuple[State, State], list[str]] = {}
    for state, ways in WAYS.items():
        for event, ends in ways.items():
            for end in ends:
                if end != state:
                    arrows.setdefault((state, end), []).append(_words(event))
    lines = [f"    {start} --> {end}: {', '.join(events)}" for (start, end), events in arrows.items()]
    return ["```mermaid", "stateDiagram-v2", "    [*] --> waiting", *lines, "```"]


def _words(event: type[Event]) -> str:
    """``MainExited`` -> ``main exited``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", event.__name__).lower()


def _states() -> list[str]:
    rows = [f"| {state} | `{PHASES[state]}` | {meaning} |" for state, meaning in MEANING.items()]
    return [
        "The phase is what reports and `supervisor status` say. That of a worker whose main process has ended is",
        "`killed` after SIGKILL, and `stuck` once it was given up.",
        "",
        "| state | phase | meaning |",
        "|---|---|---|",
        *rows,
    ]


def _dues() -> list[str]:
    rows = [f"| {due.name} | {', '.join(due.states)} | {due.meaning} |" for due in DUES]
    return [
        "# What is due for a worker",
        "",
        "A signal goes before everything else that is due at the same instant.",
        "",
        "| due | in the states | what happens |",
        "|---|---|---|",
        *rows,
    ]
