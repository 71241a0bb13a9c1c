"""`supervisor demo`: a small fleet with typical faults, stopped after some seconds, and what is said about it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib import resources
from typing import TYPE_CHECKING

from supervisor.cli import up
from supervisor.cli.options import UP, parse
from supervisor.core import events
from supervisor.runs import foreground
from supervisor.system import stdio

if TYPE_CHECKING:
    from supervisor.loop.loop import Loop

# Long enough to read the first lines, or to look at the dashboard; with the ladder of 3 s all is over in 10 s.
# demo/thumbnails.py relies on it: what is left of its 6 s then is more than half of the grace period.
RUNS = 4.0

NEXT = """
Try next:
  supervisor run -v -- python3 your_worker.py   then press Ctrl-C
  supervisor init                               writes a config to start from
  supervisor run -h                             escalation, reports and the rest
"""


class Alarm:
    """A source of the loop that asks everything to stop, once."""

    def __init__(self, loop: Loop, at: float) -> None:
        self._loop = loop
        self.deadline: float | None = at

    def tick(self, at: float) -> None:
        """Ask the fleet to stop, as the time has come."""
        self.deadline = None
        if self._loop.fleet.want == "up":
            self._loop.see(events.StopAsked(at, "command stop", None, os.getpid()))


def demo(options: list[str]) -> int:
    """Run it; ``options`` are those of `up`. Exit code 0 when it ran as it should, forced ends included."""
    folder = tempfile.mkdtemp(prefix="sigdrain-demo-")
    try:
        for file in resources.files("supervisor.demo").iterdir():
            if file.name.endswith((".py", ".toml")) and not file.name.startswith("__"):
                with resources.as_file(file) as path:
                    shutil.copy(path, folder)
        environ = {**os.environ, "SIGDRAIN_DEMO": folder, "SIGDRAIN_PYTHON": sys.executable}
        parsed = parse(["-c", os.path.join(folder, "demo.toml"), *options], environ, UP)
        assert parsed is not None
        planned = up.plan(*parsed, environ=environ)
        stdio.say(
            "Six asyncio workers start now, some with typical faults; in 4 seconds they are\n"
            "stopped. Watch how they end.\n\n"
        )
        code = foreground.up(planned, lambda loop, at: loop.sources.append(Alarm(loop, at + RUNS)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    stdio.say(NEXT)
    return 0 if code in (0, 137) else code
