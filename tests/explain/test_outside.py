"""What is said of programs without an agent: signals, stops, zombies, children, pipes, locks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.diagnosis.running.conclusions import answer
from supervisor.system.proc import syscalls
from supervisor.views import running
from tests.explain.program import Program, explained, python, shell
from tests.support.processes import children, state, status, until

TERM = signal.SIGTERM


def _asleep(pid: int) -> None:
    until(lambda: state(pid) == "S" and os.readlink(f"/proc/{pid}/exe").endswith("sleep"), "it sleeps")


def test_a_program_without_handler_was_not_asked() -> None:
    with Program(["sleep", "300"]) as program:
        _asleep(program.pid)
        told, found = explained(program.pid)
        assert list(found) == ["not-asked", "waits"]
        assert answer(told.facts, TERM) == "default"
        assert found["not-asked"].advice == f"Ask it to stop: kill {program.pid}"
        assert "nanosleep" in found["waits"].proof[0]
        assert told.inside is None
        program.process.terminate()
        assert program.process.wait(30) == -TERM, "the advice was right"


def test_an_ignored_signal() -> None:
    with shell('trap "" TERM; exec sleep 300') as program:
        _asleep(program.pid)
        told, found = explained(program.pid)
        assert told.findings[0].code == "signal-ignored"
        assert f"kill -INT {program.pid} ends it" in found["signal-ignored"].advice
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(30) == -signal.SIGINT, "the advice was right"


def test_a_blocked_signal_that_is_pending() -> None:
    with python(
        "import signal, time; signal.pthread_sigmask(0, [15]); print('ready', flush=True)\nwhile 1: time.sleep(99)"
    ) as program:
        told, found = explained(program.pid)
        assert told.findings[0].severity == "warning", "nobody has sent it yet"
        program.process.terminate()
        until(lambda: explained(program.pid)[1]["signal-blocked"].severity == "error", "it is pending")
        told, found = explained(program.pid)
        assert found["signal-blocked"].title == "SIGTERM was sent, but it blocks the signal"
        assert any("pending" in proof for proof in found["signal-blocked"].proof)


def test_a_signal_blocked_in_one_thread_only_is_not_held_back() -> None:
    code = """
import signal, threading, time
threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
signal.pthread_sigmask(0, [15]); print('ready', flush=True); time.sleep(300)"""
    with python(code) as program:
        _, found = explained(program.pid)
        assert "signal-blocked" not in found


def test_a_signal_read_from_a_signalfd_is_not_blocked() -> None:
    code = """
import signal, sys, time
sys.path.insert(0, %r)
from supervisor.system.libc import signalfd
signal.pthread_sigmask(0, [15]); fd = signalfd(frozenset({15})); print('ready', flush=True); time.sleep(300)"""
    with python(code % str(Path(__file__).parents[2])) as program:
        told, found = explained(program.pid)
        assert "signal-blocked" not in found
        assert answer(told.facts, TERM) == "read"
        program.process.terminate()
        until(lambda: "signal-not-taken" in explained(program.pid)[1], "the signal lies there")


def test_a_stopped_program_tells_what_waits_for_its_going_on() -> None:
    with Program(["sleep", "300"]) as program:
        _asleep(program.pid)
        program.process.send_signal(signal.SIGSTOP)
        until(lambda: state(program.pid) == "T", "it is stopped")
        program.process.terminate()
        _, found = explained(program.pid)
        assert list(found) == ["stopped"]
        assert found["stopped"].proof == ("SIGTERM was sent and will be delivered then",)
        assert found["stopped"].advice == f"Continue it: kill -CONT {program.pid}"
        program.process.send_signal(signal.SIGCONT)
        assert program.process.wait(30) == -TERM, "the advice was right"


def test_a_zombie_names_the_parent_that_does_not_reap() -> None:
    code = (
        "import subprocess, time; p = subprocess.Popen(['true']); print('ready', p.pid, flush=True); time.sleep(300)"
    )
    with Program([sys.executable, "-ISc", code]) as program:
        pid = int(program.ready())
        until(lambda: state(pid) == "Z", "it is a zombie")
        _, found = explained(pid)
        assert list(found) == ["zombie"]
        assert (
            found["zombie"].proof[0].startswith(f"its parent {os.path.basename(sys.executable)} (pid {program.pid})")
        )
        _, found = explained(program.pid)
        assert found["zombie-children"].proof == (f"zombies: {pid}",)


def test_a_shell_runs_its_trap_only_after_the_child() -> None:
    with shell('trap "exit 0" TERM; sleep 300; true') as program:
        child = until(lambda: children(program.pid), "its child")[0]
        _asleep(child)
        program.process.terminate()
        _, found = explained(program.pid)
        finding = found["waits-for-child"]
        assert finding.severity == "warning"
        assert finding.title == f"It waits for its child sleep (pid {child})"
        assert any("trap" in proof for proof in finding.proof)
        assert program.process.poll() is None, "it has the signal and waits all the same"
        os.kill(child, signal.SIGKILL)
        assert program.process.wait(30) == 0


def test_one_child_of_several_is_named_by_its_pid() -> None:
    code = """
