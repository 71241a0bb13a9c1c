# truth: The stream of /ticks never ends by itself, and without timeout_graceful_shutdown uvicorn waits for it for ever.
# expect: slow-task
# where: ticks
# exit: KILL
# grace: 3
# packages: uvicorn, starlette
# stop: TERM
# drive: http GET /ticks, answered
# shape: an endless StreamingResponse with an open client, below starlette's own tasks; nobody cancels it
import asyncio
import contextlib
import signal
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route


class Ticker:
    def __init__(self, period: float) -> None:
        self.period = period

    async def ticks(self):
        number = 0
        while True:
            yield f"data: {number}\n\n"
            number += 1
            await asyncio.sleep(self.period)  # <- here


async def stream(request):
    return StreamingResponse(request.app.state.ticker.ticks(), media_type="text/event-stream")


def build(port: int) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette):
        app.state.ticker = Ticker(0.1)
        print("ready", port, flush=True)
        yield
        print("lifespan ended", flush=True)

    return Starlette(routes=[Route("/ticks", stream)], lifespan=lifespan)


if __name__ == "__main__":
    signal.alarm(20)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(build(listener.getsockname()[1]), log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])
