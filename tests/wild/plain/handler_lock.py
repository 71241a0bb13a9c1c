"""A write buffer flushes itself in its SIGTERM handler, under the lock that its methods hold. The handler runs in the
main thread, in the middle of such a method: the lock is not re-entrant, so nobody ever releases it.

https://github.com/rajfirke/provena/issues/42
"""

# LADDER: TERM/0.7/KILL
# TAKES: 0.6
# LOST: flushed
import signal
import sys
import threading
import time


class Buffer:
    def __init__(self):
        self.lock = threading.Lock()
        self.rows = []

    def append(self, row):
        with self.lock:
            self.rows.append(row)
            time.sleep(0.05)  # to disk

    def flush(self):
        with self.lock:  # <- here
            self.rows.clear()
        print("flushed", flush=True)


buffer = Buffer()


def handler(number, frame):
    buffer.flush()  # <- or here
    sys.exit(0)


signal.signal(signal.SIGTERM, handler)
print("ready", flush=True)
while True:
    buffer.append("row")
