"""Makes dashboard.svg beside this file: ``python -m docs.dashboard``, by rich's own export, of a fleet that stops."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from supervisor.views.dashboard import frame
from supervisor.views.dashboard.fleet import Roster
from supervisor.views.dashboard.rows import Usage
from tests.top import scenes

HERE = Path(__file__).parent
WIDTH, HEIGHT = 116, 24


def main() -> None:
    workers = scenes.going_down(12)
    log = frame.Log()
    log.add(scenes.LOG, 0)
    usage = {one["pid"]: Usage(0.02 * one["index"], 31_500_000) for one in workers if one["pid"] is not None}
    look = frame.Look(embedded=True)
    screen = frame.frame(Roster(scenes.down(workers), workers), usage, log, look, scenes.NOW, WIDTH, HEIGHT)
    console = Console(
        width=WIDTH,
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(screen, end="")
    svg = console.export_svg(title="supervisor up", theme=MONOKAI, unique_id="dashboard")
    # rich names a font of a public host: a reader's own monospaced one does, and nothing is fetched.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (HERE / "dashboard.svg").write_text(svg)


if __name__ == "__main__":
    main()
