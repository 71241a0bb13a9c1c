"""What the agent says of a shutdown, on every interpreter of this machine."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.agent.harness import Worker, interpreters, some_of

PYTHONS = interpreters("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
HERE = sys.executable

SERVER = """
import asyncio, signal
async def cleanup():
    await asyncio.sleep(0.2)
async def worker():
    try:
        await asyncio.sleep(3600)
    finally:
        await cleanup()
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.ensure_future(worker())
    await asyncio.sleep(0)
    print("ready")
    await stop.wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_a_whole_shutdown_is_told_in_order(python: str) -> None:
    code = SERVER.replace("await asyncio.sleep(0.2)", "while not released: await asyncio.sleep(0.01)")
    code = "released = []\nimport signal\nsignal.signal(signal.SIGUSR1, lambda *_: released.append(1))" + code
    with Worker(python, code) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        worker.until(
            lambda: any(one.fields["at"][2] == "cleanup" for one in worker.all("task-waiting", coro="worker"))
        )
        assert worker.send(signal.SIGUSR1).end() == 0
        assert worker.err == ""
        hello = worker.heard("hello")
        assert hello.fields["python"].startswith(os.path.basename(python)[6:])
        assert hello.pid == worker.pid
        assert hello.fields["probe"] is True
        assert hello.fields["cwd"] == os.getcwd()
        snapshot = worker.heard("snapshot", reason="probe")
        assert snapshot.fields["first"] is True
        assert snapshot.fields["n_tasks"] == 2
        term = next(entry for entry in snapshot.fields["handlers"] if entry["signal"] == signal.SIGTERM)
        assert (term["kind"], term["name"]) == ("loop", "Event.set")
        assert term["by"][2] == "main"
        assert worker.heard("ready").fields["sampler"] is True
        assert worker.heard("signal-received").fields["signal"] == signal.SIGTERM
        assert worker.heard("signal-callback").fields["name"] == "Event.set"
        waiting = next(one for one in worker.all("task-waiting", coro="worker") if one.fields["at"][2] == "cleanup")
        assert waiting.fields["leaf"][2] == "sleep"
        assert waiting.fields["on"]["kind"] == "sleep"
        assert 0 <= waiting.fields["on"]["since"] <= 0.01
        assert waiting.fields["handling"] == "CancelledError"
        assert waiting.fields["since_cancel"] is not None
        done = worker.heard("task-done", coro="worker")
        assert done.fields["outcome"] == "cancelled"
        asyncio_phases = ["cancel", "asyncgens", "executor", "loop-close", "loop-closed"]
        if hello.fields["python"].startswith("3.8."):  # no shutdown_default_executor() yet
            asyncio_phases.remove("executor")
        assert worker.phases() == [*asyncio_phases, "thread-join", "atexit", "finalize"]
        assert worker.heard("phase", name="cancel").fields["n_tasks"] == 1
        assert [message.seq for message in worker.messages if message.seq] == sorted(
            message.seq for message in worker.messages if message.seq
        )
        assert worker.heard("eof").fields == {"rejected": 0, "lost": 0}
        assert worker.channel.rejected == {}
        assert not worker.all("agent-error")


def test_without_a_probe_the_handler_itself_begins_it() -> None:
    with Worker(HERE, SERVER) as worker:
        worker.line("ready").send(signal.SIGTERM)
        assert worker.end() == 0
        order = worker.events()
        assert order.index("signal-received") < order.index("snapshot") < order.index("task-done")
        assert worker.heard("snapshot").fields["reason"] == "signal"


def test_a_signal_without_handler_kills_as_ever_and_the_snapshot_names_the_tasks() -> None:
    code = SERVER.replace("asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)", "pass")
    with Worker(HERE, code) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert worker.end() == -signal.SIGTERM
        snapshot = worker.heard("snapshot")
        term = next(entry for entry in snapshot.fields["handlers"] if entry["signal"] == signal.SIGTERM)
        assert term["kind"] == "default"
        assert {task["at"][2] for task in snapshot.fields["tasks"]} == {"main", "worker"}
        assert worker.phases() == []


SWALLOWED = """
import asyncio, signal
async def poll():
    while True:
        try:
            await asyncio.sleep(0.1)
        except BaseException as e:
            await asyncio.sleep(0.12)
            return "swallowed"
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    task = asyncio.ensure_future(poll())
    print("ready")
    await asyncio.sleep(3600)
try:
    asyncio.run(main())
except asyncio.CancelledError:
    pass
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.12", "3.13", "3.14"))
def test_who_swallowed_a_cancellation(python: str) -> None:
    with Worker(python, SWALLOWED) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        worker.end()
        done = worker.heard("task-done", coro="poll").fields
        assert done["outcome"] == "returned"
        assert done["since_cancel"] >= 0.1
        assert done["at"][1:] == (8, "poll")
        assert done["moves"] >= 1  # also where it is between two awaits, when the machine is busy
        if worker.heard("hello").fields["monitoring"]:
            assert done["caught"][1:] == (7, "poll")


def test_tasks_born_in_a_cancel_handler_and_left_pending() -> None:
    code = """
