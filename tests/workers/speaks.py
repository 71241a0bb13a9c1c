"""Speaks sd_notify(3) as it is told, step by step; SIGTERM makes it take the steps behind `term`, then leave.

say:READY=1|STATUS=warm  one datagram of two lines        sleep:0.5   ping:0.1  WATCHDOG=1 so often, for ever
wait:PATH                until there is such a file
flood:1000               so many datagrams of STATUS      exit:3      print:NAME  that variable of the environment
"""

import os
import signal
import socket
import sys
import time


def say(text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        address = os.environ["NOTIFY_SOCKET"]
        line.connect("\0" + address[1:] if address[0] == "@" else address)
        line.send(text.replace("|", "\n").encode())


def take(step: str) -> None:
    what, _, value = step.partition(":")
    if what == "say":
        say(value)
    elif what == "sleep":
        time.sleep(float(value))
    elif what == "wait":
        while not os.path.exists(value):
            time.sleep(0.05)
    elif what == "ping":
        while True:
            say("WATCHDOG=1")
            time.sleep(float(value))
    elif what == "flood":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(os.environ["NOTIFY_SOCKET"])
            for number in range(int(value)):
                line.send(b"STATUS=%d" % number)
    elif what == "exit":
        sys.stdout.flush()
        os._exit(int(value))
    elif what == "print":
        print(value, os.environ.get(value), os.getpid(), flush=True)


def leave(*_: object) -> None:
    for step in last:
        take(step)
    os._exit(0)


steps = sys.argv[1:]
cut = steps.index("term") if "term" in steps else len(steps)
last = steps[cut + 1 :]
signal.signal(signal.SIGTERM, leave)
for one in steps[:cut]:
    take(one)
while True:
    signal.pause()
