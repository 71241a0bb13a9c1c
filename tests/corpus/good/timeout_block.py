# expect: none
# stop: TERM
# total: 0.1
# python: 3.11-3.13
# prints: sent
# shape: asyncio.timeout around a short cleanup
# truth: The last batch is sent in 0.05 s, far below the limit that is set for it.
"""Sends batches; the last one is sent under a time limit."""
import asyncio
import signal


async def send(batch):
    await asyncio.sleep(0.05)
    print("sent", len(batch), flush=True)


async def collect(batch):
    while True:
        batch.append("x")
        await asyncio.sleep(0.1)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    batch = []
    collector = asyncio.create_task(collect(batch))
    print("ready", flush=True)
    await stop.wait()
    collector.cancel()
    try:
        async with asyncio.timeout(2):
            await send(batch)
    except TimeoutError:
        print("gave up", flush=True)


asyncio.run(main())
