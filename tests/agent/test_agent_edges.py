"""Who woke whom while a shutdown is watched, on every interpreter of this machine."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.agent.harness import Worker, interpreters, some_of

PYTHONS = interpreters("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
HERE = sys.executable


class Woken:
    """The wake-ups of each task, by the name of its coroutine, and where in the program they came from."""

    def __init__(self, worker: Worker, code: str) -> None:
        self.lines = code.split("\n")
        told = [task for one in worker.all("snapshot") for task in one.fields["tasks"]]
        told += [one.fields for one in worker.all("task-created")] + [one.fields for one in worker.all("task-done")]
        self.numbers = {task["coro"]: task["task"] for task in told if task["task"] is not None}
        self.names = {number: coro for coro, number in self.numbers.items()}
        self.rows = [row for one in worker.all("wakes") for row in one.fields["rows"]]

    def of(self, coro: str) -> list[tuple[object, ...]]:
        """(by, how, name, line of the program)"""
        out: list[tuple[object, ...]] = []
        for row in self.rows:
            if row["task"] == self.numbers[coro]:
                at = row["at"]
                line = self.lines[at[1] - 1].strip() if at and at[0] == "<string>" else None
                by = "thread" if row["by_thread"] else self.names.get(row["by_task"])
                out.append((by, row["how"], row["name"], line))
        return out


ALL = """
import asyncio, functools, signal, threading, time
async def waits_for_event():
    await event.wait()
async def waits_for_timer():
    await asyncio.sleep(0.01)
    await never.wait()
async def waits_for_job():
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)
async def waits_for_thread():
    await threads
async def waits_for_task():
    await asyncio.wait([first])
async def fails():
    raise ValueError
async def waits_for_failure():
    try:
        await failing
    except ValueError:
        pass
async def is_cancelled():
    try:
        await never.wait()
    except asyncio.CancelledError:
        pass
def from_a_thread():
    loop.call_soon_threadsafe(threads.set_result, None)
async def main():
    global event, never, loop, threads, first, failing
    event, never, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    threads = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGUSR1):
        loop.add_signal_handler(number, stop.set)
    first = asyncio.ensure_future(waits_for_event())
    victim = asyncio.ensure_future(is_cancelled())
    failing = asyncio.ensure_future(fails_later())
    tasks = [asyncio.ensure_future(one()) for one in (waits_for_task, waits_for_thread, waits_for_failure)]
    print("ready")
    await stop.wait()
    event.set()
    tasks += [asyncio.ensure_future(one()) for one in (waits_for_timer, waits_for_job)]
    victim.cancel()
    thread = threading.Thread(target=from_a_thread, name="deliverer")
    thread.start()
    fail.set()
    await asyncio.sleep(0.3)
    never.set()
    await asyncio.wait(tasks)
async def fails_later():
    global fail
    fail = asyncio.Event()
    await fail.wait()
    raise ValueError
asyncio.run(main())
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_each_sort_of_wake_up_is_told_with_its_line(python: str) -> None:
    with Worker(python, ALL) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert (worker.end(), worker.err) == (0, "")
        assert not worker.all("agent-error")
        woken = Woken(worker, ALL)
        assert woken.of("main")[:1] == [(None, "returned", "signal", None)]
        assert woken.of("waits_for_event") == [("main", "returned", None, "event.set()")]
        assert woken.of("is_cancelled") == [("main", "cancelled", None, "victim.cancel()")]
        assert woken.of("waits_for_task") == [("waits_for_event", "returned", None, None)]
        assert woken.of("waits_for_failure") == [("fails_later", "raised", None, None)]
        assert woken.of("waits_for_thread") == [
            ("thread", "returned", "deliverer", "loop.call_soon_threadsafe(threads.set_result, None)")
        ]
        assert woken.of("waits_for_timer") == [
            (None, "returned", "timer", None),
            ("main", "returned", None, "never.set()"),
        ]
        (job,) = woken.of("waits_for_job")
        assert job[0] == "thread" or job[2] == "executor"
        cancelled = worker.heard("task-cancelled").fields
        assert woken.names[cancelled["by_task"]] == "main"
        assert woken.lines[cancelled["by"][1] - 1].strip() == "victim.cancel()"


LOST = """
import asyncio, signal
async def waits():
    await asyncio.wait_for(job, 60)
    while not leave:
        await asyncio.sleep(0.01)
async def main():
    global job, leave
    leave, stop = [], asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, leave.append, 1)
    job = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    print("ready")
    await stop.wait()
    job.set_result(None)
    task.cancel()
    await task
asyncio.run(main())
"""


@pytest.mark.parametrize("python", interpreters("3.8", "3.9", "3.10", "3.11"))
def test_a_cancel_that_wait_for_loses_is_told(python: str) -> None:
    """Before 3.12 wait_for() returns the result when result and cancel come together."""
    with Worker(python, LOST) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        told = worker.heard("task-cancelled").fields
        assert LOST.split("\n")[told["by"][1] - 1].strip() == "task.cancel()"
        assert worker.send(signal.SIGUSR1).end() == 0
        assert worker.heard("task-done", coro="waits").fields["outcome"] == "returned"


BUSY = """
import asyncio, signal
async def spin():
    while not stop.is_set():
        await asyncio.sleep(0)
        one, two = asyncio.Event(), asyncio.Event()
        task = asyncio.ensure_future(two.wait())
        await asyncio.sleep(0)
        two.set()
        await task
async def main():
    global stop
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.set_debug(DEBUG)
    asyncio.ensure_future(spin())
    print("ready")
    await stop.wait()
    await asyncio.sleep(0.1)
asyncio.run(main())
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13", "3.14"))
def test_wake_ups_are_rationed_and_gaps_are_told(python: str) -> None:
    with Worker(python, BUSY.replace("DEBUG", "False")) as worker:
        worker.line("ready").probe()
        worker.until(lambda: any(one.fields["missed"] > 3 for one in worker.all("wakes")))
        assert worker.send(signal.SIGTERM).end() == 0
        assert worker.err == ""


def test_debug_mode_is_left_alone() -> None:
    """There asyncio keeps the stack of each call, and shows it."""
    with Worker(HERE, BUSY.replace("DEBUG", "True")) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert worker.end() == 0
        assert not worker.all("wakes")


AS_BEFORE = """
import asyncio, os, signal, sys, traceback
def bare(loop):
    return not {"call_soon", "call_soon_threadsafe"} & set(vars(loop))
async def once():
    asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    return asyncio.get_running_loop()
async def main():
    loop = asyncio.get_running_loop()
    assert bare(loop)
    os.kill(os.getpid(), signal.SIGURG)
    assert not bare(loop)
    assert loop.call_soon.__name__ == "call_soon" and loop.call_soon.__self__ is loop
    child = os.fork()
    if not child:
        os._exit(0 if bare(loop) else 1)
    print(os.waitpid(child, 0)[1])
    asyncio.ensure_future(asyncio.sleep(60))
    return loop
loop = asyncio.run(main())
try:
    loop.call_soon(print)
except RuntimeError:
    assert "agent" not in traceback.format_exc()
assert bare(loop)
print(bare(asyncio.run(once())))
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.12", "3.13", "3.14"))
def test_a_loop_is_left_as_it_was(python: str) -> None:
    with Worker(python, AS_BEFORE, "-W", "ignore") as worker:  # of the fork: asyncio's thread may still be there
        assert (worker.end(), worker.err) == (0, "")
        assert worker.out == "0\nTrue\n"
