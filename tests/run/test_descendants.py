"""The whole worker: members that outlive the main process, escapees, orphans, zombies, and all of it as PID 1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.namespaces import lacks
from tests.support.processes import SUPERVISOR, Wrapped, children, gone, python, report, run, state, status, until


@pytest.mark.parametrize("dies", [(), ("die",)], ids=["main-exits-0", "main-dies-of-it"])
def test_a_member_may_finish_its_cleanup_after_the_main_process(dies: tuple[str, ...], tmp_path: Path) -> None:
    """Every wrapper of today leaves here with the main process, and as PID 1 takes the member with it."""
    log, out = tmp_path / "log", tmp_path / "report.json"
    with Wrapped(python("cleanup_member.py", str(log), *dies), "--report", str(out), "-v") as wrapped:
        _, member = wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == (-signal.SIGTERM if dies else 0)
        assert log.read_text() == "cleaned\n", "its cleanup ran once, and to the end"
        assert f"(pid {member}): ended" in wrapped.stderr
    one = report(out)
    assert one["outcome"] == ("signalled" if dies else "clean")
    assert [(left["pid"], left["fate"]) for left in one["leftovers"]] == [(int(member), "ended")]
    assert one["marks"]["main_exited"] < one["marks"]["exited"]
    assert [climb["signal"] for climb in one["escalation"]] == ["SIGTERM"], "the member had it from the group already"


def test_members_left_by_an_end_of_its_own_get_the_ladder(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = python("family.py", "group", "2", "deaf")
    with Wrapped(command, "--escalation", "TERM/0.2/KILL", "--report", str(out)) as wrapped:
        pids = [int(word) for word in wrapped.ready()]
        assert wrapped.wait() == 0
        assert all(gone(pid) for pid in pids)
        assert "had to be killed" in wrapped.stderr
    one = report(out)
    assert (one["outcome"], one["asked_by"]) == ("clean", "self")
    assert sorted((left["pid"], left["fate"]) for left in one["leftovers"]) == [
        (pid, "killed") for pid in sorted(pids)
    ]
    assert [climb["signal"] for climb in one["escalation"]] == ["SIGTERM", "SIGKILL"]


@pytest.mark.parametrize("kind", ["session", "daemon"])
def test_escapees_are_ended_after_a_stop_request(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("family.py", kind, "3", "stay"), "--report", str(out)) as wrapped:
        pids = [int(word) for word in wrapped.ready()]
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGTERM
        assert all(gone(pid) for pid in pids)
    assert {left["fate"] for left in report(out)["leftovers"]} == {"ended"}
    assert {left["pid"] for left in report(out)["leftovers"]} == set(pids)


@pytest.mark.parametrize("kind", ["session", "daemon"])
def test_deaf_escapees_are_killed_at_the_end_of_the_ladder(kind: str) -> None:
    command = python("family.py", kind, "2", "stay", "deaf")
    with Wrapped(command, "--escalation", "TERM/0.2/KILL") as wrapped:
        pids = [int(word) for word in wrapped.ready()]
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGTERM
        assert all(gone(pid) for pid in pids)


def test_escapees_live_on_when_nobody_asked_for_a_stop(tmp_path: Path) -> None:
    """A shell may have started gpg-agent or tmux: listed, not killed."""
    out = tmp_path / "report.json"
    with Wrapped(python("family.py", "daemon", "1", "silent"), "--report", str(out)) as wrapped:
        (pid,) = wrapped.ready()
        assert wrapped.wait() == 0
        assert not gone(int(pid))
    assert [(left["pid"], left["fate"]) for left in report(out)["leftovers"]] == [(int(pid), "left")]


@pytest.mark.parametrize(("policy", "lives"), [("leave", True), ("signal", False)])
def test_leftovers_left_or_signalled_once(policy: str, lives: bool) -> None:
    with Wrapped(python("family.py", "group", "2"), "--leftovers", policy) as wrapped:
        pids = [int(word) for word in wrapped.ready()]
        assert wrapped.wait() == 0
        if lives:
            assert not any(gone(pid) for pid in pids)
        else:
            until(lambda: all(gone(pid) for pid in pids), "they die of the one signal")


def test_an_orphan_that_holds_our_stdout_does_not_hang_us() -> None:
    with Wrapped(python("family.py", "daemon", "1")) as wrapped:
        (pid,) = wrapped.ready()
        assert wrapped.wait() == 0, "we are gone though the pipe is still open"
        assert not gone(int(pid))
        os.kill(int(pid), signal.SIGKILL)
        assert wrapped.rest() == ""


def test_orphans_become_ours_and_leave_no_zombies() -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.0$i &) ; done; echo ready; read line"
    with Wrapped(["sh", "-c", script], stdin=-1) as wrapped:
        wrapped.ready()
        main = wrapped.main
        until(lambda: children(wrapped.pid) == [main], "every orphan ended and was reaped")
        assert state(main) == "S"


def test_without_a_subreaper_the_group_is_still_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Wrapped(python("cleanup_member.py", str(log)), "--subreaper", "off") as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == 0
        assert log.read_text() == "cleaned\n"


def test_five_hundred_children_end_with_their_parent(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("family.py", "group", "500", "stay"), "--report", str(out)) as wrapped:
        assert len(wrapped.ready()) == 500
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGTERM
        assert wrapped.alive() == []
    assert {left["fate"] for left in report(out)["leftovers"]} <= {"ended"}


def test_a_worker_that_forks_until_the_last_moment_leaves_nobody() -> None:
    """Its handler for SIGTERM starts new processes, in and outside the group, after the group was signalled."""
    program = (
        "import os, signal, sys\n"
        "def more(*_):\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "    for outside in (0, 1, 0, 1):\n"
        "        if os.fork() == 0:\n"
        "            signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])\n"
        "            if outside: os.setsid()\n"
        "            while True: signal.pause()\n"
        "    os._exit(0)\n"
        "signal.signal(signal.SIGTERM, more)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with Wrapped([sys.executable, "-ESc", program], "--grace", "30") as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == 0
        assert wrapped.alive() == []


def test_a_stopped_member_is_woken_to_die() -> None:
    with Wrapped(python("family.py", "group", "1"), "--grace", "30") as wrapped:
        pid = int(wrapped.ready()[0])
        os.kill(pid, signal.SIGSTOP)
        assert wrapped.wait() == 0
        assert gone(pid)


# ------------------------------------------------------------------ PID 1

needs_root = pytest.mark.skipif(bool(lacks("-pf", "--mount-proc")), reason=lacks("-pf", "--mount-proc"))


def _as_init(*options: str, command: list[str]) -> list[str]:
    return ["unshare", "-pf", "--mount-proc", "--kill-child", SUPERVISOR, "run", *options, "--", *command]


@needs_root
def test_as_pid_1_a_member_may_finish_its_cleanup(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "report.json"
    argv = _as_init("--report", str(out), command=python("cleanup_member.py", str(log)))
    with Wrapped([], argv=argv) as wrapped:
        wrapped.ready()
        os.kill(children(wrapped.pid)[0], signal.SIGTERM)
        assert wrapped.wait() == 0
        assert log.read_text() == "cleaned\n"
    assert report(out)["asked_by_pid"] is None, "the sender is outside of our PID namespace"


@needs_root
def test_as_pid_1_death_by_a_signal_becomes_128_plus_n() -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        done = subprocess.run(_as_init(command=["sh", "-c", f"kill -{int(number)} $$"]), timeout=60, check=False)
        assert done.returncode == 128 + number


@needs_root
def test_as_pid_1_everything_that_is_left_is_ended(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = python("family.py", "daemon", "3", "deaf", "silent")
    argv = _as_init("--escalation", "TERM/0.2/KILL", "--report", str(out), command=command)
    with Wrapped([], argv=argv) as wrapped:
        wrapped.ready()
        assert wrapped.wait() == 0
    assert [left["fate"] for left in report(out)["leftovers"]] == ["killed"] * 3


@needs_root
def test_as_pid_1_zombies_go_to_zero() -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.0$i &) ; done; echo ready; read line"
    with Wrapped([], argv=_as_init(command=["sh", "-c", script]), stdin=-1) as wrapped:
        wrapped.ready()
        (init,) = children(wrapped.pid)
        until(lambda: len(children(init)) == 1, "every orphan ended and was reaped")
        assert status(init)["NSpid"].split()[1] == "1"


def test_exit_code_survives_members_that_are_killed() -> None:
    assert run(["sh", "-c", "trap '' TERM; sleep 60 & exit 9"], "--escalation", "TERM/0.1/KILL")[0] == 9
