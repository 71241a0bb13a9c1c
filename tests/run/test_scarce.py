"""Few descriptors, and processes that want them all: a stop still finds and ends everybody, and tells."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import SUPERVISOR, Wrapped, until

# Each of its children is in a session of its own, deaf, and connects to the agents' socket so often.
EATERS = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
count, each = int(sys.argv[1]), int(sys.argv[2])
reader, writer = os.pipe()
for _ in range(count):
    if os.fork() == 0:
        os.setsid()
        held = []
        for _ in range(each):
            held.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            held[-1].setblocking(False)
            try:
                held[-1].connect(os.environ["SIGDRAIN_AGENT_SOCKET"])
            except OSError:
                pass
        os.write(writer, b".")
        time.sleep(600)
left = count
while left:
    left -= len(os.read(reader, 100))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("limit", "count", "each"), [(64, 60, 2), (40, 12, 8), (256, 100, 8)])
def test_a_stop_ends_everybody_who_ate_our_descriptors(limit: int, count: int, each: int, tmp_path: Path) -> None:
    path = tmp_path / "end.json"
    program = [sys.executable, "-c", EATERS, str(count), str(each)]
    options = ["--grace", "0.5", "--report", str(path), "--"]
    argv = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", SUPERVISOR, "run", *options, *program]
    with Wrapped([], argv=argv) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
        assert wrapped.alive() == []
        assert "Traceback" not in wrapped.stderr
    (shutdown,) = json.loads(path.read_text())["shutdowns"]
    assert shutdown["outcome"] == "killed"
    assert [one["fate"] for one in shutdown["leftovers"]] == ["killed"] * count
    assert [finding["code"] for finding in shutdown["findings"]] == ["signal-ignored"]


# Leaves a deaf process in its group when it is asked to end.
LEAVES_ONE = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", os.getpid(), flush=True)
    time.sleep(600)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
time.sleep(600)
"""


def test_a_census_that_fails_is_not_nobody(tmp_path: Path) -> None:
    """The main process has ended and nobody can look who is left: that is told, and tried until it works."""
    path = tmp_path / "end.json"
    command = [sys.executable, "-ESc", LEAVES_ONE]
    with Wrapped(command, "--no-agent", "--escalation", "TERM/20/KILL", "--report", str(path)) as wrapped:
        (left,) = map(int, wrapped.ready())
        before = resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE)
        until(lambda: descriptors_settle(wrapped.pid), "it has opened what it opens when nothing happens")
        resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        wrapped.send(signal.SIGTERM)
        until(lambda: "could not look which of its processes are left" in wrapped.stderr, "it says so")
        assert wrapped.process.poll() is None
        resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE, before)
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == 0
        assert wrapped.alive() == []
    (shutdown,) = json.loads(path.read_text())["shutdowns"]
    assert shutdown["leftovers_known"] is True
    assert [(one["pid"], one["fate"]) for one in shutdown["leftovers"]] == [(left, "killed")]


def descriptors_settle(pid: int) -> bool:
    """Whether the supervisor waits in epoll with the file open that it opens in its first quiet moment."""
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    return any(link.endswith("/status") for link in links)
