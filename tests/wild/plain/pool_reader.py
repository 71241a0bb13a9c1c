"""A pool's job reads a queue until a sentinel comes, and an atexit callback is to put the sentinel: the interpreter
joins the pool's threads before it runs atexit callbacks, so the callback is never reached.

https://github.com/python/cpython/issues/86128
"""

# LADDER: TERM/0.7/KILL
# TAKES: 0.6
# LOST: reader ends
import atexit
import queue
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

orders = queue.Queue()
pool = ThreadPoolExecutor(1)


def read():
    while (order := orders.get()) is not None:  # <- here
        print(order, flush=True)
    print("reader ends", flush=True)


atexit.register(orders.put, None)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
pool.submit(read)  # <- or here
print("ready", flush=True)
while True:
    signal.pause()
