"""Workers that print, and what came of it: shared by the tests of output."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from tests.up.fleet import Up

PROGRAMS = Path(__file__).parent / "programs"
FLOOD = "import os\nwhile True: os.write(1, b'y' * 99 + b'\\n')"


def printing(count: int, *more: str) -> list[str]:
    return [sys.executable, "-ES", str(PROGRAMS / "print_lines.py"), str(count), *more]


def inline(program: str) -> str:
    return json.dumps([sys.executable, "-ESc", program]).replace("$", "$$")


def line_of(fd: int, number: int) -> str:
    return f"{fd}-{number}" + (" \udcff\udcfe\r" if number % 10 == 0 else " " + "x" * (number % 97))


def lines_of(text: str, title: str) -> list[str]:
    """The lines of one worker, without prefix."""
    return [line.partition(" | ")[2] for line in text.split("\n") if line.partition(" ")[0] == title]


def drained(fd: int, limit: int = 1 << 30) -> bytes:
    """Everything until the other end is closed."""
    data = b""
    while len(data) < limit and select.select([fd], [], [], PATIENCE)[0] and (chunk := os.read(fd, 1 << 16)):
        data += chunk
    return data


def stall(fleet: Up) -> None:
    fleet.saw("nobody has read our output for 1 s")
