# expect: none
# stop: TERM
# total: 0.4
# prints: 4 fetched
# shape: gather under a semaphore, honest work in flight
# truth: Four fetches under a semaphore take 0.4 s more; the program ends with them.
"""Fetches pages in rounds of four and ends between two rounds."""
import asyncio
import signal


async def fetch(limit, number):
    async with limit:
        await asyncio.sleep(0.25)
        return number


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    limit = asyncio.Semaphore(2)
    print("ready", flush=True)
    while not stop.is_set():
        pages = await asyncio.gather(*(fetch(limit, number) for number in range(4)))
        print(len(pages), "fetched", flush=True)


asyncio.run(main())
