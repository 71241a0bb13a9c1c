# expect: none
# stop: TERM
# total: 0.0
# packages: hypercorn
# drive: connect
# shape: hypercorn with an idle client
# truth: hypercorn closes the idle client and ends at once.
"""An ASGI application under hypercorn, started from Python."""
import asyncio
import signal
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
            print("ready", listener.getsockname()[1], flush=True)


signal.alarm(20)
listener = socket.create_server(("127.0.0.1", 0))
config = Config()
config.bind = ["fd://%d" % listener.fileno()]
config.loglevel = "WARNING"
asyncio.run(serve(app, config))
