# expect: none
# stop: TERM
# total: 0.4
# packages: hypercorn
# drive: http GET /, line busy
# answer: HTTP/1.1 200
# shape: hypercorn with an honest request in flight, own shutdown trigger
# truth: The request takes 0.4 s more and is answered; then the server ends.
"""hypercorn with a shutdown trigger of the program's own."""
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
    print("busy", flush=True)
    await asyncio.sleep(0.5)
    headers = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = Config()
    config.bind = ["fd://%d" % listener.fileno()]
    config.loglevel = "WARNING"
    await serve(app, config, shutdown_trigger=stop.wait)


signal.alarm(20)
listener = socket.create_server(("127.0.0.1", 0))
asyncio.run(main())
