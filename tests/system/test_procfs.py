"""What /proc says of processes of our own."""

from __future__ import annotations

import os
import subprocess

from supervisor.system import procfs


def test_whose_a_process_is() -> None:
    """By its ancestors, also below a shell that made a session of its own; nobody's when none of them is known."""
    script = "sleep 600 & echo $!; read line"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as shell:
        assert shell.stdout is not None and shell.stdin is not None
        pid = int(shell.stdout.readline())
        assert procfs.owner(pid, {shell.pid: "shell", os.getpid(): "we"}) == "shell"
        assert procfs.owner(pid, {os.getpid(): "we"}) == "we"
        assert procfs.owner(pid, {}) is None
        assert procfs.owner(2**22 + 1, {2**22 + 1: "known before it went"}) == "known before it went"
        os.kill(pid, 9)
        shell.kill()


def test_a_process_is_the_same_at_each_look() -> None:
    """Its birth is exact; the instant that is made of it is not, so nothing is looked up by that."""
    looks = {found.born for _ in range(50) if (found := procfs.stat(os.getpid())) is not None}
    assert len(looks) == 1
