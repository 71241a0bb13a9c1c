"""A hypercorn server whose request outlives its graceful timeout."""

import asyncio
import signal
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        print("ready", flush=True)
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await report()


async def report():
    await asyncio.sleep(30)


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = Config()
    config.bind = ["127.0.0.1:" + sys.argv[1]]
    config.graceful_timeout = 60
    await serve(app, config, shutdown_trigger=stop.wait)


asyncio.run(main())
