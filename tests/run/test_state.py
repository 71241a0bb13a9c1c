"""What the command inherits, and what becomes of it when its supervisor dies."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import SUPERVISOR, Wrapped, gone, pids, python, run, status, until

# Not grep, which handles SIGSEGV, nor Python, which ignores SIGPIPE and SIGXFSZ.
OWN_STATUS = ["cat", "/proc/self/status"]


def _signals(mask: str) -> set[int]:
    """Without 32 and 33, which are glibc's own: its posix_spawn(3), and so subprocess from 3.13 on, ignores them."""
    value = int(mask, 16)
    return {int(number) for number in signal.valid_signals() if value & 1 << (number - 1)}


def _sets(text: str) -> dict[str, set[int]]:
    fields = (line.split(":\t") for line in text.splitlines())
    return {key: _signals(value) for key, value in fields if key in ("SigIgn", "SigBlk")}


def _started_with(ignored: set[int], blocked: set[int], *options: str) -> dict[str, set[int]]:
    def prepare() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)

    code, out, err = run(OWN_STATUS, *options, preexec_fn=prepare)
    assert (code, err) == (0, "")
    return _sets(out)


def test_ignored_and_blocked_signals_are_inherited() -> None:
    ignored = {signal.SIGTTOU, signal.SIGSEGV, signal.SIGHUP, signal.SIGUSR1, signal.SIGTSTP, signal.SIGCHLD, 1, 12}
    blocked = {signal.SIGTTIN, signal.SIGILL, signal.SIGTERM, 40}
    found = _started_with(ignored, blocked)
    assert found["SigIgn"] == {int(number) for number in ignored}
    assert found["SigBlk"] == {int(number) for number in blocked}


def test_nothing_of_ours_leaks_into_the_signal_state() -> None:
    found = _started_with(set(), set())
    assert (found["SigIgn"], found["SigBlk"]) == (set(), set())


def test_int_and_quit_of_a_background_job_are_reset() -> None:
    assert _started_with({signal.SIGINT, signal.SIGQUIT}, set())["SigIgn"] == set()
    assert _started_with({signal.SIGINT, signal.SIGQUIT}, set(), "--keep-ignored")["SigIgn"] == {2, 3}
    assert _started_with({signal.SIGINT}, set(), "--keep-ignored")["SigIgn"] == {2}


def test_a_background_job_of_a_shell_can_be_interrupted() -> None:
    script = f"{SUPERVISOR} run -- cat /proc/self/status & wait"
    out = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert _sets(out)["SigIgn"] == set()


def _own_state(*options: str, **popen: Any) -> dict[str, Any]:
    code, out, err = run(python("own_state.py"), *options, **popen)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def test_group_session_umask_and_descriptors() -> None:
    before = os.umask(0o027)
    try:
        found = _own_state("--no-agent")
    finally:
        os.umask(before)
    assert found["leads_group"] and found["same_session"]
    assert found["umask"] == 0o027
    assert found["fds"] == [0, 1, 2], "no descriptor of ours is passed on"


def test_descriptors_that_were_given_to_us_are_passed_on() -> None:
    reader, writer = os.pipe()
    try:
        code, out, _ = run(["sh", "-c", f"echo through > /proc/self/fd/{writer}"], pass_fds=[writer])
        assert (code, out) == (0, "")
        assert os.read(reader, 20) == b"through\n"
    finally:
        os.close(reader)
        os.close(writer)


def test_without_the_agent_the_environment_is_untouched() -> None:
    given = {"PATH": os.environ["PATH"], "ODD": "a=b\nc", "PYTHONPATH": "/some/where"}
    code, out, _ = run(["env", "-0"], "--no-agent", env=given)
    assert code == 0
    outside = {key: value for key, _, value in (part.partition("=") for part in out.split("\0") if part)}
    assert outside.items() >= given.items()
    assert {key for key in outside if "SIGDRAIN" in key} == {"SIGDRAIN_TEST_RUN", "SIGDRAIN_HISTORY"}, (
        "both are the tests'"
    )


def test_the_users_own_packages_are_told_to_the_agent() -> None:
    code, out, _ = run(["sh", "-c", "echo $SIGDRAIN_OWN"], "--own", "shop", "--own", "shop_api")
    assert (code, out) == (0, "shop,shop_api\n")
    code, out, _ = run(["sh", "-c", "echo $SIGDRAIN_OWN"], env={**os.environ, "SIGDRAIN_OWN": "shop,api"})
    assert (code, out) == (0, "shop,api\n"), "the variable alone does as well"
    code, _, err = run(["true"], "--own", "shop,api")
    assert code == 2 and "--own shop,api: not the name of a package" in err


