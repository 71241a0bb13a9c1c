"""What threads wait for and which jobs they do: the callable, the line that submitted it, who awaits it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.harness import Worker, some_of

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.agent.wire import AgentMessage

PYTHONS = some_of("3.8", "3.10", "3.12", "3.13")

JOBS = """
import asyncio, functools, queue, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
inbox = queue.Queue()
started = []
def crunch(seconds):
    started.append(1)
    time.sleep(seconds)
async def reader():
    loop = asyncio.get_running_loop()
    started.append(1)
    await loop.run_in_executor(None, inbox.get)
async def cruncher():
    await asyncio.get_running_loop().run_in_executor(None, functools.partial(crunch, 600))
async def main():
    tasks = [asyncio.ensure_future(reader()), asyncio.ensure_future(cruncher())]
    while len(started) < 2:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def line_of(text: str, program: str) -> int:
    return next(number for number, line in enumerate(program.splitlines(), 1) if text in line)


def jobs_of(message: AgentMessage) -> dict[str, dict[str, Any]]:
    """By the name of what is called."""
    return {thread["job"]["name"]: thread["job"] for thread in message.fields["threads"] if thread["job"]}


@pytest.mark.parametrize("python", PYTHONS)
def test_jobs_of_the_loops_executor(python: str) -> None:
    with Worker(python, JOBS) as worker:
        worker.line("ready").probe()
        snapshot = worker.heard("snapshot")
        found = jobs_of(snapshot)
        assert found.keys() == {"Queue.get", "crunch"}
        reads, crunches = found["Queue.get"], found["crunch"]
        assert reads["at"][2] == "get" and crunches["at"][1:] == (line_of("def crunch", JOBS), "crunch")
        assert reads["by"][1:] == (line_of("None, inbox.get", JOBS), "reader")
        assert crunches["by"][1:] == (line_of("functools.partial(crunch", JOBS), "cruncher")
        tasks = {task["task"]: task["coro"] for task in snapshot.fields["tasks"]}
        assert (tasks[reads["task"]], tasks[crunches["task"]]) == ("reader", "cruncher")
        on = {thread["job"]["name"]: thread["on"] for thread in snapshot.fields["threads"] if thread["job"]}
        assert on["Queue.get"]["kind"] == "queue-get" and on["Queue.get"]["object"] == "queue.Queue"
        assert on["crunch"] is None, "time.sleep() is nobody's to end"


@pytest.mark.parametrize("python", PYTHONS)
def test_who_submitted_a_job_is_known_after_its_await_was_cancelled(python: str) -> None:
    """The links between the futures are gone then; what the first look found is remembered."""
    with Worker(python, JOBS) as worker:
        worker.line("ready").probe().send(signal.SIGINT)
        told = worker.heard("phase", name="executor" if not python.endswith("3.8") else "thread-join").fields["busy"]
        by = {thread["job"]["name"]: thread["job"]["by"][2] for thread in told}
        assert by == {"Queue.get": "reader", "crunch": "cruncher"}


@pytest.mark.parametrize("python", some_of("3.9", "3.13"))
def test_a_job_whose_own_task_is_all_that_awaits_it(python: str) -> None:
    """create_task(to_thread(...)): the line is that of the task which awaits this one."""
    code = """
import asyncio, contextvars, time
def work():
    print("ready", flush=True)
    time.sleep(600)
async def main():
    job = asyncio.ensure_future(asyncio.to_thread(work))
    await job
asyncio.run(main())
"""
    with Worker(python, code) as worker:
        worker.line("ready")

        def submitted() -> Any:
            worker.probe()
            return jobs_of(worker.all("snapshot")[-1])["work"]["by"]

        # "ready" was printed when the job began, perhaps before its task was awaited.
        worker.until(lambda: (submitted() or ())[1:] == (line_of("await job", code), "main"))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("thread.join()", "join"),
        ("pool.submit(idle).result()", "result"),
        ("pool.submit(idle)\npool.shutdown()", "pool"),
        ("import queue\nqueue.Queue().get()", "queue-get"),
        ("import queue\nfull = queue.Queue(1)\nfull.put(1)\nfull.put(2)", "queue-put"),
        ("import queue\nfull = queue.Queue()\nfull.put(1)\nfull.join()", "queue-join"),
        ("threading.Event().wait()", "condition"),
        ("threading.Semaphore(0).acquire()", "lock"),
        ("import subprocess\nsubprocess.Popen(['sleep', '600']).wait()", "child"),
        ("import multiprocessing as m\np = m.get_context('fork').Process(target=time.sleep, args=(600,))\n"
         "p.start()\np.join()", "child"),
    ],
)  # fmt: skip
def test_waits_of_a_thread(code: str, kind: str, python: str) -> None:
    program = (
        "import os, signal, threading, time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "os.setpgid(0, 0)\n"
        "def idle(): time.sleep(600)\n"
        "pool = ThreadPoolExecutor(1)\n"
        "thread = threading.Thread(target=idle, daemon=True)\nthread.start()\n"
        f"print('ready', flush=True)\n{code}\n"
    )
    with Worker(python, program) as worker:
        worker.line("ready")

        def told() -> dict[str, Any] | None:
            worker.probe()
            threads = worker.all("snapshot")[-1].fields["threads"]
            found = [thread["on"] for thread in threads if thread["main"] and thread["on"] is not None]
            return found[0] if found else None

        worker.until(lambda: (told() or {}).get("kind") == kind)
        on = told()
        assert on is not None
        threads = {thread["thread"] for thread in worker.all("snapshot")[-1].fields["threads"]}
        if kind == "join":
            assert on["thread"] in threads
        elif kind == "pool":
            assert set(on["threads"]) <= threads and on["threads"]
        elif kind == "result":
            assert on["job"]["done"] is False
        elif kind == "child":
            assert on["child"] > 1
        os.killpg(worker.pid, signal.SIGKILL)


