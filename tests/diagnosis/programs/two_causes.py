"""Cleanup that first blocks the loop, then sleeps; two workers, one after the other."""

import asyncio
import signal
import time


def flush():
    time.sleep(0.7)


async def writer():
    try:
        await asyncio.sleep(3600)
    finally:
        flush()


async def uploader():
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.4)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.create_task(writer(), name="writer"), asyncio.create_task(uploader(), name="uploader")]
    await asyncio.sleep(0)
    print("ready", flush=True)
    await stop.wait()
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])


asyncio.run(main())
