# expect: none
# stop: TERM
# total: 0.0
# prints: bye
# shape: a quick atexit function, sys.exit in a plain handler
# truth: The atexit function prints a line.
"""Counts until it is told to stop; sys.exit in the handler."""
import atexit
import signal
import sys
import time

count = 0
atexit.register(lambda: print("bye", count >= 0, flush=True))


def stop(signum, frame):
    sys.exit(0)


signal.alarm(20)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while True:
    count += 1
    time.sleep(0.1)
