# expect: killed
# accept: no-agent
# also: loop-blocked
# exit: KILL
# stop: TERM
# grace: 2
# prints: stop noted
# shape: python -I, a flag that nobody reads
# truth: Python was started with -I, so no agent; the handler sets a flag that the worker never looks at.
"""Counts, in an isolated interpreter."""
import os
import signal
import sys
import time

flags = {"stop": False}


def on_term(signum, frame):
    flags["stop"] = True
    print("stop noted", flush=True)


def count():
    for _ in range(300):
        time.sleep(0.1)


signal.alarm(20)
if not sys.flags.isolated:
    os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__)])
signal.signal(signal.SIGTERM, on_term)
print("ready", flush=True)
count()