import os, subprocess
a, b = (subprocess.Popen(['sleep', '300']) for _ in 'ab'); print('ready', a.pid, b.pid, flush=True); b.wait()"""
    with Program([sys.executable, "-ISc", code]) as program:
        first, second = map(int, program.ready().split())
        try:
            until(lambda: "waits-for-child" in explained(program.pid)[1], "it waits")
            _, found = explained(program.pid)
            assert found["waits-for-child"].title == f"It waits for its child sleep (pid {second})"
        finally:
            for pid in (first, second):
                os.kill(pid, signal.SIGKILL)


def test_a_busy_program_computes() -> None:
    with python("print('ready', flush=True)\nwhile 1: pass") as program:
        _, found = explained(program.pid)
        assert found["busy"].severity == "warning"
        assert "waits" not in found


def test_a_full_pipe_names_who_does_not_read() -> None:
    with Program(["sleep", "300"], stdin=subprocess.PIPE) as reader:
        _asleep(reader.pid)
        with Program(["yes"], stdout=reader.process.stdin) as writer:
            assert reader.process.stdin is not None
            reader.process.stdin.close()
            until(lambda: "output-blocked" in explained(writer.pid)[1], "the pipe is full")
            _, found = explained(writer.pid)
            finding = found["output-blocked"]
            assert finding.title == "No process reads what it writes to its stdout"
            assert f"its reader is sleep (pid {reader.pid})" in finding.proof
            assert str(reader.pid) in finding.advice


def test_a_pipe_that_nobody_has_at_the_other_end() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root sees all processes' descriptors")
    read, write = os.pipe()
    with Program(["sleep", "300"], stdout=write) as program:
        os.close(write)
        _asleep(program.pid)
        assert "output-unread" not in explained(program.pid)[1]
        os.close(read)
        assert "output-unread" in explained(program.pid)[1]


def test_a_read_that_gets_nothing_names_the_writer() -> None:
    with Program(["cat"], stdin=subprocess.PIPE) as program:
        until(lambda: "waits-for-input" in explained(program.pid)[1], "it reads")
        _, found = explained(program.pid)
        assert found["waits-for-input"].title == "It waits for bytes from a pipe"
        assert any(f"(pid {os.getpid()})" in proof for proof in found["waits-for-input"].proof)


def test_a_file_lock_names_its_holder(tmp_path: Path) -> None:
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); {}; print('ready', flush=True); time.sleep(300)"
    path = str(tmp_path / "lock")
    with Program([sys.executable, "-ISc", code.format("fcntl.flock(f, 2)"), path]) as holder:
        holder.ready()
        with Program([sys.executable, "-ISc", code.format("fcntl.flock(f, 2)"), path]) as waiter:
            until(lambda: "waits-for-file-lock" in explained(waiter.pid)[1], "it waits")
            finding = explained(waiter.pid)[1]["waits-for-file-lock"]
            assert finding.title == f"It waits for a lock on the file {path}"
            assert any(f"(pid {holder.pid})" in proof for proof in finding.proof)


def test_who_waits_for_a_lock_of_its_own() -> None:
    with python(
        "import _thread; a = _thread.allocate_lock(); a.acquire(); print('ready', flush=True); a.acquire()"
    ) as one:
        until(lambda: "waits-for-lock" in explained(one.pid)[1], "it waits")


def test_descriptors_and_sockets() -> None:
    code = """
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname()); d, _ = s.accept()
keep = [open('/dev/null') for _ in range(56)]
print('ready', s.getsockname()[1], c.getsockname()[1], flush=True); time.sleep(300)"""
    with Program([sys.executable, "-ISc", code]) as program:
        server, client = program.ready().split()
        told, found = explained(program.pid)
        assert "descriptors-exhausted" in found
        assert told.facts.sockets is not None
        assert told.facts.sockets.listening == (f"127.0.0.1:{server}",)
        ends = {(one.local, one.peer, one.state) for one in told.facts.sockets.connections}
        here, there = f"127.0.0.1:{server}", f"127.0.0.1:{client}"
        assert ends == {(here, there, "established"), (there, here, "established")}


def test_pid_1_of_a_namespace_drops_signals_without_handler() -> None:
    with Program(["unshare", "--pid", "--fork", "--kill-child", "sleep", "300"], stderr=subprocess.DEVNULL) as outer:
        until(lambda: children(outer.pid) or outer.process.poll() is not None, "the first process of its namespace")
        if outer.process.poll() is not None:
            pytest.skip("no PID namespace may be made here")
        first = children(outer.pid)[0]
        _asleep(first)
        told, found = explained(first)
        assert told.findings[0].code == "init-without-handler"
        assert "supervisor run" in found["init-without-handler"].advice


def test_the_first_process_of_the_system_can_be_explained() -> None:
    told, _ = explained(1)
    assert told.facts.pid == 1
    assert told.facts.namespace_init


def test_another_users_process_says_what_it_does_not_show() -> None:
    if os.geteuid() != 0:
        pytest.skip("root is needed to become somebody else")
    with shell('trap "" TERM; exec sleep 300') as program:
        _asleep(program.pid)
        explained(program.pid)  # whatever it imports is imported now: nobody else may read our source
        read, write = os.pipe()
        stranger = os.fork()
        if stranger == 0:
            os.setgid(65534)
            os.setuid(65534)
            told, found = explained(program.pid)
            os.write(write, repr((told.facts.hidden, list(found), told.facts.ours)).encode())
            os._exit(0)
        os.waitpid(stranger, 0)
        os.close(write)
        with os.fdopen(read) as pipe:
            assert pipe.read() == "(('its descriptors', 'its system calls'), ['signal-ignored'], False)"


def test_a_traced_program_names_its_tracer() -> None:
    tracer = """
