"""What the agent says of handlers that were displaced, and of ways to leave without cleanup."""

from __future__ import annotations

import signal
import sys

from tests.agent.harness import Worker

HERE = sys.executable


def test_ways_to_leave_without_cleanup() -> None:
    code = """
import asyncio, os, signal
async def work():
    await asyncio.sleep(60)
async def main():
    task = asyncio.create_task(work())
    signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
    print("ready")
    await task
asyncio.run(main())
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert worker.end() == 3
        left = worker.heard("exit").fields
        assert (left["how"], left["by"][1:]) == ("os._exit", (7, "<lambda>"))
        assert {task["coro"] for task in left["tasks"]} == {"main", "work"}
    with Worker(HERE, code.replace("os._exit(3)", "__import__('sys').exit(4)")) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert worker.end() == 4
        assert worker.heard("exit").fields["how"] == "sys.exit"
    again = "(signal.signal(15, signal.SIG_DFL), signal.raise_signal(15))"
    with Worker(HERE, code.replace("os._exit(3)", again)) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert worker.end() == -signal.SIGTERM
        assert worker.heard("exit").fields["how"] == "raise_signal"


def test_a_displaced_handler_is_told_with_both_names() -> None:
    code = """
import signal
def first(*_): pass
def second(*_): raise SystemExit(0)
signal.signal(signal.SIGTERM, first)
signal.signal(signal.SIGTERM, second)
print("ready")
signal.sigtimedwait([], 30)
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe()
        fields = worker.heard("snapshot").fields
        now = next(entry for entry in fields["handlers"] if entry["signal"] == signal.SIGTERM)
        assert (now["name"], now["at"][1], now["by"][1]) == ("second", 4, 6)
        assert [(entry["name"], entry["by"][1]) for entry in fields["displaced"]] == [("first", 5)]


def test_a_programs_own_add_signal_handler_is_no_loops() -> None:
    code = """
import signal
def add_signal_handler(number, callback):
    signal.signal(number, lambda *_: callback())
add_signal_handler(signal.SIGTERM, print)
print("ready")
signal.sigtimedwait([], 30)
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe()
        fields = worker.heard("snapshot").fields
        now = next(entry for entry in fields["handlers"] if entry["signal"] == signal.SIGTERM)
        assert (now["kind"], now["by"][2]) == ("python", "add_signal_handler")
        assert fields["n_threads"] is None  # nobody loaded threading, and we do not either
