# expect: leaked-children
# total: 0.0
# stop: TERM
# leaves: 1
# shape: a daemon by double fork
# truth: The worker starts a daemon by double fork and never tells it to end.
"""Serves searches; an index daemon is started beside it."""
import os
import signal
import threading
import time

stopping = threading.Event()


def start_daemon():
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for fd in (0, 1, 2):
        os.close(fd)
    time.sleep(15)
    os._exit(0)


def main():
    start_daemon()
    signal.alarm(20)
    signal.signal(signal.SIGTERM, lambda signum, frame: stopping.set())
    print("ready", flush=True)
    while not stopping.wait(0.1):
        pass


main()
