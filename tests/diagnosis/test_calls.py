"""A thread that a library started for itself: the line of the program's own that called the library is found."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.diagnosis.evidence.calls import starters
from supervisor.diagnosis.explain import explain
from tests.diagnosis.synthetic import code, message, stopped

LIBRARY = "/v/site-packages/redis/client.py"
FILES = {
    LIBRARY: """
class PubSub:
    def subscribe(self):
        self.send()
    def run_in_thread(self):
        thread = Worker(self)
        thread.start()
""",
    "/app/once.py": """
import aiosqlite
async def main():
    store["db"] = await aiosqlite.connect(":memory:")
""",
    "/app/named.py": """
from redis import Redis as Client
def main():
    pubsub = Client(port=1).pubsub()
    pubsub.subscribe("prices")
    pubsub.run_in_thread()
""",
    "/app/many.py": """
import redis
one = redis.Redis()
two = redis.Redis()
""",
    "/app/none.py": "import rediscover\nrediscover.run_in_thread()\n",
    "/app/broken.py": "import redis\nredis.Redis(\n",
}


def source(file: str, line: int) -> str | None:
    lines = FILES.get(file, "").split("\n")
    return lines[line - 1] if line <= len(lines) else None


@pytest.mark.parametrize(
    ("package", "file", "found"),
    [
        ("aiosqlite", "/app/once.py", [(4, "main")]),
        ("redis", "/app/named.py", [(6, "main")]),
        ("redis", "/app/many.py", [(3, "<module>"), (4, "<module>")]),
        ("redis", "/app/none.py", []),
        ("redis", "/app/broken.py", []),
        ("redis", "/app/missing.py", []),
    ],
)
def test_calls_of_a_library(package: str, file: str, found: list[tuple[int, str]]) -> None:
    told = starters(package, LIBRARY, [file], source)
    assert [(frame.line, frame.function) for frame in told] == found


@pytest.mark.parametrize(("file", "line"), [("/app/named.py", 6), ("/app/many.py", 57)])
def test_the_only_line_that_can_have_started_the_thread_is_the_place(file: str, line: int) -> None:
    run: tuple[str, int, str] = (LIBRARY, 57, "run")
    boot = ("/usr/lib/python3.12/threading.py", 1002, "_bootstrap")
    thread: dict[str, Any] = {
        "thread": 2, "name": "Thread-1", "daemon": False, "state": "busy", "at": run, "leaf": run,
        "stack": [boot, run],
    }  # fmt: skip
    at = (file, 3, "main")
    task: dict[str, Any] = {"task": 1, "name": "Task-1", "coro": "main", "at": at, "leaf": at, "stack": [at]}
    told = [
        message("hello", -1.0, python="3.12.1", cwd="/app"),
        message("snapshot", -0.01, reason="probe", first=True, tasks=[task], threads=[thread], n_tasks=1),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("phase", 0.01, name="thread-join", busy=[thread]),
        message("thread-waiting", 1.9, seconds=1.9, doing="poll", **thread),
    ]
    found = code(list(explain(stopped(2.0, True, grace=2.0), told, source).findings), "non-daemon-thread")
    assert found is not None and found.where is not None and found.where.line == line
    assert found.advice.startswith("The thread is the library's: close what you opened there")
