"""run_in_thread() of a Redis subscription starts a thread that is not a daemon; who forgets to stop it has a
process that does not end.

https://github.com/redis/redis-py/issues/576
"""

# TAKES: 2.9
import asyncio
import signal

import redis


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    subscription = redis.Redis(port=16379).pubsub()
    subscription.subscribe(prices=lambda message: None)
    subscription.run_in_thread(sleep_time=0.1)  # <- here
    print("ready", flush=True)
    await stop.wait()


asyncio.run(main())
