# expect: none
# stop: TERM
# total: 0.15
# exit: -15
# packages: uvicorn
# prints: shut down
# shape: uvicorn with lifespan, idle
# truth: uvicorn ends within its own 0.2 s of polling.
"""The smallest ASGI application with a lifespan."""
import signal
import socket

import uvicorn


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        print("ready", listener.getsockname()[1], flush=True)
        await receive()
        print("shut down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
