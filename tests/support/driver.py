"""Runs `supervisor run` in this process with a fault or a probe put into it: ``driver.py NAME [run args]``.

A real process with a real worker; only the named function of ours is replaced.
"""

from __future__ import annotations

import os
import sys
import time

# No import of ours or of typing up here: `modules` tells what the wrapper itself loads.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from supervisor.loop.loop import Loop


def bug() -> None:
    """Ours: the loop fails when the first signal that is none of our child's arrives."""
    from supervisor.loop.loop import Loop

    whole = Loop.see

    def see(loop: Loop, event: Any) -> None:
        if type(event).__name__ == "SignalReceived":
            raise RuntimeError("a bug of ours")
        whole(loop, event)

    setattr(Loop, "see", see)  # noqa: B010 - the fault


def helpless() -> None:
    """Ours, and then nothing of ours works any more: no look at /proc, no import."""
    from supervisor.system.proc import processes

    bug()

    def failing(*_: Any, **__: Any) -> Any:
        raise OSError(24, "Too many open files")

    from supervisor.loop.loop import Loop

    abandon = Loop._abandon

    def abandoning(loop: Loop) -> None:
        setattr(processes.Census, "members", failing)  # noqa: B010 - the fault
        sys.meta_path[:] = []
        abandon(loop)

    setattr(Loop, "_abandon", abandoning)  # noqa: B010 - the fault


def unexplained() -> None:
    """Ours: the explanation fails."""
    from supervisor.runs.evidence import Evidence

    def failing(*_: Any) -> Any:
        raise KeyError("a bug of ours")

    setattr(Evidence, "_explain", failing)  # noqa: B010 - the fault


def untold() -> None:
    """What tells an end cannot be imported any more: it was upgraded meanwhile."""
    sys.modules["supervisor.runs.telling"] = None  # type: ignore[assignment]  # the fault: an import raises


def clock() -> None:
    """While the loop runs, every clock that can be stepped jumps by an hour at each look, then back by two."""
    from supervisor.loop.loop import Loop

    whole, real, places = Loop.run, time.time, (time.localtime, time.gmtime)
    jumps = iter(range(10**9))

    def run(loop: Loop) -> Any:
        time.time = lambda: real() + (3600, -7200)[next(jumps) % 2]
        time.localtime = time.gmtime = None  # type: ignore[assignment]  # nothing may ask what time of day it is
        try:
            return whole(loop)
        finally:
            time.time = real
            time.localtime, time.gmtime = places

    setattr(Loop, "run", run)  # noqa: B010 - the probe


def modules() -> None:
    """Writes the names of the modules loaded at the fork and at the end into the files of two variables."""
    fork, leave = os.fork, os._exit

    def listing(variable: str) -> None:
        with open(os.environ[variable], "w") as file:
            file.write("\n".join(sys.modules))

    def forking() -> int:
        listing("AT_FORK")
        return fork()

    def leaving(code: int) -> None:
        if os.getpid() == ours:
            listing("AT_END")
        leave(code)

    ours = os.getpid()
    os.fork, os._exit = forking, leaving  # type: ignore[assignment]  # the probes


FAULTS = {each.__name__: each for each in (bug, helpless, unexplained, untold, clock, modules)}

if __name__ == "__main__":
    {
        "bug": bug,
        "clock": clock,
        "helpless": helpless,
        "unexplained": unexplained,
        "untold": untold,
        "modules": modules,
    }[sys.argv[1]]()
    from supervisor import entry

    sys.exit(entry.main(["run", *sys.argv[2:]]))
