# expect: slow-atexit
# where: upload
# seconds: 0.9
# total: 0.9
# stop: TERM
# prints: uploaded
# shape: atexit.register
# truth: A function registered with atexit uploads usage numbers for 0.9 s.
"""Counts its own use and uploads the numbers at the end."""
import asyncio
import atexit
import signal
import time

numbers = {"calls": 0}


@atexit.register
def upload():
    time.sleep(0.9)  # <- here
    print("uploaded", numbers, flush=True)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    while not stop.is_set():
        numbers["calls"] += 1
        await asyncio.sleep(0.02)


asyncio.run(main())
