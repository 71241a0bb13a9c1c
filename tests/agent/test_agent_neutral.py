"""The agent changes nothing that a program or its user can see."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from supervisor.system.agent import inject
from tests.agent.harness import Worker, injected, interpreters, plain, some_of

if TYPE_CHECKING:
    from pathlib import Path

PYTHONS = interpreters("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
OLD = interpreters("2.7", "3.6", "3.7")
HERE = sys.executable


@pytest.mark.parametrize("python", OLD)
def test_interpreters_that_are_too_old_are_left_alone(python: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('theirs')\n")
    code = "import sys; print([p for p in sys.path if 'agent' in p], [m for m in sys.modules if 'sigdrain' in m])"
    env = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    assert injected(python, code, env=env) == (0, "theirs\n([], [])\n" if "2.7" in python else "theirs\n[] []\n", "")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_users_own_sitecustomize_runs_as_ever(python: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nprint('theirs', __name__, os.environ['PYTHONPATH'].count(':'))\n"
    )
    code = "import sys, sitecustomize; print(sitecustomize.__file__); print([p for p in sys.path if 'agent' in p])"
    result = injected(python, code, env={"PYTHONPATH": str(tmp_path)})
    assert result == (0, f"theirs sitecustomize 1\n{tmp_path}/sitecustomize.py\n[]\n", "")


@pytest.mark.parametrize("text", ["raise ValueError('theirs')", "import nowhere", "raise SystemExit(7)", "1 +", None])
def test_its_errors_are_reported_as_ever(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "sitecustomize.py").write_text(text + "\n")
    code = "import sys; print('sitecustomize' in sys.modules)"
    for python in some_of("3.8", "3.13"):
        env = {"PYTHONPATH": str(tmp_path)}
        status, out, err = injected(python, code, env=env)
        expected = plain(python, code, env=env)
        assert (status, out) == expected[:2]
        if text == "raise SystemExit(7)":  # a fatal error with its traceback, in which one import more is seen
            assert (err.splitlines()[0], err.splitlines()[-1]) == (expected[2].splitlines()[0], "SystemExit: 7")
        else:
            assert err == expected[2]


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_flags_that_forbid_it(flag: str) -> None:
    with Worker(HERE, "import sys; print('_sigdrain_agent' in sys.modules)", flag) as worker:
        worker.until(lambda: worker.process.poll() is not None)
        worker.pump()
        assert (worker.process.returncode, worker.out, worker.err) == (0, "False\n", "")
        assert worker.events() == []


@pytest.mark.parametrize("theirs", ["", "/a:/b", ":/a"])
def test_pythonpath_for_grandchildren_without_an_empty_component(theirs: str) -> None:
    added = inject.environment({"PYTHONPATH": theirs} if theirs else {}, "/run/x")["PYTHONPATH"]
    assert added.split(":")[0] == inject.BOOT
    assert added[len(inject.BOOT) + 1 :] == theirs
    assert inject.environment({"PYTHONPATH": added}, "/run/x")["PYTHONPATH"] == added  # a supervisor in a supervisor


SEMANTICS = """
import signal, os, sys, pickle, inspect, threading
seen = []
def handler(number, frame):
    seen.append((number, frame.f_code.co_name, sys._getframe(1).f_code.co_name, len(inspect.stack())))
    return "ignored"
class Callable:
    def __call__(self, number, frame): seen.append("callable")
print(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGURG))
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(signal.signal(signal.SIGTERM, handler), signal.getsignal(signal.SIGTERM) is handler)
def here(): os.kill(os.getpid(), signal.SIGTERM)
here()
other = Callable()
print(signal.signal(signal.SIGTERM, other) is handler, signal.getsignal(signal.SIGTERM) is other)
here()
print(seen)
print(signal.signal(signal.SIGTERM, signal.SIG_IGN) is other, signal.getsignal(signal.SIGTERM))
here()
for bad in ((signal.SIGTERM, "x"), (9, handler), (9999, handler)):
    try: signal.signal(*bad)
    except Exception as e: print(type(e).__name__, e)
