# expect: slow-atexit
# where: wipe
# seconds: 0.7
# total: 0.7
# stop: TERM
# prints: wiped
# shape: weakref.finalize, no asyncio
# truth: A weakref finalizer wipes the scratch area at the interpreter's exit, for 0.7 s.
"""Works in a scratch area that is wiped at the end."""
import signal
import sys
import time
import weakref


class Scratch:
    def __init__(self, files):
        self.finalizer = weakref.finalize(self, wipe, files)


def wipe(files):
    for _ in range(files):
        time.sleep(0.1)  # <- here
    print("wiped", files, flush=True)


def stop(signum, frame):
    sys.exit(0)


signal.alarm(20)
scratch = Scratch(7)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while True:
    time.sleep(0.5)
