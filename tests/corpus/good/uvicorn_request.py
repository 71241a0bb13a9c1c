# expect: none
# stop: TERM
# total: 0.6
# exit: -15
# packages: uvicorn
# drive: http GET /, line busy
# answer: HTTP/1.1 200
# shape: uvicorn with an honest request in flight
# truth: A request that takes 0.5 s more is answered, then uvicorn ends.
"""An ASGI application whose answers take half a second."""
import asyncio
import signal
import socket

import uvicorn


async def query():
    print("busy", flush=True)
    await asyncio.sleep(0.6)
    return b"42\n"


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
            print("ready", listener.getsockname()[1], flush=True)
    body = await query()
    headers = [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    uvicorn.run(app, fd=listener.fileno(), log_level="warning")