print(signal.signal(signal.SIGURG, handler), signal.getsignal(signal.SIGURG) is handler)
os.kill(os.getpid(), signal.SIGURG); print(seen[-1][0])
print(signal.signal.__name__, signal.signal.__module__)
if sys.version_info > (3, 9): print(pickle.loads(pickle.dumps(signal.signal)) is signal.signal)
print(inspect.signature(signal.signal), pickle.loads(pickle.dumps(os._exit)) is os._exit, os._exit.__name__)
print([t.name for t in threading.enumerate()], sorted(m for m in sys.modules if "sitecustomize" in m))
def angry(*_): raise ValueError("theirs")
signal.signal(signal.SIGINT, angry)
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_signals_mean_what_they_meant(python: str) -> None:
    """Return values, frames seen by a handler, errors, and the traceback of a handler that raises."""
    assert injected(python, SEMANTICS) == plain(python, SEMANTICS)


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(5)",
        "import os; os._exit(6)",
        "1/0",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        """
import asyncio, os, signal
async def main():
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(9)
asyncio.run(main())""",
        "import atexit; atexit.register(print, 'first'); atexit.register(print, 'second')",
        """
import asyncio
async def generate():
    try:
        yield
    finally:
        print("closed")
async def main():
    async for _ in generate():
        break
asyncio.run(main())""",
        """
import asyncio
async def main():
    asyncio.create_task(asyncio.sleep(9))
    1 / 0
asyncio.run(main(), debug=True)""",
    ],
)
def test_exit_codes_and_output(code: str) -> None:
    def lines(result: tuple[int, str, str]) -> tuple[int, str, list[str]]:
        return result[0], result[1], [line.partition(" at 0x")[0] for line in result[2].splitlines()]

    for python in some_of("3.8", "3.11", "3.13"):
        assert lines(injected(python, code)) == lines(plain(python, code))


def test_nothing_runs_and_no_thread_exists_before_a_shutdown() -> None:
    code = """
import asyncio, os, sys
async def main():
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(100)))
    ours = [name for name in sys.modules if name.startswith("_sigdrain_agent") and len(vars(sys.modules[name])) > 8]
    print(len(os.listdir("/proc/self/task")), sorted(ours))
    print(asyncio.BaseEventLoop.create_task.__code__.co_filename.endswith("base_events.py"))
    os._exit(0)
asyncio.run(main())
"""
    status, out, _ = injected(HERE, code)
    assert (status, out) == (
        0,
        "1 ['_sigdrain_agent', '_sigdrain_agent_handlers', '_sigdrain_agent_hooks', '_sigdrain_agent_loops']\nTrue\n",
    )


@pytest.mark.parametrize("first", ["", "import asyncio, threading\n"])
def test_a_probe_adds_no_module(first: str) -> None:
    """It may come while the program goes through sys.modules, as regrtest does before each test."""
    code = first + (
        "import os, signal, sys\n"
        "for number, module in enumerate(sys.modules.values()):\n"
        "    if number == 5: os.kill(os.getpid(), signal.SIGURG)\n"
        "print('through')\n"
    )
    for python in some_of("3.8", "3.11", "3.13"):
        assert injected(python, code) == (0, "through\n", "")


FORKS = """
import os, sys, multiprocessing, warnings
def child(): pass
if __name__ == "__main__":
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    for method in ("fork", "spawn", "forkserver"):
        p = multiprocessing.get_context(method).Process(target=child); p.start(); p.join(); assert p.exitcode == 0
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.12", "3.13"))
def test_every_kind_of_child_says_hello(python: str, tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    code = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    with Worker(python, code, "-W", "error", "-X", "dev") as worker:
        assert worker.end() == 0
        assert worker.err == ""
        hellos = worker.all("hello")
        assert (
            len({message.pid for message in hellos}) == len(hellos) >= 6
        )  # os.fork, fork, spawn, server and its child
        assert {message.fields["forked"] for message in hellos} == {True, False}
        assert all(message.fields["ppid"] for message in hellos)


def test_a_fork_while_a_shutdown_is_watched_does_not_warn() -> None:
    code = """
