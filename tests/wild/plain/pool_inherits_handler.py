"""Forked workers of a multiprocessing pool inherit the SIGTERM handler of their parent, which only takes a note. The
pool's terminate() sends SIGTERM and joins: a worker in the middle of a job does not die of it.

https://github.com/getsentry/snuba/pull/1420
"""

# LADDER: TERM/0.8/KILL
# TAKES: 0.7
# LOST: pool is gone
import multiprocessing
import signal
import time

asked = []


def render(page):
    print("ready", flush=True)
    time.sleep(30)  # <- here


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))  # <- or here
    pool = multiprocessing.get_context("fork").Pool(1)
    pool.map_async(render, range(4))
    while not asked:
        time.sleep(0.05)
    pool.terminate()  # <- or here
    pool.join()
    print("pool is gone", flush=True)
