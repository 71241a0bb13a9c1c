# expect: no-signal-handler
# where: process
# total: 0.0
# exit: -15
# stop: TERM
# silent: processed, closed
# shape: one task in the middle of its work
# truth: There is no SIGTERM handler: the process dies at once, in the middle of an order.
"""Consumes orders from a queue."""
import asyncio
import signal


async def process(order):
    await asyncio.sleep(3)  # <- here
    print("processed", order, flush=True)


async def main():
    signal.alarm(20)
    queue = asyncio.Queue()
    for order in range(10):
        queue.put_nowait(order)
    print("ready", flush=True)
    try:
        while not queue.empty():
            await process(await queue.get())
    finally:
        print("closed", flush=True)


asyncio.run(main())
