"""Runs `supervisor` in this process and tells where the time of a stop went: ``python sections.py OUT up -c FILE``.

From the first stop request to the end of the loop, each instant belongs to one section: the innermost function of the
table that runs. Writes {section: seconds} as JSON to OUT. The clock itself costs some 0.3 us a call.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter
from typing import Any

from supervisor.core.fleet import step
from supervisor.loop import loop, perform
from supervisor.runs import foreground
from supervisor.system import poller, signals
from supervisor.system.control import server
from supervisor.system.proc import processes
from supervisor.system.process import exits, wait

# (section, owner, function): what is called through a module or a class, so that it can be replaced there.
TABLE: tuple[tuple[str, Any, str], ...] = (
    ("core", step, "step"),
    ("waiting", poller.Poller, "wait"),
    ("reading signals", signals, "read"),
    ("who has ended", exits.Exits, "stamp"),
    ("who has ended", exits.Exits, "take"),
    ("who has ended", wait, "peek_exit"),
    ("reading masks", processes, "masks"),
    ("sending", perform.Performer, "_send"),
    ("who is left", perform.Performer, "_survey"),
    ("reaping", perform.Performer, "_reap"),
    ("looking", perform.Performer, "_look"),
    ("telling", perform.Performer, "_report"),
    ("telling", foreground.Teller, "changed"),
    ("telling", server.Control, "changed"),
    ("performing", perform.Performer, "perform"),
    ("turning", loop.Loop, "_turn"),
)


class Clock:
    """Which section runs, and how long each has run."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._stack = ["elsewhere"]
        self._since: float | None = None

    def begin(self) -> None:
        """The stop begins: what was before is nobody's."""
        if self._since is None:
            self._since = perf_counter()

    def enter(self, section: str) -> None:
        self._count()
        self._stack.append(section)

    def leave(self) -> None:
        self._count()
        self._stack.pop()

    def _count(self) -> None:
        if self._since is not None:
            at = perf_counter()
            self.spent[self._stack[-1]] = self.spent.get(self._stack[-1], 0.0) + at - self._since
            self._since = at


def _timed(clock: Clock, section: str, owner: Any, name: str) -> None:
    whole = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        clock.enter(section)
        try:
            return whole(*args, **kwargs)
        finally:
            clock.leave()

    setattr(owner, name, timed)


def main() -> None:
    out, *argv = sys.argv[1:]
    clock = Clock()
    arrived = signals.read

    def reading(fd: int) -> Any:
        clock.begin()
        return arrived(fd)

    signals.read = reading
    for section, owner, name in TABLE:
        _timed(clock, section, owner, name)
    run = loop.Loop.run

    def running(self: loop.Loop) -> Any:
        ended = run(self)
        with open(out, "w") as file:
            json.dump(clock.spent, file)
        return ended

    loop.Loop.run = running  # type: ignore[method-assign]  # the probe
    from supervisor import entry

    os._exit(entry.main(argv))


if __name__ == "__main__":
    main()
