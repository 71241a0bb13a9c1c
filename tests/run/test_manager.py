"""`run` under a service manager: what it says over $NOTIFY_SOCKET, and that the command has nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.run.test_counts import loaded
from tests.support.manager import Manager
from tests.support.namespaces import lacks
from tests.support.processes import SUPERVISOR, WORKERS, Wrapped, python, run, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("abstract", [False, True])
def test_ready_stopping_and_status(abstract: bool, tmp_path: Path) -> None:
    with Manager(tmp_path, abstract=abstract) as manager:
        command = [sys.executable, str(WORKERS / "stubborn.py")]  # with the agent
        with Wrapped(
            command, "--ready", "started", "--grace", "3", env={"NOTIFY_SOCKET": manager.address}
        ) as wrapped:
            wrapped.ready()
            assert manager.until("READY=1") == ["READY=1"]
            assert manager.until("STATUS=") == ["STATUS=running"]
            wrapped.send(signal.SIGTERM)
            stopping = manager.until("STOPPING=1")
            assert [line.partition("=")[0] for line in stopping] == ["STOPPING", "EXTEND_TIMEOUT_USEC"]
            (status,) = manager.until("STATUS=draining: main thread busy at stubborn.py:")
            assert "SIGKILL in" in status
            assert wrapped.wait() == -signal.SIGKILL
        extensions = [word for word in manager.words if word.startswith("EXTEND_TIMEOUT_USEC=")]
        assert len(extensions) >= 3, "renewed at a third, for SIGKILL, for the report"


def speaks(*steps: str) -> list[str]:
    """A command that takes these steps (tests/workers/speaks.py)."""
    return python("speaks.py", *steps)


def test_the_command_has_a_socket_of_its_own(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "9000000", "WATCHDOG_PID": str(os.getpid())}
        with Wrapped(speaks("print:NOTIFY_SOCKET", "print:WATCHDOG_PID", "exit:0"), env=given) as wrapped:
            own, watchdog = wrapped.line().split(), wrapped.line().split()
            assert own[1] not in ("None", manager.address)
            assert watchdog[1] == "None", "WATCHDOG_PID was not ours"
            assert wrapped.wait() == 0
        assert not os.path.exists(own[1])


def test_ready_is_the_commands_own_word_and_so_is_the_rest(tmp_path: Path) -> None:
    steps = ["say:EXTEND_TIMEOUT_USEC=7000000", "sleep:0.4", "say:READY=1|STATUS=warm|MAINPID=1|ERRNO=2"]
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address}
        with Wrapped(speaks(*steps, "print:X", "term", "say:STATUS=flushing", "sleep:1.5"), env=given) as wrapped:
            wrapped.line()
            manager.until("READY=1")
            manager.until("STATUS=warm; error 2: No such file")
            wrapped.send(signal.SIGTERM)
            manager.until("STATUS=draining: ")
            until(lambda: "it says: flushing" in str(manager.rest()), "its own words")
            assert wrapped.wait() == 0
        words = manager.words
        assert words[0].startswith("EXTEND_TIMEOUT_USEC=")
        assert set(words[1:3]) == {"READY=1", "ERRNO=2"}
        assert not [word for word in words if word.startswith("MAINPID")]


def test_who_does_not_speak_is_never_ready_and_told_how_to_be(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        with Wrapped(python("print_signals.py"), env={"NOTIFY_SOCKET": manager.address}) as wrapped:
            wrapped.ready()
            manager.until("STATUS=starting: the command has not sent READY=1;")
            assert wrapped.stderr.count("--ready started") == 1
            wrapped.send(signal.SIGTERM)
            manager.until("STOPPING=1")
        assert "READY=1" not in manager.words


@pytest.mark.skipif(bool(lacks("-rm")), reason=lacks("-rm"))
@pytest.mark.parametrize("ready", [None, "started", "notify"])
def test_no_place_for_a_socket_keeps_no_command_from_running(ready: str | None, tmp_path: Path) -> None:
    """As `docker run --read-only`. Only who has asked for notify is refused, and told what to set."""
    if SUPERVISOR.startswith(("/run/", "/tmp/", "/dev/shm/")):
        pytest.skip("the checkout lies in a folder that the test hides")
    options = f"--no-agent {'' if ready is None else f'--ready {ready}'}"
    script = "".join(f"mount -t tmpfs -o ro tmpfs {folder} && " for folder in ("/run", "/tmp", "/dev/shm"))
    script += f"exec {SUPERVISOR} run {options} -- sh -c 'echo NOTIFY=$NOTIFY_SOCKET'"
    with Manager(tmp_path, abstract=True) as manager:
        env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": manager.address}
        argv = ["unshare", "-rm", "sh", "-c", script]
        found = subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, timeout=60, check=False)
        if "mount:" in found.stderr:
            pytest.skip(found.stderr.strip())
        (said,) = [line for line in found.stderr.splitlines() if "no place for the notify socket of sh" in line]
        assert "/run: Read-only file system" in said
        assert "set XDG_RUNTIME_DIR or TMPDIR" in found.stderr
        if ready == "notify":
            assert (found.returncode, found.stdout) == (125, "")
            assert "another check than notify" in found.stderr
        else:
            assert (found.returncode, found.stdout) == (0, "NOTIFY=\n")
            assert ("counts as ready once it has started" in said) == (ready is None)
            assert manager.until("READY=1") == ["READY=1"]


def test_a_check_of_ours_stands_in_for_the_word_of_the_command(tmp_path: Path) -> None:
    code = (
        "import socket, time; time.sleep(0.3); s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
        "open({path!r}, 'w').write('x'); time.sleep(60)"
    )
    flag = tmp_path / "up"
    command = [sys.executable, "-c", code.format(path=str(flag))]
    with Manager(tmp_path) as manager:
        options = ("--ready", f"command=test -e {flag}")
        with Wrapped(command, *options, env={"NOTIFY_SOCKET": manager.address}) as wrapped:
            manager.until("READY=1")
            assert flag.exists()
            wrapped.send(signal.SIGTERM)
            assert wrapped.wait() == -signal.SIGTERM


def test_the_watchdog_hears_of_us_only_while_the_command_goes_on(tmp_path: Path) -> None:
    """One that has begun to send WATCHDOG=1 has to go on: here it stops after its third."""
    steps = [
        "say:READY=1|WATCHDOG=1",
        "sleep:0.2",
        "say:WATCHDOG=1",
        "sleep:0.2",
        "say:WATCHDOG=1",
        "print:WATCHDOG_USEC",
    ]
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "600000"}
        with Wrapped(speaks(*steps), env=given) as wrapped:
            assert wrapped.line().split()[1] == "600000"
            time.sleep(2.0)  # what is measured: silence after 0.6 s
            seen = manager.words.count("WATCHDOG=1")
            time.sleep(1.0)
            assert manager.words.count("WATCHDOG=1") == seen >= 1
            wrapped.send(signal.SIGTERM)
            assert wrapped.wait() == 0


def test_descriptors_and_a_barrier_are_passed_on_behind_what_was_said_before(tmp_path: Path) -> None:
    code = (
        "import os, socket\n"
        "line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); line.connect(os.environ['NOTIFY_SOCKET'])\n"
        "reader, writer = os.pipe(); line.send(b'READY=1')\n"
        "socket.send_fds(line, [b'FDSTORE=1\\nFDNAME=db'], [reader])\n"
        "barrier, ours = os.pipe(); socket.send_fds(line, [b'BARRIER=1'], [ours]); os.close(ours)\n"
        "print('sent', flush=True); print('over', os.read(barrier, 1), flush=True)\n"
        "line.send(b'FDSTOREREMOVE=1\\nFDNAME=db'); os.read(0, 1)"
    )
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address}
        with Wrapped([sys.executable, "-c", code], env=given, stdin=subprocess.PIPE) as wrapped:
            assert wrapped.line() == "sent"
            manager.until("BARRIER=1")
            assert len(manager.descriptors) == 2
            for fd in manager.descriptors:
                os.close(fd)
            manager.descriptors.clear()
            assert wrapped.line() == "over b''", "nobody holds it any more"
            manager.until("FDSTOREREMOVE=1")
            wrapped.send(signal.SIGTERM)
            wrapped.wait()
        told = [lines[0] for lines in manager.said if not lines[0].startswith("STATUS")]
        assert told[:4] == ["READY=1", "FDSTORE=1", "BARRIER=1", "FDSTOREREMOVE=1"]


@pytest.mark.parametrize("pid", [None, 1])
def test_a_watchdog_that_means_another_process_hears_nothing(pid: int | None, tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"}
        with Wrapped(python("print_signals.py"), env=given | ({"WATCHDOG_PID": str(pid)} if pid else {})) as wrapped:
            wrapped.ready()
            manager.until("STATUS=")
            if pid is None:
                manager.until("WATCHDOG=1")
            wrapped.send(signal.SIGTERM)
            manager.until("STOPPING=1")
        assert ("WATCHDOG=1" in manager.words) == (pid is None)


def test_extend_off_leaves_the_units_limit(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address}
        with Wrapped(
            python("stubborn.py"), "--ready", "started", "--grace", "0.1", "--extend", "off", env=given
        ) as wrapped:
            wrapped.ready()
            wrapped.send(signal.SIGTERM)
            assert wrapped.wait() == -signal.SIGKILL
        assert manager.words == ["READY=1", "STOPPING=1"]


def test_a_command_that_cannot_be_run_was_never_ready(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        code, _, said = run(["/nonexistent/program"], env={"NOTIFY_SOCKET": manager.address})
        assert code == 127 and "no such file" in said
        assert "READY=1" not in manager.words


def test_a_manager_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    address = str(tmp_path / "nobody")
    code, out, said = run(["echo", "works"], env={"NOTIFY_SOCKET": address})
    assert (code, out) == (0, "works\n")
    assert said.count(f"NOTIFY_SOCKET={address}: No such file or directory") == 1
    assert run(["true"], "--quiet", env={"NOTIFY_SOCKET": address})[2] == ""


def test_without_a_manager_nothing_of_it_is_imported(tmp_path: Path) -> None:
    _, at_end = loaded(folder=tmp_path)
    ours = [name for name in at_end if name.startswith("supervisor")]
    assert ours and not [name for name in ours if "manager" in name or "notify" in name]


def test_a_reload_signal_is_passed_on_and_stops_nothing(tmp_path: Path) -> None:
    with Manager(tmp_path) as manager:
        given = {"NOTIFY_SOCKET": manager.address}
        options = ("--ready", "started", "--reload-signal", "HUP")
        with Wrapped(python("print_signals.py"), *options, env=given) as wrapped:
            wrapped.ready()
            manager.until("READY=1")
            wrapped.send(signal.SIGHUP)
            assert wrapped.line() == str(int(signal.SIGHUP))
            reloading = manager.until("RELOADING=1")
            assert reloading[1].startswith("MONOTONIC_USEC=")
            wrapped.send(signal.SIGTERM)
            manager.until("STOPPING=1")
        words = manager.words
        assert words[words.index("RELOADING=1") :][2] == "READY=1"


@pytest.mark.parametrize("name", ["TERM", "KILL", "TSTP", "NONE", ""])
def test_not_every_signal_can_ask_for_a_reload(name: str) -> None:
    code, _, said = run(["true"], "--reload-signal", name)
    assert code == 2 and "no signal to reload with" in said


def test_a_wait_that_is_longer_than_epoll_can_wait() -> None:
    """A year of grace: epoll_wait(2) takes 24 days at the most."""
    with Wrapped(python("stubborn.py"), "--grace", "31536000") as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.line() == "SIGTERM"
        time.sleep(0.2)
        assert wrapped.process.poll() is None, wrapped.stderr
