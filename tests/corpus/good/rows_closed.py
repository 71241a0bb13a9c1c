# expect: none
# stop: TERM
# total: 0.0
# prints: cursor closed
# shape: an async generator closed where it is used
# truth: The generator is closed right after use, long before the stop.
"""Reads rows with a generator and closes it itself."""
import asyncio
import signal


async def rows(count):
    try:
        for number in range(count):
            await asyncio.sleep(0)
            yield number
    finally:
        await asyncio.sleep(0.01)
        print("cursor closed", flush=True)


async def first(count):
    cursor = rows(100)
    try:
        async for number in cursor:
            if number == count:
                return number
    finally:
        await cursor.aclose()


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", await first(3), flush=True)
    await stop.wait()


asyncio.run(main())