import os, signal, asyncio
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready")
    await stop.wait()
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    await asyncio.sleep(0.15)
asyncio.run(main())
"""
    pythons = interpreters("3.12", "3.13")
    if not pythons:
        pytest.skip("needs Python 3.12 or later")
    for python in pythons:
        with Worker(python, code, "-W", "error") as worker:
            worker.line("ready").probe().send(signal.SIGTERM)
            assert (worker.end(), worker.err) == (0, "")
            assert {message.fields["forked"] for message in worker.all("hello")} == {False, True}


def test_descriptors_do_not_leak_and_reused_numbers_are_not_written_to(tmp_path: Path) -> None:
    code = f"""
import os, signal, subprocess, socket, sys
print(subprocess.run([sys.executable, "-I", "-c", "import os; print(os.listdir('/proc/self/fd'))"],
    close_fds=False, stdout=subprocess.PIPE).stdout.decode().count(","))
held = sorted(int(name) for name in os.listdir("/proc/self/fd"))
print(held[:3], os.open("/", os.O_RDONLY))  # and no number that a program may count on is ours
os.closerange(3, 256)
mine = os.open({str(tmp_path / "mine")!r}, os.O_CREAT | os.O_RDWR)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
for number in held[4:]: os.dup2(mine if number == min(held[4:]) else a.fileno(), number)
signal.signal(signal.SIGTERM, lambda *_: None)
print("ready")
signal.raise_signal(signal.SIGTERM)
signal.raise_signal(signal.SIGURG)
b.setblocking(False); a.setblocking(False)
for s in (a, b):
    try: print("got", s.recv(99))
    except BlockingIOError: print("nothing")
a.close(); b.close()
"""
    with Worker(HERE, code, "-X", "dev") as worker:
        worker.line("ready")
        assert worker.channel.dump_signal(worker.pid) is None  # its number is another file's: no dump into it
        worker.until(lambda: worker.process.poll() is not None)
        worker.pump()
        assert worker.out == "3\n[0, 1, 2] 3\nready\nnothing\nnothing\n"
        assert worker.err == ""
    assert (tmp_path / "mine").read_bytes() == b""


def test_a_blocking_recv_answers_the_probe_and_goes_on() -> None:
    code = """
import socket
a, b = socket.socketpair()
def fetch():
    print("ready")
    return a.recv(10)
fetch()
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe()
        main = next(thread for thread in worker.heard("snapshot").fields["threads"] if thread["main"])
        assert main["at"][2] == "fetch"
        assert worker.process.poll() is None


def test_uvloop() -> None:
    pytest.importorskip("uvloop")
    code = """
import asyncio, signal, uvloop
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(asyncio.sleep(60), name="sleeper")
    print("ready")
    await stop.wait()
uvloop.run(main())
"""
    with Worker(HERE, code) as worker:
        worker.line("ready").probe().send(signal.SIGTERM)
        assert (worker.end(), worker.err) == (0, "")
        assert worker.heard("snapshot").fields["loops"][0]["type"] == "uvloop.Loop"
        assert worker.heard("task-done", name="sleeper").fields["outcome"] == "cancelled"
        assert "loop-closed" in worker.phases()
        assert not worker.all("agent-error")


def test_nobody_listening_means_no_agent_at_all(tmp_path: Path) -> None:
    code = """
import signal, sys, os, _signal
print(_signal.getsignal(signal.SIGURG), [f for f in sys.meta_path if "sigdrain" in type(f).__module__])
"""
    env = inject.environment({}, str(tmp_path / "nobody"))
    status, out, err = plain(HERE, code, env=env)
    assert (status, out, err) == (0, "0 []\n", "")


def test_subinterpreters_beside_an_armed_agent() -> None:
    """sys._current_frames() would walk the frames of interpreters that run: memory corruption on 3.12."""
    code = """
import threading, time
deadline = time.monotonic() + 0.7
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
print("ready")
while time.monotonic() < deadline:
    one = interpreters.create()
    interpreters.run_string(one, "import sys, threading; assert '_sigdrain_agent' not in sys.modules")
    interpreters.destroy(one)
"""
    pythons = interpreters("3.12", "3.13")
    if not pythons:
        pytest.skip("needs Python 3.12 or later")
    for python in pythons:
        with Worker(python, code) as worker:
            worker.line("ready").probe()
            assert (worker.end(), worker.err) == (0, "")
            assert [thread["main"] for thread in worker.heard("snapshot").fields["threads"]] == [True]
            assert len(worker.all("hello")) == 1


