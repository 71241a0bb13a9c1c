"""What a program does already is not advised: a timeout that is there, a cancel that was sent, a daemon thread.

Real programs, stopped with SIGTERM and killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from supervisor.diagnosis.evidence.enclosing import bounded
from supervisor.diagnosis.evidence.frames import frame_of
from supervisor.diagnosis.explain import explained
from supervisor.diagnosis.findings.already import _BOUND, _CANCEL
from supervisor.diagnosis.findings.codes import CODES
from tests.diagnosis.record import record, sources

MAIN = """\
import asyncio, queue, signal

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    {begin}
    print("ready", flush=True)
    await stop.wait()
    {end}

{more}
asyncio.run(main())
"""
DAEMON = """\
import signal, threading, time
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

def pump():
    time.sleep(600)

thread = threading.Thread(target=pump, name="pump", daemon=True)
thread.start()
print("ready", flush=True)
stop.wait()
thread.join()
"""
CONSUMER = """\
jobs = asyncio.Queue()

async def consume():
    try:
        await jobs.get()
    finally:
        await jobs.get()
"""
PROGRAMS = {
    "a timeout around it": MAIN.format(
        begin="", more="", end="async with asyncio.timeout(60):\n        await asyncio.Event().wait()"
    ),
    "a timeout in its call": MAIN.format(
        begin="", more="", end="await asyncio.wait_for(asyncio.get_running_loop().create_future(), 60)"
    ),
    "a job with a timeout": MAIN.format(
        begin="asyncio.get_running_loop().run_in_executor(None, take)",
        more="def take():\n    queue.Queue().get(timeout=60)\n",
        end="",
    ),
    "a cancel": MAIN.format(
        begin="task = asyncio.create_task(consume(), name='consume'); await asyncio.sleep(0)",
        more=CONSUMER,
        end="task.cancel(); await asyncio.wait([task])",
    ),
    "a daemon": DAEMON,
}


def _advice(folder: Path, program: str) -> str:
    (folder / "program.py").write_text(program)
    taken = record([sys.executable, str(folder / "program.py")], signals=[(15, 0.8)])
    first = explained(taken.shutdown, taken.messages, sources).findings[0]
    assert first.severity == "error", first
    return first.advice


@pytest.mark.parametrize("what", [what for what in PROGRAMS if "timeout" in what])
def test_a_timeout_that_is_there_is_not_advised(what: str, tmp_path: Path) -> None:
    advice = _advice(tmp_path, PROGRAMS[what])
    assert "make that shorter" in advice
    assert "timeout around" not in advice and "call get(timeout" not in advice


def test_a_cancel_that_was_sent_is_not_advised(tmp_path: Path) -> None:
    advice = _advice(tmp_path, PROGRAMS["a cancel"])
    assert "cancelled already" in advice
    assert "or cancel the task" not in advice


def test_a_daemon_is_not_to_be_made_one(tmp_path: Path) -> None:
    advice = _advice(tmp_path, PROGRAMS["a daemon"])
    assert "It is a daemon thread" in advice
    assert "make it a daemon" not in advice


def test_each_piece_of_advice_that_is_replaced_exists() -> None:
    for table, instead in ((_BOUND, "shorter"), (_CANCEL, "cancelled")):
        for name, hints in table.items():
            row = CODES[name].advice
            assert not isinstance(row, str)
            assert {*hints, instead} <= row.keys(), name


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("async with asyncio.timeout(5):\n        await wait()", True),
        ("async with asyncio.timeout(None):\n        await wait()", False),
        ("with anyio.move_on_after(2) as scope:\n        await wait()", True),
        ("await asyncio.wait_for(wait(), 5)", True),
        ("await asyncio.wait_for(wait(), timeout=None)", False),
        ("await asyncio.wait([task], timeout=limit)", True),
        ("await wait(timeouts=5)", False),
        ("while requests.get(url, timeout=5):\n        await wait()", False),
        ("async with lock:\n        await wait()", False),
    ],
)
def test_a_timeout_is_seen_in_the_source(text: str, known: bool) -> None:
    lines = f"async def main():\n    {text}\n".splitlines()
    stack = (frame_of(("/app/w.py", len(lines), "main")),)
    at = dict(enumerate(lines, 1))
    assert bounded(stack, lambda _, line: at.get(line)) is known
