# expect: none
# stop: TERM
# total: 0.2
# packages: uvicorn
# drive: line up 2
# shape: uvicorn with two worker processes
# truth: The parent and both workers end by themselves, within uvicorn's polling.
"""uvicorn with two workers."""
import os
import signal
import socket

import uvicorn


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
            os.write(1, b"up\n")  # whole lines, also with two writers


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    print("ready", listener.getsockname()[1], flush=True)
    uvicorn.run("uvicorn_workers:app", fd=listener.fileno(), workers=2, log_level="warning")
