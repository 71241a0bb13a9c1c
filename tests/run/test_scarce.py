"""Few descriptors, and processes that want them all: a stop still finds and ends everybody, and tells."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import SUPERVISOR, Wrapped

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
