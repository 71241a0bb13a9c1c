"""The signal handler runs the whole halt, under a lock that is not re-entrant. A second signal arrives before the
halt is done: its handler runs inside the first one and waits for the lock that the first one holds.

https://github.com/sabnzbd/sabnzbd/pull/3534
"""

# LADDER: TERM/0.4/INT/0.7/KILL
# TAKES: 1
# LOST: saved
import signal
import sys
import threading
import time

halting = threading.Lock()


def halt():
    with halting:  # <- here
        time.sleep(0.8)  # joins its threads, saves its queue
        print("saved", flush=True)


def handler(number, frame):
    halt()  # <- or here
    sys.exit(0)


signal.signal(signal.SIGTERM, handler)
signal.signal(signal.SIGINT, handler)
print("ready", flush=True)
while True:
    time.sleep(0.1)
