# expect: loop-blocked
# where: compress
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: compressed
# shape: time.sleep in the cleanup
# truth: The cleanup calls a plain function that sleeps for 0.9 s and so stops the whole loop.
"""Exports rows; the file is compressed when the exporter is told to stop."""
import asyncio
import signal
import time


def compress(path):
    time.sleep(0.9)  # <- here
    print("compressed", path, flush=True)


async def export(path):
    try:
        while True:
            await asyncio.sleep(0.1)
    finally:
        compress(path)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    jobs = [asyncio.create_task(export("rows.csv"))]
    print("ready", flush=True)
    await stop.wait()
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


asyncio.run(main())
