# expect: slow-task
# where: upload
# seconds: 1.0
# total: 1.0
# stop: TERM
# prints: uploaded 3
# shape: work that began only after the stop (ensure_future)
# truth: The rest of the batch is uploaded in two rounds of 0.5 s, begun after the stop request.
"""Collects photos and uploads them in batches."""
import asyncio
import signal

pending = ["a.jpg", "b.jpg", "c.jpg"]
slots = None


async def upload(name):
    async with slots:
        await asyncio.sleep(0.5)  # <- here


async def flush():
    jobs = [asyncio.ensure_future(upload(name)) for name in pending]
    await asyncio.wait(jobs)
    print("uploaded", len(jobs), flush=True)


async def main():
    global slots
    signal.alarm(20)
    slots = asyncio.Semaphore(2)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await flush()


asyncio.run(main())
