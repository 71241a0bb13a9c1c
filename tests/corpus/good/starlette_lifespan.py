# expect: none
# stop: TERM
# total: 0.15
# exit: -15
# packages: uvicorn, starlette
# prints: pool closed
# drive: http GET /, answered
# answer: HTTP/1.1 200
# shape: starlette with a lifespan context
# truth: The lifespan context closes its pool in no time.
"""A starlette application with a pool in its lifespan."""
import asyncio
import contextlib
import signal
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


@contextlib.asynccontextmanager
async def lifespan(app):
    pool = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(3)]
    print("ready", listener.getsockname()[1], flush=True)
    yield
    for connection in pool:
        connection.cancel()
    await asyncio.gather(*pool, return_exceptions=True)
    print("pool closed", flush=True)


async def home(request):
    return PlainTextResponse("hello", headers={"connection": "close"})


app = Starlette(routes=[Route("/", home)], lifespan=lifespan)

if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    uvicorn.run(app, fd=listener.fileno(), log_level="warning")
