"""connect_robust() tries for ever to reach a broker that is not there. The stop arrives in the middle of the
start-up, and the event that the handler sets is looked at later.

https://github.com/mosquito/aio-pika/issues/414
"""

# TAKES: 2.9
import asyncio
import signal

import aio_pika


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    connection = await aio_pika.connect_robust("amqp://127.0.0.1:1/?fail_fast=no", reconnect_interval=1)  # <- here
    async with connection:
        await stop.wait()


asyncio.run(main())
