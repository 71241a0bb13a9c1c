"""Speaks as an agent would, without being one: it names FILE:LINE as the place where its only task waits."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time

file, line, name = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "t"
stream = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
stream.connect(os.environ["SIGDRAIN_AGENT_SOCKET"])
sequence = 0
frame = [file, line, name]
task = {"task": 1, "name": name, "coro": name, "at": frame, "leaf": frame, "stack": [frame]}


def say(event: str, **fields: object) -> None:
    global sequence
    sequence += 1
    head = {"v": 1, "ev": event, "t": time.monotonic_ns(), "pid": os.getpid(), "seq": sequence}
    stream.send(json.dumps(head | fields).encode())


def stop(*_: object) -> None:
    say("signal-received", signal=15, kind="python", name="h", at=frame)
    say("snapshot", reason="signal", first=True, signal=15, n_tasks=1, tasks=[task], threads=[], loops=[])
    say("ready", seconds=0.001)
    for seconds in (0.05, 0.1, 0.2, 0.4):
        time.sleep(seconds)
        say("task-waiting", **task, seconds=seconds, on={"kind": "sleep"})  # type: ignore[arg-type]  # plain data
    os._exit(0)


say("hello", python="3.11.7", implementation="cpython", ppid=1, forked=False, executable="x", cwd="/", probe=False,
    cancelling=True)  # fmt: skip
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print("ready", flush=True)
while True:
    signal.pause()
