# expect: none
# stop: TERM
# total: 0.5
# prints: processed
# shape: honest in-flight work
# truth: The order that is being processed is finished in 0.5 s, then the worker ends.
"""Processes orders one by one and ends between two."""
import asyncio
import signal


async def process(order):
    await asyncio.sleep(0.6)
    print("processed", order, flush=True)


async def main():
    signal.alarm(20)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    print("ready", flush=True)
    order = 0
    while not stopping.is_set():
        order += 1
        await process(order)


asyncio.run(main())
