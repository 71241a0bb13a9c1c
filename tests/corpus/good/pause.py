# expect: none
# stop: TERM
# total: 0.0
# prints: state saved
# shape: signal.pause in the main thread, work in a daemon thread
# truth: The main thread waits in signal.pause; the handler only notes the signal.
"""Waits in signal.pause while a daemon thread collects."""
import signal
import threading
import time

state = []
noted = []


def collect():
    while True:
        state.append(1)
        time.sleep(0.2)


signal.alarm(20)
signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
threading.Thread(target=collect, daemon=True).start()
print("ready", flush=True)
while not noted:
    signal.pause()
print("state saved", len(state) > 0, flush=True)