def test_a_look_at_the_threads_keeps_no_frame() -> None:
    """A frame keeps the values of its function: what the program drops meanwhile would die later, in our thread."""
    code = """
import gc, os, signal, sys, threading, time, types
inside, leave = threading.Event(), threading.Event()
threading.Thread(target=lambda: (inside.set(), leave.wait())).start()
inside.wait()
os.kill(os.getpid(), signal.SIGURG)
looked, threads = sys.modules["_sigdrain_agent_looks"].stacks(time.monotonic_ns() + 10**12)
held, seen = [looked], set()
while held:
    one = held.pop()
    assert not isinstance(one, types.FrameType), one
    if id(one) not in seen and not isinstance(one, (type, types.CodeType, types.ModuleType)):
        seen.add(id(one))
        held += gc.get_referents(one)
print(len(looked) >= 2, len(threads) >= 2)
leave.set()
"""
    for python in some_of("3.8", "3.12"):
        with Worker(python, code) as worker:
            assert (worker.end(), worker.err) == (0, "")
            assert worker.out == "True True\n"


def test_nothing_becomes_garbage_that_only_the_collector_finds() -> None:
    """A cycle with a frame of ours keeps the values of the user's frames below it (and collecting a memoryview in a
    cycle crashes CPython 3.12.0 and 3.12.1, gh-111049)."""
    code = """
import asyncio, gc, os, signal, threading
async def main():
    asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGURG)
    await asyncio.sleep(0)
def handler(*_): pass
signal.signal(signal.SIGTERM, handler)
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
asyncio.run(main())
gc.collect()
gc.set_debug(gc.DEBUG_SAVEALL)
for _ in range(20):
    os.kill(os.getpid(), signal.SIGURG)
    os.kill(os.getpid(), signal.SIGTERM)
stop.set()
thread.join()
gc.collect()
print([one for one in gc.garbage if type(one).__name__ in ("frame", "traceback", "coroutine")][:9])
gc.set_debug(0)
"""
    for python in some_of("3.8", "3.11", "3.13"):
        with Worker(python, code) as worker:
            assert (worker.end(), worker.out, worker.err) == (0, "[]\n", "")
            assert len(worker.all("snapshot")) > 20


NO_FRAME = """
import asyncio, signal, sys, threading, traceback
def shown(error):
    return sorted({one.filename for one in traceback.extract_tb(error.__traceback__)} - files)
files = {"<string>", asyncio.base_events.__file__, asyncio.tasks.__file__, signal.__file__, asyncio.runners.__file__}
files |= {asyncio.futures.__file__, asyncio.events.__file__, threading.__file__}
def attempt(function, *args):
    try:
        function(*args)
    except BaseException as error:
        print(type(error).__name__, shown(error))
    else:
        print("no error")
async def main():
    loop = asyncio.get_running_loop()
    PROBE
    await asyncio.sleep(0)
    attempt(loop.close)
    attempt(loop.create_task, 1)
    attempt(asyncio.shield, 1)
    attempt(asyncio.ensure_future, 1)
    thread = threading.Thread(target=attempt, args=(signal.signal, signal.SIGTERM, print))
    thread.start()
    thread.join()
    stack = []
    async def born():
        stack.extend(one.filename for one in traceback.extract_stack())
    await loop.create_task(born())
    print(sorted({one for one in stack if "agent" in one}))
    print(loop.stop == loop.stop, {loop.stop: 1}[loop.stop], loop.create_task.__name__, loop.close.__self__ is loop)
    return loop
loop = asyncio.run(main())
attempt(loop.call_soon, print)
attempt(loop.run_until_complete, asyncio.sleep(0))
try:
    __import__("os")._exit("x")
except TypeError as error:
    print(shown(error))
"""


@pytest.mark.parametrize("python", some_of("3.8", "3.11", "3.12", "3.13", "3.14"))
@pytest.mark.parametrize("probe", ["pass", "__import__('os').kill(__import__('os').getpid(), signal.SIGURG)"])
def test_no_frame_of_ours_is_in_a_traceback(python: str, probe: str) -> None:
    code = NO_FRAME.replace("PROBE", probe)
    with_us, without = injected(python, code, "-W", "ignore"), plain(python, code, "-W", "ignore")
    assert with_us == without
    assert "agent" not in without[1]
