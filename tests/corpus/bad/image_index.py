# expect: executor-outlives-loop
# accept: executor-busy
# where: read_exif
# seconds: 1.2
# total: 1.2
# stop: TERM
# grace: 2
# prints: 3.jpg
# shape: own pool never shut down, two queued jobs
# truth: The pool is never shut down; three jobs of 0.45 s, two still queued, run after the loop was closed.
"""Reads picture data with a pool that belongs to the module."""
import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="exif")


def read_exif(name):
    time.sleep(0.44)  # <- here
    print("exif of", name, flush=True)


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    for number in (1, 2, 3):
        pool.submit(read_exif, "%d.jpg" % number)
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
