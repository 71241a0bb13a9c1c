"""Who could end a wait that nobody owns, on every interpreter of this machine."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.agent.harness import Worker, interpreters, some_of

PYTHONS = interpreters("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
FRAME = """
import asyncio, contextlib, queue, signal, threading
{defines}
async def main():
    global stop
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
{main}
asyncio.run(main())
"""


def program(defines: str, main: str) -> str:
    return FRAME.format(defines=defines, main="\n".join("    " + line for line in main.strip().split("\n")))


def held(worker: Worker, coro: str) -> dict[str, Any]:
    """What `holders` says first of the task with that coroutine; names for numbers."""
    told = [task for one in worker.all("snapshot") for task in one.fields["tasks"]]
    told += [one.fields for one in worker.all("task-created")]
    names = {task["task"]: task["coro"] for task in told}
    number = {name: number for number, name in names.items()}[coro]
    fields = dict(worker.heard("holders", task=number).fields)
    fields["found"] = [(names.get(one["task"], one["thread"]), one["how"]) for one in fields["found"]]
    fields["gone"] = [(one["coro"], one["outcome"], one["cancelled_by"]) for one in fields["gone"]]
    return fields


LOCK = program(
    """
class Client:
    def __init__(self): self.lock = asyncio.Lock()
    async def refresh(self):
        async with self.lock:
            await asyncio.sleep(3600)
    async def ping(self):
        while True: await asyncio.sleep(0.1)
    async def send(self):
        async with self.lock: pass
""",
    """
client = Client()
tasks = [asyncio.ensure_future(one()) for one in (client.refresh, client.ping, client.send)]
await asyncio.sleep(0)
print("ready")
await asyncio.wait(tasks)
""",
)


@pytest.mark.parametrize("python", PYTHONS)
def test_who_is_inside_of_the_lock_is_told_before_who_merely_knows_it(python: str) -> None:
    with Worker(python, LOCK) as worker:
        worker.line("ready").probe()
        told = held(worker, "Client.send")
        assert (told["kind"], told["object"]) == ("lock", "asyncio.locks.Lock")
        assert told["found"] == [("Client.refresh", "holds"), ("Client.ping", "reaches")]
        assert not worker.all("agent-error")


SETTER = program(
    """
class Pipeline:
    def __init__(self): self.flushed, self.other = asyncio.Event(), asyncio.Event()
    async def flush(self):
        await asyncio.sleep(3600)
        self.flushed.set()
    async def beat(self):
        while True:
            await asyncio.sleep(0.1)
            self.other.set()
    async def close(self):
        await self.flushed.wait()
    async def close_too(self):
        await self.flushed.wait()
""",
    """
one = Pipeline()
tasks = [asyncio.ensure_future(method()) for method in (one.flush, one.beat, one.close, one.close_too)]
await asyncio.sleep(0)
print("ready")
await asyncio.wait(tasks)
""",
)


@pytest.mark.parametrize("python", PYTHONS)
def test_who_names_the_setter_of_that_very_attribute(python: str) -> None:
    with Worker(python, SETTER) as worker:
        worker.line("ready").probe()
        told = held(worker, "Pipeline.close")
        assert told["kind"] == "event"
        assert told["fellows"] == 1
        assert told["found"][:2] == [("Pipeline.flush", "sets"), ("Pipeline.beat", "names")]
        waiting = {one.fields["coro"]: one.fields["on"] for one in worker.all("task-waiting")}
        assert waiting["Pipeline.close"]["target"] == waiting["Pipeline.close_too"]["target"] == told["target"]


GONE = program(
    """
async def flusher(outbox):
    while True:
        item = await outbox.get()
        await asyncio.sleep(0)
        outbox.task_done()
async def bystander():
    await asyncio.sleep(3600)
""",
    """
outbox = asyncio.Queue()
consumer = asyncio.ensure_future(flusher(outbox))
asyncio.ensure_future(bystander())
await asyncio.sleep(0)
print("ready")
await stop.wait()
consumer.cancel()
outbox.put_nowait(1)
await outbox.join()
""",
)


@pytest.mark.parametrize("python", PYTHONS)
def test_who_used_it_and_was_cancelled_is_told_with_the_line(python: str) -> None:
    with Worker(python, GONE) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        told = held(worker, "main")
        assert (told["kind"], told["found"]) == ("queue-join", [])
        ((coro, outcome, by),) = told["gone"]
        assert (coro, outcome) == ("flusher", "cancelled")
        assert GONE.split("\n")[by[1] - 1].strip() == "consumer.cancel()"


THREADS = """
import queue, signal, threading, time
jobs = queue.Queue()
def producer(jobs):
    time.sleep(3600)
    jobs.put(1)
