# expect: server-wait-closed
# accept: slow-task
# where: export?
# seconds: 1.6
# total: 1.6
# python: 3.12-3.13
# packages: hypercorn
# stop: TERM
# drive: http GET /export, line busy
# grace: 2.4
# answer: HTTP/1.1 200
# shape: hypercorn overruns its own graceful timeout
# truth: hypercorn waits in wait_closed() for the slow request, 1.6 s, though its graceful timeout is 0.5 s.
"""An ASGI application under hypercorn, with a slow export."""
import asyncio
import signal
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def export():
    print("busy", flush=True)
    await asyncio.sleep(1.7)  # <- here


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
            print("ready", listener.getsockname()[1], flush=True)
    await export()
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


signal.alarm(20)
listener = socket.create_server(("127.0.0.1", 0))
config = Config()
config.bind = ["fd://%d" % listener.fileno()]
config.loglevel = "WARNING"
config.graceful_timeout = 0.5
asyncio.run(serve(app, config))
