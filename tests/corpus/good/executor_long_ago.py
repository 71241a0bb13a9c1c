# expect: none
# stop: TERM
# total: 0.0
# prints: loaded
# shape: run_in_executor finished long ago, own pool shut down
# truth: The pool's work was over before the stop; shutting it down takes no time.
"""Loads a model in a pool, then serves from memory."""
import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor


def load(part):
    time.sleep(0.05)
    return part * 2


async def main():
    signal.alarm(20)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    pool = ThreadPoolExecutor(4)
    parts = await asyncio.gather(*(loop.run_in_executor(pool, load, part) for part in range(8)))
    print("loaded", sum(parts), flush=True)
    print("ready", flush=True)
    await stop.wait()
    pool.shutdown(wait=True)


asyncio.run(main())