import asyncio
async def event():
    await asyncio.sleep(9)
async def echo():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        asyncio.create_task(event())
async def main():
    asyncio.create_task(echo())
    await asyncio.sleep(0)
asyncio.run(main())
"""
    with Worker(HERE, code) as worker:
        assert worker.end() == 0
        created = worker.heard("task-created", coro="event").fields
        assert created["handling"] == "CancelledError"
        assert created["by"][1:] == (9, "echo")
        pending = worker.heard("phase", name="loop-close").fields["tasks"]
        assert [(task["coro"], task["at"][1]) for task in pending] == [("event", 4)]
        assert worker.heard("task-destroyed").fields["coro"] == "event"
        assert "cb=[" not in worker.err.replace("cb=[Task.task_wakeup()]", "")  # nothing of ours in asyncio's log


@pytest.mark.parametrize(
    ("waits", "kind", "told"),
    [
        ("q = asyncio.Queue(); q.put_nowait(1); await q.join()", "queue-join", {"unfinished": 1, "count": 0}),
        ("await asyncio.Event().wait()", "event", {"count": 1}),
        ("l = asyncio.Lock(); await l.acquire(); await l.acquire()", "lock", {"count": 1}),
        ("await asyncio.gather(asyncio.sleep(5), asyncio.sleep(5))", "tasks", {"count": 2}),
        ("await asyncio.wait([asyncio.create_task(asyncio.sleep(5))], timeout=9)", "tasks", {"count": 1}),
        ("await asyncio.shield(asyncio.create_task(asyncio.sleep(5)))", "shield", {}),
        ("await asyncio.create_task(asyncio.sleep(5))", "task", {}),
        ("await asyncio.get_running_loop().run_in_executor(None, time.sleep, 5)", "executor", {}),
        ("await asyncio.get_running_loop().create_future()", "future", {}),
        ("p = await asyncio.create_subprocess_exec('sleep', '9'); print(p.pid, 'pid'); await p.wait()", "child", {}),
        ("r, w = await asyncio.open_connection(sock=a); await r.read()", "read", {}),
    ],
)
def test_what_a_task_waits_for(waits: str, kind: str, told: dict[str, int]) -> None:
    code = f"""
import asyncio, os, signal, socket, time
a, b = socket.socketpair()
async def main():
    asyncio.get_running_loop().call_later(0.05, print, "ready")
    {waits}
asyncio.run(main())
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe()
        task = next(task for task in worker.heard("snapshot").fields["tasks"] if task["coro"] == "main")
        assert task["on"]["kind"] == kind
        assert {key: task["on"][key] for key in told} == told
        if kind == "child":
            assert f"{task['on']['child']} pid" in worker.out
            os.kill(task["on"]["child"], signal.SIGKILL)
        if kind in ("task", "tasks", "shield"):
            known = {entry["task"] for entry in worker.heard("snapshot").fields["tasks"]}
            assert set(task["on"]["tasks"]) < known


@pytest.mark.parametrize(
    ("body", "state", "doing", "function"),
    [
        ("time.sleep(9)", "callback", "sleep", "block"),
        ("p = subprocess.Popen(['sleep', '9']); p.wait()", "callback", "wait-child", "block"),
        ("os.write(1, b'x' * 200000)", "callback", "write", "block"),
        ("while True: pass", "callback", "running", "block"),
    ],
)
def test_what_blocks_a_loop(body: str, state: str, doing: str, function: str) -> None:
    code = f"""
import asyncio, os, subprocess, time
def block():
    {body}
async def main():
    asyncio.get_running_loop().call_later(0.3, block)
    print("ready")
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe()
        if doing == "write":
            os.set_blocking(worker.stdout.fileno(), False)
            worker.open.remove(worker.stdout)  # nobody reads any more
        if doing == "running":  # a thread that wants the interpreter back waits for a lock: CPU time tells
            worker.until(lambda: any(message.fields["cpu"] > 0.02 for message in worker.all("thread-waiting")))
            thread = worker.heard("thread-waiting", state=state).fields
        else:
            thread = worker.heard("thread-waiting", state=state, doing=doing).fields
        assert thread["at"][2] == function
        assert thread["main"] is True
        if doing == "write":
            assert thread["fd"] == 1
        if doing == "wait-child":
            assert thread["child"]
            os.kill(thread["child"], signal.SIGKILL)


def test_no_python_code_runs_and_the_dump_names_the_line() -> None:
    code = """
import re
def match():
    print("ready", flush=True)
    re.match(r"(a|a|a|a)*$", "a" * 40 + "b")