def test_stdin_is_the_commands() -> None:
    with Wrapped(["sh", "-c", "echo ready; read word; echo got $word; cat"], stdin=subprocess.PIPE) as wrapped:
        assert wrapped.process.stdin is not None
        wrapped.ready()
        wrapped.process.stdin.write(b"first\n")
        assert wrapped.line() == "got first"
        wrapped.process.stdin.write(b"second\n")
        wrapped.process.stdin.close()
        assert wrapped.rest() == "second\n", "the end of the pipe is seen"
        assert wrapped.wait() == 0


def test_systemd_sockets_are_handed_to_the_command() -> None:
    """LISTEN_PID has to name the process that uses them (sd_listen_fds(3))."""
    script = f'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_PIDFDID=7 exec {SUPERVISOR} run -- sh -c "$1"'
    inner = "echo $LISTEN_PID $$ ${LISTEN_PIDFDID-none} $LISTEN_FDS"
    out = subprocess.run(["sh", "-c", script, "sh", inner], capture_output=True, text=True, check=True).stdout
    listen_pid, pid, pidfdid, fds = out.split()
    assert (listen_pid, pidfdid, fds) == (pid, "none", "1")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_stdio_stays_closed_and_breaks_nothing(closed: tuple[int, ...], tmp_path: Path) -> None:
    out = tmp_path / "state"
    redirections = " ".join(f"{fd}>&-" if fd else "0<&-" for fd in closed)
    command = shlex.join(python("own_state.py", str(out), "4"))
    script = f"exec {SUPERVISOR} run --no-agent -v -- {command} {redirections}"
    assert subprocess.run(["sh", "-c", script], stderr=subprocess.DEVNULL, timeout=60, check=False).returncode == 4
    assert json.loads(out.read_text())["fds"] == sorted({0, 1, 2} - set(closed))


def test_a_worker_that_closes_all_its_descriptors_is_still_ours() -> None:
    with Wrapped(python("family.py", "group", "1", "silent", "stay")) as wrapped:
        pid = int(wrapped.ready()[0])
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGTERM
        assert gone(pid)


def test_a_deleted_working_folder_does_not_hinder(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    script = f"cd {folder}; rmdir {folder}; exec {SUPERVISOR} run -- sh -c 'exit 8'"
    assert subprocess.run(["sh", "-c", script], timeout=60, check=False).returncode == 8


# ------------------------------------------------------------------ the supervisor dies


@pytest.mark.parametrize("option", [(), ("--parent-death", "KILL"), ("--parent-death", "TERM")])
def test_the_worker_does_not_outlive_a_killed_supervisor(option: tuple[str, ...]) -> None:
    with Wrapped(["sleep", "60"], *option) as wrapped:
        pid = wrapped.main
        until(lambda: status(pid).get("Name") == "sleep", "exec")
        wrapped.send(signal.SIGKILL)
        wrapped.wait()
        until(lambda: gone(pid), "worker gone")


def test_parent_death_term_can_be_handled_and_off_lets_it_live() -> None:
    with Wrapped(python("stubborn.py"), "--parent-death", "TERM") as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGKILL)
        assert wrapped.line() == "SIGTERM"
    with Wrapped(python("print_signals.py"), "--parent-death", "off") as wrapped:
        pid = int(wrapped.ready()[0])
        wrapped.send(signal.SIGKILL)
        wrapped.wait()
        os.kill(pid, signal.SIGUSR1)
        assert wrapped.line() == "10", "no signal came before this one"


# ------------------------------------------------------------------ the clock


def test_ages_are_right_in_a_time_namespace() -> None:
    """With the boot clock shifted against the monotonic one, members are still told apart from newcomers."""
    if os.geteuid() != 0:
        pytest.skip("a time namespace needs root")
    probe = subprocess.run(["unshare", "--time", "--boottime", "100000", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("no time namespaces here: " + probe.stderr.decode().strip())
    worker = python("family.py", "group", "3")
    argv = ["unshare", "--time", "--boottime", "100000", "--monotonic", "5000", "--fork", "--kill-child"]
    with Wrapped([], argv=[*argv, SUPERVISOR, "run", "--grace", "25", "--", *worker]) as wrapped:
        members = [int(word) for word in wrapped.ready()]
        assert wrapped.wait() == 0
        assert all(gone(pid) for pid in members)
        assert wrapped.stderr == "", "nobody had to wait for the ladder's end"
        assert set(members).isdisjoint(pids())
