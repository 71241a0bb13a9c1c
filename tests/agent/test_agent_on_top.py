"""A probe interrupts the program at any instruction, again and again: it does no harm there."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.agent.harness import Worker, injected, interpreters, plain, some_of

PYTHONS = interpreters("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


FUNCTIONS = """
import asyncio, copy, functools, inspect, os, pickle, signal, sys, threading, weakref
SIGURG = getattr(signal, "SIGURG")
os.kill(os.getpid(), SIGURG)  # an agent is armed by it, without one it is ignored
def signature(function):
    try: return str(inspect.signature(function))
    except Exception as error: return repr(error)
Loop = asyncio.BaseEventLoop
functions = [sys.exit, os.abort, os.kill, os._exit, signal.raise_signal,
    asyncio.shield, Loop.create_task, Loop.stop, Loop.shutdown_asyncgens, threading._shutdown]
if sys.version_info > (3, 9): functions += [signal.signal, signal.getsignal]  # 3.8's own cannot be pickled
for one in functions:
    print(one.__name__, one.__qualname__, one.__module__, signature(one), callable(one), bool(one))
    print(pickle.loads(pickle.dumps(one)) is one, pickle.loads(pickle.dumps(one, 0)) is one)
    print(copy.copy(one) is one, copy.deepcopy([one])[0] is one, weakref.ref(one)() is one, one in {one})
    print(functools.wraps(one)(lambda: None).__name__, functools.partial(one).func is one, (one.__doc__ or "")[:20])
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_what_an_armed_agent_wraps_can_be_pickled_and_looked_at(python: str) -> None:
    """multiprocessing pickles targets: `Process(target=sys.exit)` while a shutdown is watched."""
    assert injected(python, FUNCTIONS) == plain(python, FUNCTIONS)


RUNNING = """
import asyncio, os, signal, sys, types
os.kill(os.getpid(), signal.SIGURG)
frames = sys.modules["_sigdrain_agent_frames"]
class Asked:
    "Stands for a coroutine that runs now: CPython 3.10 to 3.12 may crash when it is asked."
    cr_running = gi_running = True
    def __init__(self, name): setattr(self, name, sys._getframe())
    @property
    def cr_await(self): print("asked")
    gi_yieldfrom = ag_await = cr_await
def names(thing): return [frame.f_code.co_name for frame in frames.await_chain(thing)]
print([len(frames.await_chain(Asked(name))) for name in ("cr_frame", "gi_frame", "ag_frame")])
async def generate():
    print(names(generator))
    await asyncio.sleep(0.01)
    yield 1
async def inner():
    print(names(me), names(asleep.get_coro() if hasattr(asleep, "get_coro") else asleep._coro))
    async for _ in generator: pass
async def sleeper(): await deeper()
async def deeper(): await asyncio.sleep(60)
async def outer():
    global asleep
    asleep = asyncio.ensure_future(sleeper())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(lambda: print(names(me)))
    await inner()
    await asyncio.sleep(0)
generator, me = generate(), outer()
asyncio.run(me)
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_a_coroutine_that_runs_is_not_asked_what_it_waits_for(python: str) -> None:
    """A probe comes at any instruction of the one that runs: a probed test_asyncio on 3.12 died of that."""
    status, out, err = injected(python, RUNNING)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "[1, 1, 1]",
        "['outer'] ['sleeper', 'deeper', 'sleep']",
        "['generate']",
        "['outer', 'inner', 'generate', 'sleep']",
    ]


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.12"))
def test_a_flood_of_probes_while_it_starts(python: str) -> None:
    """SIGURG is also what a socket's urgent data sends. On top of an import, or of ourselves, nothing may run."""
    code = "import asyncio, email.message, http.client, json, logging, multiprocessing.spawn, unittest; print('done')"
    for _ in range(2):
        with Worker(python, code) as worker:
            while worker.process.poll() is None:
                worker.pump()
                if worker.all("hello"):
                    worker.process.send_signal(signal.SIGURG)
            worker.pump()
            assert (worker.process.returncode, worker.out, worker.err) == (0, "done\n", "")


PUT_OFF = """
import os, signal, sys, time
agent = sys.modules["_sigdrain_agent"]
kill = "os.kill(os.getpid(), signal.SIGURG)"
def within(importlib): exec(compile(importlib, "<frozen importlib._bootstrap>", "exec"), globals())
within(kill + "; print(agent.body); time.sleep(0.02); print(agent.body)")
until = time.monotonic() + 30
while agent.body is None and time.monotonic() < until: time.sleep(0.01)
print(agent.body is not None)
# One that does not end, as when another thread never finishes its import.
within(kill + "\\nwhile agent._put_off < 100 and time.monotonic() < until: time.sleep(0.001)")
asked = agent._put_off
time.sleep(0.1)
print(asked, agent._put_off)
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13"))
def test_a_probe_on_top_of_an_import_waits_until_it_is_over(python: str) -> None:
    assert injected(python, PUT_OFF) == (0, "None\nNone\nTrue\n100 100\n", "")


@pytest.mark.parametrize("python", PYTHONS)
def test_a_probe_while_a_loop_is_closed_makes_nobody_complain(python: str) -> None:
    """asyncio closes its wake-up descriptor before it takes it away from the interpreter, which complains then."""
    code = """
