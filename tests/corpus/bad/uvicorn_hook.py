# expect: handler-displaced
# also: killed
# where: lifespan?
# exit: KILL
# packages: uvicorn
# stop: TERM
# grace: 2
# prints: told to stop
# shape: the application displaces uvicorn's handler
# truth: The application puts its own SIGTERM handler in uvicorn's place, so the server never shuts down.
"""An ASGI application that wants to know when it is told to stop."""
import asyncio
import signal
import socket

import uvicorn


def on_stop():  # <- or here
    print("told to stop", flush=True)


async def lifespan(receive, send):
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_stop)  # <- here
            await send({"type": "lifespan.startup.complete"})
            print("ready", flush=True)
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
