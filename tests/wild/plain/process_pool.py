"""A service computes in a ProcessPoolExecutor and has a handler for SIGTERM. The signal goes to the whole group and
kills the pool's processes, which have none, in the middle of their job; the service only sees a broken pool.

https://github.com/agronholm/apscheduler/issues/362
"""

# EXPECT: no-signal-handler|work-cut-short
# LOST: report is written
import asyncio
import multiprocessing
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool


def report():
    print("ready", flush=True)
    time.sleep(0.9)  # <- here
    print("report is written", flush=True)


async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        job = loop.run_in_executor(pool, report)
        await asyncio.sleep(0.1)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        try:
            await job
        except BrokenProcessPool:
            print("the pool broke", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