import asyncio, signal
print("ready", flush=True)
for _ in range(200):
    loop = asyncio.new_event_loop()
    loop.add_signal_handler(signal.SIGTERM, print)
    loop.close()
"""
    with Worker(python, code) as worker:
        worker.line("ready")
        worker.until(lambda: worker.channel.live(worker.pid))
        until = time.monotonic() + 2.0
        while worker.process.poll() is None and time.monotonic() < until:
            os.kill(worker.pid, signal.SIGURG)
            time.sleep(0.0002)  # a flood would fill the descriptor, which is told as well
        assert worker.end() == 0
        assert "Errno 9" not in worker.err  # EBADF; a full descriptor is the doing of this flood


TWO_SPEAKERS = """
import sys, threading, time
agent = sys.modules["_sigdrain_agent"]
sys.setswitchinterval(1e-6)
def speak(who):
    for number in range(400):
        while len(agent._backlog) > 100:
            time.sleep(0.001)
            agent.flush()
        agent.say("agent-error", where=who, error=str(number))
speakers = [threading.Thread(target=speak, args=(who,)) for who in "abc"]
for one in speakers: one.start()
for one in speakers: one.join()
while agent._backlog:
    time.sleep(0.001)
    agent.flush()
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13"))
def test_what_two_threads_say_at_once_is_heard_once(python: str) -> None:
    """The main thread says a step of the teardown while the sampler says what it saw. On two busy cores a thread
    that sends is put aside in the middle of it, and the other one comes to the same message."""
    with Worker(python, TWO_SPEAKERS) as worker:
        assert worker.end() == 0
        said = [(one.fields["where"], int(one.fields["error"])) for one in worker.all("agent-error")]
        assert sorted(said) == [(who, number) for who in "abc" for number in range(400)]
        assert worker.heard("eof").fields == {"rejected": 0, "lost": 0}


HALF_IMPORTED = """
import os, signal, sys
begun = 0
def trace(frame, event, _):
    global begun
    name = frame.f_code.co_filename
    if not name.endswith(("/threading.py", "/futures/thread.py")) and "/asyncio/" not in name:
        return None
    if event == "line":
        begun += 1
        if begun % 20 == 0:
            os.kill(os.getpid(), signal.SIGURG)
    return trace
sys.modules.pop("threading", None)
sys.settrace(trace)
import asyncio
sys.settrace(None)
print(begun > 1000)
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.13"))
def test_a_probe_while_asyncio_is_being_imported_finds_no_loop_yet(python: str) -> None:
    """Here one in twenty lines of its modules, and of `threading`, is interrupted by a probe."""
    with Worker(python, HALF_IMPORTED) as worker:
        assert worker.end() == 0
        assert (worker.out, worker.err) == ("True\n", "")
        assert len(worker.all("snapshot")) > 20
        assert [one.fields["error"] for one in worker.all("agent-error")] == []


# Ctrl-C comes while a module of the agent is loaded, held back until it is.
INTERRUPTED = """
import _imp, _signal, os, sys
real = _imp._fix_co_filename
def fix(code, name):
    real(code, name)
    if name.endswith("_agent_reach"):
        os.kill(os.getpid(), _signal.SIGINT)
_imp._fix_co_filename = fix
os.kill(os.getpid(), _signal.SIGURG)
"""


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("before", ["", "import signal"])
def test_a_ctrl_c_during_a_probe_shows_no_frame_of_ours(python: str, before: str) -> None:
    with Worker(python, before + INTERRUPTED) as worker:
        assert worker.end() == -signal.SIGINT
        lines = worker.err.splitlines()
        assert lines[0] == "Traceback (most recent call last):" and lines[-1] == "KeyboardInterrupt"
        assert [line for line in lines if "File " in line] == ['  File "<string>", line 9, in <module>']
        assert worker.all("snapshot") and not worker.all("agent-error")


# The same with a handler of the program's own.
RAISING = """
import signal, sys
class Asked(KeyboardInterrupt): pass
def handler(*_): raise Asked("now")
signal.signal(signal.SIGINT, handler)
try:
    exec(sys.argv[1])
except Asked as error:
    print("its own", error)
"""


def test_what_the_programs_own_handler_raises_during_a_probe_is_not_replaced() -> None:
    for python in some_of("3.8", "3.14"):
        with Worker(python, ["-c", RAISING, INTERRUPTED]) as worker:
            assert (worker.end(), worker.out, worker.err) == (0, "its own now\n", "")
