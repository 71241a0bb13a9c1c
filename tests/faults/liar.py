"""A worker that speaks for the agent and says what it was given: ``liar.py FILE``, one JSON message a line."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    agent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    agent.connect(os.environ["SIGDRAIN_AGENT_SOCKET"])
    sent = 0

    def say(message: dict[str, object]) -> None:
        nonlocal sent
        sent += 1
        stamp = {"t": time.monotonic_ns(), "pid": os.getpid(), "seq": sent}
        try:
            agent.send(json.dumps(stamp | message).encode()[:65_000])
        except OSError:  # we were cut off, as may happen to who says such things
            pass

    hello = {
        "v": 1,
        "ev": "hello",
        "python": "3.12.1",
        "implementation": "cpython",
        "probe": False,
        "cwd": os.getcwd(),
    }
    say(hello)
    with open(sys.argv[1]) as file:
        messages = [json.loads(line) for line in file]
    for message in messages[: len(messages) // 10]:
        say(message)
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])
    for number, message in enumerate(messages[len(messages) // 10 :]):
        say(message)
        if number % 20 == 0:
            time.sleep(0.03)  # so that something held the exit


if __name__ == "__main__":
    main()
