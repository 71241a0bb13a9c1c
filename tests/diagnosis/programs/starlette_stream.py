"""A StreamingResponse that never ends, under uvicorn's own graceful timeout, beside a task of the user's own."""

import asyncio
import contextlib
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route


async def metrics():
    await asyncio.sleep(3600)


async def rows():
    while True:
        yield b"x\n"
        await asyncio.sleep(30)


async def stream(request):
    return StreamingResponse(rows())


@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.metrics = asyncio.create_task(metrics(), name="metrics")
    asyncio.get_running_loop().call_later(0.3, lambda: print("ready", flush=True))
    yield


app = Starlette(routes=[Route("/", stream)], lifespan=lifespan)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", timeout_graceful_shutdown=1)
