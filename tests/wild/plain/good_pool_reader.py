"""GOOD: as pool_reader, with the sentinel put before the interpreter joins the pool."""

# SAID: reader ends
import queue
import signal
from concurrent.futures import ThreadPoolExecutor

orders = queue.Queue()
asked = []


def read():
    while (order := orders.get()) is not None:
        print(order, flush=True)
    print("reader ends", flush=True)


def main():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(read)
        signal.signal(signal.SIGTERM, lambda number, frame: orders.put(None))
        print("ready", flush=True)


main()
