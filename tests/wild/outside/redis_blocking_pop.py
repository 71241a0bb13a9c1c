"""A thread of the default executor sits in recv(), because Redis answers a blocking pop only when there is
something to pop. Leaving asyncio.run() joins it.

https://github.com/rq/rq/pull/2172
"""

# TAKES: 2.9
import asyncio
import signal

import redis


async def consume():
    server = redis.Redis(port=16379, db=7)
    while True:
        job = await asyncio.to_thread(server.blpop, "jobs")  # <- here
        print(job)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(consume())
    await asyncio.sleep(0.3)
    print("ready", flush=True)
    await stop.wait()
    task.cancel()


asyncio.run(main())