def other():
    time.sleep(3600)
for target, args in ((producer, (jobs,)), (other, ())):
    threading.Thread(target=target, args=args, daemon=True).start()
print("ready")
jobs.get()
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_the_thread_that_could_fill_a_queue(python: str) -> None:
    with Worker(python, THREADS) as worker:
        worker.line("ready").probe()
        threads = {one["thread"]: one for one in worker.heard("snapshot").fields["threads"]}
        told = worker.heard("holders").fields
        assert threads[told["thread"]]["main"]
        assert told["kind"] == "queue-get"
        assert [one["how"] for one in told["found"]] == ["sets"]
        assert threads[told["found"][0]["thread"]]["at"][2] == "producer"


JOB = program(
    """
import time
def slow():
    time.sleep(3600)
""",
    """
asyncio.get_running_loop().call_later(0.05, print, "ready")
await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, slow))
""",
)


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13", "3.14"))
def test_a_shielded_job_leads_to_its_thread(python: str) -> None:
    with Worker(python, JOB) as worker:
        worker.line("ready").probe()
        snapshot = worker.heard("snapshot").fields
        on = snapshot["tasks"][0]["on"]
        thread = next(one for one in snapshot["threads"] if not one["main"])
        assert (on["kind"], on["job"]["name"], on["job"]["thread"]) == ("executor", "slow", thread["thread"])
        assert on["job"]["job"] == thread["job"]["job"]
        assert on["job"]["by"] == snapshot["tasks"][0]["at"]


GROUP = program(
    """
async def works():
    await asyncio.sleep(3600)
async def listens():
    async with asyncio.TaskGroup() as group:
        group.create_task(works())
        await stop.wait()
""",
    """
task = asyncio.ensure_future(listens())
await asyncio.sleep(0.01)
print("ready")
await task
""",
)


@pytest.mark.parametrize("python", interpreters("3.11", "3.12", "3.13", "3.14"))
def test_a_wait_inside_of_an_open_task_group_leads_to_the_others_of_the_group(python: str) -> None:
    with Worker(python, GROUP) as worker:
        worker.line("ready").probe()
        tasks = {task["coro"]: task for task in worker.heard("snapshot").fields["tasks"]}
        assert tasks["listens"]["on"]["kind"] == "group"
        assert tasks["listens"]["on"]["tasks"] == [tasks["works"]["task"]]


TOUCHY = program(
    """
class Meta(type):
    def __getattribute__(cls, name):
        if ready: print("metaclass", name)
        return type.__getattribute__(cls, name)
class Touchy(metaclass=Meta):
    def __getattribute__(self, name):
        if ready: print("getattribute", name)
        return object.__getattribute__(self, name)
    @property
    def flushed(self): print("property")
    __slots__ = ("event", "__weakref__")
    def __iter__(self): print("iter")
    def __eq__(self, other): print("eq")
    def __hash__(self):
        if ready: print("hash")
        return 1
    def __bool__(self):
        if ready: print("bool")
        return True
class Items(dict):
    def values(self): print("values")
class Names(list):
    def __iter__(self): print("list iter")
ready = False
async def setter(touchy, items, names):
    await asyncio.sleep(3600)
    touchy.flushed.set()
async def waiter(event, touchy):
    await event.wait()
""",
    """
global ready
event, touchy = asyncio.Event(), Touchy()
touchy.event = event
tasks = [asyncio.ensure_future(setter(touchy, Items(a=touchy), Names([touchy])))]
tasks.append(asyncio.ensure_future(waiter(event, touchy)))
await asyncio.sleep(0)
ready = True
print("ready")
await asyncio.wait(tasks)
""",
)


@pytest.mark.parametrize("python", PYTHONS)
def test_no_code_of_the_program_runs_in_a_search(python: str) -> None:
    with Worker(python, TOUCHY) as worker:
        worker.line("ready").probe()
        told = held(worker, "waiter")
        assert told["found"][0][0] == "setter"
        worker.send(signal.SIGURG)
        worker.until(lambda: len(worker.all("snapshot")) > 1)
        assert (worker.out, worker.err) == ("ready\n", "")
        assert not worker.all("agent-error")
