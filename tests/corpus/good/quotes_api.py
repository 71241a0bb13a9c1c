# truth: uvicorn drains, runs the lifespan's end and sends itself the signal again; nothing hung on atexit.
# expect: none
# total: 0.2
# exit: -15, 0
# packages: uvicorn, starlette
# stop: TERM
# prints: cache closed
# shape: uvicorn's own re-raise at the end of a clean shutdown, a background task ended by the lifespan
import asyncio
import contextlib
import signal

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


class Cache:
    async def refresh(self) -> None:
        while True:
            await asyncio.sleep(0.1)


async def quote(request):
    return PlainTextResponse("42")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette):
    cache = Cache()
    task = asyncio.ensure_future(cache.refresh())
    print("ready", flush=True)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    print("cache closed", flush=True)


app = Starlette(routes=[Route("/", quote)], lifespan=lifespan)

if __name__ == "__main__":
    signal.alarm(20)
    uvicorn.run(app, host="127.0.0.1", port=0, log_level="warning")