@pytest.mark.parametrize("python", PYTHONS)
def test_what_atexit_runs_and_the_thread_that_it_joins(python: str) -> None:
    code = """
import atexit, threading, time
class Exporter:
    def __init__(self):
        self.thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
        self.thread.start()
    def shutdown(self):
        print("ready", flush=True)
        self.thread.join()
atexit.register(Exporter().shutdown)
"""
    with Worker(python, code) as worker:
        worker.line("ready")

        def main_thread() -> dict[str, Any]:
            worker.probe()
            return next(one for one in worker.all("snapshot")[-1].fields["threads"] if one["main"])

        worker.until(lambda: main_thread()["on"] is not None)  # "ready" was printed just before the join
        threads = worker.all("snapshot")[-1].fields["threads"]
        (main,) = [one for one in threads if one["main"]]
        assert main["callback"] == "Exporter.shutdown" and main["on"]["kind"] == "join"
        others = [one["thread"] for one in threads if not one["main"]]
        assert main["on"]["thread"] in others


def test_nothing_of_the_program_is_kept() -> None:
    """A look at a job holds neither its arguments nor its future afterwards."""
    code = """
import asyncio, gc, threading, weakref
class Big: pass
gone = threading.Event()
def work(big):
    gone.wait()
async def main():
    big = Big()
    alive = weakref.ref(big)
    job = asyncio.get_running_loop().run_in_executor(None, work, big)
    del big
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, input)
    gone.set()
    await job
    del job
    await asyncio.sleep(0.2)
    gc.collect()
    print("alive" if alive() else "freed", flush=True)
import sys, signal
signal.signal(signal.SIGUSR1, lambda *_: None)
builtin, read = input, threading.Event()
def input(): read.wait()
signal.signal(signal.SIGUSR1, lambda *_: read.set())
asyncio.run(main())
"""
    with Worker(sys.executable, code) as worker:
        worker.line("ready").probe().probe()
        assert "work" in jobs_of(worker.heard("snapshot"))
        worker.send(signal.SIGUSR1).end()
        assert worker.out.split()[-1] == "freed"


STARTED = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, {folder!r})
import notelib
def subscribe():
    notelib.run_in_thread()
subscribe()
def work():
    threading.Event().wait()
threading.Thread(target=work, name="own").start()
try:
    threading.current_thread().start()
except RuntimeError as error:
    print(error.__traceback__.tb_next.tb_frame.f_code.co_name, error.__traceback__.tb_next.tb_next)
print("ready", flush=True)
threading.Event().wait()
"""
NOTELIB = """
import threading
class Runner(threading.Thread):
    def run(self):
        threading.Event().wait()
def run_in_thread():
    Runner(name="notes", daemon=True).start()
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13"))
def test_who_started_a_librarys_thread(python: str, tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "notelib.py").write_text(NOTELIB)
    code = STARTED.format(folder=str(folder))
    with Worker(python, code) as worker:
        worker.line("ready").probe()
        threads = {thread["name"]: thread for thread in worker.heard("snapshot").fields["threads"]}
        assert threads["notes"]["by"][1:] == (line_of("notelib.run_in_thread()", code), "subscribe")
        assert threads["own"]["by"] is None, "its own stack has a line of the user's"
        assert worker.out.splitlines()[0] == "start None", "no frame of the agent in a traceback"


AIOSQLITE = """
from queue import SimpleQueue
from threading import Thread
def _connection_worker_thread(tx):
    while True:
        future, function = tx.get()
        result = function()
        future.get_loop().call_soon_threadsafe(future.set_result, result)
class Connection:
    def __init__(self):
        self.tx = SimpleQueue()
        Thread(target=_connection_worker_thread, args=(self.tx,)).start()
    async def execute(self, function):
        import asyncio
        future = asyncio.get_running_loop().create_future()
        self.tx.put_nowait((future, function))
        return await future
"""
NOTES_DB = """
import asyncio, functools, sys, time
sys.path.insert(0, {folder!r})
from aiosqlite.core import Connection
started = []
def query(seconds):
    started.append(1)
    time.sleep(seconds)
async def save(connection):
    await connection.execute(functools.partial(query, 0))
    await connection.execute(functools.partial(query, 600))
async def main():
    saves = asyncio.ensure_future(save(Connection()))
    while len(started) < 2:
        await asyncio.sleep(0.01)
    print("saving", flush=True)
    await saves
asyncio.run(main())
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13"))
def test_a_call_in_the_thread_of_aiosqlite(python: str, tmp_path: Path) -> None:
    """A library of that name with the same loop: its thread takes (future, function) from a queue."""
    folder = tmp_path / "site-packages" / "aiosqlite"
    folder.mkdir(parents=True)
    (folder / "core.py").write_text(AIOSQLITE)
    code = NOTES_DB.format(folder=str(folder.parent))
    with Worker(python, code) as worker:
        worker.line("saving").probe()
        snapshot = worker.heard("snapshot")
        (job,) = jobs_of(snapshot).values()
        assert (job["name"], job["done"]) == ("query", False)
        assert job["by"][1:] == (line_of("query, 600", code), "save")
        assert job["task"] in [task["task"] for task in snapshot.fields["tasks"] if task["coro"] == "save"]
