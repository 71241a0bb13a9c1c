"""Finishes the order that it is working on, then leaves: honest work, and slower for it."""

import asyncio
import signal


async def handle(order: int) -> None:
    await asyncio.sleep(0.8)
    print(f"in_flight: order {order} done", flush=True)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    order = 0
    while not stop.is_set():
        order += 1
        await handle(order)


asyncio.run(main())
