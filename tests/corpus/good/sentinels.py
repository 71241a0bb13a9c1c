# expect: none
# stop: TERM
# total: 0.3
# prints: consumer 1 out, consumer 2 out
# shape: consumers ended by a sentinel
# truth: Each consumer finishes its item (0.3 s) and then takes its sentinel.
"""Consumers that end when they take None from the queue."""
import asyncio
import signal


async def consumer(number, queue):
    while True:
        item = await queue.get()
        if item is None:
            print("consumer", number, "out", flush=True)
            return
        await asyncio.sleep(item)


async def main():
    signal.alarm(20)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    queue = asyncio.Queue()
    tasks = [asyncio.create_task(consumer(number, queue)) for number in (1, 2)]
    await queue.put(0.4)
    await queue.put(0.2)
    print("ready", flush=True)
    await stop.wait()
    for _ in tasks:
        await queue.put(None)
    await asyncio.gather(*tasks)


asyncio.run(main())