match()
"""
    with Worker(HERE, code) as worker:
        worker.line("ready")
        worker.until(lambda: worker.channel.dump_signal(worker.pid))
        dump_signal = worker.channel.dump_signal(worker.pid)
        assert dump_signal is not None
        dump = Path(f"{worker.channel.meeting.path}.dump-{worker.pid}")

        def inside() -> bool:  # the line was printed just before the match
            os.kill(worker.pid, dump_signal)
            return "line 5" in dump.read_text()

        worker.until(inside)
        worker.send(signal.SIGKILL)
        worker.end()
        assert "line 5 in match" in worker.heard("dump").fields["text"]
        assert not dump.exists()


def test_what_was_sent_before_sigkill_arrives() -> None:
    with Worker(HERE, SERVER) as worker:
        worker.line("ready").probe()
        worker.send(signal.SIGURG)
        worker.send(signal.SIGKILL)
        assert worker.end() == -signal.SIGKILL
        assert worker.heard("eof").fields["lost"] == 0


def test_the_threads_that_python_counts_are_told() -> None:
    code = """
import signal, threading
threading.Thread(target=signal.sigtimedwait, args=([], 30), daemon=True).start()
print("ready")
signal.sigtimedwait([], 30)
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe()
        assert worker.heard("snapshot").fields["n_threads"] == 2


def test_ten_thousand_tasks_are_counted_and_the_late_one_is_found() -> None:
    code = """
import asyncio, signal
async def job(n):
    try:
        await asyncio.sleep(3600)
    finally:
        await (enough.wait() if n == 9_500 else asyncio.sleep(0))
async def main():
    global enough
    enough, stop = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, enough.set)
    tasks = [asyncio.create_task(job(n), name=f"job-{n}") for n in range(10_000)]
    await asyncio.sleep(0)
    print("ready")
    await stop.wait()
asyncio.run(main())
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert worker.heard("task-waiting", name="job-9500").fields["at"][1] == 7
        worker.send(signal.SIGUSR1)
        assert worker.end() == 0
        assert worker.heard("snapshot").fields["n_tasks"] >= 10_000
        assert worker.heard("phase", name="cancel").fields["n_tasks"] == 10_000
        assert len(worker.messages) < 2_000
        assert worker.heard("eof").fields["lost"] == 0


def test_a_program_that_goes_on_is_left_as_it_was() -> None:
    """Loops that come and go while nobody asked for a stop: told a few times, then no more; nothing stays on."""
    code = """
import asyncio, os, signal, sys
create = asyncio.BaseEventLoop.create_task
async def main():
    asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
for _ in range(10):
    asyncio.run(main())
    assert asyncio.BaseEventLoop.create_task is create
while len(os.listdir("/proc/self/task")) > 1: pass
print("ready")
if hasattr(sys, "monitoring"): assert sys.monitoring.get_tool(4) is None
signal.signal(signal.SIGTERM, lambda *_: asyncio.run(main()))
os.kill(os.getpid(), signal.SIGTERM)
"""
    for python in some_of("3.8", "3.12"):
        with Worker(python, code) as worker:
            assert (worker.line("ready").end(), worker.err) == (0, "")
            assert worker.phases().count("loop-closed") == 3 + 1  # one more after the signal
            assert [message.fields["reason"] for message in worker.all("snapshot")] == ["cancel"] * 3 + ["signal"]


def test_keyboard_interrupt_is_noticed_too() -> None:
    code = """
import signal, time
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
try:
    print("ready")
    time.sleep(60)
except KeyboardInterrupt as error:
    trace = error.__traceback__
    while trace is not None:
        assert "agent" not in trace.tb_frame.f_code.co_filename
        trace = trace.tb_next
    raise SystemExit(9)
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe().send(signal.SIGINT)
        assert (worker.end(), worker.err) == (9, "")
        received = worker.heard("signal-received").fields
        assert (received["signal"], received["name"]) == (signal.SIGINT, "default_int_handler")


OTHERS = """
import _interpreters, signal, sys, threading, time
def copy():
    time.sleep(0.6)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
threading.Thread(target=copy).start()
other = _interpreters.create() if "other" in sys.argv else None
print("ready", flush=True)
time.sleep(10)
"""


@pytest.mark.parametrize("python", interpreters("3.14"))
@pytest.mark.parametrize("other", [False, True], ids=["alone", "beside another interpreter"])
def test_threads_are_seen_unless_another_interpreter_is_there(python: str, other: bool) -> None:
    """On 3.14 the module is loaded in every program with asyncio: that alone is no reason to look away."""
    with Worker(python, ["-c", OTHERS, *(["other"] if other else [])]) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        worker.end()
        join = worker.heard("phase", name="thread-join").fields
        assert [thread["at"][2] for thread in join["busy"]] == ([] if other else ["copy"])
