"""Fixtures: the fake server and the dashboard on a terminal of our own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.top import scenes
from tests.top.terminal import Server, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start a program on a new terminal."""
    made: list[Terminal] = []

    def start(*argv: str, **options: Any) -> Terminal:
        made.append(Terminal(list(argv), **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def dashboard(server: Server, terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """The dashboard of the fake server, showing ``workers`` (three that run)."""

    def start(*argv: str, workers: list[dict[str, Any]] | None = None, **options: Any) -> Terminal:
        shown = terminal(sys.executable, "-P", "-m", "supervisor.top", server.path, *argv, **options)
        server.hear("asked")
        server.send(state(still(3) if workers is None else workers))
        shown.until("running")
        return shown

    return start


def still(count: int) -> list[dict[str, Any]]:
    """Workers of which nothing changes by itself: no process, no age."""
    return [one | {"pid": None, "since": None} for one in scenes.running(count)]


def state(workers: list[dict[str, Any]], **head: Any) -> bytes:
    return message(fleet=scenes.fleet(workers, **head), workers=workers)


def log(*lines: str, **fields: Any) -> bytes:
    worker = {"at": 0.0, "index": 0, "title": "web", "stream": "stdout"} | fields
    return message(log=[worker | {"line": line} for line in lines], dropped=0)


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode()
