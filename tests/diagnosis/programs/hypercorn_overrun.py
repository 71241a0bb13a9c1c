"""A hypercorn server whose graceful timeout (0.4 s) is shorter than the request in flight."""

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
    await asyncio.sleep(1.4)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = Config()
    config.bind = ["127.0.0.1:" + sys.argv[1]]
    config.graceful_timeout = 0.4
    await serve(app, config, shutdown_trigger=stop.wait)


asyncio.run(main())
