"""`supervisor demo`: it ends by itself, names the planted faults and leaves nothing behind."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import SUPERVISOR, Wrapped
from tests.top.terminal import Terminal
from tests.up.fleet import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

import pytest

# Worker -> one of the codes that its planted fault is known by, on this Python.
FAULTS = {
    "echo": {"task-created-in-cancel-handler", "task-destroyed-pending", "loop-closed-with-pending-tasks"},
    "mailer": {"loop-stopped-with-pending-tasks"},
    "stubborn": {"cancel-swallowed"},
    "thumbnails": {"executor-outlives-loop", "executor-busy"},
}


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def start(*argv: str, **options: str) -> Terminal:
        made.append(Terminal(list(argv), **options))  # type: ignore[arg-type]  # sizes or variables
        return made[-1]

    yield start
    for one in made:
        one.close()


def _seconds(number: str, unit: str) -> float:
    return float(number) / (1000 if unit == "ms" else 1)


def _codes(text: str) -> dict[str, set[str]]:
    """The codes of the findings under each worker's heading."""
    found: dict[str, set[str]] = {}
    worker = ""
    for line in text.splitlines():
        if heading := re.match(r"(\w+): \S*python\S* \w+\.py$", line):
            worker = heading[1]
        if code := re.match(r"  (?:error|warning|note) ([a-z-]+)", line):
            found.setdefault(worker, set()).add(code[1])
    return found


def test_both_ways(tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    """On a terminal and without one, at the same time: two people may try it on one machine."""
    env = environment(tmp_path, TMPDIR=str(tmp_path))
    shown = terminal(SUPERVISOR, "demo", columns=120, rows=40, **env)
    with Wrapped((), argv=[SUPERVISOR, "demo"], env=env) as plain:
        out = plain.rest()
        assert plain.wait() == 0
        text = plain.stderr
        assert plain.alive() == []
    assert shown.ended() == 0
    assert "polite     | polite: closed everything" in out and "\x1b" not in out + text
    assert re.search(r"stopping 6 workers, kill in (3\.[0-2]\d s|2\.9\d s|\d+ ms)", text)
    codes = _codes(text)
    for worker, faults in FAULTS.items():
        assert codes.get(worker, set()) & faults, (worker, codes)
    took = {
        name: _seconds(number, unit) for name, number, unit in re.findall(r"^  (\w+) +([\d.]+) (m?s) of", text, re.M)
    }
    held = re.search(r"^  `(\w+)` finished last", text, re.M)
    assert len(took) == 6 and held is not None
    assert took[held[1]] == max(took.values()), "on a busy machine it need not be the stubborn one"
    assert text.rstrip().endswith("escalation, reports and the rest")
    assert sum(line.startswith("  supervisor ") for line in text.splitlines()) == 3, "three commands to try next"
    seen = shown.raw.decode()
    assert "shutdown of 6 workers" in seen and "Try next" in seen
    assert "\x1b[?1049h" in seen and "\x1b[?1049l" in seen, "the dashboard came and went"
    assert [name for name in os.listdir(tmp_path) if name != "r"] == []
    assert [path for path in (tmp_path / "r").rglob("*") if not path.is_dir()] == [], "only folders last"
