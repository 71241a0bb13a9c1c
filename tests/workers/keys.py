"""Counts SIGINTs, and prints ``ready PID``, ``int N``, ``continued`` and every line typed; ends at ``quit`` or EOF.

Keys come from /dev/tty, as with a pager, so stdin may be something else; with the argument ``raw`` in raw mode.
"""

import os
import signal
import sys
import termios
import tty

count = 0


def interrupted(*_):
    global count
    count += 1
    os.write(1, b"int %d\n" % count)


signal.signal(signal.SIGINT, interrupted)
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"continued\n"))
piped = "" if sys.stdin.isatty() else sys.stdin.read()
keys = os.open("/dev/tty", os.O_RDWR)
before = termios.tcgetattr(keys)
if "raw" in sys.argv:
    tty.setraw(keys)
os.write(1, b"ready %d %s\n" % (os.getpid(), piped.strip().encode()))
while line := os.read(keys, 100):
    os.write(1, b"got " + line.strip() + b"\n")
    if line.strip() == b"quit":
        break
termios.tcsetattr(keys, termios.TCSANOW, before)
