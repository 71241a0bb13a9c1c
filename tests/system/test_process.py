"""Signals to processes of ours, in the states in which a system call refuses them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from supervisor.core.record import Member
from supervisor.system.proc import processes
from supervisor.system.process import send


def test_a_signal_before_the_child_has_made_its_group() -> None:
    """`up` may be asked to stop while the worker it forked last has not reached setsid(2)."""
    with subprocess.Popen(["sleep", "60"]) as child:  # it stays in our group, as a fork before its setsid does
        pidfd = os.pidfd_open(child.pid)
        with pytest.raises(ProcessLookupError):
            os.killpg(child.pid, 0)
        assert send.send_group(child.pid, pidfd, signal.SIGTERM) == "delivered"
        assert child.wait(30) == -signal.SIGTERM
        assert send.send_group(child.pid, pidfd, signal.SIGTERM) == "nobody"
        os.close(pidfd)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_process_that_we_may_not_signal() -> None:
    """`run -- sudo CMD` as a plain user: not delivered, and no traceback."""
    with subprocess.Popen(["sleep", "60"], process_group=0) as child:
        program = (
            "import os, sys\nfrom supervisor.core.record import Member\n"
            "from supervisor.system.proc import processes\nfrom supervisor.system.process import send\n"
            "pid = int(sys.argv[1])\npidfd, found = os.pidfd_open(pid), processes.stat(pid)\n"
            "member = Member(pid, (), found.started, True, 'S', found.born)\n"
            "os.setresuid(65534, 65534, 65534)\n"
            "print(send.send_main(pidfd, 15), send.send_group(pid, pidfd, 15), sep='\\n')\n"
            "print(send.send_checked(member, 15, wake=True))\n"
        )
        said = subprocess.run(
            [sys.executable, "-c", program, str(child.pid)], capture_output=True, text=True, timeout=30, check=True
        )
        assert said.stdout.splitlines() == ["not permitted"] * 3
        child.kill()


def test_no_signal_goes_to_another_process_under_the_same_pid() -> None:
    """A leftover may have gone, and its pid may have been given out again, since it was surveyed."""
    with subprocess.Popen(["sleep", "60"]) as child:
        found = processes.stat(child.pid)
        assert found is not None
        member = Member(child.pid, (), found.started, True, "S", found.born)
        assert send.send_checked(member.with_(born=found.born - 1), signal.SIGTERM, wake=False) == "nobody"
        assert child.poll() is None
        assert send.send_checked(member, signal.SIGTERM, wake=False) == "delivered"
        assert child.wait(30) == -signal.SIGTERM


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOENT])
def test_a_process_that_cannot_be_looked_at_is_not_gone(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pidfd may have taken the last descriptor, and hidepid hides processes: it lives, and had no signal."""

    def fails(path: str, *_: object) -> int:
        raise OSError(number, "the fault", path)

    with subprocess.Popen(["sleep", "60"]) as child:
        found = processes.stat(child.pid)
        assert found is not None
        member = Member(child.pid, ("sleep",), found.started, in_group=False, state="S", born=found.born)
        monkeypatch.setattr(os, "open", fails)
        told = send.send_checked(member, signal.SIGTERM, False)
        monkeypatch.undo()
        assert (told, child.poll()) == ("could not look", None)
        assert send.send_checked(member, signal.SIGTERM, False) == "delivered"
    assert send.send_checked(member, signal.SIGTERM, False) == "nobody"