import ctypes, os, sys, time
PTRACE_ATTACH = 16
if ctypes.CDLL(None).ptrace(PTRACE_ATTACH, int(sys.argv[1]), 0, 0) == 0:
    os.waitpid(int(sys.argv[1]), 0)
    print('ready', flush=True)
time.sleep(300)"""
    with Program(["sleep", "300"]) as program:
        _asleep(program.pid)
        with Program([sys.executable, "-c", tracer, str(program.pid)]) as other:
            until(lambda: state(program.pid) == "t", "it is traced")
            told, found = explained(program.pid)
            assert list(found) == ["traced"]
            assert f"(pid {other.pid})" in found["traced"].title
            assert told.inside is None


def test_a_vfork_names_the_child_it_waits_for(tmp_path: Path) -> None:
    """posix_spawn(3) waits until its child has run the program, and this child has to open a FIFO before."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = "import os, sys; a = [(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], 0, 0)]; print('ready', flush=True)\n"
    code += "os.posix_spawn('/bin/true', ['true'], {}, file_actions=a)"
    with Program([sys.executable, "-ISc", code, str(fifo)]) as program:
        program.ready()
        child = until(lambda: children(program.pid), "its child")[0]
        try:
            until(lambda: "waits-for-vfork" in explained(program.pid)[1], "it waits")
            assert f"(pid {child})" in explained(program.pid)[1]["waits-for-vfork"].title
            assert explained(child)[1]["waits"].title == "It waits in open, as for the other end of a FIFO"
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_main_thread_that_has_ended_alone() -> None:
    code = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
print('ready', flush=True)
ctypes.CDLL(None).syscall(60 if __import__('os').uname().machine == 'x86_64' else 93, 0)"""
    with Program([sys.executable, "-c", code]) as program:
        program.ready()
        until(lambda: state(program.pid) == "Z", "its main thread has ended")
        told, found = explained(program.pid)
        assert "main-thread-ended" in found
        assert "zombie" not in found
        assert len(told.facts.threads) == 2


def _ladder(pid: int) -> list[str]:
    _, found = explained(pid)
    chains = [finding.chain for finding in found.values() if finding.chain]
    return [link.what for link in chains[0]] if chains else []


def test_who_waits_for_whom_goes_from_child_to_child() -> None:
    with shell("bash -c 'bash -c \"sleep 300; true\"; true'; true") as program:
        inner = until(lambda: _down(program.pid, 3), "all of them are there")
        until(lambda: syscalls.current(inner[-1]) == "clock_nanosleep", "the last one sleeps")
        assert _ladder(program.pid) == [
            f"its main thread waits for its child bash (pid {inner[0]})",
            f"bash (pid {inner[0]}) waits for its child bash (pid {inner[1]})",
            f"bash (pid {inner[1]}) waits for its child sleep (pid {inner[2]})",
            f"sleep (pid {inner[2]}) is in clock_nanosleep",
        ]
        told, _ = explained(program.pid)
        assert "who waits for whom" in running.text(told)
        assert running.document(told)["waits_for"][0]["way"] == "child"
        os.kill(inner[-1], signal.SIGSTOP)
        until(lambda: state(inner[-1]) == "T", "the last one is stopped")
        assert _ladder(program.pid)[-1] == f"sleep (pid {inner[2]}) is stopped (state T)"
    until(lambda: not any(map(status, inner)), "none of them is left behind")


def test_the_one_reader_of_a_pipe_is_followed() -> None:
    with shell("sleep 300 | exec cat") as program:
        names = until(lambda: {"sleep", "cat"} <= (found := _names(program.pid)).keys() and found, "both run")
        until(lambda: syscalls.current(names["cat"]) == "read", "it reads")
        assert _ladder(names["cat"]) == [
            f"its main thread waits for bytes from sleep (pid {names['sleep']})",
            f"sleep (pid {names['sleep']}) is in clock_nanosleep",
        ]


def _names(parent: int) -> dict[str, int]:
    return {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in children(parent)}


def _down(pid: int, count: int) -> list[int]:
    """The chain of only children below a process, once it is so long."""
    found: list[int] = []
    while below := children(pid):
        pid = below[0]
        found.append(pid)
    return found if len(found) == count else []
